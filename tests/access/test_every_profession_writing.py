"""Every profession × column × tie, writing, over HTTP, against the oracle. Prints cells and mismatches."""

from typing import Any

from tests.access import oracle
from tests.access.oracle import COLUMNS, ITEMS, Ties
from tests.access.states import DELEGATED, FAMILY, NAMING, STATES, Tally, reason_told, value_in
from tests.access.world import ALL_RESTRICTED, PROFESSIONS, VALUES, Made, World, care_report, face_sheet, meant
from tests.factories import Region, at_once

WRITING = {
    name: STATES[name]
    for name in ("no consent", "named", "left, with own", "joins tomorrow", "emergency", "asks to join", "stranger")
}


async def test_writing(region: Region) -> None:
    """Every profession writes one item of each column: in the team all ten, in other states one of each kind."""
    world, tally = await World.found(region), Tally()
    one_each = {
        f"{ITEMS[c]['group']}_{ITEMS[c]['tier']}": c
        for c in reversed(VALUES)
        if ITEMS[c]["sensitivity"] != "restricted"
    }
    assert sorted(one_each) == sorted(COLUMNS)

    async def check(state: str, made: Made, who: str, column: str) -> None:
        ties = WRITING[state]
        answer = await write(world, made, who, one_each[column])
        touched = ["care_report_basic", column] if column.startswith("care_report") else [column]
        due = oracle.submit(ties, who, touched, DELEGATED)
        tally.cell((state, who, column), answer.status_code, due)
        named = [e["item"] for e in answer.json().get("errors", [])]
        allowed = [c for c in touched if oracle.right(who, c, "w", DELEGATED)]
        may_begin = ties.team == "now" or ties.requested
        partly = due == 403 and may_begin and any(oracle.right(who, c, "w", DELEGATED) for c in same_kind(column))
        if partly and not allowed:
            tally.cell((state, who, column, "named"), one_each[column] in named, True)

    async def everybody(state: str) -> None:
        # In the team its writers take turns at one summary: all but these are quick at once.
        made = await world.make(WRITING[state])
        columns = COLUMNS if state == "no consent" else ["living_basic", "care_report_basic"]
        for who in PROFESSIONS:
            for column in columns:
                await check(state, made, who, column)

    await at_once(map(everybody, WRITING))
    tally.close(f"writing, {len(WRITING)} states × {len(PROFESSIONS)} professions")


def same_kind(column: str) -> list[str]:
    """The columns of the document this one is sent in."""
    return [c for c in COLUMNS if c.startswith("care_report") == column.startswith("care_report")]


async def write(world: World, made: Made, who: str, code: str) -> Any:
    """Submit this one item, in the kind of document that carries it."""
    by = None if who == "system" else who
    if code.startswith("care_report."):
        return await world.reader.post(f"{made.path}/care-reports", care_report([code]), by=by)
    return await world.reader.post(f"{made.path}/face-sheets", face_sheet([code]), by=by)


async def test_restricted_items_are_written_by_their_column(region: Region) -> None:
    """The restricted column governs reading only."""
    world, tally = await World.found(region), Tally()
    made = await world.make(Ties("now"))
    for who in PROFESSIONS:
        for code in sorted(ALL_RESTRICTED):
            answer = await write(world, made, who, code)
            column = f"{ITEMS[code]['group']}_{ITEMS[code]['tier']}"
            touched = [column, "care_report_basic"] if column.startswith("care_report") else [column]
            tally.cell((who, code), answer.status_code, oracle.submit(Ties("now"), who, touched, DELEGATED))
    tally.close("writing restricted items")


async def test_a_system_has_the_union_of_what_is_delegated_and_no_more(region: Region) -> None:
    tally = Tally()
    for delegated in (
        ["pt"],
        ["home_helper", "municipality"],
        ["physician"],
        ["family"],
        ["other", "welfare_commissioner"],
    ):
        world = await World.found(region, delegated)
        ties = Ties("now", consents=(NAMING, FAMILY))
        made = await world.make(ties)
        answer = await world.reader.get(f"{made.path}/summary")
        reads = any(oracle.right("system", c, "r", tuple(delegated)) for c in COLUMNS)
        tally.cell((*delegated, "summary"), answer.status_code, 200 if reads else 403)
        for code in VALUES if reads else ():
            if not code.startswith("care_report."):
                value, reason = meant(ties, "system", code, tuple(delegated))
                entry = value_in(answer.json()["groups"], code)
                tally.cell((*delegated, code), reason_told(code, answer.json()["withheld"]), reason)
                tally.cell((*delegated, code, "shown"), entry and entry["value"], value)
        for code in VALUES:
            column = f"{ITEMS[code]['group']}_{ITEMS[code]['tier']}"
            touched = [column, "care_report_basic"] if column.startswith("care_report") else [column]
            due = oracle.submit(ties, "system", touched, tuple(delegated))
            tally.cell((*delegated, code, "write"), (await write(world, made, "system", code)).status_code, due)
    tally.close("systems")
