"""Scopes restrict and never extend: each act has one, and the gate refuses what lies outside before it looks for anybody."""

import secrets
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from tests.access.doors import ROUTES, ids_of
from tests.access.oracle import Consent, Ties
from tests.access.world import EVERYTHING, World, figure, owner
from tests.factories import Region, Vendor

from renkei.access.scopes import SCOPES
from renkei.ids import new_id
from renkei.main import ROUTERS
from renkei.settings import Settings
from renkei.vocabulary import Permission, Scope

PHYSICIAN = {"user_id": "1", "user_name": "検査 花子", "profession": "physician"}


async def ask(vendor: Vendor, scope: str | None = None, **form: str) -> httpx.Response:
    """A token request of a vendor or an administrator."""
    whole = {"grant_type": "client_credentials", **({} if scope is None else {"scope": scope}), **form}
    if vendor.organization:
        whole["organization"] = vendor.organization["code"]
    return await vendor.http.post("/oauth/token", data=whole, auth=(vendor.client_id, vendor.client_secret))


async def limited(vendor: Vendor, scope: str, **form: str) -> Vendor:
    """The same client with a token of this scope."""
    answer = await ask(vendor, scope, **form)
    assert answer.status_code == 200, answer.text
    tokens: dict[str | None, str] = dict.fromkeys([None, "physician"], answer.json()["access_token"])
    return Vendor(vendor.http, vendor.client_id, vendor.client_secret, vendor.organization, tokens)


async def delegated(region: Region, clinic: Vendor, *delegations: dict[str, Any]) -> Vendor:
    """Another system of the clinic, with these delegations."""
    each = [{"organization_id": clinic.id, "professions": ["physician"], **one} for one in delegations]
    made = await region.admin.post("/v1/clients", {"name": "範囲のあるシステム", "kind": "vendor", "delegations": each})
    assert made.status_code == 201, made.text
    return Vendor(region.http, made.json()["client_id"], made.json()["client_secret"], clinic.organization)


def test_every_act_has_a_scope_and_every_scope_an_act() -> None:
    assert set(SCOPES) == set(Permission)
    assert set(SCOPES.values()) == set(Scope)


async def test_without_scopes_nothing_is_told_and_nothing_limited(region: Region) -> None:
    clinic = await region.found("clinic", ["physician"])
    assert "scope" not in (await ask(clinic)).json()
    assert "scopes" not in (await clinic.get("/v1/me")).json()


async def test_each_route_under_a_patient_opens_within_its_scope_and_no_other(region: Region) -> None:
    """Every door: 403 outside, the usual answer inside; and outside, whoever is asked about is told of alike."""
    world = await World.found(region)
    made, wrong = await world.make(Ties("now", own=True, consents=(Consent(EVERYTHING),))), []
    for route in ROUTES:
        scope = SCOPES[Permission(route.action)]
        others = " ".join(one for one in Scope if one is not scope)
        outside = await limited(world.author, others, **PHYSICIAN)
        own = ids_of(route, made, world.reader.id)
        for ids in (own, {**own, "patient_id": str(new_id())}):
            answer = await route.ask(outside, world, ids, by=None)
            body = answer.json()
            if (answer.status_code, body.get("reason_code"), body.get("rule")) != (403, "scope", f"scope.{scope}"):
                wrong.append((route.name, answer.status_code, answer.text))
    figure(f"routes asked outside their scope: {len(ROUTES)}, opened {len(wrong)}")
    assert wrong == []


QUERIES = {
    "/v1/breach-report": f"?client={new_id()}",
    "/v1/access-review": "?kind=delegation&since=2026-01-01",
    "/v1/permissions/diff": "?from=1",
}
UNDER_NOBODY = sorted(
    (route.path, Permission(route.name))
    for door in ROUTERS
    for route in door.router.routes
    if isinstance(route, APIRoute)
    and route.methods == {"GET"}
    and "{" not in route.path
    and route.name in set(Permission)
)


@pytest.mark.parametrize(("path", "act"), UNDER_NOBODY)
async def test_what_names_no_patient_is_refused_outside_its_scope_too(
    region: Region, path: str, act: Permission
) -> None:
    clinic, others = await region.found("clinic", ["physician"]), " ".join(set(Scope) - {SCOPES[act]})
    for vendor, user in ((clinic, PHYSICIAN), (region.admin, {})):
        answer = await (await limited(vendor, others, **user)).get(path + QUERIES.get(path, ""))
        assert (answer.status_code, answer.json().get("reason_code")) == (403, "scope"), answer.text


async def test_inside_its_scope_a_token_works_as_any_other(region: Region) -> None:
    world = await World.found(region)
    made = await world.make(Ties("now", consents=(Consent(EVERYTHING),)))
    reader = await limited(world.author, "records.read patients", **PHYSICIAN)
    for path in ("", "/summary", "/face-sheets", "/care-reports"):
        assert (await reader.get(f"{made.path}{path}")).status_code == 200
    assert (await reader.get("/v1/patients")).status_code == 200
    me = (await reader.get("/v1/me")).json()
    assert me["scopes"] == ["patients", "records.read"]
    assert (await reader.get("/v1/catalogue")).status_code == 200
    for path in ("/consents", "/care-team", "/access", "/access-log"):
        assert (await reader.get(f"{made.path}{path}")).status_code == 403
    assert (await reader.get("/v1/organizations")).status_code == 403


async def test_a_refusal_says_the_scope_and_is_on_record(region: Region, settings: Settings) -> None:
    world = await World.found(region)
    made = await world.make(Ties("now"))
    reader = await limited(world.author, "records.read", **PHYSICIAN)
    answer = await reader.get(f"{made.path}/consents")
    body = answer.json()
    assert (body["reason_code"], body["rule"], body["grantable_by"]) == ("scope", "scope.consents", "organization")
    assert body["request_access"] is None
    with owner(settings) as connection:
        query = "SELECT outcome, reason, patient_id::text FROM audit_events WHERE request_id = %s"
        events = connection.execute(query, [answer.headers["x-request-id"]]).fetchall()
    assert events == [("refused", "scope", made.id)]


async def test_a_delegation_limits_whatever_the_token_asks(region: Region) -> None:
    clinic = await region.found("clinic", ["physician"])
    system = await delegated(region, clinic, {"scopes": ["records.write", "patients"]})
    for scope, status, told in (
        (None, 200, "patients records.write"),
        ("patients", 200, "patients"),
        ("records.write patients", 200, "patients records.write"),
        ("consents", 400, None),
        ("patients consents", 400, None),
    ):
        answer = await ask(system, scope, **PHYSICIAN)
        assert (answer.status_code, answer.json().get("scope")) == (status, told)
    unlimited = await limited(system, "patients records.write", **PHYSICIAN)
    refused = await unlimited.get("/v1/organizations")
    assert (refused.status_code, refused.json()["rule"]) == (403, "scope.care_team")


@pytest.mark.parametrize(
    "scope", ["everything", "patients  records.read", "Patients", " patients", "patients\trecords.read"]
)
async def test_a_scope_that_is_none_is_refused(region: Region, scope: str) -> None:
    clinic = await region.found("clinic", ["physician"])
    answer = await ask(clinic, scope)
    assert (answer.status_code, answer.json()["error"]) in ((400, "invalid_scope"), (400, "invalid_request"))


async def test_of_two_delegations_each_limits_its_own_professions(region: Region) -> None:
    """A named user acts by what lists the user's profession; the system itself by what all of them are for."""
    clinic = await region.found("clinic", ["physician"])
    system = await delegated(
        region,
        clinic,
        {"professions": ["physician"], "scopes": ["records.read", "patients"]},
        {"professions": ["nurse"], "scopes": ["records.write", "patients"]},
    )
    nurse = {**PHYSICIAN, "profession": "nurse"}
    told = [(await ask(system, **form)).json()["scope"] for form in (PHYSICIAN, nurse, {})]
    assert told == ["patients records.read", "patients records.write", "patients"]
    apart = await delegated(
        region, clinic, {"scopes": ["patients"]}, {"scopes": ["consents"], "professions": ["nurse"]}
    )
    nothing = await ask(apart)
    assert (nothing.status_code, nothing.json()["error"]) == (400, "invalid_scope")
    both = await delegated(region, clinic, {"scopes": ["patients"]}, {})
    assert "scope" not in (await ask(both, **PHYSICIAN)).json()
    assert (await ask(both)).json()["scope"] == "patients"


async def test_an_administrators_token_may_be_limited_too(region: Region) -> None:
    reader = await limited(region.admin, "care_team")
    assert (await reader.get("/v1/organizations")).status_code == 200
    for answer in (
        await reader.post("/v1/organizations", {"code": f"o-{secrets.token_hex(4)}", "name": "x", "kind": "clinic"}),
        await reader.get("/v1/clients"),
        await reader.get("/v1/delegations"),
    ):
        assert (answer.status_code, answer.json()["reason_code"]) == (403, "scope")
