"""訂正と取下げ, seen from the other side: what readers see of a corrected and of a withdrawn record, in every place."""

from typing import Any

from tests.factories import Region, Vendor, report, sheet, submit, team
from tests.http.feed import publish_all, read, worker_engine
from tests.http.problems import problem

from renkei.ids import new_id
from renkei.settings import Settings


def allergy(substance: str) -> dict[str, Any]:
    return {"medical": {"allergy": [{"presence": "present", "substance": substance, "severity": "mild"}]}}


def version(document: dict[str, Any], number: int, **changes: Any) -> dict[str, Any]:
    """The same document, corrected."""
    return {**document, **changes, "source": {**document["source"], "version": number}}


async def seen(reader: Vendor, patient: str) -> list[str]:
    """The substances in the summary, as a nurse reads it."""
    summary = (await reader.get(f"/v1/patients/{patient}/summary", by="nurse")).json()
    shown = summary["groups"]["medical"].get("allergy")
    return [] if shown is None else [one["substance"] for entry in (shown, *shown["others"]) for one in entry["value"]]


async def test_a_corrected_sheet_as_others_see_it(region: Region, settings: Settings) -> None:
    clinic, nurses, patient = await team(region)
    path, first = f"/v1/patients/{patient}/face-sheets", sheet(allergy("ペニシリン"))
    old = (await submit(clinic, patient, first, by="physician"))["id"]
    assert await seen(nurses, patient) == ["ペニシリン"]
    new = (await submit(clinic, patient, version(first, 3, items=allergy("アンピシリン")), by="physician"))["id"]
    assert await seen(nurses, patient) == ["アンピシリン"]
    stood = (await nurses.get(f"{path}/{old}", by="nurse")).json()
    assert (stood["replaced_by"], stood["items"]) == (new, allergy("ペニシリン"))
    stands = (await nurses.get(f"{path}/{new}", by="nurse")).json()
    assert "replaced_by" not in stands and stands["source"]["version"] == 3
    listed = {one["id"]: one for one in (await nurses.get(path, by="nurse")).json()["items"]}
    assert listed == {old: stood, new: stands}
    for either in (old, new):
        versions = (await nurses.get(f"{path}/{either}/versions", by="nurse")).json()
        assert versions == {"items": [stands, stood], "next": None}
    async with worker_engine(settings) as worker:
        await publish_all(worker)
    lines = await read(nurses, "nurse", patient=patient, kind="face_sheet.submit")
    assert [line["record_id"] for line in lines] == [old, new]


async def test_a_withdrawn_correction_leaves_nothing_and_the_marks_stay(region: Region, settings: Settings) -> None:
    clinic, nurses, patient = await team(region)
    path, first = f"/v1/patients/{patient}/face-sheets", sheet(allergy("ペニシリン"))
    old = (await submit(clinic, patient, first, by="physician"))["id"]
    new = (await submit(clinic, patient, version(first, 2, items=allergy("アンピシリン")), by="physician"))["id"]
    taken = await clinic.post(f"{path}/{new}/withdrawal", {"reason": "別の利用者の内容"}, by="physician")
    assert taken.status_code == 201
    assert await seen(nurses, patient) == []
    versions = (await nurses.get(f"{path}/{old}/versions", by="nurse")).json()["items"]
    assert [(one["id"], one.get("withdrawal_reason"), one.get("replaced_by")) for one in versions] == [
        (new, "別の利用者の内容", None),
        (old, None, new),
    ]
    assert versions[0]["withdrawn_at"] == taken.json()["withdrawn_at"]
    async with worker_engine(settings) as worker:
        await publish_all(worker)
    lines = await read(nurses, "nurse", patient=patient)
    told = [(line["kind"], line["record_id"]) for line in lines if line["kind"].startswith("face_sheet")]
    assert told == [("face_sheet.submit", old), ("face_sheet.submit", new), ("face_sheet.withdraw", new)]
    # To let it stand again, its content is sent with a higher version.
    await submit(clinic, patient, version(first, 3), by="physician")
    assert await seen(nurses, patient) == ["ペニシリン"]


async def test_a_corrected_report_in_the_summary_and_in_lists(region: Region) -> None:
    clinic, nurses, patient = await team(region)
    first = report(items={"systolic_bp": 210})
    old = (await submit(nurses, patient, first, by="nurse"))["id"]
    items = {"care_report": {**first["items"]["care_report"], "systolic_bp": 120, "body": "血圧の打ち間違いを訂正。"}}
    new = (await submit(nurses, patient, version(first, 2, items=items), by="nurse"))["id"]
    lines = (await clinic.get(f"/v1/patients/{patient}/summary", by="physician")).json()["care_reports"]
    assert [(line["id"], line["body"]) for line in lines] == [(new, "血圧の打ち間違いを訂正。")]
    path = f"/v1/patients/{patient}/care-reports"
    versions = (await clinic.get(f"{path}/{new}/versions", by="physician")).json()["items"]
    assert [(v["id"], v["items"]["care_report"]["systolic_bp"]) for v in versions] == [(new, 120), (old, 210)]


async def test_who_may_not_read_a_record_reads_none_of_its_versions(region: Region) -> None:
    clinic, nurses, patient = await team(region)
    path = f"/v1/patients/{patient}"
    made = (await submit(clinic, patient, sheet(allergy("ペニシリン")), by="physician"))["id"]
    outsider = await region.found("pharmacy")
    problem(await outsider.get(f"{path}/face-sheets/{made}/versions", by="pharmacist"), 404, "not-found")
    problem(await nurses.get(f"{path}/care-reports/{made}/versions", by="nurse"), 404, "not-found")
    problem(await nurses.get(f"{path}/face-sheets/{new_id()}/versions", by="nurse"), 404, "not-found")
    (consent,) = (await clinic.get(f"{path}/consents", by="physician")).json()["items"]
    withdrawn = await clinic.post(f"{path}/consents/{consent['id']}/withdrawal", {"reason": "申し出"}, by="physician")
    assert withdrawn.status_code == 201
    told = problem(await nurses.get(f"{path}/face-sheets/{made}/versions", by="nurse"), 403, "forbidden")
    assert told["reason_code"] == "consent_withdrawn"
    assert len((await clinic.get(f"{path}/face-sheets/{made}/versions", by="physician")).json()["items"]) == 1
