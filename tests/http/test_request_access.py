"""What a refusal tells the refused to do next: where to ask, wherever asking is of use, and nowhere else."""

from typing import Any

from tests.factories import Region, agree, consent, report, sheet, submit
from tests.http.problems import problem
from tests.http.test_access_requests import JOIN, home, left


async def test_every_refusal_of_a_tied_organization_leads_to_asking(region: Region) -> None:
    clinic, nurses, patient, path = await home(region)
    full = {"medical": {"infection": [{"presence": "present", "disease": "mrsa"}]}}
    record = await submit(clinic, patient, sheet(full), by="physician")
    one = f"{path}/face-sheets/{record['id']}"

    refusals: dict[str, Any] = {
        "profession": await nurses.post(f"{path}/consents", consent(), by="home_helper"),
        "no_consent": await nurses.get(one, by="nurse"),
    }
    await agree(clinic, patient)
    restricted = await nurses.post(f"{path}/face-sheets", sheet(full), by="home_helper")
    (given,) = (await clinic.get(f"{path}/consents")).json()["items"]
    await clinic.post(f"{path}/consents/{given['id']}/withdrawal", {"reason": "申し出"})
    refusals["consent_withdrawn"] = await nurses.get(one, by="nurse")
    await left(clinic, nurses, patient)
    refusals["not_in_care_team"] = await nurses.post(f"{path}/care-reports", report(), by="nurse")

    for reason, answer in [*refusals.items(), ("profession", restricted)]:
        told = problem(answer, 403, "forbidden")
        assert (told["reason_code"], told["request_access"]) == (reason, f"{path}/access-requests"), reason
    wants = {"not_in_care_team": "care_team", "profession": "permission"}
    for reason, answer in refusals.items():
        body = {"wants": wants.get(reason, "consent"), "groups": ["medical"], "reason": f"理由 {reason}"}
        followed = await nurses.post(answer.json()["request_access"], body, by="nurse")
        assert followed.status_code in (200, 201), followed.text


async def test_other_refusals_lead_nowhere(region: Region) -> None:
    clinic, nurses, patient, path = await home(region)
    record = await submit(clinic, patient, sheet({"medical": {"weight": 50}}), by="physician")
    await agree(clinic, patient)
    reason = {"reason": "意識なし", "life_at_risk": True, "consent_unobtainable": True}
    undo = await nurses.post(f"{path}/face-sheets/{record['id']}/withdrawal", {"reason": "誤り"}, by="nurse")
    for answer in (
        await nurses.post(f"{path}/emergency-access", reason, by="welfare_commissioner"),
        await region.admin.get(f"{path}/summary"),
        await region.admin.post(f"{path}/access-requests", JOIN),
        undo,
        await nurses.get("/v1/access-requests", by="home_helper"),
    ):
        assert problem(answer, 403, "forbidden")["request_access"] is None
    hidden = await (await region.found()).get(f"{path}/summary")
    assert "request_access" not in problem(hidden, 404, "not-found")
