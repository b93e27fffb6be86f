"""Every profession × item class × state of tie and consent, over HTTP, against the oracle. Prints cells and mismatches."""

from typing import Any

import pytest
from tests.access import oracle
from tests.access.oracle import COLUMNS, ITEMS, Consent, Ties
from tests.access.world import (
    ALL_RESTRICTED,
    EVERYTHING,
    OWN,
    PROFESSIONS,
    VALUES,
    Made,
    World,
    care_report,
    face_sheet,
    figure,
    tokyo,
)
from tests.factories import EVERY_PROFESSION, Region

ALL = Consent(EVERYTHING)
NAMING = Consent(EVERYTHING, ALL_RESTRICTED)
FAMILY = Consent(frozenset({"family"}), about="family")
NURSES = frozenset({"nurse"})

STATES = {
    "no consent": Ties("now", own=True),
    "consent, family missing": Ties("now", consents=(ALL,)),
    "consent naming all, family missing": Ties("now", consents=(NAMING,)),
    "consent": Ties("now", consents=(ALL, FAMILY)),
    "consent naming all": Ties("now", consents=(NAMING, FAMILY)),
    "consent for nurses": Ties("now", consents=(Consent(EVERYTHING, ALL_RESTRICTED, NURSES), FAMILY)),
    "family for nurses": Ties(
        "now", consents=(NAMING, Consent(frozenset({"family"}), frozenset(), NURSES, "team", "family"))
    ),
    "other groups": Ties("now", consents=(Consent(frozenset({"person", "care_report"}), ALL_RESTRICTED), FAMILY)),
    "withdrawn": Ties("now", own=True, consents=(Consent(EVERYTHING, ALL_RESTRICTED, when="withdrawn"), FAMILY)),
    "expired": Ties("now", consents=(Consent(EVERYTHING, when="expired"), FAMILY)),
    "not yet": Ties("now", consents=(Consent(EVERYTHING, when="not_yet"), FAMILY)),
    "named": Ties(
        consents=(
            Consent(EVERYTHING, ALL_RESTRICTED, to="named"),
            Consent(frozenset({"family"}), to="named", about="family"),
        )
    ),
    "named for nurses": Ties(consents=(Consent(EVERYTHING, to="named", professions=NURSES),)),
    "named, withdrawn": Ties(consents=(Consent(EVERYTHING, to="named", when="withdrawn"),)),
    "named by the family alone": Ties(consents=(Consent(frozenset({"family"}), to="named", about="family"), ALL)),
    "another is named": Ties("now", consents=(Consent(EVERYTHING, ALL_RESTRICTED, to="other"), FAMILY)),
    "left, with own": Ties("ended", own=True, consents=(NAMING, FAMILY)),
    "left, without own": Ties("ended", consents=(NAMING, FAMILY)),
    "joins tomorrow": Ties("not_yet", consents=(NAMING, FAMILY)),
    "emergency": Ties(emergency=frozenset({"medical", "person"})),
    "emergency beside consent": Ties(
        "now",
        emergency=frozenset({"medical", "family"}),
        consents=(Consent(frozenset({"medical", "living"}), ALL_RESTRICTED),),
    ),
    "asks to join": Ties(requested=True, consents=(NAMING, FAMILY)),
    "asks to join, with own": Ties(requested=True, own=True, consents=(NAMING, FAMILY)),
    "stranger": Ties(consents=(NAMING, FAMILY)),
}
"""Team and consent in every state a rule distinguishes."""

DELEGATED = tuple(EVERY_PROFESSION)


class Tally:
    """Cells compared, and those that differ."""

    def __init__(self) -> None:
        self.cells = 0
        self.wrong: list[Any] = []

    def cell(self, where: object, seen: object, meant: object) -> None:
        """Compare one."""
        self.cells += 1
        if seen != meant:
            self.wrong.append((where, "is", seen, "should be", meant))

    def close(self, name: str) -> None:
        """Print the figures, and fail where there is a mismatch."""
        figure(f"{name}: cells {self.cells}, mismatches {len(self.wrong)}")
        assert not self.wrong, "\n".join(map(str, self.wrong[:20]))


def reason_told(code: str, withheld: list[dict[str, str]]) -> str | None:
    """Why an item is withheld, as an answer says: by its column first, else by itself."""
    item = ITEMS[code]
    by_tier = [w["reason"] for w in withheld if w["group"] == item["group"] and w.get("tier") == item["tier"]]
    by_item = [w["reason"] for w in withheld if w.get("item") == code]
    assert len(by_tier) <= 1 and len(by_item) <= 1
    return (by_tier + by_item + [None])[0]


def value_in(groups: dict[str, Any], code: str) -> Any:
    group, _, name = code.partition(".")
    return groups.get(group, {}).get(name)


def check_summary(
    tally: Tally, where: tuple[str, str], ties: Ties, who: str, body: dict[str, Any], world: World
) -> None:
    """Others' and one's own statements: shown, or withheld with the reason; never both, never neither."""
    for code in VALUES:
        meant = oracle.hidden(ties, who, code, delegated=DELEGATED)
        if code.startswith("care_report."):
            if code == "care_report.body":
                tally.cell(
                    (*where, code),
                    any(r["organization"]["id"] == world.author.id for r in body["care_reports"]),
                    meant is None,
                )
            continue
        entry = value_in(body["groups"], code)
        stated = [] if entry is None else [entry, *entry["others"]]
        values = {e["organization"]["id"]: e["value"] for e in stated}
        told = reason_told(code, body["withheld"])
        tally.cell((*where, code), values.get(world.author.id), VALUES[code] if meant is None else None)
        tally.cell((*where, code, "reason"), told, meant)
        if ties.own and code in OWN:
            own = oracle.hidden(ties, who, code, own=True, delegated=DELEGATED)
            if meant is None or own is not None:
                continue
            tally.cell((*where, code, "own"), values, {world.reader.id: OWN[code]})


def check_record(tally: Tally, where: tuple[str, str], ties: Ties, who: str, answer: Any, codes: list[str]) -> None:
    """Another organization's record: refused when nothing of it may be read, else shown without the rest."""
    meant = {code: oracle.hidden(ties, who, code, delegated=DELEGATED) for code in codes}
    if not oracle.tied(ties, who):
        tally.cell((*where, codes[0], "record"), answer.status_code, 404)
        return
    readable = any(reason is None for reason in meant.values())
    tally.cell((*where, codes[0], "record"), answer.status_code, 200 if readable else 403)
    if answer.status_code == 200:
        body = answer.json()
        for code, reason in meant.items():
            tally.cell(
                (*where, code, "in record"), value_in(body["items"], code), VALUES[code] if reason is None else None
            )
            tally.cell((*where, code, "reason in record"), reason_told(code, body["withheld"]), reason)


def check_own_record(tally: Tally, where: tuple[str, str], ties: Ties, who: str, answer: Any) -> None:
    """One's own record: the permission table alone decides."""
    meant = {code: oracle.hidden(ties, who, code, own=True, delegated=DELEGATED) for code in OWN}
    sheet_columns = [c for c in COLUMNS if not c.startswith("care_report")]
    may = any(oracle.right(who, column, "r", DELEGATED) for column in sheet_columns)
    tally.cell((*where, "own record"), answer.status_code, 200 if may else 403)
    if answer.status_code == 200:
        body = answer.json()
        for code, reason in meant.items():
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
    for state in states:
        made = await world.make(STATES[state])
        for who in PROFESSIONS:
            await probe(tally, state, who, world, made)
    tally.close(f"reading, {len(states)} states × {len(PROFESSIONS)} professions")


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
    for state, ties in WRITING.items():
        made = await world.make(ties)
        columns = COLUMNS if state == "no consent" else ["living_basic", "care_report_basic"]
        for who in PROFESSIONS:
            for column in columns:
                answer = await write(world, made, who, one_each[column])
                touched = ["care_report_basic", column] if column.startswith("care_report") else [column]
                meant = oracle.submit(ties, who, touched, DELEGATED)
                tally.cell((state, who, column), answer.status_code, meant)
                named = [e["item"] for e in answer.json().get("errors", [])]
                allowed = [c for c in touched if oracle.right(who, c, "w", DELEGATED)]
                may_begin = ties.team == "now" or ties.requested
                partly = (
                    meant == 403 and may_begin and any(oracle.right(who, c, "w", DELEGATED) for c in same_kind(column))
                )
                if partly and not allowed:
                    tally.cell((state, who, column, "named"), one_each[column] in named, True)
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
                meant = oracle.hidden(ties, "system", code, delegated=tuple(delegated))
                tally.cell((*delegated, code), reason_told(code, answer.json()["withheld"]), meant)
                tally.cell(
                    (*delegated, code, "shown"), value_in(answer.json()["groups"], code) is not None, meant is None
                )
        for code in VALUES:
            column = f"{ITEMS[code]['group']}_{ITEMS[code]['tier']}"
            touched = [column, "care_report_basic"] if column.startswith("care_report") else [column]
            meant = oracle.submit(ties, "system", touched, tuple(delegated))
            tally.cell((*delegated, code, "write"), (await write(world, made, "system", code)).status_code, meant)
    tally.close("systems")


def test_the_states_use_today() -> None:
    """A consent in force today is one that ends today: both ends are inclusive."""
    assert tokyo(-1) < tokyo() < tokyo(1)
