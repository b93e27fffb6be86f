"""The shared summary as read: what stands, what differs, what is withheld, and when a copy is still good."""

from datetime import date, timedelta
from typing import Any

import pytest
from tests.factories import Region, Vendor, register, report, sheet, submit, team
from tests.http.problems import faults, problem

from renkei.catalogue import load_catalogue

PENICILLIN = [{"presence": "present", "substance": "ペニシリン"}]


def at(day: int, hour: int = 10) -> str:
    return f"2026-06-{day:02}T{hour:02}:00:00+09:00"


async def read(vendor: Vendor, patient: str, query: str = "", by: str | None = None) -> dict[str, Any]:
    answer = await vendor.get(f"/v1/patients/{patient}/summary{query}", by=by)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def medical(vendor: Vendor, patient: str) -> dict[str, Any]:
    return dict((await read(vendor, patient, by="physician"))["groups"]["medical"])


async def test_complete_replaces_partial_restates(region: Region) -> None:
    clinic, _, patient = await team(region)
    await submit(clinic, patient, sheet({"medical": {"weight": 50, "height": 160}}, as_of=at(1)))
    await submit(clinic, patient, sheet({"medical": {"weight": 51}}, as_of=at(2)))
    assert {n: e["value"] for n, e in (await medical(clinic, patient)).items()} == {"weight": 51, "height": 160}
    whole = sheet({"medical": {"height": 161}}, as_of=at(3), coverage="complete")
    await submit(clinic, patient, whole)
    assert {n: e["value"] for n, e in (await medical(clinic, patient)).items()} == {"height": 161}


async def test_late_arrivals_never_hide_newer_values(region: Region) -> None:
    clinic, nurses, patient = await team(region)
    await submit(clinic, patient, sheet({"medical": {"weight": 52}}, as_of=at(10)))
    await submit(clinic, patient, sheet({"medical": {"weight": 51, "height": 160}}, as_of=at(5)))
    await submit(clinic, patient, sheet({"medical": {"weight": 49}}, as_of=at(1), coverage="complete"))
    await submit(nurses, patient, sheet({"medical": {"weight": 48}}, as_of=at(9)))
    seen = await medical(nurses, patient)
    assert seen["weight"]["value"] == 52 and seen["weight"]["as_of"] == at(10)
    assert [(o["value"], o["organization"]["id"]) for o in seen["weight"]["others"]] == [(48, nurses.id)]
    assert seen["height"]["value"] == 160
    # A complete sheet that arrives late clears only what is older than itself.
    await submit(clinic, patient, sheet({"medical": {"weight": 50}}, as_of=at(7), coverage="complete"))
    seen = await medical(nurses, patient)
    assert seen["weight"]["value"] == 52 and "height" not in seen


async def test_the_later_instant_wins_whatever_its_offset(region: Region) -> None:
    clinic, nurses, patient = await team(region)
    await submit(clinic, patient, sheet({"medical": {"weight": 52}}, as_of="2026-06-01T23:00:00Z"))
    await submit(nurses, patient, sheet({"medical": {"weight": 51}}, as_of="2026-06-02T07:59:59+09:00"))
    seen = (await medical(nurses, patient))["weight"]
    assert (seen["value"], seen["as_of"]) == (52, "2026-06-01T23:00:00Z")
    assert seen["others"][0]["value"] == 51


async def test_every_value_says_where_it_comes_from_and_when_to_look_again(region: Region) -> None:
    clinic, nurses, patient = await team(region)
    kept = await submit(clinic, patient, sheet({"medical": {"weight": 50}}, as_of=at(1)), by="physician")
    weight = (await medical(nurses, patient))["weight"]
    days = load_catalogue().items["medical.weight"].review_days
    assert days
    assert weight == {
        "value": 50,
        "as_of": at(1),
        "organization": {"id": clinic.id, "name": clinic.organization["name"] if clinic.organization else ""},
        "profession": "physician",
        "record_id": kept["id"],
        "review_by": (date(2026, 6, 1) + timedelta(days)).isoformat(),
        "stale_from": (date(2026, 6, 1) + timedelta(2 * days + 1)).isoformat(),
        "others": [],
    }


@pytest.mark.parametrize("why", ["none", "unknown", "not_asked", "declined"])
async def test_absent_is_a_statement(region: Region, why: str) -> None:
    clinic, nurses, patient = await team(region)
    item = "medical.vaccination" if why == "none" else "medical.weight"
    name = item.removeprefix("medical.")
    await submit(clinic, patient, sheet({"medical": {"height": 160}}, absent={item: why}, as_of=at(2)))
    seen = (await medical(nurses, patient))[name]
    assert seen["absent"] == why and "value" not in seen and seen["organization"]["id"] == clinic.id
    # Somebody's value stands before an absence, even a later one, which stays in sight beside it.
    value: Any = [{"vaccine": "influenza", "given_on": "2025-11-01"}] if why == "none" else 50
    sent = await nurses.post(
        f"/v1/patients/{patient}/face-sheets", sheet({"medical": {name: value}}, as_of=at(1)), by="nurse"
    )
    assert sent.status_code == 201, sent.text
    seen = (await medical(nurses, patient))[name]
    assert seen["value"] == value and [o["absent"] for o in seen["others"]] == [why]


async def test_what_differs_stands_beside_and_what_is_equal_does_not(region: Region) -> None:
    clinic, nurses, patient = await team(region)
    await submit(clinic, patient, sheet({"medical": {"weight": 36, "height": 160, "allergy": PENICILLIN}}, as_of=at(1)))
    await submit(
        nurses, patient, sheet({"medical": {"weight": 36.0, "height": 161, "allergy": PENICILLIN}}, as_of=at(2))
    )
    seen = await medical(nurses, patient)
    assert seen["weight"]["others"] == []
    assert [o["value"] for o in seen["height"]["others"]] == [160]
    # Lists that matter for safety: the other's equal list stands there too.
    assert seen["allergy"]["value"] == PENICILLIN
    assert [(o["value"], o["organization"]["id"]) for o in seen["allergy"]["others"]] == [(PENICILLIN, clinic.id)]


async def test_groups(region: Region) -> None:
    clinic, nurses, patient = await team(region)
    await submit(clinic, patient, sheet({"medical": {"weight": 50}}))
    await submit(clinic, patient, report())
    assert list((await read(nurses, patient))["groups"]) == ["person", "family", "medical", "living"]
    seen = await read(nurses, patient, "?groups=living,medical")
    assert list(seen["groups"]) == ["medical", "living"] and seen["care_reports"] == []
    seen = await read(nurses, patient, "?groups=care_report")
    assert seen["groups"] == {} and len(seen["care_reports"]) == 1
    assert {w["group"] for w in (await read(nurses, patient, "?groups=medical"))["withheld"]} <= {"medical"}
    for wrong in ("", "medical,", "Medical", "medical,hospital", "medical, living"):
        told = problem(await nurses.get(f"/v1/patients/{patient}/summary", params={"groups": wrong}), 422, "invalid")
        assert faults(told) == {("?groups", "code")}


async def test_the_twenty_latest_reports_late_ones_in_their_place(region: Region) -> None:
    clinic, nurses, patient = await team(region)
    days = [3, 9, 1, 7, 5, 8, 2, 6, 4, 10]
    for day in days:
        for hour in (15, 9, 12):
            vendor = clinic if hour == 9 else nurses
            await submit(vendor, patient, report(items={"observed_at": at(day, hour)}))
    newest = sorted((at(day, hour) for day in days for hour in (9, 12, 15)), reverse=True)
    shown = (await read(nurses, patient))["care_reports"]
    assert [r["observed_at"] for r in shown] == newest[:20]
    assert set(shown[0]) == {"id", "observed_at", "organization", "profession", "urgency", "body"}
    # One withdrawn: the next older one, of whichever office, takes the last place.
    mine = next(r["id"] for r in shown if r["organization"]["id"] == nurses.id)
    gone = await nurses.post(f"/v1/patients/{patient}/care-reports/{mine}/withdrawal", {"reason": "誤り"})
    assert gone.status_code == 201
    after = (await read(nurses, patient))["care_reports"]
    assert [r["id"] for r in after[:19]] == [r["id"] for r in shown if r["id"] != mine]
    assert after[19]["observed_at"] == newest[20]


async def test_a_copy_is_good_until_something_changes(region: Region) -> None:
    clinic, nurses, patient = await team(region)
    path = f"/v1/patients/{patient}/summary"
    await submit(clinic, patient, sheet({"medical": {"weight": 50}}))
    first = await nurses.get(path)
    tag = first.headers["etag"]
    assert tag.startswith('"') and "private" in first.headers["cache-control"]
    assert "Authorization" in first.headers["vary"]
    for known in (tag, f'"x", {tag}', f"W/{tag}"):
        again = await nurses.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    for unknown in ('"x"', "x", '""'):
        assert (await nurses.get(path, headers={"If-None-Match": unknown})).status_code == 200
    await submit(clinic, patient, sheet({"medical": {"weight": 51}}, as_of=at(2)))
    changed = await nurses.get(path, headers={"If-None-Match": tag})
    assert changed.status_code == 200 and changed.headers["etag"] != tag
    assert changed.json()["groups"]["medical"]["weight"]["value"] == 51


async def test_a_copy_is_never_good_for_somebody_else_or_under_another_consent(region: Region) -> None:
    clinic, nurses, patient = await team(region)
    path = f"/v1/patients/{patient}/summary"
    await submit(clinic, patient, sheet({"medical": {"weight": 50}}))
    tags = {
        (await vendor.get(url, by=by)).headers["etag"]
        for vendor, by, url in (
            (clinic, "physician", path),
            (nurses, "physician", path),
            (nurses, "home_helper", path),
            (nurses, "physician", f"{path}?groups=medical"),
        )
    }
    assert len(tags) == 4
    for tag in tags:
        assert (await nurses.get(path, by="care_worker", headers={"If-None-Match": tag})).status_code == 200
    mine = (await nurses.get(path, by="nurse")).headers["etag"]
    consents = (await clinic.get(f"/v1/patients/{patient}/consents")).json()["items"]
    for consent in consents:
        await clinic.post(f"/v1/patients/{patient}/consents/{consent['id']}/withdrawal", {"reason": "申し出"})
    after = await nurses.get(path, by="nurse", headers={"If-None-Match": mine})
    assert after.status_code == 200 and after.headers["etag"] != mine
    assert after.json()["groups"]["medical"] == {}


async def test_an_empty_summary(region: Region) -> None:
    clinic = await region.found()
    patient = await register(clinic)
    seen = await read(clinic, patient, by="physician")
    assert seen["groups"] == {"person": {}, "family": {}, "medical": {}, "living": {}}
    assert seen["patient_id"] == patient and seen["care_reports"] == []
    assert {(w["group"], w.get("tier"), w["reason"]) for w in seen["withheld"]} == {
        (group, tier, "no_consent")
        for group in ("person", "family", "medical", "living", "care_report")
        for tier in ("basic", "optional")
    }
