"""Attachments × profession × state of tie and consent, over HTTP, against the oracle: seen exactly where their part is."""

import asyncio
from typing import Any

from tests.access import oracle
from tests.access.oracle import ITEMS, RESTRICTED
from tests.access.states import DELEGATED, STATES, Tally
from tests.access.world import Made, World
from tests.factories import Region
from tests.http.feed import publish_all, read, worker_engine
from tests.schemas.scans import PDF

from renkei.settings import Settings

# An item stands for its part: by the oracle's rules of that item the attachment is seen.
PLACES = {
    "medical.present_illness": "group=medical&tier=basic",
    "person.wish": "item=person.wish",
    "family.household": "group=family&tier=basic",
    "living.night_care": "item=living.night_care",
    "medical.infection": "item=medical.infection",
    "care_report.abuse_suspicion": "item=care_report.abuse_suspicion",
}
OWN_PLACES = ("person.wish", "medical.infection")
READERS = ("physician", "nurse", "pt", "home_helper", "family", "system")


def due(ties: oracle.Ties, who: str, code: str, *, own: bool = False) -> bool:
    return oracle.hidden(ties, who, code, own=own, delegated=DELEGATED) is None


async def own_attachments(world: World, made: Made) -> dict[str, str]:
    """The reader's, where it may write: sent as a physician."""
    found = {}
    for code in OWN_PLACES:
        path = f"{made.path}/attachments?title=2&item={code}"
        sent = await world.reader.call(
            "POST", path, by="physician", content=PDF, headers={"Content-Type": "application/pdf"}
        )
        assert sent.status_code == 201, sent.text
        found[code] = sent.json()["id"]
    return found


async def probe(tally: Tally, state: str, who: str, world: World, made: Made, ids: dict[str, dict[str, str]]) -> None:
    """The list for one profession in one state, and by their ids one that it shows and one that it does not."""
    ties, by, where = STATES[state], None if who == "system" else who, (state, who)
    reads = any(oracle.right(who, column, "r", DELEGATED) for column in oracle.COLUMNS)
    listed = await world.reader.get(f"{made.path}/attachments", by=by)
    status = (200 if reads else 403) if oracle.tied(ties, who) else 404
    tally.cell((*where, "list"), listed.status_code, status)
    shown = {one["id"] for one in listed.json()["items"]} if status == 200 else set()
    each = [(whose, code, id_) for whose, of in ids.items() for code, id_ in of.items()]
    seen = {id_: status == 200 and due(ties, who, code, own=whose == "own") for whose, code, id_ in each}
    for whose, code, id_ in each:
        tally.cell((*where, whose, code, "listed"), id_ in shown, seen[id_])
    for id_ in {seen[id_]: id_ for _, _, id_ in each}.values():
        one = await world.reader.get(f"{made.path}/attachments/{id_}", by=by)
        tally.cell((*where, id_, "read"), one.status_code, 200 if seen[id_] else (403 if status == 403 else 404))
    told = {(w["group"], w.get("tier"), w.get("item")) for w in listed.json()["withheld"]} if status == 200 else set()
    for code in RESTRICTED & PLACES.keys() if status == 200 else ():
        item = ITEMS[code]
        named = (item["group"], None, code) in told or (item["group"], item["tier"], None) in told
        tally.cell((*where, code, "withheld"), named, not due(ties, who, code))


async def check_feed(tally: Tally, state: str, who: str, world: World, made: Made, ids: dict[str, str]) -> None:
    """A line about another's attachment is as hidden as the attachment."""
    lines: list[dict[str, Any]] = await read(world.reader, None if who == "system" else who, patient=made.id)
    told = {line["record_id"] for line in lines if line["kind"] == "attachment.add"}
    reads = any(oracle.right(who, column, "r", DELEGATED) for column in oracle.COLUMNS)
    for code, id_ in ids.items():
        visible = oracle.tied(STATES[state], who) and reads and due(STATES[state], who, code)
        tally.cell((state, who, code, "feed"), id_ in told, visible)


async def test_seen_exactly_where_their_part_is(region: Region, settings: Settings) -> None:
    world, tally = await World.found(region), Tally()
    few = asyncio.Semaphore(6)
    made: dict[str, tuple[Made, dict[str, dict[str, str]]]] = {}

    async def make(state: str) -> None:
        async with few:
            patient = await world.make(STATES[state])
            ids = {"others": {code: await world.attach(patient.id, f"title=1&{at}") for code, at in PLACES.items()}}
            if STATES[state].own and STATES[state].team == "now":
                ids["own"] = await own_attachments(world, patient)
            made[state] = (patient, ids)

    async def look(state: str, who: str) -> None:
        async with few:
            patient, ids = made[state]
            await probe(tally, state, who, world, patient, ids)
            await check_feed(tally, state, who, world, patient, ids["others"])

    await asyncio.gather(*(make(state) for state in STATES))
    async with worker_engine(settings) as worker:
        await publish_all(worker)
    await asyncio.gather(*(look(state, who) for state in STATES for who in READERS))
    tally.close("attachments: who sees them")
