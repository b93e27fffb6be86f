"""What answers a request: not a consent that is withdrawn or the family's, not the end of a place."""

from tests.factories import Region, agree, consent, family_consent
from tests.http.problems import faults, problem
from tests.http.test_access_requests import JOIN, READ, asked, home


async def test_a_withdrawn_consent_does_not_help_to_cover_it(region: Region) -> None:
    clinic, nurses, patient, path = await home(region)
    old = await agree(clinic, patient)
    await clinic.post(f"{path}/consents/{old}/withdrawal", {"reason": "申し出"})
    made = await asked(nurses, path, READ)
    target = f"{path}/access-requests/{made['id']}/approval"
    answer = await clinic.post(target, {"consent": consent(groups=["living"])})
    assert faults(problem(answer, 422, "invalid")) == {("/consent/groups/medical", "required")}
    standing = await agree(clinic, patient)  # one that stands does: together they open what was asked for
    assert standing != old
    assert (await clinic.post(target, {"consent": consent(groups=["living"])})).status_code == 201


async def test_the_familys_consent_is_not_the_patients(region: Region) -> None:
    clinic, nurses, _, path = await home(region)
    made = await asked(nurses, path, {**READ, "groups": ["family"]})
    answer = await clinic.post(f"{path}/access-requests/{made['id']}/approval", {"consent": family_consent()})
    assert faults(problem(answer, 422, "invalid")) == {("/consent/groups/family", "required")}


async def test_the_end_of_a_place_does_not_answer_a_request_for_one(region: Region) -> None:
    clinic, nurses, _, path = await home(region)
    made = await asked(nurses, path, JOIN)
    assert (await clinic.call("DELETE", f"{path}/care-team/{nurses.id}")).status_code == 204
    (one,) = (await clinic.get(f"{path}/access-requests")).json()["items"]
    assert (one["id"], one["state"]) == (made["id"], "open")
