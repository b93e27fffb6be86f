"""Drafts and attachments of a person who is registered twice: found under either id, and beside what they belong to."""

from tests.access.world import owner
from tests.factories import Region, report, submit
from tests.http.test_attachments import WOUND, attach
from tests.http.twice import link, registered_twice

from renkei.settings import Settings


async def test_a_draft_is_confirmed_where_its_document_stands(region: Region) -> None:
    t = await registered_twice(region)
    first = report()
    old = (await submit(t.office, t.two, first, by="care_manager"))["id"]
    assert (await link(t.office, t.one, t.two)).status_code == 201
    corrected = {**first, "source": {**first["source"], "version": 2}}
    entered = await t.office.post(f"/v1/patients/{t.one}/care-reports/drafts", corrected, by="medical_clerk")
    assert entered.status_code == 201, entered.text
    id_ = entered.json()["id"]
    for patient in (t.one, t.two):
        listed = (await t.get(t.office, patient, "/care-reports/drafts", by="care_manager"))["items"]
        assert [one["id"] for one in listed] == [id_]
    draft = f"/v1/patients/{t.two}/care-reports/drafts/{id_}"
    tag = (await t.office.get(draft, by="care_manager")).headers["etag"]
    done = [
        await t.office.post(f"{draft}/confirmation", {}, by="care_manager", headers={"If-Match": tag}) for _ in range(2)
    ]
    assert [answer.status_code for answer in done] == [201, 200], done[0].text
    record = done[0].json()
    assert done[1].json() == record and record["entered_by"]["profession"] == "medical_clerk"
    versions = (await t.get(t.office, t.one, f"/care-reports/{old}/versions", by="care_manager"))["items"]
    assert [(one["id"], one["patient_id"]) for one in versions] == [(record["id"], t.two), (old, t.two)]


async def test_an_attachment_lies_beside_its_record(region: Region, settings: Settings) -> None:
    t = await registered_twice(region)
    record = (await submit(t.office, t.two, report(), by="care_manager"))["id"]
    assert (await link(t.office, t.one, t.two)).status_code == 201
    answer = await attach(t.office, t.one, by="care_manager", **WOUND, record_id=record)
    assert answer.status_code == 201, answer.text
    one = answer.json()
    assert one["patient_id"] == t.two
    for patient in (t.one, t.two):
        assert (await t.get(t.office, patient, "/attachments", by="care_manager"))["items"] == [one]
        seen = await t.office.get(f"/v1/patients/{patient}/attachments/{one['id']}/content", by="care_manager")
        assert seen.status_code == 200
    with owner(settings) as connection:
        groups = connection.execute(
            "SELECT groups FROM audit_events WHERE record_id = %s AND action = 'attachment.read'", [one["id"]]
        ).fetchall()
    assert groups and all(of == ["care_report"] for (of,) in groups)
