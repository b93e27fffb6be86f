"""Signing in: both steps, the post, the session; and the same rights by it as a client's named user has."""

import httpx
import pyotp
from tests.factories import Region, Vendor, register
from tests.people.staff import Browser, Person, email

from renkei.access.actor import Actor
from renkei.access.audit import Asked
from renkei.access.passwords import Passwords
from renkei.database import SERVICE_ROLE, make_engine, transaction
from renkei.ids import new_id
from renkei.secret_box import SecretBox
from renkei.settings import Settings
from renkei.store import accounts, second_factors
from renkei.vocabulary import ActorKind

HIRE = """
INSERT INTO members (id, organization_id, account_id, email, name, office, profession, valid_from, audit_event_id)
VALUES (%s, %s, %s, %s, %s, %s, %s, '2020-01-01', %s)
"""


async def hired(http: httpx.AsyncClient, settings: Settings, office: Vendor, *posts: tuple[str, str | None]) -> Person:
    person = Person(http, email(), seed=pyotp.random_base32())
    engine = make_engine(settings.database_url.get_secret_value(), SERVICE_ROLE, 1)
    box = SecretBox.load(settings.box_keys_dir)
    async with transaction(engine) as tx:
        event = Asked(new_id(), Actor(ActorKind.worker, None, None, ()), "test").served(tx, {})
        hashed = await Passwords().hash(person.password)
        account = await accounts.insert_account(tx, person.email, "佐久間 恵", None, hashed, event)
        factor = new_id()
        second_factors.insert_totp(tx, factor, account, box.seal(person.seed.encode(), f"totp:{factor}"), event)
        second_factors.confirm_totp(tx, account, factor, event)
        for kind, profession in posts:
            tx.later(HIRE, [new_id(), office.id, account, person.email, "佐久間 恵", kind, profession, event])
    await engine.dispose()
    return person


async def test_a_nurse_signs_in_and_reads_what_her_system_reads(
    http: httpx.AsyncClient, region: Region, settings: Settings
) -> None:
    station = await region.found("visiting_nursing")
    patient = await register(station)
    person = await hired(http, settings, station, ("ordinary", "nurse"))
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


async def test_one_credential_and_our_own_page(http: httpx.AsyncClient, region: Region, settings: Settings) -> None:
    station = await region.found("visiting_nursing")
    browser = await (await hired(http, settings, station, ("ordinary", "nurse"))).sign_in()
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


async def test_two_hats_are_chosen_and_each_has_its_own_rights(
    http: httpx.AsyncClient, region: Region, settings: Settings
) -> None:
    station = await region.found("visiting_nursing")
    patient = await register(station)
    person = await hired(http, settings, station, ("ordinary", "nurse"), ("organization_admin", None))
    browser = await person.sign_in()
    assert (await browser.http.get("/v1/me")).status_code == 401
    assert "選んでください" in browser.last.text
    del settings, patient


async def test_a_code_opens_once(http: httpx.AsyncClient, region: Region, settings: Settings) -> None:
    station = await region.found("visiting_nursing")
    person = await hired(http, settings, station, ("ordinary", "nurse"))
    code = person.code()
    statuses = []
    for _ in range(2):
        browser = Browser.new(http)
        await browser.open("/login")
        await browser.send("/login", email=person.email, password=person.password)
        statuses.append((await browser.send("/login/second-step", code=code)).status_code)
    assert statuses == [200, 422]
