"""A consent is changed in one act, and withdrawn in part: what is left is one consent, in force in the same second."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests.factories import Region, Vendor, agree, consent, family_consent, join, register, report, sheet, submit
from tests.http.problems import faults, problem

from renkei.ids import new_id, now
from renkei.schemas.dates import tokyo_day

INFECTION = [{"presence": "present", "disease": "mrsa"}]


def day(distance: int) -> str:
    """A Tokyo day so many days from today."""
    return (tokyo_day(now()) + timedelta(distance)).isoformat()


class Team:
    """A clinic that has written, two offices beside it, and the consents of their patient."""

    def __init__(self, clinic: Vendor, nurses: Vendor, helpers: Vendor, patient: str) -> None:
        self.clinic, self.nurses, self.helpers, self.patient = clinic, nurses, helpers, patient
        self.path = f"/v1/patients/{patient}/consents"

    @classmethod
    async def found(cls, region: Region) -> "Team":
        clinic, nurses, helpers = [await region.found(kind) for kind in ("clinic", "visiting_nursing", "home_help")]
        patient = await register(clinic)
        for office in (nurses, helpers):
            await join(clinic, office, patient)
        medical = {"weight": 50, "infection": INFECTION}
        await submit(clinic, patient, sheet({"medical": medical, "living": {"night_care": "なし"}}), by="physician")
        await submit(clinic, patient, report())
        return cls(clinic, nurses, helpers, patient)

    async def record(self, **changes: Any) -> dict[str, Any]:
        """Record a consent, as answered."""
        answer = await self.clinic.post(self.path, consent(**changes))
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def withdraw(self, of: dict[str, Any], only: Any = None, reason: str = "申し出") -> httpx.Response:
        """Withdraw a consent, or of it only this."""
        body = {"reason": reason} | ({} if only is None else {"only": only})
        return await self.clinic.post(f"{self.path}/{of['id']}/withdrawal", body)

    async def seen(self, vendor: Vendor, by: str = "nurse") -> dict[str, str]:
        """Part → why it is withheld, "" where it is shown, of a reader's next summary."""
        answer = (await vendor.get(f"/v1/patients/{self.patient}/summary", by=by)).json()
        closed = {w.get("item") or f"{w['group']}.{w['tier']}": w["reason"] for w in answer["withheld"]}
        parts = ("medical.basic", "medical.optional", "medical.infection", "living.basic", "care_report.basic")
        column = {"medical.infection": "medical.basic"}  # the column it belongs to, withheld as a whole
        return {part: closed.get(part, closed.get(column.get(part, ""), "")) for part in parts}

    async def listed(self) -> dict[str, dict[str, Any]]:
        """The list of consents, by id."""
        return {c["id"]: c for c in (await self.clinic.get(self.path)).json()["items"]}


async def test_a_new_consent_ends_what_it_replaces(region: Region) -> None:
    team = await Team.found(region)
    old, other = await team.record(groups=["medical"]), await team.record(groups=["living"])
    sent = consent(groups=["care_report"], replaces=[old["id"]])
    new = (await team.clinic.post(team.path, sent)).json()
    assert new["replaces"] == [old["id"]]
    listed = await team.listed()
    assert listed[old["id"]]["replaced_by"] == new["id"]
    assert listed[old["id"]]["withdrawal_reason"] == "新しい同意に置き換え"
    # One act, one moment: nobody can have read under both or under neither.
    assert listed[old["id"]]["withdrawn_at"] == new["recorded_at"]
    assert "withdrawn_at" not in listed[other["id"]]
    seen = await team.seen(team.nurses)
    assert (seen["medical.basic"], seen["living.basic"], seen["care_report.basic"]) == ("consent_withdrawn", "", "")


async def test_what_cannot_be_replaced(region: Region) -> None:
    team = await Team.found(region)
    old, elsewhere = await team.record(), await agree(team.clinic, await register(team.clinic))
    strange = [old["id"], str(new_id()), elsewhere]
    told = problem(await team.clinic.post(team.path, consent(replaces=strange)), 422, "invalid")
    assert faults(told) == {("/replaces/1", "unknown"), ("/replaces/2", "unknown")}
    for wrong, fault in (([old["id"]] * 2, "repeated"), ([str(new_id()) for _ in range(21)], "length")):
        told = problem(await team.clinic.post(team.path, consent(replaces=wrong)), 422, "invalid")
        assert faults(told) == {("/replaces", fault)}
    # What begins later would leave nothing standing until then.
    later = consent(replaces=[old["id"]], valid_from=day(1))
    told = problem(await team.clinic.post(team.path, later), 422, "invalid")
    assert faults(told) == {("/valid_from", "future")}
    await team.withdraw(old)
    told = problem(await team.clinic.post(team.path, consent(replaces=[old["id"]])), 409, "conflict")
    assert told["reason_code"] == "already_withdrawn"
    assert list(await team.listed()) == [old["id"]]


WITHDRAWN = "consent_withdrawn"
PARTS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "a group": (
        {"groups": ["medical"]},
        {"medical.basic": WITHDRAWN, "medical.optional": WITHDRAWN, "medical.infection": WITHDRAWN},
    ),
    "a tier": ({"tiers": ["optional"]}, {"medical.optional": WITHDRAWN}),
    "a restricted item": ({"restricted": ["medical.infection"]}, {"medical.infection": "restricted"}),
    "two things": (
        {"groups": ["living"], "tiers": ["optional"]},
        {"living.basic": WITHDRAWN, "medical.optional": WITHDRAWN},
    ),
}


@pytest.mark.parametrize(("only", "closed"), PARTS.values(), ids=PARTS.keys())
async def test_a_part_is_withdrawn_and_the_rest_stands(
    region: Region, only: dict[str, Any], closed: dict[str, str]
) -> None:
    team = await Team.found(region)
    old = await team.record(restricted=["medical.infection"], given_on=day(-3), valid_until=day(3))
    before = await team.seen(team.nurses)
    assert set(before.values()) == {""}
    done = await team.withdraw(old, only)
    assert done.status_code == 201, done.text
    after = await team.seen(team.nurses)  # the very next request
    assert {part: why for part, why in after.items() if why} == closed
    told = done.json()
    new = told["replaced_by"]
    assert new["replaces"] == [old["id"]] and told["withdrawal_reason"] == "申し出"
    kept = ("form", "given_by", "given_on", "valid_from", "valid_until")
    assert {name: new[name] for name in kept} == {name: old[name] for name in kept}
    assert (await team.listed())[old["id"]]["replaced_by"] == new["id"]
    again = await team.withdraw(old, only)
    assert (again.status_code, again.json()) == (200, told)
    problem(await team.withdraw(old, only, "他の理由"), 409, "conflict")
    problem(await team.withdraw(old), 409, "conflict")
    problem(await team.withdraw(old, {"groups": ["person"]}), 409, "conflict")


async def test_of_many_at_once_one_wins(region: Region) -> None:
    team = await Team.found(region)
    old = await team.record()
    changes = [team.withdraw(old, {"groups": [group]}) for group in ("person", "medical", "living")]
    changes += [team.clinic.post(team.path, consent(replaces=[old["id"]])) for _ in range(3)]
    answers = await asyncio.gather(*changes)
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    assert len(await team.listed()) == 2


async def test_an_organization_is_taken_out_of_the_team_and_of_the_names(region: Region) -> None:
    team = await Team.found(region)
    hospital = await region.found("hospital")
    to = {"care_team": True, "organizations": [hospital.id, team.helpers.id], "professions": []}
    old = await team.record(recipients=to)
    only = {"organizations": [team.helpers.id, hospital.id]}
    left = (await team.withdraw(old, only)).json()["replaced_by"]["recipients"]
    assert left["organizations"] == [] and set(left["except_organizations"]) == {team.helpers.id, hospital.id}
    assert (await team.seen(team.nurses))["medical.basic"] == ""
    assert (await team.seen(team.helpers))["medical.basic"] == "consent_withdrawn"
    problem(await hospital.get(f"/v1/patients/{team.patient}/summary", by="nurse"), 404, "not-found")
    # Also when it joins only later.
    await join(team.clinic, hospital, team.patient)
    assert (await team.seen(hospital))["medical.basic"] == "consent_withdrawn"


async def test_a_profession_is_taken_out_of_all(region: Region) -> None:
    team = await Team.found(region)
    old = await team.record(recipients={"care_team": True})
    left = (await team.withdraw(old, {"professions": ["nurse"]})).json()["replaced_by"]["recipients"]
    assert "nurse" not in left["professions"] and "physician" in left["professions"]
    assert (await team.seen(team.nurses, "nurse"))["medical.basic"] == "consent_withdrawn"
    assert (await team.seen(team.nurses, "physician"))["medical.basic"] == ""


NOTHING_LEFT: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"groups": ["medical"]}, {"groups": ["medical"]}),
    ({"tiers": ["basic"]}, {"tiers": ["basic"]}),
    ({}, {"tiers": ["basic", "optional"]}),
    ({"recipients": {"care_team": True}}, {"care_team": True}),
    ({"recipients": {"care_team": True, "professions": ["nurse"]}}, {"professions": ["nurse"]}),
]


@pytest.mark.parametrize(("said", "only"), NOTHING_LEFT)
async def test_where_nothing_is_left_the_whole_is_withdrawn(
    region: Region, said: dict[str, Any], only: dict[str, Any]
) -> None:
    team = await Team.found(region)
    old = await team.record(**said)
    done = await team.withdraw(old, only)
    assert done.status_code == 201 and "replaced_by" not in done.json()
    assert list(await team.listed()) == [old["id"]]
    assert (await team.seen(team.nurses))["medical.basic"] == "consent_withdrawn"


async def test_a_familys_consent_without_the_family_is_none(region: Region) -> None:
    team = await Team.found(region)
    given = (await team.clinic.post(team.path, {**family_consent(), "groups": ["family", "person"]})).json()
    done = (await team.withdraw(given, {"groups": ["family"]})).json()
    assert "withdrawn_at" in done and "replaced_by" not in done


async def test_only_what_is_covered_can_be_withdrawn(region: Region) -> None:
    team = await Team.found(region)
    stranger = await region.found()
    to = {"care_team": True, "except_organizations": [team.helpers.id], "professions": ["nurse"]}
    old = await team.record(groups=["medical"], tiers=["basic"], recipients=to)
    only = {
        "groups": ["medical", "living"],
        "tiers": ["optional"],
        "restricted": ["medical.infection"],
        "organizations": [team.nurses.id, team.helpers.id, stranger.id],
        "professions": ["physician"],
    }
    told = problem(await team.withdraw(old, only), 422, "invalid")
    places = ("groups/1", "tiers/0", "restricted/0", "organizations/1", "organizations/2", "professions/0")
    assert faults(told) == {(f"/only/{place}", "unknown") for place in places}
    named = await team.record(recipients={"organizations": [team.nurses.id]})
    assert faults(problem(await team.withdraw(named, {"care_team": True}), 422, "invalid")) == {
        ("/only/care_team", "unknown")
    }
    for nothing in ({}, {"groups": []}, {"care_team": False}):
        assert faults(problem(await team.withdraw(old, nothing), 422, "invalid")) == {("/only", "empty")}
    assert all("withdrawn_at" not in c for c in (await team.listed()).values())


async def test_a_consent_yet_to_begin_stays_so(region: Region) -> None:
    team = await Team.found(region)
    old = await team.record(valid_from=day(1))
    new = (await team.withdraw(old, {"groups": ["medical"]})).json()["replaced_by"]
    assert new["valid_from"] == day(1)
    assert (await team.seen(team.nurses))["living.basic"] == "no_consent"


@pytest.mark.parametrize("groups", [["medical"], ["living"]])
async def test_what_is_left_can_be_withdrawn_further(region: Region, groups: list[str]) -> None:
    team = await Team.found(region)
    left = (await team.withdraw(await team.record(), {"groups": ["person"]})).json()["replaced_by"]
    again = (await team.withdraw(left, {"groups": groups})).json()["replaced_by"]
    assert set(again["groups"]) == {"family", "medical", "living", "care_report"} - set(groups)
    assert (await team.seen(team.nurses))[f"{groups[0]}.basic"] == "consent_withdrawn"
