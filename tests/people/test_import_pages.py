"""The pages of imports: the same acts as /v1/imports, from the file to its undoing, by who may and nobody else."""

import csv
import io
import re
from collections.abc import AsyncIterator
from html import unescape

import httpx
import pytest
from openpyxl import load_workbook
from tests.bulk.test_imports import DATA, sample_people
from tests.bulk.work import importer
from tests.factories import Region, Vendor
from tests.http.inside import as_owner
from tests.people import ways
from tests.people.sheets import faults, filled, found, register_people, seat, send, worked
from tests.people.staff import Browser
from tests.people.ways import hired

from renkei.settings import Settings
from renkei.worker.importing import Importer

REPORTS = (DATA / "care-reports-utf8.csv").read_bytes()


@pytest.fixture
async def worker(settings: Settings) -> AsyncIterator[Importer]:
    async with importer(settings) as made:
        yield made


@pytest.fixture
async def station(region: Region) -> Vendor:
    return await region.found("visiting_nursing")


async def test_a_small_office_takes_in_its_people_and_visits_and_takes_them_back(
    http: httpx.AsyncClient, settings: Settings, station: Vendor, worker: Importer
) -> None:
    browser = await seat(http, settings, station)
    assert 'href="/imports"' in (await browser.open("/")).text
    await register_people(browser, worker)
    await send(browser, REPORTS, "care_reports")
    page = await worked(browser, worker)
    assert browser.last is not None
    path = browser.last.url.path
    # Every row is faulty, as no column says whose author it is: the page asks for it, and names the cells that are wrong.
    assert "誤りのあるのは3行" in page and "見出しが" in page and "値の形が合っています" in page
    told = faults(page)
    assert sorted(told) == [2, 3, 4] and all("事業所: 必須です" in one for one in told.values())
    assert "F列「体温(℃)」: 単位が違います" in told[4] and "G列「血圧」" in told[4] and "98F" not in told[4]
    form = filled(page)
    place = next(name for name, value in form.items() if value == "care_report.author.organization")
    value = place.replace("fixed", "value")
    assert station.organization is not None and form[value] == station.organization["name"]
    form[value] = "こもれび"
    # Taking in what was not looked at so looks at it first.
    await browser.send(f"{path}/confirmation", act="run", save_as="訪問記録", **form)
    assert browser.last.url.query == b"checked=1"
    page = await worked(browser, worker)
    assert "取り込めるのは2行、誤りのあるのは1行" in page and sorted(faults(page)) == [4]
    await browser.send(f"{path}/confirmation", act="run", partial="good", **filled(page))
    page = await worked(browser, worker)
    assert "2件を登録しました" in page and "1行は誤りがあるため" in page and sorted(faults(page)) == [4]
    rejected = await browser.http.get(f"{path}/rejected")
    assert rejected.headers["content-disposition"].startswith("attachment") and rejected.status_code == 200
    headings, mended = csv.reader(io.StringIO(rejected.content.decode("utf-8-sig")))
    mended[5], mended[6] = "37.8", "120/70"
    written = io.StringIO()
    csv.writer(written).writerows([headings, mended])
    await send(browser, written.getvalue().encode(), "care_reports", mapping="訪問記録")
    page = await worked(browser, worker)
    assert "取り込めるのは1行、誤りのあるのは0行" in page and "こもれび" in page
    await browser.open(path)
    assert (await browser.send(f"{path}/undo", reason="")).status_code == 422
    assert browser.last is not None and "理由を書いてください" in browser.last.text
    await browser.send(f"{path}/undo", reason="別の月の表だった")
    assert "2件の記録を取り下げました" in await worked(browser, worker)
    assert "取り消しました" in (await browser.open("/imports")).text


async def test_who_has_no_sheet_fills_in_one_of_ours_and_places_nothing(
    http: httpx.AsyncClient, settings: Settings, station: Vendor, worker: Importer
) -> None:
    browser = await seat(http, settings, station)
    path = found(r'href="(/imports/templates/patients)"', (await browser.open("/imports")).text)
    file = await browser.http.get(path)
    assert file.headers["content-disposition"] == 'attachment; filename="renkei-patients.xlsx"'
    book = load_workbook(io.BytesIO(file.content))
    book.worksheets[0].append(["髙橋 ハナ", "タカハシ ハナ", "昭和10年3月5日", "女", "0012"])
    written = io.BytesIO()
    book.save(written)
    await send(browser, written.getvalue(), "patients")
    assert "取り込めるのは1行、誤りのあるのは0行" in await worked(browser, worker)
    assert (await browser.open("/imports/templates/x")).status_code == 404
    assert (await Browser.new(http).open(path)).url.path == "/login"
    english = await browser.http.get("/imports", headers={"Accept-Language": "en"})
    assert english.headers["content-language"] == "en" and "Take in a sheet" in english.text


async def test_it_is_the_act_of_the_api_on_record_once(
    http: httpx.AsyncClient, settings: Settings, station: Vendor, worker: Importer
) -> None:
    browser = await seat(http, settings, station)
    sent = await send(browser, sample_people(), "patients")
    job = sent.url.path.rpartition("/")[2]
    submitted = "SELECT action, outcome FROM service_events WHERE request_id = %s"
    assert as_owner(settings, submitted, sent.history[0].headers["x-request-id"]) == [("import.submit", "allowed")]
    assert as_owner(settings, submitted, sent.headers["x-request-id"]) == [("import.read", "allowed")]
    told = (await browser.http.get(f"/v1/imports/{job}")).json()
    assert (told["sheet"], told["media_type"]) == ("patients", "text/csv")
    early = await browser.send(f"/imports/{job}/undo", reason="x")
    assert (early.status_code, early.headers["refresh"]) == (409, f"2; url=/imports/{job}")
    cancelled = await browser.send(f"/imports/{job}/cancel")
    assert "中止しました" in cancelled.text
    again = await browser.send(f"/imports/{job}/confirmation", act="run")
    assert again.status_code == 409
    # Refused, and shown again.
    refused = as_owner(settings, submitted, again.headers["x-request-id"])
    assert sorted(refused) == [("import.confirm", "refused"), ("import.read", "allowed")]


async def test_what_is_sent_is_refused_in_words_and_what_was_chosen_stays(
    http: httpx.AsyncClient, settings: Settings, station: Vendor, worker: Importer
) -> None:
    browser = await seat(http, settings, station)
    for content, form, told in (
        (REPORTS, {"sheet": ""}, "表の種類を選んでください"),
        (b"", {"sheet": "patients"}, "ファイルを選んでください"),
        (REPORTS, {"sheet": "patients", "mapping": "無い"}, "保存した割り当てが"),
    ):
        await browser.open("/imports")
        answer = await browser.send("/imports", chosen=content, **form)
        assert answer.status_code == 422 and told in answer.text
    for content, told in ((b"PK\x03\x04 no book", "Excelブック"), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Excelブック")):
        await send(browser, content, "patients")
        assert told in await worked(browser, worker)
    await send(browser, (DATA / "face-sheets.xlsx").read_bytes(), "face_sheets")
    page = await worked(browser, worker)
    assert browser.last is not None and "シート「" in page
    path, form = browser.last.url.path, filled(page)
    first, second, *_ = [name for name, value in form.items() if name.startswith("column-") and value]
    form[second] = form[first]
    answer = await browser.send(f"{path}/confirmation", act="check", **form)
    kept = filled(unescape(answer.text))
    assert answer.status_code == 422 and "同じ項目です" in answer.text
    assert kept[second] == form[first] and kept["checked"] == form["checked"]
    twice = {f"{what}-{n}": said for n in (0, 1) for what, said in (("fixed", "reason"), ("value", "訂正"))}
    answer = await browser.send(f"{path}/confirmation", act="check", **form | twice)
    assert answer.status_code == 422 and "作成の契機: ほかの列か" in answer.text
    nothing = {name: "" if name.startswith("column-") else value for name, value in form.items()}
    answer = await browser.send(f"{path}/confirmation", act="check", **nothing)
    assert answer.status_code == 422 and "列を一つ以上" in answer.text


async def test_a_file_is_as_large_as_the_api_takes_it_and_a_strangers_is_not_read(
    settings: Settings, station: Vendor
) -> None:
    async with ways.served(settings, import_max_bytes=50_000) as http:
        person = await hired(http, settings, (station, "nurse"))
        seats = [ways.browser(http), await person.sign_in(ways.browser(http))]
        for size, nobodys, hers in ((1_000, 200, 200), (50_001, 200, 413), (80_000, 200, 413)):
            for seat, status in zip(seats, (nobodys, hers), strict=True):
                await seat.open("/imports")
                sent = await seat.send("/imports", chosen=b"x" * size, sheet="patients")
                assert sent.status_code == status, size
        # Before anything of it is read, or it would be too large.
        assert seats[0].last is not None and seats[0].last.url.path == "/login"


async def test_a_second_column_of_a_repeating_item_is_its_second_entry_and_wide_files_are_shown_in_parts(
    http: httpx.AsyncClient, settings: Settings, station: Vendor, worker: Importer
) -> None:
    browser = await seat(http, settings, station)
    headings = ["利用者番号", "病名1", "病名2", *(f"備考{n}" for n in range(60))]
    await send(browser, (",".join(headings) + "\r\nA-1,肺炎,骨折\r\n").encode(), "face_sheets")
    page = await worked(browser, worker)
    assert browser.last is not None
    path = browser.last.url.path
    form = filled(page, 病名1="medical.diagnosis.name", 病名2="medical.diagnosis.name")
    shown = unescape((await browser.send(f"{path}/confirmation", act="columns-40", **form)).text)
    assert 'name="column-1" value="medical.diagnosis.name"' in shown and '<select id="column-41"' in shown
    assert 'name="column-2" value="medical.diagnosis.2.name"' in shown
    await browser.send(f"{path}/confirmation", act="check", **form)
    page = await worked(browser, worker)
    job = (await browser.http.get(f"/v1/imports/{path.rpartition('/')[2]}")).json()
    assert job["mapping"]["columns"] == {
        "利用者番号": "patient.local",
        "病名1": "medical.diagnosis.name",
        "病名2": "medical.diagnosis.2.name",
    }
    assert "傷病名 名称・氏名 (2)" in page


async def test_only_ones_own_organizations_imports_and_only_who_may_write(
    http: httpx.AsyncClient, region: Region, settings: Settings, station: Vendor, worker: Importer
) -> None:
    browser = await seat(http, settings, station)
    path = (await send(browser, sample_people(), "patients")).url.path
    other, admin = await region.found("clinic"), await seat(http, settings, station, None)
    stranger, colleague = await seat(http, settings, other), await seat(http, settings, station, "physician")
    absent = "/imports/00000000-0000-7000-8000-000000000000"
    for end in ("", "/rejected"):
        hidden, missing = [await stranger.open(f"{one}{end}") for one in (path, absent)]
        assert hidden.status_code == missing.status_code == 404
        assert re.sub(r'value="\w{64}"', "", hidden.text) == re.sub(r'value="\w{64}"', "", missing.text)
    for act, form in (("confirmation", {"act": "run"}), ("cancel", {}), ("undo", {"reason": "x"})):
        await stranger.open("/imports")
        assert (await stranger.send(f"{path}/{act}", **form)).status_code == 404
        await admin.open("/account")
        assert (await admin.send(f"{path}/{act}", **form)).status_code == 403
    assert path not in (await stranger.open("/imports")).text
    assert path in (await colleague.open("/imports")).text
    assert (await admin.open("/imports")).status_code == 403
    assert 'href="/imports"' not in (await admin.open("/")).text
    sent = await admin.send("/imports", chosen=REPORTS, sheet="care_reports")
    assert sent.status_code == 403
    await worked(browser, worker)
    assert (await browser.send(f"{path}/confirmation", follow=False, form_token="0" * 64)).status_code == 403
    assert (await browser.http.post("/imports", data={"sheet": "patients"}, files={"file": REPORTS})).status_code == 403


@pytest.mark.parametrize("payload", ["<script>alert(1)</script>", "\"'><img src=x onerror=alert(1)>", "{{ 7 * 7 }}"])
async def test_headings_are_text_of_the_page(
    http: httpx.AsyncClient, settings: Settings, station: Vendor, worker: Importer, payload: str
) -> None:
    browser = await seat(http, settings, station)
    written = io.StringIO()
    csv.writer(written).writerows([["利用者番号", payload], ["A-1", "x"]])
    await send(browser, written.getvalue().encode(), "care_reports")
    assert payload in await worked(browser, worker)
    assert browser.last is not None
    assert not set(payload) & set("<>\"'") or payload not in browser.last.text


async def test_lines_that_a_system_has_sent_are_gone_on_with_by_a_colleague(
    http: httpx.AsyncClient, settings: Settings, station: Vendor, worker: Importer
) -> None:
    sender, colleague = await seat(http, settings, station), await seat(http, settings, station, "physician")
    await sender.open("/imports")
    lines, media = b'{"kind": "patient", "body": {}}\n', {"Content-Type": "application/x-ndjson"}
    sent = await sender.call("POST", "/v1/imports?check=true", content=lines, headers=media)
    path = f"/imports/{sent.json()['id']}"
    await colleague.open(path)
    page = await worked(colleague, worker)
    assert "誤りのあるのは1行" in page and "name: 必須です" in faults(page)[1]
    assert (await colleague.send(f"{path}/confirmation", act="check")).status_code == 200
    await worked(colleague, worker)
    await colleague.send(f"{path}/confirmation", act="run")
    page = await worked(colleague, worker)
    assert "1行は誤りがあるため登録していません" in page and "NDJSON" in page and "Excel で直して" not in page
    # Whose rows they are now is who confirmed them.
    assert (await colleague.open(f"{path}/rejected")).status_code == 200
    assert "確定した人だけ" in unescape((await sender.open(path)).text)
    assert (await sender.open(f"{path}/rejected")).status_code == 404


async def test_what_an_undoing_that_is_stopped_has_done_is_told(
    http: httpx.AsyncClient, settings: Settings, station: Vendor, worker: Importer
) -> None:
    browser = await seat(http, settings, station)
    await send(browser, sample_people(), "patients")
    await worked(browser, worker)
    assert browser.last is not None
    path = browser.last.url.path
    await browser.send(f"{path}/confirmation", act="run")
    await worked(browser, worker)
    undoing = await browser.send(f"{path}/undo", reason="別の事業所の表でした")
    assert "取り下げた記録は元に戻りません" in unescape(undoing.text) and "登録した行は残ります" not in undoing.text
    assert "中止しました" in unescape((await browser.send(f"{path}/cancel")).text)
