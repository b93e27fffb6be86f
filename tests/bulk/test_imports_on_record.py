"""What an import does and is refused stands in the ledger as if each row had been sent alone."""

from uuid import UUID

from tests.bulk.test_import_lines import errors, line, lines, take_in
from tests.factories import Region, person, register, report
from tests.http.inside import as_owner
from tests.http.twice import link, ltci, part, registered_twice

from renkei.settings import Settings
from renkei.worker.labour import Labour

REFUSED = """
SELECT patient_id::text FROM audit_events WHERE action = 'patient.register' AND outcome = 'refused' AND reason = 'identifiers_disagree'
  AND patient_id = ANY (%s::uuid[])
"""


async def test_each_document_about_a_linked_person_is_told_once(region: Region, labour: Labour) -> None:
    t = await registered_twice(region)
    assert (await link(t.office, t.one, t.two)).status_code == 201
    job = await take_in(t.office, labour.importer, lines(*(line(t.one, report()) for _ in range(3))))
    again = await take_in(t.office, labour.importer, lines(line(t.two, report()), line(t.one, report())))
    assert (job["kept"], again["kept"]) == (3, 2)
    records = (await t.office.get(f"/v1/patients/{t.one}/care-reports", by="nurse")).json()["items"]
    for patient in (t.one, t.two):
        log = (await t.office.get(f"/v1/patients/{patient}/access-log", by="nurse")).json()["items"]
        told = [one["record_id"] for one in log if one["action"] == "care_report.submit"]
        assert sorted(told) == sorted(one["id"] for one in records)
    assert (await part(t.office, t.one, t.two)).status_code == 201
    log = (await t.office.get(f"/v1/patients/{t.two}/access-log", by="nurse")).json()["items"]
    assert sum(one["action"] == "care_report.submit" for one in log) == 5  # each id has its own


async def test_a_refused_registration_is_on_record_with_whom_it_is_about(
    region: Region, labour: Labour, settings: Settings
) -> None:
    nurses = await region.found("visiting_nursing")
    number, local = ltci(), {"system": "local", "value": "A-7"}
    one = await register(nurses, identifiers=[number], by="nurse")
    other = await register(nurses, identifiers=[local], by="nurse")
    both = {**person(), "identifiers": [number, local]}
    alone = await nurses.post("/v1/patients", both, by="nurse")
    assert (alone.status_code, alone.json()["reason_code"]) == (409, "identifiers_disagree")
    asked = [[UUID(one), UUID(other)]]
    assert sorted(id_ for (id_,) in as_owner(settings, REFUSED, *asked)) == sorted([one, other])
    job = await take_in(nurses, labour.importer, lines({"kind": "patient", "body": both}))
    assert await errors(nurses, job["id"]) == {1: {("", "identifiers_disagree")}}
    assert len(as_owner(settings, REFUSED, *asked)) == 4
