"""廃止・休止: one organization's places pass to another, with what does not pass on named."""

from typing import Any

import httpx
import pytest
from tests.access.world import owner, tokyo
from tests.factories import Region, Vendor, agree, join, register, sheet, submit
from tests.http.problems import problem

from renkei.actions import handover
from renkei.ids import new_id
from renkei.settings import Settings


async def hand_over(region: Region, closing: Vendor, to: Vendor, **more: Any) -> httpx.Response:
    body = {"to": to.id, "reason": "事業の廃止", **more}
    return await region.admin.post(f"/v1/organizations/{closing.id}/handover", body)


async def places(vendor: Vendor, patient: str) -> dict[str, dict[str, Any]]:
    """The newest period of each organization, by its id."""
    items = (await vendor.get(f"/v1/patients/{patient}/care-team")).json()["items"]
    return {item["organization"]["id"]: item for item in reversed(items)}


async def test_every_place_of_today_passes_on_and_records_stay_whose_they_are(region: Region) -> None:
    clinic, closing, to = await region.found(), await region.found("visiting_nursing"), await region.found("home_help")
    patients = [await register(clinic) for _ in range(5)]
    until = tokyo(30)
    await join(clinic, closing, patients[0], "visiting_nursing", valid_until=until)
    await join(clinic, closing, patients[1], "rehabilitation")
    await join(clinic, closing, patients[2])
    await clinic.call("DELETE", f"/v1/patients/{patients[2]}/care-team/{closing.id}")
    await join(clinic, closing, patients[3], valid_from=tokyo(1))
    await join(clinic, closing, patients[4])
    await join(clinic, to, patients[4], "home_help")
    written = await submit(closing, patients[0], sheet({"medical": {"present_illness": "慢性心不全"}}), by="nurse")

    done = await hand_over(region, closing, to)
    assert done.status_code == 200, done.text
    handed = [patients[0], patients[1], patients[4]]
    assert {**done.json(), "handed_over": sorted(done.json()["handed_over"])} == {
        "handed_over": sorted(handed),
        "named_in_consents": [],
    }
    for patient, part, from_, end in (
        (patients[0], "visiting_nursing", tokyo(), until),
        (patients[1], "rehabilitation", tokyo(), None),
        (patients[4], "home_help", "2020-01-01", None),
    ):
        now = await places(clinic, patient)
        assert (now[closing.id]["current"], now[closing.id]["valid_until"]) == (False, tokyo())
        place = now[to.id]
        assert (place["current"], place["part"], place["valid_from"], place["valid_until"]) == (True, part, from_, end)
        assert (await to.get(f"/v1/patients/{patient}/summary", by="nurse")).status_code == 200
    for patient in patients[2:4]:
        assert to.id not in await places(clinic, patient)
    seen = await closing.get(f"/v1/patients/{patients[0]}/face-sheets/{written['id']}", by="nurse")
    assert seen.json()["organization"]["id"] == closing.id
    problem(await closing.get(f"/v1/patients/{patients[1]}", by="nurse"), 404, "not-found")

    again = await hand_over(region, closing, to)
    assert (again.status_code, again.json()) == (200, {"handed_over": [], "named_in_consents": []})


async def test_what_names_the_old_one_is_told_as_it_does_not_pass_on(region: Region) -> None:
    clinic, closing, to = await region.found(), await region.found("visiting_nursing"), await region.found("home_help")
    patient, named_only, withdrawn = [await register(clinic) for _ in range(3)]
    for had in (patient, named_only):
        await join(clinic, closing, had)
    await clinic.call("DELETE", f"/v1/patients/{named_only}/care-team/{closing.id}")
    names = {"recipients": {"organizations": [closing.id]}}
    standing = await agree(clinic, patient, **names)
    await agree(clinic, patient, recipients={"care_team": True})
    other = await agree(clinic, named_only, **names)
    for one in (withdrawn, patient):
        old = await agree(clinic, one, **names)
        await clinic.post(f"/v1/patients/{one}/consents/{old}/withdrawal", {"reason": "申し出"})
    await agree(clinic, patient, **names, valid_until=tokyo(-1))
    told = (await hand_over(region, closing, to)).json()
    assert told["handed_over"] == [patient]
    assert told["named_in_consents"] == [
        {"patient_id": named_only, "consent_id": other},
        {"patient_id": patient, "consent_id": standing},
    ]
    problem(await to.get(f"/v1/patients/{named_only}", by="nurse"), 404, "not-found")


async def test_only_the_patients_asked_for_and_none_that_is_not_its_own(region: Region) -> None:
    clinic, closing, to = await region.found(), await region.found(), await region.found()
    first, second, strange = [await register(clinic) for _ in range(3)]
    for patient in (first, second):
        await join(clinic, closing, patient)
    refused = problem(await hand_over(region, closing, to, patients=[first, strange]), 422, "invalid")
    assert [(error["pointer"], error["code"]) for error in refused["errors"]] == [("/patients/1", "unknown")]
    assert (await places(clinic, first))[closing.id]["current"]
    assert (await hand_over(region, closing, to, patients=[first])).json()["handed_over"] == [first]
    assert (await places(clinic, second))[closing.id]["current"]
    assert (await hand_over(region, closing, to, patients=[first])).json()["handed_over"] == []


async def test_page_after_page_is_handed_over_with_one_event_each(
    region: Region, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover, "AT_ONCE", 2)
    monkeypatch.setattr(handover, "LISTED_AT_ONCE", 2)
    clinic, closing, to = await region.found(), await region.found(), await region.found()
    patients = [await register(clinic) for _ in range(5)]
    for patient in patients:
        await join(clinic, closing, patient)
    done = await hand_over(region, closing, to)
    assert sorted(done.json()["handed_over"]) == sorted(patients)
    request = [done.headers["x-request-id"]]
    with owner(settings) as connection:
        events = connection.execute(
            "SELECT patient_id::text, id, action, basis FROM audit_events WHERE request_id = %s", request
        ).fetchall()
        announced = connection.execute(
            "SELECT patient_id::text, audit_event_id FROM changes WHERE kind = 'care_team.hand_over' "
            "AND audit_event_id = ANY (%s)",
            [[id_ for _, id_, _, _ in events]],
        ).fetchall()
        (told,) = connection.execute(
            "SELECT action, detail FROM service_events WHERE request_id = %s", request
        ).fetchall()
    assert sorted(patient for patient, _, _, _ in events) == sorted(patients)
    assert {(action, *basis) for _, _, action, basis in events} == {("care_team.hand_over", "administration")}
    assert sorted(announced) == sorted((patient, id_) for patient, id_, _, _ in events)
    body = {"organization_id": closing.id, "to": to.id, "reason": "事業の廃止", "patients": None}
    assert told == ("care_team.hand_over", body)


async def test_to_whom_it_cannot_be_handed_over(region: Region) -> None:
    clinic, closing, gone = await region.found(), await region.found(), await region.found()
    patient = await register(clinic)
    await join(clinic, closing, patient)
    await region.admin.post(f"/v1/organizations/{gone.id}/suspension", {"reason": "廃止"})
    path = f"/v1/organizations/{closing.id}/handover"
    assert problem(await hand_over(region, closing, gone), 409, "conflict")["reason_code"] == "organization_suspended"
    assert problem(await hand_over(region, closing, closing), 409, "conflict")["reason_code"] == "same_organization"
    unknown = problem(await region.admin.post(path, {"to": str(new_id()), "reason": "x"}), 422, "invalid")
    assert [(error["pointer"], error["code"]) for error in unknown["errors"]] == [("/to", "unknown")]
    body = {"to": clinic.id, "reason": "x"}
    problem(await region.admin.post(f"/v1/organizations/{new_id()}/handover", body), 404, "not-found")
    for nobody in (closing, clinic, await region.auditor()):
        problem(await nobody.post(path, body), 403, "forbidden")
        problem(await nobody.post(f"/v1/organizations/{gone.id}/handover", body), 403, "forbidden")
    # Who closes may be suspended first.
    await region.admin.post(f"/v1/organizations/{closing.id}/suspension", {"reason": "廃止"})
    assert (await hand_over(region, closing, clinic)).json()["handed_over"] == [patient]
    assert (await places(clinic, patient))[clinic.id]["valid_from"] == tokyo()  # it keeps the place it had
