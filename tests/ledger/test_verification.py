"""Tampering with an exported ledger: every kind, a hundred times each."""

import copy
import json
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from tests.access.world import figure
from tests.ledger.inside import verified

from renkei.access import seals
from renkei.access.tokens import Keys, sign_seal
from renkei.access.verification import KINDS
from renkei.ids import new_id

Lines = list[dict[str, Any]]
TIMES = 100


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys.load(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def exported(keys: Keys) -> Lines:
    """Seals of several sizes, and two events that await one: as an export writes them."""
    found: Lines = [{"export": 1, "exported_at": "2026-11-23T12:00:00.000+09:00", "from": None, "to": None, "first": 1}]
    number, previous = 0, None
    for position, size in enumerate([1, 2, 12, 5, 12, 3, 7, 1], 1):
        made = [event(number + place) for place in range(size)]
        number += size
        leaves = [seals.leaf(columns) for columns in made]
        root = seals.merkle_root(leaves).hex()
        stated = {"id": str(new_id()), "position": position, "count": size, "merkle_root": root, "previous": previous}
        stated["sealed_at"] = f"2026-11-23T10:{position:02}:00.000+09:00"
        previous = seals.digest(stated).hex()
        found.append({"seal": {**stated, "signature": sign_seal(keys, stated)}})
        found += [
            {"leaf": place, "digest": leaf.hex(), "event": columns}
            for place, (leaf, columns) in enumerate(zip(leaves, made, strict=True))
        ]
    found += [{"event": event(number + 1)}, {"event": event(number + 2)}]
    return [*found, {"end": {"seals": 8, "leaves": number, "unsealed": 2}}]


def event(number: int) -> list[Any]:
    """The columns of one event; every third is an act on no patient."""
    at = f"2026-11-23T01:{number // 60:02}:{number % 60:02}.123456Z"
    who = ["allowed", None, "client", str(new_id()), str(new_id()), f"u-{number}", "髙橋 花子", "nurse"]
    if number % 3 == 0:
        return [None, str(new_id()), str(new_id()), at, "organization.register", *who, None, None, None, '{"a": 1}']
    return [str(new_id()), str(new_id()), str(new_id()), at, "summary.read", *who, ["own"], ["medical"], None, None]


def copied(found: Lines) -> Lines:
    """To be tampered with."""
    return [json.loads(line) for line in map(json.dumps, found)]


def events_of(found: Lines) -> list[int]:
    return [place for place, line in enumerate(found) if line.get("event")]


def altered(found: Lines, dice: random.Random) -> None:
    """One column of one event, each column in its turn."""
    line = found[dice.choice([place for place in events_of(found) if "leaf" in found[place]])]
    column = dice.randrange(len(seals.EVENT))
    before = line["event"][column]
    line["event"][column] = "2020-01-01T00:00:00.000000Z" if seals.EVENT[column] == "at" else f"{before}x"


def altered_with_its_leaf(found: Lines, dice: random.Random) -> None:
    """Whoever can write the events can write the leaves."""
    line = found[dice.choice([place for place in events_of(found) if "leaf" in found[place]])]
    line["event"][seals.EVENT.index("user_name")] = "別人"
    line["digest"] = seals.leaf(line["event"]).hex()


def inserted(found: Lines, dice: random.Random) -> None:
    """An event of the past, without a leaf."""
    event = list(found[dice.choice(events_of(found))]["event"])
    event[1], event[3] = str(new_id()), "2026-01-01T00:00:00.000000Z"
    found.insert(len(found) - 1, {"event": event})
    found[-1]["end"]["unsealed"] += 1


def inserted_with_a_leaf(found: Lines, dice: random.Random) -> None:
    place = dice.choice([place for place in events_of(found) if "leaf" in found[place]])
    line = copy.deepcopy(found[place])
    line["event"][1] = str(new_id())
    line["digest"] = seals.leaf(line["event"]).hex()
    found.insert(place, line)
    number = 0
    for later in found:
        number = 0 if "seal" in later else number
        if "leaf" in later:
            later["leaf"], number = number, number + 1
    found[-1]["end"]["leaves"] += 1


def deleted(found: Lines, dice: random.Random) -> None:
    """The event; its leaf stands."""
    line = found[dice.choice([place for place in events_of(found) if "leaf" in found[place]])]
    event = line.pop("event")
    line["missing"] = event[:2]


def deleted_with_its_leaf(found: Lines, dice: random.Random) -> None:
    place = dice.choice([place for place in events_of(found) if "leaf" in found[place]])
    del found[place]
    found[-1]["end"]["leaves"] -= 1


def reordered(found: Lines, dice: random.Random) -> None:
    """Two leaves change places, numbers and all."""
    pairs = [p for p in range(len(found) - 1) if "leaf" in found[p] and "leaf" in found[p + 1]]
    place = dice.choice(pairs)
    one, two = found[place], found[place + 1]
    one["leaf"], two["leaf"] = two["leaf"], one["leaf"]
    found[place], found[place + 1] = two, one


def times_swapped(found: Lines, dice: random.Random) -> None:
    one, two = (found[place]["event"] for place in dice.sample([p for p in events_of(found) if "leaf" in found[p]], 2))
    at = seals.EVENT.index("at")
    one[at], two[at] = two[at], one[at]


def tail_cut(found: Lines, dice: random.Random) -> None:
    """Events, leaves and seals from some seal on: alone it would look like a ledger that is younger."""
    place = dice.choice([place for place, line in enumerate(found) if "seal" in line])
    cut = Counter("leaves" if "leaf" in line else "seals" for line in found[place:] if "seal" in line or "leaf" in line)
    found[place:-1] = []
    for name, many in cut.items():
        found[-1]["end"][name] -= many
    found[-1]["end"]["unsealed"] = 0


def a_seal_gone(found: Lines, dice: random.Random) -> None:
    starts = [place for place, line in enumerate(found) if "seal" in line]
    chosen = dice.randrange(len(starts) - 1)
    begin, end = starts[chosen], starts[chosen + 1]
    found[-1]["end"]["seals"] -= 1
    found[-1]["end"]["leaves"] -= end - begin - 1
    del found[begin:end]


def a_seal_altered(found: Lines, dice: random.Random) -> None:
    line = dice.choice([line for line in found if "seal" in line])
    name = dice.choice(list(line["seal"]))
    before = line["seal"][name]
    line["seal"][name] = before + 1 if isinstance(before, int) else f"{before or ''}a"


def replaced(found: Lines, dice: random.Random) -> None:
    """All of it made anew, well signed by a key of the forger's."""
    del found[1:-1]
    found[-1]["end"] = {"seals": 0, "leaves": 0, "unsealed": dice.randrange(3)}
    for _ in range(found[-1]["end"]["unsealed"]):
        found.insert(1, {"event": [None, str(new_id()), None, "2026-11-23T00:00:00.000000Z", *[None] * 13]})


TAMPERINGS = [
    (altered, {"altered", "unreadable"}),
    (altered_with_its_leaf, {"root"}),
    (inserted, {"inserted"}),
    (inserted_with_a_leaf, {"root"}),
    (deleted, {"missing"}),
    (deleted_with_its_leaf, {"root"}),
    (reordered, {"order", "root"}),
    (times_swapped, {"altered"}),
    (tail_cut, {"journal"}),
    (a_seal_gone, {"chain", "journal"}),
    (a_seal_altered, {"signature"}),
    (replaced, {"nothing", "journal"}),
]


def test_what_an_auditor_has_kept_of_the_list_is_a_journal_too(exported: Lines, keys: Keys) -> None:
    """It carries time stamps, or none because none had come yet; one that was there and is gone or another one shows."""
    stamp = {"time": "2026-11-23T10:03:05.000+09:00", "token": "MIIC"}
    kept = [{**seal, "time_stamp": stamp if seal["position"] == 3 else None} for seal in journal_of(exported)]
    third, fourth = (line for line in exported if "seal" in line and line["seal"]["position"] in (3, 4))

    def told(*stamps: tuple[dict[str, Any], dict[str, Any]]) -> list[tuple[str, str]]:
        given = {id(line): stamp for line, stamp in stamps}
        found = [{**line, "time_stamp": given[id(line)]} if id(line) in given else line for line in exported]
        return [tuple(one) for one in verified(found, keys, kept).found]  # type: ignore[misc]  # violations are of two

    assert told((third, stamp)) == told((third, stamp), (fourth, stamp)) == []
    assert told() == told((third, {**stamp, "token": "MIID"})) == [("stamp", third["seal"]["id"])]


def journal_of(found: Lines) -> Lines:
    return [line["seal"] for line in found if "seal" in line]


@pytest.mark.parametrize(("tamper", "told"), TAMPERINGS, ids=lambda value: getattr(value, "__name__", ""))
def test_every_tampering_is_detected(
    exported: Lines, keys: Keys, tamper: Callable[[Lines, random.Random], None], told: set[str]
) -> None:
    dice, detected = random.Random(20261123), 0  # noqa: S311 - a test's dice, not a secret
    journal = journal_of(exported)
    for _ in range(TIMES):
        other = copied(exported)
        tamper(other, dice)
        assert other != exported
        found = verified(other, keys, journal).found
        detected += bool(found)
        assert {violation.kind for violation in found} & told, (tamper.__name__, found[:5])
        assert {violation.kind for violation in found} <= set(KINDS)
    figure(f"tampering: {tamper.__name__} {TIMES} tried, {detected} detected")
    assert detected == TIMES


def test_what_nobody_touched_verifies(exported: Lines, keys: Keys) -> None:
    result = verified(exported, keys, journal_of(exported))
    assert (result.found, result.counts["seals"], result.counts["awaiting"]) == ([], 8, 2)


def test_each_column_of_a_sealed_event_counts(exported: Lines, keys: Keys) -> None:
    for column, name in enumerate(seals.EVENT):
        other = copied(exported)
        line = next(line for line in other if "leaf" in line)
        line["event"][column] = "2026-11-23T00:00:00.000000Z" if name == "at" else "別"
        assert "altered" in {violation.kind for violation in verified(other, keys).found}, name


@pytest.mark.parametrize("change", [{"position": 9}, {"previous": "00" * 32}, {"previous": None}])
def test_whoever_has_the_key_cannot_leave_out_a_seal_either(
    exported: Lines, keys: Keys, change: dict[str, Any]
) -> None:
    """The last seal signed anew: a gap before it, or another seal named as the one before."""
    other = copied(exported)
    last = [line for line in other if "seal" in line][-1]
    stated = seals.statement(last["seal"]) | change
    last["seal"] = {**stated, "signature": sign_seal(keys, stated)}
    assert {violation.kind for violation in verified(other, keys).found} == {"chain"}


def test_leaves_are_numbered_from_nothing_without_gaps(exported: Lines, keys: Keys) -> None:
    """The digests in their order, and yet another number: somebody has been at the table."""
    other = copied(exported)
    last = max(place for place, line in enumerate(other) if "leaf" in line)
    other[last]["leaf"] += 1
    assert {violation.kind for violation in verified(other, keys).found} == {"order"}


def test_seals_of_another_key_are_not_seals(exported: Lines, tmp_path: Any) -> None:
    kinds = Counter(violation.kind for violation in verified(exported, Keys.load(tmp_path)).found)
    assert kinds == {"signature": len(journal_of(exported))}


def test_a_ledger_forged_whole_shows_in_the_journal(exported: Lines, keys: Keys) -> None:
    """Even with the key: the journal has the seals that were there before."""
    journal = journal_of(exported)
    other = [{**seal, "signature": seal["signature"][:-2] + "AA"} for seal in journal]
    assert "journal" in {v.kind for v in verified(exported, keys, other).found}


def test_what_a_file_may_hold(exported: Lines, keys: Keys) -> None:
    def kinds(found: Lines, journal: Lines | None = None) -> set[str]:
        return {violation.kind for violation in verified(found, keys, journal).found}

    assert kinds([]) == {"truncated", "nothing"}
    assert kinds(exported[:-1]) == {"truncated"}
    assert kinds([*exported[:-2], exported[-1]]) == {"truncated"}
    assert "unreadable" in kinds([{}, *exported])
    assert "unreadable" in kinds([*exported[:-1], {"leaf": 0, "digest": "zz"}, exported[-1]])
    assert "unreadable" in kinds([*exported[:-1], {"event": 5}, exported[-1]])
    assert "unreadable" in kinds([exported[0], *exported])
    assert kinds(exported, [{}]) == {"journal"}
    newer = {**journal_of(exported)[-1], "position": 10**6, "sealed_at": "2999-01-01T00:00:00.000+09:00"}
    assert kinds(exported, [*journal_of(exported), newer]) == set()  # made after the export: none of its business
