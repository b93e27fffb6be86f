"""Joining by a hospital's login without a password, and ending the tie."""

import asyncio
from typing import Any

import httpx
from tests.access.oidc_provider import Provider
from tests.access.world import owner
from tests.factories import Region, Vendor
from tests.people.hospital import came_back, connected, linked, place, signed_in, sits_there
from tests.people.staff import Browser, email, invited, path_of
from tests.people.ways import ORIGIN, browser, hired

from renkei.actions import organization_login
from renkei.settings import Settings


async def joined(seat: Browser, clinic: Vendor, link: str) -> httpx.Response:
    """By the link of an invitation to the provider and back."""
    page = await seat.open(link)
    assert "事業所のログインで参加する" in page.text
    return await place(seat, await seat.send(f"{link}/login"))


async def test_a_new_person_joins_without_a_password(
    provider: Provider, at_home: httpx.AsyncClient, region: Region, settings: Settings
) -> None:
    clinic = await connected(provider, at_home, region)
    address = email()
    link = path_of(await invited(region.admin, clinic.id, address))
    provider.sits_there(f"staff-{address}", amr=["otp"])
    seat = browser(at_home)
    assert (await joined(seat, clinic, link)).url.path == "/"
    assert (await seat.http.get("/v1/me")).json()["organization"]["id"] == clinic.id
    assert (await browser(at_home).open(link)).status_code == 404
    again = browser(at_home)
    assert (await signed_in(again, clinic)).url.path == "/"
    with owner(settings) as database:
        row = database.execute("SELECT password_hash FROM accounts WHERE email = %s", [address]).fetchone()
    assert row == (None,)
    stranger = browser(at_home)
    await stranger.open("/login")
    assert (await stranger.send("/login", email=address, password="")).status_code == 422


async def test_without_two_factors_there_the_second_one_is_set_up_first(
    provider: Provider, at_home: httpx.AsyncClient, region: Region
) -> None:
    clinic = await connected(provider, at_home, region)
    address = email()
    provider.sits_there(f"staff-{address}", amr=["pwd"])
    seat = browser(at_home)
    page = await joined(seat, clinic, path_of(await invited(region.admin, clinic.id, address)))
    assert page.url.path == "/login/enrolment"
    assert (await seat.http.get("/v1/me")).status_code == 401


async def test_an_invitation_is_taken_by_its_own_organizations_login_and_by_one_person(
    provider: Provider, at_home: httpx.AsyncClient, region: Region, settings: Settings
) -> None:
    clinic, other = await connected(provider, at_home, region), await region.found()
    known = await hired(at_home, settings, (clinic, "nurse"))
    sits_there(provider, known, amr=["otp"])
    await linked(browser(at_home), clinic, known)
    seat = browser(at_home)
    mine = path_of(await invited(region.admin, clinic.id, email()))
    assert (await joined(seat, clinic, mine)).status_code == 403
    elsewhere = path_of(await invited(region.admin, other.id, email()))
    page = await seat.open(elsewhere)
    assert "事業所のログインで参加する" not in page.text
    assert (await seat.send(f"{elsewhere}/login")).status_code == 404
    already = path_of(await invited(region.admin, clinic.id, known.email, "physician"))
    assert "既にあります" in (await seat.open(already)).text
    await seat.open("/login")
    assert (await seat.send(f"{already}/login")).status_code == 404


async def test_an_invitation_is_taken_as_the_profession_that_the_provider_tells(
    provider: Provider, at_home: httpx.AsyncClient, region: Region
) -> None:
    jobs = {"claim": "job", "values": {"RN": "nurse", "MD": "physician"}}
    clinic = await connected(provider, at_home, region, profession=jobs)
    link = path_of(await invited(region.admin, clinic.id, address := email(), "physician"))
    for claims, status in (({"job": "RN"}, 403), ({}, 403), ({"job": "MD"}, 200)):
        provider.sits_there(f"staff-{address}", amr=["otp"], **claims)
        seat = browser(at_home)
        assert (await joined(seat, clinic, link)).status_code == status
        assert (await seat.http.get("/v1/me")).status_code == (200 if status == 200 else 401)
    assert (await seat.http.get("/v1/me")).json()["profession"] == "physician"


async def test_an_invitation_to_another_organization_is_not_taken_by_this_ones_login(
    provider: Provider, at_home: httpx.AsyncClient, region: Region
) -> None:
    """No page asks so: the question is ours, sealed. Whatever asked, it would be refused."""
    clinic, other = await connected(provider, at_home, region), await region.found()
    token = path_of(await invited(region.admin, other.id, email())).rpartition("/")[2]
    provider.sits_there(email(), amr=["otp"])
    seat = browser(at_home)
    await seat.open("/login")
    assert clinic.organization is not None
    transport: Any = at_home._transport
    service, cookie = transport.app.state.service, seat.http.cookies["renkei-form"]
    own = await organization_login.login_of_organization(service, clinic.organization["code"])
    back = await came_back(await organization_login.send(service, cookie, own, "/", invitation=token))
    assert (await seat.open(back.removeprefix(ORIGIN))).status_code == 422
    assert (await seat.http.get("/v1/me")).status_code == 401


async def test_a_tie_is_shown_and_ended_by_its_owner(
    provider: Provider, at_home: httpx.AsyncClient, region: Region, settings: Settings
) -> None:
    clinic = await connected(provider, at_home, region)
    person, other = [await hired(at_home, settings, (clinic, "nurse")) for _ in range(2)]
    sits_there(provider, person, amr=["otp"])
    by_login = browser(at_home)
    await linked(by_login, clinic, person)
    assert (await by_login.open("/account/logins")).status_code == 403
    seat = await person.sign_in(browser(at_home))
    page = await seat.open("/account/logins")
    assert provider.issuer in page.text
    end = page.text.partition('/end"')[0].rpartition('action="')[2] + "/end"
    stranger = await other.sign_in(browser(at_home))
    await stranger.open("/account/logins")
    assert (await stranger.send(end)).status_code == 404
    assert provider.issuer not in (await seat.send(end)).text
    await asyncio.sleep(1)  # so long a session may be remembered
    assert (await by_login.open("/account")).url.path == "/login"
    assert (await signed_in(browser(at_home), clinic)).url.path == "/login/second-step"
