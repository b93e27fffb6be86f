"""A browser at the pages of imports and exports: what is sent by them, and what they show."""

import re
from html import unescape

import httpx
from tests.bulk.test_imports import sample_people
from tests.factories import Vendor
from tests.people.staff import Browser
from tests.people.ways import hired

from renkei.settings import Settings
from renkei.worker.exporting import Exporter
from renkei.worker.importing import Importer


async def seat(
    http: httpx.AsyncClient, settings: Settings, office: Vendor, profession: str | None = "nurse"
) -> Browser:
    """The browser of somebody there."""
    return await (await hired(http, settings, (office, profession))).sign_in(Browser.new(http))


async def send(browser: Browser, content: bytes, sheet: str, **form: str) -> httpx.Response:
    """A file, by the page it is sent from."""
    await browser.open("/imports")
    return await browser.send("/imports", chosen=content, sheet=sheet, **form)


async def worked(browser: Browser, worker: Importer | Exporter) -> str:
    """The page of the long work it is at, once that needs no worker; it renews itself until then."""
    assert browser.last is not None
    path = browser.last.url.path
    for _ in range(200):
        if "refresh" not in (await browser.open(path)).headers:
            return unescape(browser.last.text)
        await worker.work()
    raise AssertionError(browser.last.text)


def filled(page: str, **changes: str) -> dict[str, str]:
    """The form by which an import goes on, as the page has it. changes: a column's heading → its target, fields by name."""
    form = {"sheet": "", "checked": ""}
    for name in form:
        form[name] = found(rf'name="{name}" value="([^"]+)"', page)
    for place, heading in re.findall(r'name="heading-(\d+)" value="([^"]*)"', page):
        select = page.partition(f'<select id="column-{place}"')[2].partition("</select>")[0]
        form[f"heading-{place}"] = heading
        form[f"column-{place}"] = changes.pop(heading, (re.findall(r'value="([^"]+)" selected', select) or [""])[0])
    for place in re.findall(r'id="fixed-(\d+)"', page):
        select = page.partition(f'id="fixed-{place}"')[2].partition("</select>")[0]
        form[f"fixed-{place}"] = (re.findall(r'value="([^"]+)" selected', select) or [""])[0]
        form[f"value-{place}"] = found(rf'name="value-{place}" value="([^"]*)"', page)
    return form | changes


def found(pattern: str, page: str) -> str:
    """What the page holds at the one place."""
    match = re.search(pattern, page)
    assert match, page
    return match.group(1)


def faults(page: str) -> dict[int, str]:
    """Row → what is wrong with it, as text."""
    rows = re.findall(r"<strong>(\d+)行目</strong></td>\s*<td>(.*?)</td>", page, re.S)
    return {int(number): re.sub(r"<[^>]+>", "", told) for number, told in rows}


async def register_people(browser: Browser, worker: Importer) -> str:
    """The people of the sample file; the path of their import."""
    await send(browser, sample_people(), "patients")
    page = await worked(browser, worker)
    assert "取り込めるのは3行、誤りのあるのは0行" in page and "まだ何も登録していません" in page
    assert browser.last is not None
    path = browser.last.url.path
    await browser.send(f"{path}/confirmation", act="run", **filled(page))
    assert "3件を登録しました" in await worked(browser, worker)
    return path
