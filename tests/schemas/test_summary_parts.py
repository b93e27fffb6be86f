"""The summary cut into parts for storing, and joined again without being parsed."""

import json
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renkei.catalogue import load_catalogue
from renkei.schemas.summary import (
    REPORTS_SHOWN,
    ReportLine,
    Shown,
    all_parts,
    by_part,
    encode_part,
    groups_json,
    insert_report,
    newest_reports,
    part_of,
)
from renkei.vocabulary import Group, RecordKind

CATALOGUE = load_catalogue()
GROUPS = RecordKind.face_sheet.groups


def an_entry(value: Any = "x") -> Shown:
    return {
        "value": value,
        "as_of": "2026-04-01T12:00:00+09:00",
        "organization": {"id": "1", "name": "ひいらぎ在宅クリニック"},
        "profession": "nurse",
        "record_id": "1",
        "review_by": None,
        "stale_from": None,
        "others": [],
    }


@pytest.mark.parametrize(
    ("code", "part"),
    [
        ("medical.allergy", "medical.basic"),
        ("medical.infection", "medical.infection"),
        ("medical.prognosis", "medical.prognosis"),
        ("living.home_access", "living.home_access"),
        ("person.ltci_copay", "person.optional"),
        ("care_report.observed_at", "care_report.basic"),
    ],
)
def test_part_of(code: str, part: str) -> None:
    assert part_of(CATALOGUE.items[code]) == part


def test_all_parts_are_the_tiers_and_each_restricted_item() -> None:
    parts = all_parts(CATALOGUE)
    tiers = {f"{group}.{tier}" for group in Group for tier in ("basic", "optional")}
    assert len(parts) == len(set(parts))
    assert set(parts) == tiers | {code for code, item in CATALOGUE.items.items() if item.sensitivity == "restricted"}
    first_seen = [part_of(item) for item in CATALOGUE.items.values()]
    assert list(parts) == sorted(parts, key=first_seen.index)


def test_by_part_keeps_every_entry_once_and_a_restricted_one_alone() -> None:
    entries = {code: an_entry(code) for code in CATALOGUE.items}
    parts = by_part(entries, CATALOGUE)
    assert set(parts) == set(all_parts(CATALOGUE))
    assert sum(map(len, parts.values())) == len(entries)
    for code in CATALOGUE.restricted:
        assert parts[code] == {code: entries[code]}


def test_a_code_the_catalogue_no_longer_has_is_opened_by_no_grant() -> None:
    assert by_part({"medical.retired": an_entry()}, CATALOGUE) == {"medical.retired": {"medical.retired": an_entry()}}
    assert "medical.retired" not in all_parts(CATALOGUE)


def test_encode_part() -> None:
    assert encode_part({}) == ""
    text = encode_part({"medical.allergy": an_entry(["神\u0022\n"]), "medical.weight": an_entry(36.5)})
    assert text.startswith('"allergy":{"value":["神\\"\\n"],"as_of":"2026-04-01T12:00:00+09:00",')
    assert "ひいらぎ" in text
    assert ": " not in text
    assert json.loads("{" + text + "}") == {"allergy": an_entry(["神\u0022\n"]), "weight": an_entry(36.5)}


JSON = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(CATALOGUE.items)), JSON, max_size=12))
def test_joining_parts_gives_what_was_cut(values: dict[str, Any]) -> None:
    parts = by_part({code: an_entry(value) for code, value in values.items()}, CATALOGUE)
    joined = json.loads(groups_json({part: encode_part(entries) for part, entries in parts.items()}, GROUPS))
    assert list(joined) == list(GROUPS)
    found = {f"{group}.{name}": entry["value"] for group, entries in joined.items() for name, entry in entries.items()}
    assert found == {code: value for code, value in values.items() if not code.startswith("care_report.")}


@pytest.mark.parametrize(
    ("parts", "groups", "text"),
    [
        ({}, [], "{}"),
        ({}, ["medical"], '{"medical":{}}'),
        ({"medical.basic": ""}, ["medical", "living"], '{"medical":{},"living":{}}'),
        ({"medical.basic": '"a":1', "medical.optional": "", "medical.x": '"x":2'}, ["medical"], '{"medical":{"a":1,"x":2}}'),
        ({"medical.basic": '"a":1', "living.basic": '"b":2'}, ["living"], '{"living":{"b":2}}'),
        ({"medical.basic": '"a":1', "living.basic": '"b":2'}, ["living", "medical"], '{"living":{"b":2},"medical":{"a":1}}'),
    ],
)  # fmt: skip
def test_groups_json(parts: dict[str, str], groups: list[str], text: str) -> None:
    assert groups_json(parts, groups) == text


def a_line(number: int, observed_at: str) -> ReportLine:
    return {
        "id": f"{number:04}",
        "observed_at": observed_at,
        "organization": {"id": "1", "name": "つばき訪問看護ステーション"},
        "profession": "nurse",
        "urgency": "routine",
        "body": "変わりなし",
    }


def test_reports_are_newest_first_by_instant_then_arrival() -> None:
    lines = [
        a_line(1, "2026-04-02T08:00:00+09:00"),
        a_line(2, "2026-04-01T23:30:00Z"),
        a_line(3, "2026-04-02T08:30:00+09:00"),
        a_line(4, "2026-03-31T12:00:00Z"),
    ]
    for order in permutations(lines):
        assert [line["id"] for line in newest_reports(order)] == ["0003", "0002", "0001", "0004"]


def test_only_the_newest_are_kept() -> None:
    lines = [a_line(n, f"2026-04-{n:02}T12:00:00Z") for n in range(1, 26)]
    assert REPORTS_SHOWN == 20
    assert [line["id"] for line in newest_reports(lines)] == [f"{n:04}" for n in range(25, 5, -1)]
    assert newest_reports(lines, limit=1) == [lines[-1]]


@given(st.lists(st.integers(1, 28), max_size=30))
def test_inserting_each_gives_the_newest_of_all(days: list[int]) -> None:
    lines = [a_line(n, f"2026-02-{day:02}T12:00:00Z") for n, day in enumerate(days)]
    stored: list[ReportLine] = []
    for line in lines:
        stored = insert_report(stored, line)
        assert insert_report(stored, line) == stored
    assert stored == newest_reports(lines)
