"""Signing in: both steps, the post, the session; and the same rights by it as a client's named user has."""

import re

import httpx
from tests.factories import Region, register
from tests.people.staff import Browser, hired


async def test_a_nurse_signs_in_and_reads_what_her_system_reads(http: httpx.AsyncClient, region: Region) -> None:
    station = await region.found("visiting_nursing")
    patient = await register(station)
    person = await hired(http, region.admin, station)
    browser = await person.sign_in()
    me = (await browser.http.get("/v1/me")).json()
    named = (await station.get("/v1/me", by="nurse")).json()
    assert me["kind"] == "member" and me["client_id"] is None
    assert (
        me["rights"] == named["rights"] and me["profession"] == "nurse" and me["organization"] == named["organization"]
    )
    assert (await browser.http.get(f"/v1/patients/{patient}/summary")).status_code == 200
    assert "佐久間 恵" in browser.last.text
    assert (await browser.send("/logout")).url.path == "/login"
    assert (await browser.http.get("/v1/me")).status_code == 401


async def test_one_credential_and_our_own_page(http: httpx.AsyncClient, region: Region) -> None:
    station = await region.found("visiting_nursing")
    browser = await (await hired(http, region.admin, station)).sign_in()
    token = {"Authorization": f"Bearer {await station.token('nurse')}"}
    assert (await browser.http.get("/v1/me", headers=token)).status_code == 401
    body = {"name": {"family": "検査"}}
    assert (await browser.call("POST", "/v1/patients", json=body)).status_code == 422
    for headers in (
        {"X-CSRF-Token": ""},
        {"X-CSRF-Token": "0" * 64},
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        assert (await browser.call("POST", "/v1/patients", json=body, headers=headers)).status_code == 401
    assert (await browser.http.get("/v1/me", headers={"Sec-Fetch-Site": "cross-site"})).status_code == 401


async def test_two_hats_are_chosen_and_each_has_its_own_rights(http: httpx.AsyncClient, region: Region) -> None:
    station = await region.found("visiting_nursing")
    patient = await register(station)
    person = await hired(http, region.admin, station, "nurse", None)
    browser = await person.sign_in()
    assert (await browser.http.get("/v1/me")).status_code == 401
    assert "選んでください" in browser.last.text
    posts = dict(
        zip(
            ("admin", "nurse"),
            re.findall(r'name="member" value="([^"]+)"', (await browser.open("/account")).text),
            strict=True,
        )
    )
    before = browser.http.cookies["renkei"]
    assert (await browser.send("/account/post", member=posts["nurse"])).status_code == 200
    assert (await browser.http.get(f"/v1/patients/{patient}/summary")).status_code == 200
    assert (await browser.http.get("/v1/members")).status_code == 403
    # Another hat, another cookie: the old one opens nothing.
    old = Browser.new(http)
    old.http.cookies["renkei"] = before
    assert (await old.http.get("/v1/me")).status_code == 401
    await browser.open("/account")
    assert (await browser.send("/account/post", member=posts["admin"])).status_code == 200
    assert (await browser.http.get("/v1/me")).json()["kind"] == "organization_admin"
    assert (await browser.http.get(f"/v1/patients/{patient}/summary")).status_code == 403
    assert len((await browser.http.get("/v1/members")).json()["items"]) == 2


async def test_a_code_opens_once(http: httpx.AsyncClient, region: Region) -> None:
    station = await region.found("visiting_nursing")
    person = await hired(http, region.admin, station)
    code = person.code()
    statuses = []
    for _ in range(2):
        browser = Browser.new(http)
        await browser.open("/login")
        await browser.send("/login", email=person.email, password=person.password)
        statuses.append((await browser.send("/login/second-step", code=code)).status_code)
    assert statuses == [200, 422]
