"""The demo's members of staff are hired through the public doors, and sign in by what credentials.json says."""

import time

import httpx
from tests.factories import Region, Vendor
from tests.people.staff import Browser, Person

from renkei.demo.members import HIRED, hire
from renkei.demo.seed import ClientCredentials


async def test_whoever_stands_in_the_credentials_signs_in_at_once(
    http: httpx.AsyncClient, region: Region, admin: Vendor
) -> None:
    offices = {
        label: await region.found(kind) for label, kind in (("clinic", "clinic"), ("nurse-station", "visiting_nursing"))
    }
    offices["care-office"] = await region.found("care_management")
    systems = [
        {"label": label, "organization": {key: office.organization[key] for key in ("id", "code", "name")}}
        for label, office in offices.items()
    ]
    fresh = Browser.new(http).http
    del fresh.headers["Origin"], fresh.headers["Sec-Fetch-Site"]
    people = await hire(fresh, ClientCredentials(admin.client_id, admin.client_secret), systems)
    assert [entry["label"] for entry in people] == [hired.label for hired in HIRED]
    professions = {}
    for entry in people:
        assert entry["kind"] == "member" and entry["organization"] in [system["organization"] for system in systems]
        person = Person(http, entry["email"], entry["password"], entry["totp_secret"])
        person.used_step = int(time.time()) // 30 - 1  # with the code of now: that of before is used up
        browser = await person.sign_in()
        me = (await browser.http.get("/v1/me")).json()
        assert me["organization"]["id"] == entry["organization"]["id"] and me["profession"] == entry["profession"]
        assert 'name="session"' not in (await browser.open("/account")).text, "somebody else is signed in"
        professions[entry["label"]] = me["profession"] or me["kind"]
    assert professions == {
        "physician": "physician",
        "nurse": "nurse",
        "care-manager": "care_manager",
        "office-admin": "organization_admin",
    }
    again = await hire(
        fresh,
        ClientCredentials(admin.client_id, admin.client_secret),
        [
            {**system, "organization": {**system["organization"], "code": f"again-{system['organization']['code']}"}}
            for system in systems
        ],
    )
    assert not {entry["password"] for entry in people} & {entry["password"] for entry in again}
    assert not {entry["totp_secret"] for entry in people} & {entry["totp_secret"] for entry in again}
