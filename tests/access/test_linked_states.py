"""Every state of tie and consent under one id, linked with every other: what is shown is what the oracle says of both, and
parted again every door answers as before.

RENKEI_LINKED_PAIRS: how many pairs of states (3 unless told; more are other pairs at every run). ``make nightly`` runs the long form.
"""

import os
import random
import secrets
from typing import Any

import pytest
from tests.access import oracle
from tests.access.oracle import Ties
from tests.access.states import DELEGATED, STATES, reason_told
from tests.access.world import VALUES, Made, World, figure
from tests.factories import Region, Vendor

SHORT = PARTS = 3
PAIRS = int(os.environ.get("RENKEI_LINKED_PAIRS", SHORT))
READERS = ("nurse", "home_helper", None)
DOORS = (
    "",
    "/summary",
    "/face-sheets",
    "/care-reports",
    "/consents",
    "/care-team",
    "/access",
    "/access-requests",
    "/emergency-access",
    "/candidates",
    "/links",
)


async def answers(vendor: Vendor, by: str | None, pair: tuple[Made, Made]) -> dict[str, Any]:
    """What every door says of both, and both lists. When a summary was composed is no part of what it says."""
    said: dict[str, Any] = {}
    for made in pair:
        records = (f"/face-sheets/{made.sheet}", f"/care-reports/{made.report}")
        for door in (*DOORS, *records):
            answer = await vendor.get(f"{made.path}{door}", by=by)
            body = answer.json() if answer.status_code == 200 else answer.json().get("reason_code")
            if door == "/summary" and isinstance(body, dict):
                del body["as_of"]
            said[f"{made.path}{door}"] = (answer.status_code, body)
    both = {made.id for made in pair}
    for query in ({}, {"kana": pair[0].kana}, {"kana": pair[1].kana}):
        items = (await vendor.get("/v1/patients", by=by, params=query)).json()["items"]
        said[f"search {query}"] = [item for item in items if item["id"] in both]
    return said


async def check_linked(world: World, by: str | None, pair: tuple[Made, Made], states: tuple[Ties, Ties]) -> int:
    """The summary under either id, held against the oracle; how many cells."""
    who, cells = by or "system", 0
    for made, ties, other in ((pair[0], *states), (pair[1], *reversed(states))):
        person = Ties(**{name: getattr(ties, name) for name in ties.__dataclass_fields__} | {"also": (other,)})
        answer = await world.reader.get(f"{made.path}/summary", by=by)
        assert answer.status_code == (200 if oracle.tied(person, who) else 404), (ties, other)
        for code in VALUES if answer.status_code == 200 else ():
            if code == "family.member":  # its rows open one by one
                continue
            cells += 1
            meant = oracle.hidden(person, who, code, delegated=DELEGATED)
            assert reason_told(code, answer.json()["withheld"]) == meant, (who, code, ties, other)
    return cells


@pytest.mark.parametrize("part", range(PARTS))
async def test_parted_again_every_door_answers_as_before(region: Region, part: int) -> None:
    world, base = await World.found(region), 0 if PAIRS <= SHORT else secrets.randbits(32)
    pairs = range(part, PAIRS, PARTS)
    counted = [await link_and_part(world, base + number) for number in pairs]
    cells, doors = (sum(one) for one in zip(*counted, strict=True))
    figure(
        f"linked and parted: {len(pairs)} pairs of states (from seed {base + part}): "
        f"cells {cells}, wrong 0; answers of doors {doors}, differing 0"
    )


async def link_and_part(world: World, chance: int) -> tuple[int, int]:
    """Two people in two states: how many cells of the summary were right while linked, how many doors answer as before after."""
    names = random.Random(chance).sample(sorted(STATES), 2)  # noqa: S311 - no secret
    states = (STATES[names[0]], STATES[names[1]])
    pair = (await world.make(states[0]), await world.make(states[1]))
    asking = [*((world.reader, by) for by in READERS), (world.author, "physician")]
    before = [await answers(vendor, by, pair) for vendor, by in asking]
    body = {"patient_id": pair[1].id, "reason": "同じ保険証を確認"}
    linked = await world.author.post(f"{pair[0].path}/links", body)
    assert linked.status_code == 201, linked.text
    cells = sum([await check_linked(world, by, pair, states) for by in READERS])
    (hit,) = (await world.author.get("/v1/patients", params={"kana": pair[0].kana})).json()["items"]
    assert {hit["id"], *(other["id"] for other in hit["linked"])} == {made.id for made in pair}
    parted = await world.author.post(f"{pair[0].path}/links/{pair[1].id}/end", {"reason": "別人と判明"})
    assert parted.status_code == 201, parted.text
    for (vendor, by), said in zip(asking, before, strict=True):
        assert await answers(vendor, by, pair) == said, (chance, names, vendor is world.reader, by)
    return cells, sum(map(len, before))
