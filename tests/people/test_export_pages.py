"""The pages of exports: the same acts as /v1/exports, on a second factor of minutes ago, of one's own patients alone."""

import io
import re

import httpx
import pytest
from openpyxl import load_workbook
from tests.bulk.test_exports import town
from tests.factories import Region, register
from tests.http.inside import as_owner
from tests.people.sheets import seat, worked
from tests.people.staff import Browser
from tests.people.ways import hired, stale

from renkei.access import audit
from renkei.ids import new_id
from renkei.settings import Settings
from renkei.worker.labour import Labour


async def test_one_patient_found_by_name_and_ones_own_records(
    http: httpx.AsyncClient, region: Region, settings: Settings, labour: Labour
) -> None:
    _, nurses, patient = await town(region)
    browser = await seat(http, settings, nurses)
    assert 'href="/exports"' in (await browser.open("/")).text
    await browser.open("/exports")
    name = (await browser.http.get(f"/v1/patients/{patient}")).json()["name"]
    found = await browser.send("/exports/patients", name=name["family"])
    assert f'value="{patient}"' in found.text and name["given"] in found.text and name["family"] not in str(found.url)
    assert "見つかりません" in (await browser.send("/exports/patients", name="ヌヌヌ")).text
    assert "利用者を選んでください" in (await browser.send("/exports", what="patient", format="xlsx")).text
    await browser.send("/exports", what="patient", patient_id=patient, format="xlsx", sheet="patients")
    page = await worked(browser, labour.exporter)
    assert (
        "ファイルができました" in page and "生活・介護情報 基本情報: この項目群の提供について同意がありません" in page
    )
    assert browser.last is not None
    path = browser.last.url.path
    file = await browser.http.get(f"{path}/file")
    assert file.headers["content-disposition"].startswith('attachment; filename="renkei-')
    assert "care_reports" in load_workbook(io.BytesIO(file.content)).sheetnames
    shown = "SELECT patient_id::text, action FROM audit_events WHERE request_id = %s"
    assert as_owner(settings, shown, file.headers["x-request-id"]) == [(patient, "export.download")]
    await browser.open("/exports")
    await browser.send("/exports", what="own_records", format="csv", sheet="care_reports", **{"from": "2020-01-01"})
    await worked(browser, labour.exporter)
    file = await browser.http.get(f"{browser.last.url.path}/file")
    assert file.headers["content-type"] == "text/csv; charset=utf-8" and "＝1+1" in file.text
    listed = (await browser.open("/exports")).text
    assert "一人の利用者 — Excel" in listed and "CSV(ケアレポート)" in listed
    wrong = await browser.send(
        "/exports", what="own_records", format="xlsx", **{"from": "2026-05-02", "to": "2026-05-01"}
    )
    assert wrong.status_code == 422 and "いつまで: 始めと終わりが逆です" in wrong.text


async def test_it_asks_for_a_second_factor_of_minutes_ago_and_comes_back(
    http: httpx.AsyncClient, region: Region, settings: Settings, labour: Labour
) -> None:
    _, nurses, _ = await town(region)
    person = await hired(http, settings, (nurses, "nurse"))
    browser = await person.sign_in(Browser.new(http))
    await browser.open("/exports")
    await browser.send("/exports", what="own_records", format="ndjson")
    await worked(browser, labour.exporter)
    assert browser.last is not None
    path = browser.last.url.path
    for method, at, back in (
        ("GET", "/exports", "/exports"),
        ("GET", path, path),
        ("GET", f"{path}/file", path),
        ("POST", "/exports", "/exports"),
        ("POST", f"{path}/cancel", path),
    ):
        await browser.open("/account")
        await stale(browser, settings)
        form = {"form_token": browser.form_token, "what": "own_records", "format": "json"}
        sent = {"data": form, "headers": {"Referer": f"http://test{back}"}} if method == "POST" else {}
        asked = await browser.http.request(method, at, **sent)
        assert (asked.status_code, asked.headers["location"]) == (303, f"/login/again?next={back}"), at
    assert (await browser.open("/exports")).url.path == "/login/again"
    assert (await browser.send("/login/again", code=person.code(), next="/exports")).url.path == "/exports"
    assert (await browser.open("/exports/patients")).url.path == "/exports"


async def test_ones_own_alone_and_what_is_hidden_is_absent(
    http: httpx.AsyncClient,
    region: Region,
    settings: Settings,
    labour: Labour,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clinic, nurses, _ = await town(region)
    browser = await seat(http, settings, nurses)
    await browser.open("/exports")
    path = (await browser.send("/exports", what="own_records", format="json")).url.path
    await worked(browser, labour.exporter)
    colleague, stranger = (
        await seat(http, settings, nurses, "physician"),
        await seat(http, settings, clinic, "physician"),
    )
    for other in (colleague, stranger):
        assert path not in (await other.open("/exports")).text
        assert (await other.http.get(f"{path}/file")).status_code == 404
    await stranger.open("/exports")
    assert (await stranger.http.get(path)).status_code == (await stranger.send(f"{path}/cancel")).status_code == 404
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(audit, "sleep", sleep)
    hidden, pages = await register(await region.found()), []
    for id_ in (hidden, str(new_id())):
        await browser.open("/exports")
        answer = await browser.send("/exports", what="patient", patient_id=id_, format="json")
        pages.append((answer.status_code, re.sub(r'value="\w{64}"', "", answer.text)))
        refused = "SELECT patient_id::text, outcome, action FROM audit_events WHERE request_id = %s"
        assert as_owner(settings, refused, answer.headers["x-request-id"]) == [(id_, "refused", "export.request")]
    assert pages[0] == pages[1] and pages[0][0] == 404 and len(waited) == 2


async def test_only_who_may_read_and_by_its_own_form(
    http: httpx.AsyncClient, region: Region, settings: Settings, labour: Labour
) -> None:
    _, nurses, _ = await town(region)
    admin = await seat(http, settings, nurses, None)
    assert "/exports" not in (await admin.open("/")).text
    assert (await admin.open("/exports")).status_code == 403
    for path in ("/exports", "/exports/patients"):
        await admin.open("/account")
        assert (await admin.send(path, what="own_records", format="json")).status_code == 403
    browser = await seat(http, settings, nurses)
    await browser.open("/exports")
    for path in ("/exports", "/exports/patients"):
        form = {"what": "own_records", "format": "json"}
        assert (await browser.http.post(path, data=form)).status_code == 403
    path = (await browser.send("/exports", what="own_records", format="json")).url.path
    assert "中止しました" in (await browser.send(f"{path}/cancel")).text
    assert "中止しました" in (await browser.open("/exports")).text
    await browser.send("/exports", what="own_records", format="json")
    await worked(browser, labour.exporter)
    assert browser.last is not None
    late = await browser.send(f"{browser.last.url.path}/cancel")
    assert late.status_code == 409 and "既に終わっています" in late.text
    assert (await Browser.new(http).open("/exports")).url.path == "/login"
