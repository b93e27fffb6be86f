"""Invited, helped, moved and ended; what opens once opens once, and an administrator becomes nobody else."""

import asyncio
import re
from typing import Any

import httpx
import pyotp
import pytest
from tests.access.world import figure, tokyo
from tests.factories import Region, Vendor
from tests.http.inside import as_owner
from tests.people.staff import PASSWORD, Browser, Person, accepted, email, enrol, hired, invited, path_of
from tests.people.ways import hired as seated

from renkei.settings import Settings

NEW = "another-trombone-kiosk"


async def one_of(region: Region, office: Vendor) -> dict[str, Any]:
    (member,) = (await region.admin.get(f"/v1/members?organization={office.id}&state=active")).json()["items"]
    return dict(member)


async def code_for(region: Region, member: dict[str, Any]) -> str:
    answer = await region.admin.post(f"/v1/members/{member['id']}/one-time-code", {"reason": "電話を紛失"})
    assert answer.status_code == 201 and answer.headers["cache-control"] == "no-store"
    return str(answer.json()["code"])


async def second_step(http: httpx.AsyncClient, person: Person, code: str) -> int:
    browser = Browser.new(http)
    await browser.open("/login")
    await browser.send("/login", email=person.email, password=person.password)
    return (await browser.send("/login/second-step", code=code)).status_code


async def test_what_opens_once_opens_once(http: httpx.AsyncClient, region: Region) -> None:
    station = await region.found("visiting_nursing")
    link = path_of(member := await invited(region.admin, station.id, email()))
    person, _ = await accepted(http, member)
    used = [(await Browser.new(http).open(link)).status_code]
    for code in (person.recovery[0].lower(), person.code(), await code_for(region, member)):
        assert await second_step(http, person, code) == 200
        used.append(await second_step(http, person, code))
    assert used == [404, 422, 422, 422]
    figure("one-time: link, recovery code, authenticator code, administrator's code: opened twice 0 of 4")


async def test_a_later_link_and_a_later_code_end_the_earlier(http: httpx.AsyncClient, region: Region) -> None:
    station = await region.found("visiting_nursing")
    first = await invited(region.admin, station.id, email())
    again = await region.admin.post(f"/v1/members/{first['id']}/invitation", {"reason": "紛失"})
    assert again.json()["invitation"]["purpose"] == "join"
    assert (await Browser.new(http).open(path_of(first))).status_code == 404
    person, _ = await accepted(http, again.json())
    early, late = await code_for(region, first), await code_for(region, first)
    assert [await second_step(http, person, code) for code in (early, late)] == [422, 200]


async def test_a_link_or_a_code_too_late_opens_nothing(
    http: httpx.AsyncClient, region: Region, settings: Settings
) -> None:
    station = await region.found("visiting_nursing")
    member = await invited(region.admin, station.id, email())
    as_owner(settings, "UPDATE invitations SET expires_at = now() WHERE member_id = %s", member["id"])
    assert (await Browser.new(http).open(path_of(member))).status_code == 404
    person = await hired(http, region.admin, station)
    code = await code_for(region, held := await one_of(region, station))
    as_owner(settings, "UPDATE one_time_codes SET expires_at = now() WHERE member_id = %s", held["id"])
    assert await second_step(http, person, code) == 422
    code = await code_for(region, held)
    assert (await region.admin.post(f"/v1/members/{held['id']}/end", {"reason": "退職"})).status_code == 201
    assert await second_step(http, person, code) == 422


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("tulip12", "8字以上"),
        ("sakuma-trombone-kiosk", "氏名"),
        ("佐久間のトロンボーン吹き", "氏名"),
        ("kiosk-1985-04-02-tulip", "日付"),
        ("Password12345!", "流出"),
        ("x" * 201, "200字"),
    ],
)
async def test_weak_passwords_are_refused_with_their_reason(
    http: httpx.AsyncClient, region: Region, password: str, why: str
) -> None:
    station = await region.found("visiting_nursing")
    link = path_of(await invited(region.admin, station.id, email(), name_kana="サクマ メグミ"))
    browser = Browser.new(http)
    await browser.open(link)
    answer = await browser.send(link, name="佐久間 恵", password=password, again=password)
    assert answer.status_code == 422 and why in answer.text
    assert (await browser.send(link, name="佐久間 恵", password=PASSWORD, again=NEW)).status_code == 422
    assert (
        await browser.send(link, name="佐久間 恵", password=PASSWORD, again=PASSWORD)
    ).url.path == "/login/enrolment"


async def test_an_administrator_becomes_nobody_else(http: httpx.AsyncClient, region: Region) -> None:
    """The link asks for the second factor, and the code in its place is not taken; the code asks for the password."""
    station = await region.found("visiting_nursing")
    person = await hired(http, region.admin, station)
    member, usual = await one_of(region, station), await person.sign_in()
    made = await region.admin.post(f"/v1/members/{member['id']}/invitation", {"reason": "忘れた"})
    link, browser = path_of(made.json()), Browser.new(http)
    assert made.json()["invitation"]["purpose"] == "password"
    await browser.open(link)
    for code in ("", "000000", await code_for(region, member)):
        assert (await browser.send(link, password=NEW, again=NEW, code=code)).status_code == 422
    assert (await browser.send(link, password=NEW, again=NEW, code=person.recovery[1])).url.path == "/login"
    await asyncio.sleep(1)  # so long a session may be remembered
    assert (await usual.open("/account")).url.path == "/login"
    person.password = NEW
    await person.sign_in()


@pytest.mark.parametrize("elsewhere", [True, False])
async def test_without_a_second_factor_a_link_is_no_way_into_other_organizations(
    http: httpx.AsyncClient, region: Region, settings: Settings, elsewhere: bool
) -> None:
    """Their administrators know nothing of this link; at the one organization it is the only help there is."""
    one, two = await region.found("visiting_nursing"), await region.found()
    posts = ((one, "nurse"), (two, "physician")) if elsewhere else ((one, "nurse"),)
    person = await seated(http, settings, *posts, with_totp=False)
    member = await one_of(region, one)
    made = await region.admin.post(f"/v1/members/{member['id']}/invitation", {"reason": "忘れた"})
    link, browser = path_of(made.json()), Browser.new(http)
    for code in ("", await code_for(region, member)):
        await browser.open(link)
        if elsewhere:
            assert (await browser.send(link, password=NEW, again=NEW, code=code)).status_code == 422
    if not elsewhere:
        assert (await browser.send(link, password=NEW, again=NEW)).url.path == "/login"
    await browser.open("/login")
    in_by = {True: PASSWORD, False: NEW}
    assert (await browser.send("/login", email=person.email, password=NEW)).status_code == (422 if elsewhere else 200)
    assert (await browser.send("/login", email=person.email, password=in_by[elsewhere])).url.path == "/login/enrolment"


async def test_of_two_who_set_up_the_first_app_the_second_sets_up_none(http: httpx.AsyncClient, region: Region) -> None:
    """Whoever knows the password alone does not replace what its owner has set up meanwhile."""
    station = await region.found("visiting_nursing")
    link = path_of(member := await invited(region.admin, station.id, email()))
    owner, thief = Browser.new(http), Browser.new(http)
    await owner.open(link)
    assert (await owner.send(link, name="佐久間 恵", password=PASSWORD, again=PASSWORD)).status_code == 200
    await thief.open("/login")
    await thief.send("/login", email=member["email"], password=PASSWORD)
    person = Person(http, member["email"])
    await enrol(person, owner, "/login/enrolment")
    page = (await thief.open("/login/enrolment")).text
    (seed,), (factor,) = re.findall(r'class="seed">(\w+)<', page), re.findall(r'name="factor" value="([^"]+)"', page)
    assert (await thief.send("/login/enrolment", factor=factor, code=pyotp.TOTP(seed).now())).status_code == 404
    await person.sign_in()


async def test_a_link_is_its_persons_alone(http: httpx.AsyncClient, region: Region) -> None:
    """For somebody with a login it opens for them only, signed in; nobody else gets the post, or the login."""
    one, two = await region.found("visiting_nursing"), await region.found()
    person, other = await hired(http, region.admin, one), await hired(http, region.admin, one)
    link = path_of(await invited(region.admin, two.id, person.email, "physician"))
    stranger, thief = Browser.new(http), await other.sign_in()
    assert "サインイン" in (await stranger.open(link)).text
    await stranger.open("/login")
    stolen = await stranger.send(link, name="x", password=NEW, again=NEW)
    assert stolen.url.path == "/login"
    assert (await thief.send(link)).status_code == 404
    browser = await person.sign_in()
    await browser.open(link)
    assert (await browser.send(link)).url.path == "/account"


async def test_nobody_gives_a_code_to_themselves_or_to_others_staff(http: httpx.AsyncClient, region: Region) -> None:
    station, elsewhere = await region.found("visiting_nursing"), await region.found()
    person = await hired(http, region.admin, station, None)
    await hired(http, region.admin, elsewhere)
    browser, own = await person.sign_in(), await one_of(region, station)
    theirs = await one_of(region, elsewhere)
    reason: dict[str, Any] = {"json": {"reason": "試し"}}
    assert (await browser.call("POST", f"/v1/members/{own['id']}/one-time-code", **reason)).status_code == 403
    for path in ("one-time-code", "invitation", "end", "change"):
        body = {"json": {"profession": "nurse"}} if path == "change" else reason
        assert (await browser.call("POST", f"/v1/members/{theirs['id']}/{path}", **body)).status_code == 404
    body = {"email": email(), "name": "検査", "profession": "nurse", "organization_id": elsewhere.id}
    assert (await browser.call("POST", "/v1/members", json=body)).status_code == 403
    assert (await browser.http.get(f"/v1/members?organization={elsewhere.id}")).status_code == 403


async def test_another_post_begins_where_the_one_before_ends(http: httpx.AsyncClient, region: Region) -> None:
    station = await region.found("visiting_nursing")
    await hired(http, region.admin, station)
    member = await one_of(region, station)
    body = {"profession": "public_health_nurse", "valid_from": tokyo(3)}
    later = await region.admin.post(f"/v1/members/{member['id']}/change", body)
    assert later.status_code == 201 and later.json()["state"] == "future"
    found = (await region.admin.get(f"/v1/members?organization={station.id}")).json()["items"]
    assert {one["state"]: (one["valid_from"], one["valid_until"]) for one in found} == {
        "future": (tokyo(3), None),
        "active": (member["valid_from"], tokyo(2)),
    }
    again = await region.admin.post(f"/v1/members/{member['id']}/change", body)
    assert (again.status_code, again.json()["reason_code"]) == (409, "already_member")
    past = {"profession": "nurse", "office": "ordinary", "valid_from": tokyo(-1)}
    assert (await region.admin.post(f"/v1/members/{member['id']}/change", past)).status_code == 422
    ended = {"reason": "退職", "last_day": tokyo()}
    assert (await region.admin.post(f"/v1/members/{member['id']}/end", ended)).json()["state"] == "active"
    now = await region.admin.post(f"/v1/members/{member['id']}/end", {"reason": "本日付"})
    assert now.json()["state"] == "ended"
    assert (await region.admin.post(f"/v1/members/{member['id']}/change", body)).json()["reason_code"] == "member_ended"


async def test_a_lost_phone_is_replaced_by_the_administrators_code(http: httpx.AsyncClient, region: Region) -> None:
    station = await region.found("visiting_nursing")
    person = await hired(http, region.admin, station)
    browser, old = Browser.new(http), person.seed
    await browser.open("/login")
    await browser.send("/login", email=person.email, password=PASSWORD)
    await browser.send("/login/second-step", code=await code_for(region, await one_of(region, station)))
    assert "一時コード" in (await browser.open("/account")).text
    assert (await browser.send("/account/second-factor", current="wrong")).status_code == 422
    await browser.send("/account/second-factor", current=PASSWORD)
    await enrol(person, browser, "/account/second-factor/confirmation")
    assert person.seed != old
    assert await second_step(http, person, pyotp.TOTP(old).now()) == 422
    await person.sign_in()
