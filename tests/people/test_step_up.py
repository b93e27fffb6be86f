"""本人の再確認: which acts a person's session may not do on a second factor of long ago, each tried; and how it is shown anew."""

from dataclasses import replace
from typing import Any

import httpx
import pytest
from tests.access.world import figure
from tests.factories import Region, Vendor, register
from tests.http.problems import problem
from tests.people.staff import Browser, Person, email
from tests.people.ways import browser, hired, served, stale

from renkei.access.actor import Actor, SignedIn
from renkei.access.audit import Asked
from renkei.access.gate import _rule
from renkei.access.rules import RULES
from renkei.access.scopes import SCOPES
from renkei.access.step_up import STEP_UP, _asks
from renkei.errors import Forbidden
from renkei.ids import new_id, now
from renkei.settings import Settings
from renkei.vocabulary import ActorKind, Permission, Reason, Scope

RIGHTS = {
    "delegation.register",
    "delegation.end",
    "permission_table.edit",
    "login_provider.set",
    "login_provider.remove",
    "client.register",
    "client.replace_keys",
    "client.renew",
    "client.suspend",
    "client.resume",
    "organization.register",
    "organization.suspend",
    "organization.resume",
    "care_team.hand_over",
}
"""Changes of rights, one by one: the table may grow, none of these may leave it."""

MEMBER = Actor(
    ActorKind.member,
    None,
    None,
    (),
    signed_in=SignedIn(new_id(), new_id(), None, ("pwd", "otp"), now(), recently=False),
)


def test_the_acts_are_emergency_access_exports_and_changes_of_rights() -> None:
    assert {act for act in Permission if _asks(act)} == STEP_UP
    assert RIGHTS | {"emergency_access.open"} <= set(STEP_UP)
    assert {act for act in Permission if act.startswith("export.")} <= STEP_UP
    for act in STEP_UP - {Permission.emergency_access_open}:
        assert act.startswith("export.") or SCOPES[act] is Scope.administration, act
    # What is done at a bedside many times a day does not ask again.
    assert not STEP_UP & {Permission.summary_read, Permission.care_report_submit, Permission.consent_record}


def test_the_gate_asks_for_each_of_them_and_for_no_other() -> None:
    refused = set()
    for act in RULES:
        try:
            _rule(Asked(new_id(), MEMBER, act), act)
        except Forbidden as error:
            assert (error.reason, error.grantable_by) == (Reason.not_proved_recently, "yourself")
            refused.add(act)
    assert refused == STEP_UP
    signed = MEMBER.signed_in
    assert signed is not None
    for actor in (replace(MEMBER, signed_in=replace(signed, recently=True)), replace(MEMBER, signed_in=None)):
        for act in RULES:
            _rule(Asked(new_id(), actor, act), act)
    figure(f"acts that need a recent second factor: {len(STEP_UP)} of {len(RULES)}, each refused without")


@pytest.fixture
async def clinic(region: Region) -> Vendor:
    return await region.found("clinic")


EMERGENCY = {"reason": "自宅で倒れているところを発見、意識なし", "life_at_risk": True, "consent_unobtainable": True}


async def test_the_glass_is_broken_only_by_who_was_there_just_now(
    at_home: httpx.AsyncClient, settings: Settings, clinic: Vendor, region: Region
) -> None:
    patient = await register(await region.found())
    physician = await hired(at_home, settings, (clinic, "physician"))
    seat = await physician.sign_in(browser(at_home))
    path = f"/v1/patients/{patient}/emergency-access"
    await stale(seat, settings)
    told = problem(await seat.call("POST", path, json=EMERGENCY), 403, "forbidden")
    assert (told["reason_code"], told["request_access"]) == ("not_proved_recently", None)
    absent = problem(
        await seat.call("POST", f"/v1/patients/{new_id()}/emergency-access", json=EMERGENCY), 403, "forbidden"
    )
    alike = {"instance", "request_id"}
    assert {k: v for k, v in told.items() if k not in alike} == {k: v for k, v in absent.items() if k not in alike}
    assert (await proved_again(seat, physician)).status_code == 200
    assert (await seat.call("POST", path, json=EMERGENCY)).status_code == 201


async def test_rights_are_changed_only_by_who_was_there_just_now(
    at_home: httpx.AsyncClient, settings: Settings, clinic: Vendor
) -> None:
    office = await hired(at_home, settings, (clinic, None))
    seat = await office.sign_in(browser(at_home))
    delegation = {"client_id": clinic.client_id, "organization_id": clinic.id, "professions": ["nurse"]}
    provider = {"issuer": "https://login.example.jp", "client_id": "renkei", "auth_method": "private_key_jwt"}
    where = f"/v1/organizations/{clinic.id}/login-provider"
    acts: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/v1/delegations", {"json": delegation}),
        ("POST", f"/v1/delegations/{new_id()}/end", {"json": {"reason": "終了"}}),
        ("PUT", where, {"json": provider}),
        ("DELETE", where, {}),
    ]
    await stale(seat, settings)
    for method, path, body in acts:
        told = problem(await seat.call(method, path, **body), 403, "forbidden")
        assert told["reason_code"] == "not_proved_recently", path
    assert (await seat.call("GET", "/v1/delegations")).status_code == 200
    await proved_again(seat, office)
    assert [(await seat.call(method, path, **body)).status_code for method, path, body in acts] == [201, 404, 201, 204]


async def test_a_page_leads_to_the_re_confirmation_and_back_to_where_its_form_was(
    at_home: httpx.AsyncClient, settings: Settings, clinic: Vendor
) -> None:
    office = await hired(at_home, settings, (clinic, None))
    seat = await office.sign_in(browser(at_home))
    assert (await seat.open("/staff")).status_code == 200
    await stale(seat, settings)
    invitation = {"email": email(), "name": "佐久間 恵", "office": "ordinary", "profession": "nurse"}
    for referer, back in (("/staff", "/staff"), ("//evil.example/a//b", "/"), ("", "/")):
        headers = {"Referer": f"http://localhost:8000{referer}"} if referer else {}
        data = {"form_token": seat.form_token, **invitation}
        answer = await seat.http.post("/staff", data=data, headers=headers)
        assert (answer.status_code, answer.headers["Location"]) == (303, f"/login/again?next={back}"), answer.text
    await proved_again(seat, office)
    await seat.open("/staff")
    assert "/invitations/" in (await seat.send("/staff", **invitation)).text


async def test_a_password_alone_is_never_recent_enough(settings: Settings, clinic: Vendor, region: Region) -> None:
    patient = await register(await region.found())
    async with served(settings, require_second_factor=False) as http:
        physician = await hired(http, settings, (clinic, "physician"), with_totp=False)
        seat = await physician.sign_in(browser(http))
        assert (await seat.call("GET", "/v1/me")).status_code == 200
        answer = await seat.call("POST", f"/v1/patients/{patient}/emergency-access", json=EMERGENCY)
        assert problem(answer, 403, "forbidden")["reason_code"] == "not_proved_recently"


async def test_proved_again_under_another_cookie_and_back_to_a_page_of_ours(
    at_home: httpx.AsyncClient, settings: Settings, clinic: Vendor
) -> None:
    nurse = await hired(at_home, settings, (clinic, "nurse"))
    seat = await nurse.sign_in(browser(at_home))
    before = seat.http.cookies["renkei"]
    for wrong in ("000000", "", "ABCDEFGHJK", "ABCD-EFGH-JKLM-NPQR"):
        await seat.open("/login/again?next=/account")
        assert (await seat.send("/login/again", code=wrong, next="/account")).status_code == 422
    await seat.open("/login/again")
    answer = await seat.send("/login/again", follow=False, code=nurse.code(), next="https://evil.example")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert seat.http.cookies["renkei"] != before
    old = browser(at_home)
    old.http.cookies.set("renkei", before)
    assert (await old.http.get("/v1/me")).status_code == 401
    for evil in ("//evil.example", "/\\evil.example", "/a//evil", "/..", "javascript:alert(1)"):
        page = await seat.open(f"/login/again?next={evil}")
        assert 'name="next" value="/"' in page.text


async def test_who_is_not_signed_in_proves_nothing_again(at_home: httpx.AsyncClient) -> None:
    seat = browser(at_home)
    assert (await seat.open("/login/again")).url.path == "/login"
    for path in ("/login/again", "/login/again/passkey", "/login/again/organization"):
        assert (await seat.send(path, follow=False, code="000000", answer="{}")).headers["Location"] == "/login"


async def proved_again(seat: Browser, person: Person) -> httpx.Response:
    await seat.open("/login/again")
    return await seat.send("/login/again", code=person.code(), next="/")
