"""The administrator's pages and the staff list: the same acts as /v1/members, for administrators only."""

import re
from html import unescape

import httpx
from tests.factories import Region
from tests.people.staff import Browser, accepted, email, hired
from tests.people.test_invitations import second_step

from renkei.pages.forms import LARGEST_UPLOAD


async def test_the_administrators_page_does_what_the_api_does(http: httpx.AsyncClient, region: Region) -> None:
    station = await region.found("visiting_nursing")
    browser = await (await hired(http, region.admin, station, None)).sign_in()
    assert "職員の管理" in (await browser.open("/staff")).text
    to = email()
    assert (await browser.send("/staff", email=to, name="新人 一郎")).status_code == 422
    made = await browser.send("/staff", email=to, name="新人 一郎", profession="nurse", office="ordinary")
    (link,) = re.findall(r'class="once">[^<]*(/invitations/[\w-]+)<', made.text)
    member = {"email": to, "invitation": {"url": link}}
    person, _ = await accepted(http, member)
    listed = (await browser.open(f"/staff?name={to}")).text
    (path,) = re.findall(r'href="(/staff/[0-9a-f-]{36})"', listed)
    assert "新人 一郎" in (await browser.open(path)).text
    shown = await browser.send(f"{path}/one-time-code", reason="電話を紛失")
    (code,) = re.findall(r'class="once">([A-Z2-9-]+)<', shown.text)
    assert await second_step(http, person, code) == 200
    await browser.open(path)
    ended = await browser.send(f"{path}/end", reason="退職", last_day="")
    assert ended.url.path == path and "終了" in ended.text
    lists = f"氏名\tメールアドレス\t職種\n一人目\t{email()}\t看護師\n二人目\t{email()}\t理学療法士\n"
    await browser.open("/staff/import")
    assert "3行目" in (await browser.send("/staff/import", act="try", listed=lists.replace("理学", "音楽"))).text
    assert "二人目" in (await browser.send("/staff/import", act="try", listed=lists)).text
    assert len(re.findall(r'class="once"', (await browser.send("/staff/import", act="import", listed=lists)).text)) == 2


async def test_a_staff_list_is_taken_as_the_file_it_is(http: httpx.AsyncClient, region: Region) -> None:
    """As Excel writes it here: MS932, and larger than what is pasted may be."""
    station = await region.found("visiting_nursing")
    browser = await (await hired(http, region.admin, station, None)).sign_in()
    people = [email() for _ in range(400)]
    rows = [f"髙橋 花子{number},タカハシ ハナコ,{to},訪問看護師" for number, to in enumerate(people)]
    head = "氏名,氏名カナ,メールアドレス,職種\r\n"
    raw = (head + "\r\n".join(row.replace("訪問看護師", "看護師") for row in rows)).encode("cp932")
    await browser.open("/staff/import")
    wrong = await browser.send("/staff/import", act="try", chosen=(head + rows[0]).encode("cp932"))
    assert wrong.status_code == 422 and "2行目" in wrong.text
    tried = await browser.send("/staff/import", act="try", chosen=raw)
    assert tried.status_code == 200 and "新しい職:400" in tried.text
    listed = unescape(tried.text.partition('name="listed">')[2].partition("</textarea>")[0])
    done = await browser.send("/staff/import", act="import", listed=listed, chosen=b"")
    assert done.status_code == 200 and done.text.count('class="once"') == 400 and "髙橋 花子399" in done.text
    await browser.open("/staff/import")
    again = await browser.send("/staff/import", act="import", chosen=raw)
    assert again.status_code == 200 and 'class="once"' not in again.text
    await browser.open("/staff/import")
    assert (await browser.send("/staff/import", act="try", chosen=b"x" * LARGEST_UPLOAD)).status_code == 413
    for odd in (b"\xff\xfe\x00", b"\x81", b'"'):
        await browser.open("/staff/import")
        assert (await browser.send("/staff/import", act="try", chosen=odd)).status_code == 422


async def test_the_page_is_for_administrators_only(http: httpx.AsyncClient, region: Region) -> None:
    station = await region.found("visiting_nursing")
    browser = await (await hired(http, region.admin, station)).sign_in()
    for path in ("/staff", "/staff/import"):
        assert (await browser.open(path)).status_code == 403
    assert (await Browser.new(http).open("/staff")).url.path == "/login"


async def test_a_staff_list_is_taken_once(region: Region) -> None:
    station = await region.found("visiting_nursing")
    head, to = "氏名,メールアドレス,職種,役割,開始日", [email() for _ in range(3)]
    rows = [f"一人目,{to[0]},看護師,,2026/1/5", f"二人目,{to[1].upper()},理学療法士,一般,", f"三人目,{to[2]},,管理者,"]
    raw, media = "\r\n".join([head, *rows]).encode("cp932"), {"Content-Type": "text/csv"}

    async def send(content: bytes, dry: str = "false") -> httpx.Response:
        path = f"/v1/members/import?organization={station.id}&dry_run={dry}"
        return await region.admin.call("POST", path, content=content, headers=media)

    tried = await send(raw, "true")
    assert tried.status_code == 200 and len(tried.json()["items"]) == 3
    done = await send(raw)
    assert done.status_code == 201
    assert next((one["email"], one["profession"], one["valid_from"]) for one in done.json()["items"]) == (
        to[0],
        "nurse",
        "2026-01-05",
    )
    assert all(one["invitation"]["url"] for one in done.json()["items"])
    again = await send(raw)
    assert again.json() == {"items": [], "unchanged": 3}
    wrong = await send(f"{head}\n名無し,x,看護師,,\n,{to[0]},外科医,,2026-13-01".encode())
    found = {(fault["pointer"], fault["code"]) for fault in wrong.json()["errors"]}
    assert wrong.status_code == 422
    assert found == {
        ("/2/email", "pattern"),
        ("/3/name", "required"),
        ("/3/profession", "code"),
        ("/3/valid_from", "format"),
    }
