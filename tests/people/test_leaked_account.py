"""What a stolen account has reached is one question, whatever posts it was used under."""

from tests.access.world import owner
from tests.factories import Region, agree, register, report, submit
from tests.people.posts import Staff

from renkei.settings import Settings


async def test_what_an_account_has_reached_under_all_of_its_posts(region: Region, settings: Settings) -> None:
    auditor, clinic, other = await region.auditor(), await region.found(), await region.found()
    here, there = Staff.of(clinic, settings), Staff.of(other, settings)
    account = here.account("physician")
    post, _ = there.member("physician")
    with owner(settings) as connection:  # the same person's second post: the session at the other office is theirs too
        connection.execute("UPDATE members SET account_id = %s WHERE id = %s", [account, post])
        connection.execute("UPDATE sessions SET account_id = %s WHERE member_id = %s", [account, post])
    patients = []
    for office, staff in ((clinic, here), (other, there)):
        patient = await register(office)
        await agree(office, patient)
        await submit(office, patient, report())
        assert (await staff.get(f"/v1/patients/{patient}/summary", by="physician")).status_code == 200
        await staff.get(f"/v1/patients/{patient}/summary", by="nurse")
        patients.append(patient)
    answer = await auditor.get(f"/v1/breach-report?user={account}")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["counts"] == {"patients": 2, "events": 2}
    assert sorted(one["patient_id"] for one in found["patients"]) == sorted(patients)
    assert {tuple(one["actions"]) for one in found["patients"]} == {("summary.read",)}
