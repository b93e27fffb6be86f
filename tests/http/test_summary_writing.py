"""The shared summary as written: every order of arrival gives the same one, and writers at once lose nothing."""

import asyncio
import random
from typing import Any

import pytest
from tests.factories import Region, Vendor, agree, join, register, report, sheet, submit

Act = tuple[int, str, dict[str, Any]]
"""Whose (0, 1, 2), what (a collection, or ``withdrawal`` of the document's last version), the document."""


def value(dice: random.Random, item: str) -> Any:
    if item == "allergy":
        return [{"presence": "present", "substance": dice.choice("甲乙")}]
    return dice.randint(30, 33) if item == "weight" else dice.randint(150, 152)


def chain(dice: random.Random, number: int, as_of: str) -> list[Act]:
    """One document's life: a first version, perhaps a second, perhaps its withdrawal."""
    office, acts = dice.randrange(3), list[Act]()
    for version in range(1, dice.choice((2, 2, 3))):
        if dice.random() < 0.3:
            document = report(items={"observed_at": as_of, "body": f"{number}-{version}"})
        else:
            named = dice.sample(("weight", "height", "allergy"), dice.randint(1, 3))
            document = sheet(
                {"medical": {item: value(dice, item) for item in named}},
                as_of=as_of,
                coverage=dice.choice(("partial", "partial", "complete")),
            )
            if dice.random() < 0.3 and "weight" not in named:
                document["absent"] = {"medical.weight": dice.choice(("unknown", "declined"))}
        if acts and ("care_report" in document["items"]) != ("care_report" in acts[0][2]["items"]):
            break  # one document is of one kind
        document["source"] = {"document_id": f"D-{number}", "version": version}
        acts.append((office, "care-reports" if "care_report" in document["items"] else "face-sheets", document))
    if dice.random() < 0.25:
        acts.append((office, "withdrawal", acts[-1][2]))
    return acts


def shuffled(dice: random.Random, chains: list[list[Act]]) -> list[Act]:
    """The acts of all chains in some order, those of each chain in their own."""
    left = [list(acts) for acts in chains]
    order = list[Act]()
    while left := [acts for acts in left if acts]:
        order.append(dice.choice(left).pop(0))
    return order


class Town:
    """Three offices and one patient after the other, for whom the same things are sent in different orders."""

    def __init__(self, offices: list[Vendor]) -> None:
        self.offices = offices

    async def patient(self) -> str:
        clinic = self.offices[0]
        patient = await register(clinic)
        await asyncio.gather(*(join(clinic, office, patient) for office in self.offices[1:]))
        await agree(clinic, patient)
        return patient

    async def play(self, patient: str, acts: list[Act]) -> None:
        ids: dict[str, str] = {}
        for office, what, document in acts:
            name, vendor = document["source"]["document_id"], self.offices[office]
            if what != "withdrawal":
                answer = await vendor.post(f"/v1/patients/{patient}/{what}", document)
                ids[name] = answer.json().get("id", "")
            else:
                kind = "care-reports" if "care_report" in document["items"] else "face-sheets"
                path = f"/v1/patients/{patient}/{kind}/{ids[name]}/withdrawal"
                answer = await vendor.post(path, {"reason": "誤り"})
            assert answer.status_code == 201, answer.text

    async def seen(self, patient: str) -> list[Any]:
        """What each office sees, without what differs from patient to patient."""
        views = []
        for office in self.offices:
            for query in ("", "?groups=medical,care_report"):
                summary = (await office.get(f"/v1/patients/{patient}/summary{query}", by="physician")).json()
                views.append(_plain({name: summary[name] for name in ("groups", "care_reports", "withheld")}))
        return views


def _plain(value_: Any) -> Any:
    if isinstance(value_, dict):
        return {name: _plain(inner) for name, inner in value_.items() if name not in ("record_id", "id")}
    return [_plain(inner) for inner in value_] if isinstance(value_, list) else value_


@pytest.fixture
async def town(region: Region) -> Town:
    return Town([await region.found(), await region.found("visiting_nursing"), await region.found("pharmacy")])


@pytest.mark.parametrize("seed", range(6))
async def test_every_order_of_arrival_gives_the_same_summary(town: Town, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 — not for secrets, and the same at every run
    times = [f"2026-06-{day:02}T10:00:00+09:00" for day in range(1, 10)]
    chains = [chain(dice, number, as_of) for number, as_of in enumerate(times)]
    views = []
    for order in [[act for acts in chains for act in acts], *(shuffled(dice, chains) for _ in range(2))]:
        patient = await town.patient()
        await town.play(patient, order)
        views.append(await town.seen(patient))
    at_once = await town.patient()
    await asyncio.gather(*(town.play(at_once, acts) for acts in chains))
    views.append(await town.seen(at_once))
    assert views[0] == views[1] == views[2] == views[3]
    assert views[0][0]["groups"]["medical"] or views[0][0]["care_reports"]


async def test_two_offices_at_once_lose_nothing(town: Town) -> None:
    clinic, nurses, _ = town.offices
    for round_ in range(6):
        patient = await town.patient()
        path = f"/v1/patients/{patient}"
        answers = await asyncio.gather(
            clinic.post(f"{path}/face-sheets", sheet({"medical": {"weight": 50 + round_}})),
            nurses.post(f"{path}/face-sheets", sheet({"medical": {"height": 150}})),
            clinic.post(f"{path}/care-reports", report(items={"body": "診療所"})),
            nurses.post(f"{path}/care-reports", report(items={"body": "訪看"})),
            clinic.post(f"{path}/face-sheets", sheet({"medical": {"height": 160}})),
            nurses.post(f"{path}/face-sheets", sheet({"medical": {"weight": 40}})),
        )
        assert {a.status_code for a in answers} == {201}
        summary = (await nurses.get(f"{path}/summary", by="physician")).json()
        standing = {
            name: {entry["value"], *(other["value"] for other in entry["others"])}
            for name, entry in summary["groups"]["medical"].items()
        }
        assert standing == {"weight": {50 + round_, 40}, "height": {150, 160}}
        assert {r["body"] for r in summary["care_reports"]} == {"診療所", "訪看"}


async def test_what_was_written_is_seen_by_the_next_reader(town: Town) -> None:
    clinic, nurses, _ = town.offices
    patient = await town.patient()
    for weight in range(40, 60):
        await submit(clinic, patient, sheet({"medical": {"weight": weight}}))
        seen = (await nurses.get(f"/v1/patients/{patient}/summary", by="physician")).json()
        assert seen["groups"]["medical"]["weight"]["value"] == weight  # equal as_of: the one that arrived later
