"""A month in the life of a patient: a clinic, a nurse station, a care office and a stranger's clinic."""

from tests.factories import Region, agree, family_consent, join, person, register, report, sheet, submit

ALLERGY = {"medical": {"allergy": [{"presence": "present", "substance": "ペニシリン", "severity": "mild"}]}}
INFECTION = {"medical": {"infection": [{"presence": "present", "disease": "mrsa"}]}}


async def test_each_sees_what_consent_team_and_profession_allow(region: Region) -> None:
    clinic, nurses, office = (
        await region.found(),
        await region.found("visiting_nursing"),
        await region.found("care_management"),
    )
    stranger = await region.found()
    patient = await register(clinic)
    path = f"/v1/patients/{patient}"
    await join(clinic, nurses, patient)
    await join(clinic, office, patient, "care_management")
    await submit(clinic, patient, sheet(ALLERGY), by="physician")

    # No consent yet: one's own stand, the rest is named.
    seen = (await nurses.get(f"{path}/summary", by="nurse")).json()
    assert seen["groups"]["medical"] == {}
    assert {"group": "medical", "tier": "basic", "reason": "no_consent"} in seen["withheld"]
    assert "allergy" in (await clinic.get(f"{path}/summary", by="physician")).json()["groups"]["medical"]

    given = await agree(clinic, patient)
    seen = (await nurses.get(f"{path}/summary", by="nurse")).json()
    assert seen["groups"]["medical"]["allergy"]["value"] == ALLERGY["medical"]["allergy"]
    assert seen["groups"]["medical"]["allergy"]["organization"]["id"] == clinic.id

    # The nurses disagree: both statements stand side by side.
    severe = {"medical": {"allergy": [{"presence": "present", "substance": "ペニシリン", "severity": "severe"}]}}
    await submit(nurses, patient, sheet(severe, as_of="2026-06-02T10:00:00+09:00"), by="nurse")
    allergy = (await office.get(f"{path}/summary", by="care_manager")).json()["groups"]["medical"]["allergy"]
    assert allergy["value"] == severe["medical"]["allergy"]
    assert [other["organization"]["id"] for other in allergy["others"]] == [clinic.id]

    # A restricted item needs a consent that names it.
    await submit(clinic, patient, sheet(INFECTION), by="physician")
    seen = (await nurses.get(f"{path}/summary?groups=medical", by="nurse")).json()
    assert "infection" not in seen["groups"]["medical"]
    assert {"group": "medical", "item": "medical.infection", "reason": "restricted"} in seen["withheld"]

    # The family's items need the family's consent.
    await submit(office, patient, sheet({"family": {"caregiver_health": "腰痛"}}), by="care_manager")
    seen = (await nurses.get(f"{path}/summary?groups=family", by="nurse")).json()
    assert {"group": "family", "tier": "basic", "reason": "family_consent_missing"} in seen["withheld"]
    await office.post(f"{path}/consents", family_consent())
    seen = (await nurses.get(f"{path}/summary?groups=family", by="nurse")).json()
    assert seen["groups"]["family"]["caregiver_health"]["value"] == "腰痛"

    # Care reports; a helper reads what the profession may.
    await submit(nurses, patient, report(), by="nurse")
    seen = (await clinic.get(f"{path}/summary", by="home_helper")).json()
    assert len(seen["care_reports"]) == 1
    assert {"group": "medical", "tier": "optional", "reason": "profession"} in seen["withheld"]

    # The stranger learns nothing; withdrawal acts at once.
    assert (await stranger.get(f"{path}/summary", by="physician")).status_code == 404
    withdrawn = await clinic.post(f"{path}/consents/{given}/withdrawal", {"reason": "本人の申し出"})
    assert withdrawn.status_code == 201
    seen = (await office.get(f"{path}/summary", by="care_manager")).json()
    assert {"group": "medical", "tier": "basic", "reason": "consent_withdrawn"} in seen["withheld"]
    assert seen["care_reports"] == []


async def test_who_sees_nothing_is_not_told_that_others_write(region: Region) -> None:
    clinic, matched = await region.found(), await region.found("pharmacy")
    said = person()
    patient = (await clinic.post("/v1/patients", said)).json()["id"]
    assert (await matched.post("/v1/patients", said)).json()["tie"] == "requested"
    path = f"/v1/patients/{patient}/summary"
    before = await matched.get(path)
    await submit(clinic, patient, sheet(ALLERGY))
    after = await matched.get(path)
    assert before.content == after.content and before.headers["etag"] == after.headers["etag"]
    assert before.json()["as_of"] is None


async def test_a_dental_clinic_joins_as_dentistry(region: Region) -> None:
    dentist = await region.found("dental_clinic")
    assert (await dentist.post("/v1/patients", person())).json()["part"] == "dentistry"
