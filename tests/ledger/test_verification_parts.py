"""A part of the ledger verifies by itself, beside the whole journal, and shows what is missing within it."""

from typing import Any

from tests.ledger import test_verification as whole
from tests.ledger.inside import verified

from renkei.access import seals
from renkei.access.tokens import Keys, sign_seal

Lines = list[dict[str, Any]]
exported, keys = whole.exported, whole.keys


def part(found: Lines, begin: int, end: int, **header: Any) -> Lines:
    """The seals from one position to another with their leaves, as an export of days writes them."""
    position, taken = 0, list[dict[str, Any]]()
    for line in found[1:-1]:
        position = line["seal"]["position"] if "seal" in line else position
        if begin <= position <= end and ("seal" in line or "leaf" in line):
            taken.append(line)
    counted = {"seals": end - begin + 1, "leaves": sum("leaf" in line for line in taken), "unsealed": 0}
    return [{**found[0], "first": begin, **header}, *taken, {"end": counted}]


def told(found: Lines, keys: Keys, journal: Lines) -> list[tuple[str, str]]:
    return [(one.kind, one.id) for one in verified(found, keys, journal).found]


DAYS = {"from": "2026-11-22", "to": "2026-11-23"}


def test_what_nobody_touched_verifies(exported: Lines, keys: Keys) -> None:
    journal = whole.journal_of(exported)
    assert told(part(exported, 3, 6, **DAYS), keys, journal) == []
    assert told(part(exported, 3, 8, **DAYS | {"to": None}), keys, journal) == []
    assert told(part(exported, 1, 6, **DAYS | {"from": None}), keys, journal) == []


def test_a_part_that_says_it_is_the_whole(exported: Lines, keys: Keys) -> None:
    journal = whole.journal_of(exported)
    found = told(part(exported, 3, 6, first=1), keys, journal)
    assert found == [
        ("chain", journal[2]["id"]),
        *(("journal", journal[place]["id"]) for place in (0, 1, 6, 7)),
    ]


def test_the_first_seal_of_a_part_is_gone(exported: Lines, keys: Keys) -> None:
    journal = whole.journal_of(exported)
    found = told(part(exported, 4, 6, **DAYS, first=3), keys, journal)
    assert found == [("chain", journal[3]["id"]), ("journal", journal[2]["id"])]


def test_a_seal_within_a_part_is_gone(exported: Lines, keys: Keys) -> None:
    journal, found = whole.journal_of(exported), part(exported, 3, 6, **DAYS)
    fourth, fifth = (found.index(next(x for x in found if x.get("seal", {}).get("position") == n)) for n in (4, 5))
    del found[fourth:fifth]
    kinds = [kind for kind, _ in told(found, keys, journal)]
    assert kinds.count("chain") == kinds.count("journal") == 1


def test_a_line_of_the_journal_that_is_none_is_wrong_beside_a_part_too(exported: Lines, keys: Keys) -> None:
    journal = [{"no": "seal"}, *whole.journal_of(exported)]
    assert told(part(exported, 3, 6, **DAYS), keys, journal) == [("journal", "line 1 of the journal")]


def test_the_first_seal_of_all_names_none_before_it(exported: Lines, keys: Keys) -> None:
    found = whole.copied(exported)
    first = next(line for line in found if "seal" in line)
    stated = seals.statement(first["seal"]) | {"previous": "00" * 32}
    first["seal"] = {**stated, "signature": sign_seal(keys, stated)}
    assert told(found, keys, [])[0] == ("chain", stated["id"])


def test_a_part_that_begins_after_a_stamped_seal_verifies(exported: Lines, keys: Keys) -> None:
    """What an auditor has kept reaches further back, and the seal before the first has a stamp there."""
    stamp = {"time": "2026-11-23T10:03:05.000+09:00", "token": "MIIC"}
    kept = [{**seal, "time_stamp": stamp if seal["position"] == 3 else None} for seal in whole.journal_of(exported)]
    assert told(part(exported, 4, 6, **DAYS), keys, kept[:3]) == []
