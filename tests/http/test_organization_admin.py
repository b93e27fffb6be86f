"""事業所の管理者: sees its own organization's part of the ledger, and of patients nothing, not even whether they exist."""

from typing import Any

import pytest
from tests.access.doors import ROUTES, ids_of
from tests.access.oracle import Ties
from tests.access.world import World
from tests.factories import Region, Vendor
from tests.http.problems import problem

from renkei.ids import new_id


async def test_it_is_told_who_it_is(region: Region) -> None:
    clinic = await region.found()
    office = await region.organization_admin(clinic)
    me = (await office.get("/v1/me")).json()
    assert (me["kind"], me["organization"], me["professions"]) == ("organization_admin", clinic.organization, [])
    assert (me["rights"]["read"], me["rights"]["write"], me["rights"]["restricted"]) == ([], [], False)


async def test_every_route_of_a_patient_refuses_it_alike_for_its_own_another_and_none(region: Region) -> None:
    world = await World.found(region)
    made = await world.make(Ties("now", own=True))
    office, stranger = (
        await region.organization_admin(world.author),
        await region.organization_admin(await region.found()),
    )
    for route in ROUTES:
        ids = ids_of(route, made, world.reader.id)
        answers = [
            await route.ask(who, world, {**ids, "patient_id": patient}, None)
            for who in (office, stranger)
            for patient in (made.id, str(new_id()))
        ]
        told = [problem(answer, 403, "forbidden") for answer in answers]
        alike = [{name: one[name] for name in one if name not in ("instance", "request_id")} for one in told]
        assert alike == [alike[0]] * 4, route.name
        assert [len(answer.content) for answer in answers] == [len(answers[0].content)] * 4
    for method, path, body in (
        ("GET", "/v1/patients", None),
        ("GET", "/v1/patients?kana=タカ", None),
        ("POST", "/v1/patients", PERSON),
    ):
        problem(await office.call(method, path, **({"json": body} if body else {})), 403, "forbidden")


PERSON: dict[str, Any] = {
    "identifiers": [],
    "name": {"family": "検査"},
    "name_kana": {"family": "ケンサ"},
    "birth_date": "1940-01-01",
    "sex": "male",
}


async def test_it_administers_nothing(region: Region) -> None:
    clinic = await region.found()
    office = await region.organization_admin(clinic)
    table = (await office.get("/v1/permissions")).json()
    for path, body in (
        ("/v1/organizations", {"code": "x", "name": "x", "kind": "clinic"}),
        ("/v1/clients", {"name": "x", "kind": "admin"}),
        (f"/v1/organizations/{clinic.id}/handover", {"to": clinic.id, "reason": "x"}),
        ("/v1/permissions/preview", {"rows": table["rows"]}),
    ):
        problem(await office.post(path, body), 403, "forbidden")
    problem(await office.put("/v1/permissions", {"rows": table["rows"]}), 403, "forbidden")


async def test_its_token_ends_with_its_organization(region: Region) -> None:
    clinic = await region.found()
    office = await region.organization_admin(clinic)
    await region.admin.post(f"/v1/organizations/{clinic.id}/suspension", {"reason": "廃止"})
    with pytest.raises(AssertionError, match="invalid_client"):
        await office.token()
    await region.admin.call("DELETE", f"/v1/organizations/{clinic.id}/suspension")
    await office.token()
    await region.admin.post(f"/v1/organizations/{clinic.id}/suspension", {"reason": "廃止"})
    problem(await office.get("/v1/me"), 401, "unauthorized")


async def test_it_needs_an_organization_and_nobody_else_may_name_one(region: Region) -> None:
    clinic = await region.found()
    for kind, said, code in (
        ("organization_admin", {}, "required"),
        ("organization_admin", {"organization_id": None}, "required"),
        ("admin", {"organization_id": clinic.id}, "unknown"),
        ("auditor", {"organization_id": clinic.id}, "unknown"),
        ("vendor", {"organization_id": clinic.id}, "unknown"),
    ):
        answer = await region.admin.post("/v1/clients", {"name": "検査", "kind": kind, **said})
        (error,) = problem(answer, 422, "invalid")["errors"]
        assert (error["pointer"], error["code"]) == ("/organization_id", code), kind


async def test_it_leaves_the_organization_out_of_its_token_request(region: Region) -> None:
    clinic = await region.found()
    office = await region.organization_admin(clinic)
    with pytest.raises(AssertionError, match="invalid_request"):
        await Vendor(region.http, office.client_id, office.client_secret, clinic.organization).token()
