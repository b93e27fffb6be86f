"""Fetching what was written out: each patient on record, only what may still be read, and only what was kept."""

import hmac
from typing import Any
from uuid import UUID

from tests.access.test_scopes import limited
from tests.bulk.test_exports import export, refusals, town
from tests.factories import Region, agree, family_consent, person, register, report, submit
from tests.http.inside import as_owner
from tests.http.problems import problem
from tests.http.twice import link, ltci, part, registered_twice

from renkei.schemas.search_keys import person_key
from renkei.settings import Settings
from renkei.worker.labour import Labour

OWN = {"what": "own_records", "format": "ndjson"}
SHOWN = (
    "SELECT patient_id FROM audit_events WHERE request_id = %s AND action = 'export.download' AND outcome = 'allowed'"
)


async def test_each_patient_of_a_file_is_on_record_as_shown(region: Region, labour: Labour, settings: Settings) -> None:
    nurses = await region.found("visiting_nursing")
    patients = {await register(nurses, by="nurse") for _ in range(3)}
    for patient in patients:
        await submit(nurses, patient, report(), by="nurse")
    job = await export(nurses, labour, **OWN)
    answer = await nurses.get(job["file"], by="nurse")
    shown = as_owner(settings, SHOWN, UUID(answer.headers["x-request-id"]))
    assert sorted(str(id_) for (id_,) in shown) == sorted(patients)
    stranger = await region.found("visiting_nursing")
    none = await export(stranger, labour, **OWN)
    answer = await stranger.get(none["file"], by="nurse")
    query = "SELECT detail FROM service_events WHERE request_id = %s"
    assert as_owner(settings, query, UUID(answer.headers["x-request-id"])) == [({"export_id": none["id"]},)]


async def test_ones_own_records_are_not_fetched_where_less_is_seen_of_the_person(
    region: Region, labour: Labour, settings: Settings
) -> None:
    clinic, pharmacy = await region.found(), await region.found("pharmacy")
    number = ltci()
    patient = await register(clinic, identifiers=[number])
    await submit(clinic, patient, report(), by="physician")
    sent = await pharmacy.post("/v1/patients", person(identifiers=[number]), by="pharmacist")
    assert (sent.status_code, sent.json()["tie"]) == (200, "requested")
    await submit(pharmacy, patient, report(), by="pharmacist")
    named = {"care_team": False, "organizations": [pharmacy.id], "professions": []}
    consent = await agree(clinic, patient, recipients=named)
    job = await export(pharmacy, labour, "pharmacist", **OWN)
    assert (await pharmacy.get(job["file"], by="pharmacist")).status_code == 200
    reason = {"reason": "申し出"}
    path = f"/v1/patients/{patient}/consents/{consent}/withdrawal"
    assert (await clinic.post(path, reason, by="physician")).status_code == 201
    refused = await pharmacy.get(job["file"], by="pharmacist")
    assert problem(refused, 409, "conflict")["reason_code"] == "rights_changed"
    assert refusals(settings, refused, patient) == ["rights_changed"]


async def test_ones_own_records_are_not_fetched_when_a_person_is_parted(region: Region, labour: Labour) -> None:
    t = await registered_twice(region)
    for patient in (t.one, t.two):
        await submit(t.office, patient, report(), by="nurse")
    assert (await link(t.office, t.one, t.two)).status_code == 201
    job = await export(t.office, labour, **OWN)
    assert (await t.office.get(job["file"], by="nurse")).status_code == 200
    assert (await part(t.office, t.one, t.two)).status_code == 201
    assert (await t.office.get(job["file"], by="nurse")).status_code == 409


async def test_a_token_that_reads_no_records_fetches_none(region: Region, labour: Labour) -> None:
    _, nurses, patient = await town(region)
    wide = await limited(nurses, "exports patients records.read")
    for said in (OWN, {"what": "patient", "patient_id": patient, "format": "ndjson"}):
        job = await export(wide, labour, None, **said)
        for scope in ("exports patients", "exports records.read"):
            narrow = await limited(nurses, scope)
            assert problem(await narrow.get(job["file"]), 403, "forbidden")["reason_code"] == "scope"
        assert (await wide.get(job["file"])).status_code == 200


async def test_a_file_that_is_gone_or_altered_is_no_export(region: Region, labour: Labour, settings: Settings) -> None:
    _, nurses, patient = await town(region)
    said: dict[str, Any] = {"what": "patient", "patient_id": patient, "format": "ndjson"}
    for n in range(2):
        job = await export(nurses, labour, **said)
        (keys,) = as_owner(settings, "SELECT result_key, file_key FROM jobs WHERE id = %s", UUID(job["id"]))
        file = settings.blobs_dir / keys[n]
        file.write_bytes(file.read_bytes() + b"{}\n")
        problem(await nurses.get(job["file"], by="nurse"), 503, "unavailable")
        file.unlink()
        answer = await nurses.get(job["file"], by="nurse")
        problem(answer, 503, "unavailable")
        assert as_owner(settings, SHOWN, UUID(answer.headers["x-request-id"])) == []


async def test_names_of_the_family_are_not_to_be_guessed_from_the_files(
    region: Region, labour: Labour, settings: Settings
) -> None:
    clinic, nurses, patient = await town(region)
    assert (await clinic.post(f"/v1/patients/{patient}/consents", family_consent())).status_code == 201
    job = await export(nurses, labour, what="patient", patient_id=patient, format="ndjson")
    ((key, spec),) = as_owner(settings, "SELECT file_key, spec FROM jobs WHERE id = %s", UUID(job["id"]))
    kept = (settings.blobs_dir / key).read_text("utf-8")
    name = person_key("髙橋 一郎").encode()
    told, guessed = (
        hmac.digest(secret, name, "sha256").hex()
        for secret in (bytes.fromhex(spec["names_key"]), UUID(job["id"]).bytes)
    )
    assert f"family {told}" in kept and guessed not in kept and "names_key" not in job
    assert (await nurses.get(job["file"], by="nurse")).status_code == 200
