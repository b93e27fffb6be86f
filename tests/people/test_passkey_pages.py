"""Passkeys by the pages: added, used alone, as the second step and to prove oneself again; each answer once and in its browser."""

import json
from typing import Any

import httpx
import pytest
from tests.access.authenticator import PRESENT, Authenticator, text
from tests.access.world import figure, owner
from tests.factories import Region, Vendor
from tests.people.staff import Browser, Person
from tests.people.ways import asked, authenticator, browser, hired, stale

from renkei.access.passkeys import Proof
from renkei.database import transaction
from renkei.settings import Settings
from renkei.store.passkeys import use_passkey


async def with_passkey(person: Person, device: Authenticator, name: str = "私のスマホ") -> Browser:
    """Signed in, and this passkey added."""
    seat = await person.sign_in(browser(person.http))
    page = await seat.open("/account/passkeys")
    assert page.url.path == "/account/passkeys", page.text
    made = device.make(await asked(seat, "/account/passkeys/question"))
    page = await seat.send("/account/passkeys", answer=json.dumps(made), name=name)
    assert page.status_code == 200 and name in page.text, page.text
    return seat


async def show(seat: Browser, device: Authenticator, path: str = "/login/passkey", **client: Any) -> httpx.Response:
    answer = device.use(await asked(seat, "/login/passkey/question"), **client)
    return await seat.send(path, answer=json.dumps(answer))


async def test_signed_in_without_typing_anything(nurse: Person, station: Vendor) -> None:
    device = authenticator()
    await with_passkey(nurse, device)
    seat = browser(nurse.http)
    page = await seat.open("/login")
    assert "/pages/passkeys.js" in page.text
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    # With no-referrer browsers send our own forms under the origin "null" (seen by tests/pages/test_passkeys_browser.py).
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert (await show(seat, device)).url.path == "/"
    me = (await seat.http.get("/v1/me")).json()
    assert (me["organization"]["id"], me["profession"]) == (station.id, "nurse")


async def test_the_second_step_by_a_passkey(nurse: Person) -> None:
    device = authenticator(flags=PRESENT)
    await with_passkey(nurse, device)
    seat = browser(nurse.http)
    await seat.open("/login")
    await seat.send("/login", email=nurse.email, password=nurse.password)
    question = await asked(seat, "/login/passkey/question")
    assert [one["id"] for one in question["allowCredentials"]] == [text(device.credential_id)]
    page = await seat.send("/login/second-step/passkey", answer=json.dumps(device.use(question)))
    assert page.url.path == "/"
    assert (await seat.http.get("/v1/me")).status_code == 200
    alone = browser(nurse.http)
    await alone.open("/login")
    assert (await show(alone, device)).status_code == 422


async def test_an_answer_counts_once_soon_and_in_the_browser_that_was_asked(
    nurse: Person, at_home: httpx.AsyncClient, settings: Settings
) -> None:
    device = authenticator()
    await with_passkey(nurse, device)
    seat, same, other = browser(at_home), browser(at_home), browser(at_home)
    same.last = await seat.open("/login")
    same.http.cookies = httpx.Cookies(seat.http.cookies)
    await other.open("/login")
    question = await asked(seat, "/login/passkey/question")
    await asked(other, "/login/passkey/question")
    answer, opened = device.use(question), []

    async def tried(where: Browser, said: dict[str, Any]) -> None:
        opened.append(await where.send("/login/passkey", answer=json.dumps(said), follow=False))

    await tried(other, answer)
    assert (await seat.send("/login/passkey", answer=json.dumps(answer), follow=False)).status_code == 303
    await tried(same, answer)
    await tried(same, device.use(question))
    late = await asked(same, "/login/passkey/question")
    with owner(settings) as database:
        database.execute("UPDATE ceremonies SET expires_at = now()")
    await tried(same, device.use(late))
    for wrong in ({"origin": "https://evil.example"}, {"crossOrigin": True}, {"kind": "webauthn.create"}):
        await tried(same, device.use(await asked(same, "/login/passkey/question"), **wrong))
    device.steps, device.count = 0, 1
    await tried(same, device.use(await asked(same, "/login/passkey/question")))
    statuses = [answer.status_code for answer in opened]
    figure(
        f"passkey answers replayed, late, elsewhere, altered, counted back: tried {len(statuses)}, accepted {statuses.count(303)}"
    )
    assert set(statuses) == {422}


async def test_of_two_answers_at_once_with_one_count_one_counts(nurse: Person) -> None:
    counting, not_counting = authenticator(count=7), authenticator(steps=0)
    seat = await with_passkey(nurse, counting)
    made = not_counting.make(await asked(seat, "/account/passkeys/question"))
    await seat.send("/account/passkeys", answer=json.dumps(made), name="数えない鍵")
    transport: Any = nurse.http._transport
    async with transaction(transport.app.state.service.engine) as tx:
        for device, count, counts in (
            (counting, 8, True),
            (counting, 8, False),
            (counting, 7, False),
            (counting, 0, False),
            (not_counting, 0, True),
            (not_counting, 0, True),
        ):
            assert await use_passkey(tx, Proof(device.credential_id, count, True)) is counts, (count, counts)


async def test_a_removed_passkey_opens_nothing(nurse: Person) -> None:
    device, other = authenticator(), authenticator()
    seat = await with_passkey(nurse, device, "失くした電話")
    made = other.make(await asked(seat, "/account/passkeys/question"))
    cookies = [seat.http.cookies["renkei"]]
    page = await seat.send("/account/passkeys", answer=json.dumps(made), name="鍵")
    cookies.append(seat.http.cookies["renkei"])
    removal = page.text.partition("失くした電話")[0].rpartition('action="')[2].partition('"')[0]
    page = await seat.send(removal)
    cookies.append(seat.http.cookies["renkei"])
    # What opens the account has changed each time, and so has the cookie.
    assert len(set(cookies)) == 3
    for cookie, lives in zip(cookies, (401, 401, 200), strict=True):
        old = browser(nurse.http)
        old.http.cookies["renkei"] = cookie
        assert (await old.http.get("/v1/me")).status_code == lives
    assert "失くした電話" not in page.text and "鍵" in page.text
    again = browser(nurse.http)
    await again.open("/login")
    assert (await show(again, device)).status_code == 422
    assert (await show(again, other)).url.path == "/"


async def test_nobody_removes_anothers(
    nurse: Person, at_home: httpx.AsyncClient, settings: Settings, station: Vendor
) -> None:
    device = authenticator()
    page = (await with_passkey(nurse, device)).last
    assert page is not None
    removal = page.text.rpartition('/removal"')[0].rpartition('action="')[2] + "/removal"
    stranger = await (await hired(at_home, settings, (station, "nurse"))).sign_in(browser(at_home))
    await stranger.open("/account/passkeys")
    assert (await stranger.send(removal)).status_code == 404
    seat = browser(at_home)
    await seat.open("/login")
    assert (await show(seat, device)).url.path == "/"


async def test_the_same_authenticator_is_not_added_twice(nurse: Person) -> None:
    device = authenticator()
    seat = await with_passkey(nurse, device)
    question = await asked(seat, "/account/passkeys/question")
    assert [one["id"] for one in question["excludeCredentials"]] == [text(device.credential_id)]
    page = await seat.send("/account/passkeys", answer=json.dumps(device.make(question)), name="もう一度")
    assert page.status_code == 422 and "もう一度お試しください" in page.text


async def test_a_stale_session_adds_nothing_before_it_proves_itself_again(nurse: Person, settings: Settings) -> None:
    device = authenticator()
    seat = await with_passkey(nurse, device)
    await stale(seat, settings)
    page = await seat.open("/account/passkeys")
    assert page.url.path == "/login/again" and page.url.params["next"] == "/account/passkeys"
    assert (await seat.http.post("/account/passkeys/question", data={"form_token": seat.form_token})).status_code == 303
    page = await show(seat, device, "/login/again/passkey")
    assert page.status_code == 200
    assert (await seat.open("/account/passkeys")).url.path == "/account/passkeys"


async def test_without_a_name_browsers_know_there_are_none(
    http: httpx.AsyncClient, settings: Settings, region: Region
) -> None:
    person = await hired(http, settings, (await region.found(), "physician"))
    seat = Browser.new(http)
    assert "passkeys.js" not in (await seat.open("/login")).text
    assert (await seat.http.post("/login/passkey/question", data={"form_token": seat.form_token})).status_code == 404
    await person.sign_in(seat)
    assert "https の名前が必要です" in (await seat.open("/account/passkeys")).text


@pytest.mark.parametrize(
    "answer", ["", "{", "[]", "null", '{"a": NaN}', '{"id": 1, "id": 2}', '{"response": {}}', "{}"]
)
async def test_what_is_no_answer_is_refused(answer: str, at_home: httpx.AsyncClient) -> None:
    seat = browser(at_home)
    await seat.open("/login")
    assert (await seat.send("/login/passkey", answer=answer)).status_code in (400, 422)
