"""Setting up the first second factor, and others: by whom, at which stage of signing in, and that none is left out."""

import json
import re
from typing import Any

import httpx
import pytest
from tests.factories import Region, Vendor
from tests.people.staff import PASSWORD, Person, email, invited, path_of
from tests.people.test_passkey_pages import show
from tests.people.ways import asked, authenticator, browser, hired, served, stale

from renkei.actions import own_account, passkeys, sign_in
from renkei.errors import Forbidden, NotFound
from renkei.ids import new_id
from renkei.schemas.people import Browser as Device
from renkei.settings import Settings


async def test_a_new_person_sets_up_a_passkey_in_place_of_an_app(
    at_home: httpx.AsyncClient, region: Region, station: Vendor
) -> None:
    link = path_of(await invited(region.admin, station.id, address := email()))
    seat, device = browser(at_home), authenticator()
    await seat.open(link)
    page = await seat.send(link, name="佐久間 恵", password=PASSWORD, again=PASSWORD)
    assert page.url.path == "/login/enrolment" and "passkeys.js" in page.text
    elsewhere = authenticator(origin="https://evil.example").make(
        await asked(seat, "/login/enrolment/passkey/question")
    )
    assert (await seat.send("/login/enrolment/passkey", answer=json.dumps(elsewhere))).url.path == "/login/enrolment"
    made = device.make(await asked(seat, "/login/enrolment/passkey/question"))
    page = await seat.send("/login/enrolment/passkey", answer=json.dumps(made))
    codes = re.findall(r"<li>([A-Z2-9-]{19})</li>", page.text)
    assert len(codes) == 10
    assert (await seat.http.get("/v1/me")).json()["profession"] == "nurse"
    for code in (codes[0], None):
        again = browser(at_home)
        await again.open("/login")
        page = await again.send("/login", email=address, password=PASSWORD)
        assert page.url.path == "/login/second-step"
        if code is None:
            answer = device.use(await asked(again, "/login/passkey/question"))
            page = await again.send("/login/second-step/passkey", answer=json.dumps(answer))
        else:
            page = await again.send("/login/second-step", code=code)
        assert page.url.path == "/"


async def test_of_two_who_set_up_the_first_passkey_the_second_sets_up_none(
    at_home: httpx.AsyncClient, region: Region, station: Vendor
) -> None:
    """Whoever knows the password of somebody without a second factor waits at the same step as they do."""
    link = path_of(await invited(region.admin, station.id, address := email()))
    person, thief, mine, theirs = browser(at_home), browser(at_home), authenticator(), authenticator()
    await person.open(link)
    await person.send(link, name="佐久間 恵", password=PASSWORD, again=PASSWORD)
    await thief.open("/login")
    assert (await thief.send("/login", email=address, password=PASSWORD)).url.path == "/login/enrolment"
    waiting = theirs.make(await asked(thief, "/login/enrolment/passkey/question"))
    made = mine.make(await asked(person, "/login/enrolment/passkey/question"))
    await person.send("/login/enrolment/passkey", answer=json.dumps(made))
    assert (await person.http.get("/v1/me")).status_code == 200
    assert (await thief.send("/login/enrolment/passkey", answer=json.dumps(waiting), follow=False)).status_code == 404
    assert (await thief.http.get("/v1/me")).status_code == 401


async def test_no_step_is_taken_by_a_sign_in_that_waits_for_another(nurse: Person) -> None:
    """Half-way in by the password, or all the way: what is for the first second factor is not for them, whatever page asks."""
    seat = browser(nurse.http)
    await seat.open("/login")
    await seat.send("/login", email=nurse.email, password=nurse.password)
    transport: Any = nurse.http._transport
    service = transport.app.state.service
    half_way = await service.sessions.find(seat.http.cookies["renkei"])
    opened = await service.sessions.find((await nurse.sign_in(browser(nurse.http))).http.cookies["renkei"])
    who, request = Device("", "192.0.2.1", None), new_id()
    with pytest.raises(Forbidden):
        await passkeys.ask_to_make(service, "cookie", half_way)
    for session in (half_way, opened):
        with pytest.raises(NotFound):
            await own_account.begin_first_totp(service, request, session)
        with pytest.raises(NotFound):
            await passkeys.enrol(service, request, "cookie", session, {}, "x", who)
    with pytest.raises(NotFound):
        await sign_in.prove_second_factor(service, request, who, opened, nurse.code())


async def test_the_last_second_factor_stays_where_one_is_required(
    at_home: httpx.AsyncClient, region: Region, station: Vendor
) -> None:
    link, seat, device = path_of(await invited(region.admin, station.id, email())), browser(at_home), authenticator()
    await seat.open(link)
    await seat.send(link, name="佐久間 恵", password=PASSWORD, again=PASSWORD)
    made = device.make(await asked(seat, "/login/enrolment/passkey/question"))
    await seat.send("/login/enrolment/passkey", answer=json.dumps(made))
    page = await seat.open("/account/passkeys")
    removal = page.text.rpartition('/removal"')[0].rpartition('action="')[2] + "/removal"
    refused = await seat.send(removal)
    assert refused.status_code == 409 and "最後の第二要素" in refused.text
    assert removal in (await seat.open("/account/passkeys")).text


async def test_an_open_tablet_takes_no_second_factor_of_another_where_none_is_required(
    settings: Settings, station: Vendor
) -> None:
    async with served(settings, require_second_factor=False) as http:
        nurse, device = await hired(http, settings, (station, "nurse"), with_totp=False), authenticator()
        seat = await nurse.sign_in(browser(http))
        await seat.open("/account/passkeys")
        made = device.make(await asked(seat, "/account/passkeys/question"))
        await stale(seat, settings)
        refused = await seat.send("/account/passkeys", answer=json.dumps(made), name="通りがかり", follow=False)
        assert (refused.status_code, refused.headers["Location"]) == (303, "/login/again?next=/")
        question = await seat.http.post("/account/passkeys/question", data={"form_token": seat.form_token})
        assert question.status_code == 303
        transport: Any = http._transport
        service = transport.app.state.service
        session = await service.sessions.find(seat.http.cookies["renkei"])
        with pytest.raises(NotFound):  # nor by the way of a sign-in that waits for its first
            await passkeys.enrol(service, new_id(), "cookie", session, {}, "x", Device("", "192.0.2.1"))
        await seat.open("/account")
        for wrong in ({}, {"current": ""}, {"current": "not-the-password"}):
            assert 'class="seed"' not in (await seat.send("/account/second-factor", **wrong)).text
        page = await seat.open("/account/passkeys")
        assert page.url.path == "/login/again" and 'action="/login"' in page.text
        assert (await seat.send("/login", email=nurse.email, password="wrong")).status_code == 422
        page = await seat.send("/login", email=nurse.email, password=nurse.password, next="/account/passkeys")
        assert page.url.path == "/account/passkeys" and "通りがかり" not in page.text
        made = device.make(await asked(seat, "/account/passkeys/question"))
        # From here on there is one, and it is to be shown.
        page = await seat.send("/account/passkeys", answer=json.dumps(made), name="私のスマホ")
        assert page.url.path == "/login/again" and 'action="/login"' not in page.text
        assert (await show(seat, device, "/login/again/passkey")).status_code == 200
        assert "私のスマホ" in (await seat.open("/account/passkeys")).text
