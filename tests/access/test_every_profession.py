"""Every profession × item class × state of tie and consent, over HTTP, against the oracle. Prints cells and mismatches."""

import os
from typing import Any

import pytest
from tests.access import oracle
from tests.access.oracle import COLUMNS, Ties
from tests.access.states import DELEGATED, STATES, Tally, reason_told, value_in
from tests.access.world import OWN, PROFESSIONS, VALUES, Made, World, meant, tokyo
from tests.factories import Region, at_once
from tests.people.posts import Staff

from renkei.settings import Settings


def check_summary(
    tally: Tally, where: tuple[str, str], ties: Ties, who: str, body: dict[str, Any], world: World
) -> None:
    """Others' and one's own statements: shown, or withheld with the reason; never both, never neither."""
    for code in VALUES:
        value, reason = meant(ties, who, code, DELEGATED)
        if code.startswith("care_report."):
            if code == "care_report.body":
                tally.cell(
                    (*where, code),
                    any(r["organization"]["id"] == world.author.id for r in body["care_reports"]),
                    reason is None,
                )
            continue
        entry = value_in(body["groups"], code)
        stated = [] if entry is None else [entry, *entry["others"]]
        values = {e["organization"]["id"]: e["value"] for e in stated}
        told = reason_told(code, body["withheld"])
        tally.cell((*where, code), values.get(world.author.id), value)
        tally.cell((*where, code, "reason"), told, reason)
        if ties.own and code in OWN:
            own = oracle.hidden(ties, who, code, own=True, delegated=DELEGATED)
            if reason is None or own is not None:
                continue
            tally.cell((*where, code, "own"), values, {world.reader.id: OWN[code]})


def check_record(tally: Tally, where: tuple[str, str], ties: Ties, who: str, answer: Any, codes: list[str]) -> None:
    """Another organization's record: refused when nothing of it may be read, else shown without the rest."""
    expected = {code: meant(ties, who, code, DELEGATED) for code in codes}
    if not oracle.tied(ties, who):
        tally.cell((*where, codes[0], "record"), answer.status_code, 404)
        return
    readable = any(value is not None for value, _ in expected.values())
    tally.cell((*where, codes[0], "record"), answer.status_code, 200 if readable else 403)
    if answer.status_code == 200:
        body = answer.json()
        for code, (value, reason) in expected.items():
            tally.cell((*where, code, "in record"), value_in(body["items"], code), value)
            tally.cell((*where, code, "reason in record"), reason_told(code, body["withheld"]), reason)


def check_own_record(tally: Tally, where: tuple[str, str], ties: Ties, who: str, answer: Any) -> None:
    """One's own record: the permission table alone decides."""
    barred = {code: oracle.hidden(ties, who, code, own=True, delegated=DELEGATED) for code in OWN}
    sheet_columns = [c for c in COLUMNS if not c.startswith("care_report")]
    may = any(oracle.right(who, column, "r", DELEGATED) for column in sheet_columns)
    tally.cell((*where, "own record"), answer.status_code, 200 if may else 403)
    if answer.status_code == 200:
        body = answer.json()
        for code, reason in barred.items():
            tally.cell(
                (*where, code, "in own record"), value_in(body["items"], code), OWN[code] if reason is None else None
            )
            tally.cell((*where, code, "reason in own record"), reason_told(code, body["withheld"]), reason)


async def probe(tally: Tally, state: str, who: str, world: World, made: Made) -> None:
    """All reading doors for one profession in one state."""
    ties, by, where = STATES[state], None if who == "system" else who, (state, who)
    answer = await world.reader.get(f"{made.path}/summary", by=by)
    found, reads = oracle.tied(ties, who), any(oracle.right(who, c, "r", DELEGATED) for c in COLUMNS)
    tally.cell((*where, "summary"), answer.status_code, (200 if reads else 403) if found else 404)
    if answer.status_code == 200:
        check_summary(tally, where, ties, who, answer.json(), world)
    sheets = [code for code in VALUES if not code.startswith("care_report.")]
    reports = [code for code in VALUES if code.startswith("care_report.")]
    check_record(
        tally, where, ties, who, await world.reader.get(f"{made.path}/face-sheets/{made.sheet}", by=by), sheets
    )
    check_record(
        tally, where, ties, who, await world.reader.get(f"{made.path}/care-reports/{made.report}", by=by), reports
    )
    if made.own_sheet:
        check_own_record(
            tally, where, ties, who, await world.reader.get(f"{made.path}/face-sheets/{made.own_sheet}", by=by)
        )


@pytest.mark.parametrize("half", [0, 1])
async def test_reading(region: Region, half: int) -> None:
    world, tally = await World.found(region), Tally()
    states = list(STATES)[half::2]

    async def everybody(state: str) -> None:
        made = await world.make(STATES[state])
        for who in PROFESSIONS:
            await probe(tally, state, who, world, made)

    await at_once(map(everybody, states))
    tally.close(f"reading, {len(states)} states × {len(PROFESSIONS)} professions")


EVERY_STATE = "RENKEI_EVERY_STATE"
MEMBERS_STATES = (
    "no consent",
    "consent naming all",
    "consent for nurses",
    "named for nurses",
    "left, with own",
    "emergency beside consent",
    "asks to join",
    "stranger",
)


async def test_reading_by_members(region: Region, settings: Settings) -> None:
    """Who has signed in reads what a system reads for a user of the profession: every profession, in every other of one state of
    each kind; in every state where the environment says so (`make nightly`)."""
    world, tally = await World.found(region), Tally()
    world.reader = Staff.of(world.reader, settings)
    members = [who for who in PROFESSIONS if who != "system"]
    every = bool(os.environ.get(EVERY_STATE))
    states = tuple(STATES) if every else MEMBERS_STATES

    async def everybody(state: str) -> None:
        made = await world.make(STATES[state])
        for place, who in enumerate(members):
            # Consents to a profession are to nurses here: they are asked in each.
            if every or who == "nurse" or (place + states.index(state)) % 2 == 0:
                await probe(tally, state, who, world, made)

    for who in members:
        world.reader.member(who)
    await at_once(map(everybody, states))
    tally.close(f"reading by members, {len(states)} states × {len(members)} professions")


def test_the_states_use_today() -> None:
    """A consent in force today is one that ends today: both ends are inclusive."""
    assert tokyo(-1) < tokyo() < tokyo(1)
