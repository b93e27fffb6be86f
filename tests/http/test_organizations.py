"""Organizations: registered, looked up, suspended with effect within a second, resumed with what they had."""

import asyncio
import time
from typing import Any

import httpx
import pytest
from tests.access.world import figure, owner
from tests.factories import Region, Vendor, consent, join, register
from tests.http.problems import problem

from renkei.ids import new_id
from renkei.settings import Settings


async def suspend(region: Region, vendor: Vendor, reason: str = "廃止届") -> httpx.Response:
    return await region.admin.post(f"/v1/organizations/{vendor.id}/suspension", {"reason": reason})


async def test_an_organization_is_told_to_every_client(region: Region) -> None:
    clinic, other = await region.found(), await region.found()
    answer = await other.get(f"/v1/organizations/{clinic.id}")
    assert (answer.status_code, answer.json()) == (200, clinic.organization)
    for absent in (new_id(), "no-id"):
        problem(await other.get(f"/v1/organizations/{absent}"), 404, "not-found")


async def test_a_suspended_organization_is_seen_by_offices_only(region: Region) -> None:
    clinic, other, auditor = await region.found(), await region.found(), await region.auditor()
    path = f"/v1/organizations/{clinic.id}"
    done = await suspend(region, clinic)
    assert done.status_code == 201
    assert done.json() == {**(clinic.organization or {}), "suspended_at": done.json()["suspended_at"]}
    again = await suspend(region, clinic, "別の理由")
    assert (again.status_code, again.json()) == (200, done.json())
    problem(await other.get(path), 404, "not-found")
    for office in (region.admin, auditor):
        assert (await office.get(path)).json() == done.json()
        listed = (await office.get("/v1/organizations", params={"suspended": "true"})).json()["items"]
        assert listed[0] == clinic.organization
    problem(await other.get("/v1/organizations", params={"suspended": "true"}), 403, "forbidden")
    listed = (await other.get("/v1/organizations")).json()["items"]
    assert clinic.id not in [one["id"] for one in listed]


async def test_a_suspension_ends_tokens_within_a_second_and_resuming_gives_back_what_was_there(region: Region) -> None:
    clinic, nurses = await region.found(), await region.found("visiting_nursing")
    patient = await register(clinic)
    await join(clinic, nurses, patient)
    assert (await nurses.get(f"/v1/patients/{patient}", by="nurse")).status_code == 200
    assert (await suspend(region, nurses)).status_code == 201
    began = time.perf_counter()
    while (await nurses.get(f"/v1/patients/{patient}", by="nurse")).status_code != 401:
        await asyncio.sleep(0.02)
        assert time.perf_counter() - began < 1.2
    figure(f"suspension: time to effect {time.perf_counter() - began:.2f} s (≤ 1)")
    with pytest.raises(AssertionError, match="invalid_target"):
        await Vendor(region.http, nurses.client_id, nurses.client_secret, nurses.organization).token()
    path = f"/v1/organizations/{nurses.id}/suspension"
    for _ in range(2):
        assert (await region.admin.call("DELETE", path)).status_code == 204
    assert (await nurses.get(f"/v1/patients/{patient}", by="nurse")).status_code == 200


async def test_nothing_new_is_given_to_a_suspended_organization(region: Region) -> None:
    clinic, gone = await region.found(), await region.found("visiting_nursing")
    patient = await register(clinic)
    await join(clinic, gone, patient)
    await suspend(region, gone)
    place = {"part": "other", "valid_from": "2026-01-01"}
    problem(await clinic.put(f"/v1/patients/{patient}/care-team/{gone.id}", place), 404, "not-found")
    named = consent(recipients={"care_team": False, "organizations": [clinic.id, gone.id]})
    refused = problem(await clinic.post(f"/v1/patients/{patient}/consents", named), 422, "invalid")
    assert pointers(refused) == [("/recipients/organizations/1", "unknown")]
    delegations = [{"organization_id": id_, "professions": ["nurse"]} for id_ in (clinic.id, gone.id)]
    body = {"name": "検査", "kind": "vendor", "delegations": delegations}
    refused = problem(await region.admin.post("/v1/clients", body), 422, "invalid")
    assert pointers(refused) == [("/delegations/1/organization_id", "unknown")]
    office = {"name": "検査", "kind": "organization_admin", "organization_id": gone.id}
    assert pointers(problem(await region.admin.post("/v1/clients", office), 422, "invalid")) == [
        ("/organization_id", "unknown")
    ]
    # What it has can still be ended.
    assert (await clinic.call("DELETE", f"/v1/patients/{patient}/care-team/{gone.id}")).status_code == 204


def pointers(refused: dict[str, Any]) -> list[tuple[str, str]]:
    return [(error["pointer"], error["code"]) for error in refused["errors"]]


async def test_only_the_platforms_admin_suspends_and_it_is_on_record(region: Region, settings: Settings) -> None:
    clinic, auditor = await region.found(), await region.auditor()
    office = await region.organization_admin(clinic)
    path = f"/v1/organizations/{clinic.id}/suspension"
    for nobody in (clinic, auditor, office):
        problem(await nobody.post(path, {"reason": "x"}), 403, "forbidden")
        problem(await nobody.call("DELETE", path), 403, "forbidden")
    for absent in (new_id(), "no-id"):
        problem(await region.admin.post(f"/v1/organizations/{absent}/suspension", {"reason": "x"}), 404, "not-found")
        problem(await region.admin.call("DELETE", f"/v1/organizations/{absent}/suspension"), 404, "not-found")
    problem(await region.admin.post(path, {"reason": " "}), 422, "invalid")
    requests = [
        (await suspend(region, clinic)).headers["x-request-id"],
        (await region.admin.call("DELETE", path)).headers["x-request-id"],
    ]
    with owner(settings) as connection:
        events = connection.execute(
            "SELECT action, detail FROM service_events WHERE request_id = ANY (%s::uuid[]) ORDER BY at", [requests]
        ).fetchall()
    assert events == [
        ("organization.suspend", {"organization_id": clinic.id, "reason": "廃止届"}),
        ("organization.resume", {"organization_id": clinic.id}),
    ]
