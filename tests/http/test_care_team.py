"""Care team and emergency access through HTTP: in force at once, in their periods, and no longer."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from tests.factories import Region, Vendor, agree, join, register, report, sheet, submit
from tests.http.inside import as_owner
from tests.http.problems import faults, problem

from renkei.ids import now
from renkei.schemas.dates import tokyo_day
from renkei.settings import Settings


def day(distance: int) -> str:
    return (tokyo_day(now()) + timedelta(distance)).isoformat()


async def home(region: Region) -> tuple[Vendor, Vendor, str]:
    clinic, nurses = await region.found(), await region.found("visiting_nursing")
    return clinic, nurses, f"/v1/patients/{await register(clinic)}"


def place(**changes: Any) -> dict[str, Any]:
    return {"part": "visiting_nursing", "valid_from": "2026-01-01", **changes}


async def periods(vendor: Vendor, path: str, organization: str) -> list[dict[str, Any]]:
    items = (await vendor.get(f"{path}/care-team")).json()["items"]
    return [item for item in items if item["organization"]["id"] == organization]


async def test_periods_are_appended_and_the_newest_holds(region: Region) -> None:
    clinic, nurses, path = await home(region)
    target = f"{path}/care-team/{nurses.id}"
    first = await clinic.put(target, place())
    assert first.status_code == 201 and first.json()["current"] and first.json()["valid_until"] is None
    again = await clinic.put(target, place())
    assert (again.status_code, again.json()) == (200, first.json())
    changed = await clinic.put(target, place(part="rehabilitation", valid_until=day(30)))
    assert changed.status_code == 200
    shown = await periods(clinic, path, nurses.id)
    assert [(p["part"], p["current"]) for p in shown] == [("rehabilitation", True), ("visiting_nursing", False)]
    assert shown[1]["replaced_at"] == shown[0]["recorded_at"]
    assert (await nurses.get(path)).json()["part"] == "rehabilitation"

    assert (await clinic.call("DELETE", target)).status_code == 204
    problem(await nurses.get(path), 404, "not-found")
    shown = await periods(clinic, path, nurses.id)
    assert [p["current"] for p in shown] == [False] * 3 and shown[0]["ended_at"] == shown[0]["recorded_at"]
    assert (await clinic.call("DELETE", target)).status_code == 204  # ended is ended
    assert len(await periods(clinic, path, nurses.id)) == 3
    assert (await clinic.put(target, place())).status_code == 200
    assert (await nurses.get(path)).status_code == 200


@pytest.mark.parametrize(
    ("valid_from", "valid_until", "in_force"),
    [(0, 0, True), (-5, None, True), (-5, 0, True), (-5, -1, False), (1, None, False)],
)
async def test_a_place_holds_in_its_period(
    region: Region, valid_from: int, valid_until: int | None, in_force: bool
) -> None:
    clinic, nurses, path = await home(region)
    until = None if valid_until is None else day(valid_until)
    await clinic.put(f"{path}/care-team/{nurses.id}", place(valid_from=day(valid_from), valid_until=until))
    assert [p["current"] for p in await periods(clinic, path, nurses.id)] == [in_force]
    assert (await nurses.get(f"{path}/summary")).status_code == (200 if in_force else 404)
    assert (await nurses.post(f"{path}/care-reports", report())).status_code == (201 if in_force else 404)


async def test_who_leaves_the_team_keeps_what_is_its_own(region: Region) -> None:
    clinic, nurses, path = await home(region)
    patient = path.rsplit("/", 1)[1]
    await agree(clinic, patient)
    await join(clinic, nurses, patient)
    await submit(clinic, patient, sheet({"medical": {"weight": 50}}))
    mine = await submit(nurses, patient, sheet({"medical": {"height": 150}}), by="nurse")
    await clinic.call("DELETE", f"{path}/care-team/{nurses.id}")
    seen = (await nurses.get(f"{path}/summary", by="nurse")).json()
    assert list(seen["groups"]["medical"]) == ["height"]
    told = problem(await nurses.post(f"{path}/care-reports", report(), by="nurse"), 403, "forbidden")
    assert told["reason_code"] == "not_in_care_team"
    gone = await nurses.post(f"{path}/face-sheets/{mine['id']}/withdrawal", {"reason": "誤り"}, by="nurse")
    assert gone.status_code == 201
    assert list((await clinic.get(f"{path}/summary", by="nurse")).json()["groups"]["medical"]) == ["weight"]


async def test_who_places_and_what_is_refused(region: Region) -> None:
    clinic, nurses, path = await home(region)
    target = f"{path}/care-team/{nurses.id}"
    for by in ("pt", "pharmacist"):
        assert (
            problem(await clinic.call("PUT", target, json=place(), by=by), 403, "forbidden")["reason_code"]
            == "profession"
        )
    problem(await nurses.put(target, place()), 404, "not-found")
    problem(await clinic.put(f"{path}/care-team/01890000-0000-7000-8000-000000000000", place()), 404, "not-found")
    problem(await clinic.call("DELETE", target), 404, "not-found")
    bad = place(part="x", valid_from="2026-1-1", valid_until=5, y=1)
    told = problem(await clinic.put(target, bad), 422, "invalid")
    assert faults(told) == {("/part", "code"), ("/valid_from", "format"), ("/valid_until", "type"), ("/y", "unknown")}
    told = problem(await clinic.put(target, place(valid_until="2025-12-31")), 422, "invalid")
    assert faults(told) == {("/valid_until", "reversed")}
    assert (await region.admin.put(target, place())).status_code == 201
    assert (await region.admin.get(f"{path}/care-team")).status_code == 200


async def test_placed_by_many_at_once_it_is_placed_once(region: Region) -> None:
    clinic, nurses, path = await home(region)
    answers = await asyncio.gather(*(clinic.put(f"{path}/care-team/{nurses.id}", place()) for _ in range(8)))
    assert sorted(a.status_code for a in answers) == [200] * 7 + [201]
    assert len(await periods(clinic, path, nurses.id)) == 1


# --- emergency access

REASON = {"reason": "自宅で倒れているところを発見、意識なし", "life_at_risk": True, "consent_unobtainable": True}
INFECTION = {"infection": [{"presence": "present", "disease": "mrsa"}], "weight": 50}


async def test_breaking_the_glass(region: Region) -> None:
    clinic, stranger, path = await home(region)
    patient = path.rsplit("/", 1)[1]
    await submit(clinic, patient, sheet({"medical": INFECTION}), by="physician")
    await submit(clinic, patient, report(), by="physician")
    problem(await stranger.get(f"{path}/summary", by="physician"), 404, "not-found")
    opened = await stranger.post(f"{path}/emergency-access", REASON, by="physician")
    assert opened.status_code == 201 and opened.json()["groups"] == ["medical", "person"]
    seen = (await stranger.get(f"{path}/summary", by="physician")).json()
    assert list(seen["groups"]["medical"]) == ["weight"] and seen["care_reports"] == []
    assert {"group": "medical", "item": "medical.infection", "reason": "restricted"} in seen["withheld"]
    assert {w["reason"] for w in seen["withheld"] if w.get("tier")} == {"no_consent"}
    shown = (await stranger.get(path, by="physician")).json()
    assert shown["tie"] == "emergency" and shown["name"]["family"] == "髙橋"
    for answer in (
        await stranger.post(f"{path}/care-reports", report(), by="physician"),
        await stranger.post(f"{path}/face-sheets", sheet({"medical": {"weight": 51}}), by="physician"),
        await stranger.put(f"{path}/care-team/{stranger.id}", place()),
    ):
        assert problem(answer, 403, "forbidden")["reason_code"] == "not_in_care_team"
    target = f"{path}/emergency-access/{opened.json()['id']}"
    problem(await clinic.call("DELETE", target, by="physician"), 403, "forbidden")
    assert (await stranger.call("DELETE", target, by="physician")).status_code == 204
    problem(await stranger.get(f"{path}/summary", by="physician"), 404, "not-found")
    actions = [e["action"] for e in (await clinic.get(f"{path}/access-log")).json()["items"]]
    assert "emergency_access.open" in actions and "emergency_access.close" in actions


async def test_it_expires_by_the_database_clock(region: Region, settings: Settings) -> None:
    _, stranger, path = await home(region)
    body = {**REASON, "groups": ["medical"], "hours": 1}
    opened = (await stranger.post(f"{path}/emergency-access", body, by="physician")).json()
    assert (await stranger.get(f"{path}/summary", by="physician")).status_code == 200
    past = "UPDATE emergency_accesses SET expires_at = now() WHERE id = %s"
    as_owner(settings, past, opened["id"])
    problem(await stranger.get(f"{path}/summary", by="physician"), 404, "not-found")


async def test_who_may_and_with_what_reason(region: Region) -> None:
    _, stranger, path = await home(region)
    target = f"{path}/emergency-access"
    for by, status in (("paramedic", 201), ("nurse", 201), ("welfare_commissioner", 403), ("medical_clerk", 201)):
        assert (await stranger.post(target, REASON, by=by)).status_code == status, by
    problem(await region.admin.post(target, REASON), 403, "forbidden")
    nobody = "/v1/patients/01890000-0000-7000-8000-000000000000/emergency-access"
    problem(await stranger.post(nobody, REASON, by="physician"), 404, "not-found")
    bad = {"reason": " ", "life_at_risk": False, "groups": [], "hours": 25}
    told = problem(await stranger.post(target, bad, by="physician"), 422, "invalid")
    assert faults(told) == {
        ("/reason", "blank"),
        ("/life_at_risk", "code"),
        ("/consent_unobtainable", "required"),
        ("/groups", "empty"),
        ("/hours", "bounds"),
    }
