"""What one organization states, and what all of them together show: nothing newer is hidden, nobody's value is lost."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renkei.catalogue import load_catalogue
from renkei.schemas.summary import SAFETY_LISTS, Origin, Sheet, Stated, compose, fold, own, review_days

CATALOGUE = load_catalogue()
CASES = Path(__file__).parents[1] / "cases" / "valid"
CLINIC, STATION, OFFICE = (Origin(id=name, name=name) for name in ("clinic", "station", "office"))
NOON = datetime(2026, 4, 1, 3, tzinfo=UTC)


def a_sheet(
    number: int,
    items: Mapping[str, Any] | None = None,
    *,
    by: Origin = CLINIC,
    hours: int = 0,
    complete: bool = True,
    absent: Mapping[str, str] | None = None,
) -> Sheet:
    """The sheet that arrived as the number-th, as of ``hours`` after noon of 1 April 2026 in Tokyo."""
    as_of, coverage = NOON + timedelta(hours=hours), "complete" if complete else "partial"
    return Sheet(UUID(int=number), by, "nurse", as_of, as_of.isoformat(), coverage, items or {}, absent or {})


def shown(*sheets: Sheet) -> dict[str, Any]:
    """What these sheets show together, those of one organization folded first."""
    organizations = dict.fromkeys(sheet.organization["id"] for sheet in sheets)
    of = {name: [sheet for sheet in sheets if sheet.organization["id"] == name] for name in organizations}
    return dict(compose([fold({}, of[name], CATALOGUE) for name in organizations], CATALOGUE))


def values(entries: Mapping[str, Any]) -> dict[str, Any]:
    return {code: entry.get("value", entry.get("absent")) for code, entry in entries.items()}


# --- one organization -------------------------------------------------------------------------------------------------


def test_a_statement_says_who_when_and_in_which_record() -> None:
    assert fold({}, [a_sheet(1, {"medical.weight": 36.5}, absent={"medical.height": "unknown"})], CATALOGUE) == {
        "medical.weight": {
            "value": 36.5,
            "as_of": "2026-04-01T03:00:00+00:00",
            "organization": CLINIC,
            "profession": "nurse",
            "record_id": "00000000-0000-0000-0000-000000000001",
            "review_by": "2026-05-31",
            "stale_from": "2026-07-31",
        },
        "medical.height": {
            "absent": "unknown",
            "as_of": "2026-04-01T03:00:00+00:00",
            "organization": CLINIC,
            "profession": "nurse",
            "record_id": "00000000-0000-0000-0000-000000000001",
            "review_by": "2026-09-28",
            "stale_from": "2027-03-28",
        },
    }


def test_a_complete_sheet_replaces_the_statement() -> None:
    first = a_sheet(1, {"medical.weight": 36, "medical.height": 150}, absent={"medical.diagnosis": "unknown"})
    assert values(fold({}, [first, a_sheet(2, {"medical.weight": 35}, hours=1)], CATALOGUE)) == {"medical.weight": 35}


def test_a_partial_sheet_restates_only_what_it_names() -> None:
    first = a_sheet(1, {"medical.weight": 36, "medical.height": 150}, absent={"medical.diagnosis": "unknown"})
    second = a_sheet(2, {"medical.diagnosis": ["x"]}, absent={"medical.weight": "declined"}, hours=1, complete=False)
    assert values(fold({}, [first, second], CATALOGUE)) == {
        "medical.weight": "declined",
        "medical.height": 150,
        "medical.diagnosis": ["x"],
    }


def test_a_late_arrival_hides_nothing_newer() -> None:
    newer, late = a_sheet(1, {"medical.weight": 36}, hours=5), a_sheet(2, {"medical.weight": 40}, hours=1)
    assert values(fold({}, [newer, late], CATALOGUE)) == {"medical.weight": 36}
    partial_late = a_sheet(3, {"medical.weight": 41, "medical.height": 150}, hours=2, complete=False)
    partial_newer = a_sheet(1, {"medical.weight": 36}, hours=5, complete=False)
    assert values(fold({}, [partial_newer, late, partial_late], CATALOGUE)) == {
        "medical.weight": 36,
        "medical.height": 150,
    }


def test_at_one_instant_arrival_decides() -> None:
    sheets = [a_sheet(2, {"medical.weight": 36}), a_sheet(1, {"medical.weight": 40})]
    assert values(fold({}, sheets, CATALOGUE)) == {"medical.weight": 36}


def test_folding_leaves_what_it_was_given() -> None:
    standing = fold({}, [a_sheet(1, {"medical.weight": 36})], CATALOGUE)
    fold(standing, [a_sheet(2, {"medical.weight": 37}, complete=False, hours=1)], CATALOGUE)
    assert values(standing) == {"medical.weight": 36}


CODES = st.sampled_from(["medical.weight", "medical.allergy", "medical.infection", "living.eating", "person.phone"])
VALUES = st.sampled_from([1, 1.0, 2, "a", ["a", "b"], ["b", "a"], {"x": 1, "y": 2}, {"y": 2, "x": 1.0}])


@st.composite
def sheets_of(draw: st.DrawFn, by: Origin, first: int = 1) -> list[Sheet]:
    """Up to five sheets of one organization, in the order they arrived."""
    sheets = []
    for number in range(first, first + draw(st.integers(0, 5))):
        items = draw(st.dictionaries(CODES, VALUES, max_size=4))
        absent = dict.fromkeys(draw(st.sets(CODES, max_size=1)) - items.keys(), "unknown")
        hours, complete = draw(st.integers(0, 3)), draw(st.booleans())
        sheets.append(a_sheet(number, items, by=by, hours=hours, complete=complete, absent=absent))
    return sheets


@given(sheets_of(CLINIC), st.randoms(use_true_random=False), st.integers(0, 5))
def test_folding_one_by_one_is_folding_all_at_once(sheets: list[Sheet], random: Any, cut: int) -> None:
    in_order = sorted(sheets, key=lambda sheet: (sheet.as_of, sheet.record_id))
    one_by_one: dict[str, Stated] = {}
    for sheet in in_order:
        one_by_one = fold(one_by_one, [sheet], CATALOGUE)
    arrived = random.sample(sheets, len(sheets))
    assert fold({}, arrived, CATALOGUE) == one_by_one
    assert fold(fold({}, in_order[:cut], CATALOGUE), in_order[cut:], CATALOGUE) == one_by_one


# --- how long it is fresh ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "value", "expected"),
    [
        ("medical.medication", ["x"], ("2026-05-01", "2026-06-01")),  # 30 days: the 30th is fresh, the 60th only due
        ("medical.medication", None, ("2026-05-01", "2026-06-01")),  # a declared absence ages likewise
        ("person.certification_period", {"start": "2025-11-01", "end": "2026-10-31"}, ("2026-10-31", "2026-11-01")),
        ("person.certification_period", {"start": "2025-11-01"}, (None, None)),
        ("person.certification_period", {"end": "9999-12-31"}, ("9999-12-31", None)),
        ("person.certification_period", None, (None, None)),
        ("care_report.visit_period", {"start": "2026-04-01T10:00:00+09:00"}, (None, None)),  # an event, not a state
    ],
)
def test_review_days(code: str, value: Any, expected: tuple[str | None, str | None]) -> None:
    assert review_days(CATALOGUE.items[code], value, date(2026, 4, 1)) == expected


def test_an_item_the_catalogue_no_longer_has_is_never_due() -> None:
    assert review_days(None, "x", date(2026, 4, 1)) == (None, None)


def test_days_are_counted_from_the_day_in_tokyo() -> None:
    late_evening = a_sheet(1, {"medical.medication": ["x"]}, hours=12)  # 15:00 UTC is midnight in Tokyo
    assert fold({}, [late_evening], CATALOGUE)["medical.medication"]["review_by"] == "2026-05-02"


# --- all organizations ------------------------------------------------------------------------------------------------


def test_the_latest_value_is_shown_and_every_differing_one_stands_beside_it() -> None:
    entry = shown(
        a_sheet(1, {"medical.weight": 40}, by=CLINIC, hours=1),
        a_sheet(2, {"medical.weight": 36}, by=STATION, hours=3),
        a_sheet(3, {"medical.weight": 38}, by=OFFICE, hours=2),
    )["medical.weight"]
    assert (entry["value"], entry["organization"]) == (36, STATION)
    assert [(other["value"], other["organization"]) for other in entry["others"]] == [(38, OFFICE), (40, CLINIC)]
    assert all("others" not in other for other in entry["others"])


def test_latest_is_by_instant_not_by_text() -> None:
    morning_in_tokyo, night_before = "2026-04-02T08:00:00+09:00", "2026-04-01T23:30:00Z"
    sheets = [
        Sheet(UUID(int=n), by, None, datetime.fromisoformat(text), text, "complete", {"medical.weight": n}, {})
        for n, by, text in ((2, CLINIC, morning_in_tokyo), (1, STATION, night_before))
    ]
    assert shown(*sheets)["medical.weight"]["value"] == 1


def test_at_one_instant_the_later_arrival_is_shown() -> None:
    sheets = [a_sheet(n, {"medical.weight": n}, by=by) for n, by in ((1, CLINIC), (3, STATION), (2, OFFICE))]
    for order in permutations(sheets):
        entry = shown(*order)["medical.weight"]
        assert (entry["value"], [other["value"] for other in entry["others"]]) == (3, [2, 1])


@pytest.mark.parametrize(
    ("one", "other", "differs"),
    [
        (36, 36.0, False),
        ({"a": 1, "b": [2]}, {"b": [2.0], "a": 1}, False),
        (["a", "b"], ["b", "a"], True),
        ({"a": 1}, {"a": 1, "b": 2}, True),
        ("神", "\ufa19", True),
        ("36", 36, True),
    ],
)
def test_differing_is_having_another_json_value(one: Any, other: Any, differs: bool) -> None:
    entry = shown(a_sheet(1, {"living.eating": one}), a_sheet(2, {"living.eating": other}, by=STATION))["living.eating"]
    assert bool(entry["others"]) is differs


def test_a_value_comes_before_a_newer_absence_which_stands_beside_it() -> None:
    entry = shown(
        a_sheet(1, {"medical.implant": ["x"]}), a_sheet(2, absent={"medical.implant": "none"}, by=STATION, hours=9)
    )["medical.implant"]
    assert entry["value"] == ["x"]
    assert "absent" not in entry
    assert [(other["absent"], "value" in other) for other in entry["others"]] == [("none", False)]


def test_absent_only_if_nobody_gives_a_value() -> None:
    entry = shown(
        a_sheet(1, absent={"medical.implant": "unknown"}),
        a_sheet(2, absent={"medical.implant": "none"}, by=STATION, hours=1),
        a_sheet(3, absent={"medical.implant": "none"}, by=OFFICE),
    )["medical.implant"]
    assert entry["absent"] == "none"
    assert [other["absent"] for other in entry["others"]] == ["unknown"]


@pytest.mark.parametrize("code", sorted(SAFETY_LISTS))
def test_safety_lists_keep_equal_ones_too(code: str) -> None:
    assert code in CATALOGUE.items
    entry = shown(*(a_sheet(n, {code: ["x"]}, by=by) for n, by in ((1, CLINIC), (2, STATION), (3, OFFICE))))[code]
    assert [other["organization"] for other in entry["others"]] == [STATION, CLINIC]


def test_the_summary_is_in_catalogue_order_with_retired_codes_last() -> None:
    codes = ["medical.retired", "living.eating", "medical.weight", "person.name", "family.gone"]
    expected = [code for code in CATALOGUE.items if code in codes] + ["family.gone", "medical.retired"]
    assert list(shown(a_sheet(1, dict.fromkeys(codes, "x")))) == expected


def test_ones_own_view_has_nobody_elses() -> None:
    statement = fold({}, [a_sheet(1, {"medical.weight": 36}, absent={"medical.implant": "none"})], CATALOGUE)
    assert own(statement) == {code: {**stated, "others": []} for code, stated in statement.items()}
    assert own(statement) == compose([statement], CATALOGUE)


def canonical(value: Any) -> Any:
    """A value in a form whose equality is JSON equality, written independently of the code under test."""
    numbers_alike = json.loads(json.dumps(value), parse_int=float)
    return json.dumps(numbers_alike, sort_keys=True)


@given(st.tuples(sheets_of(CLINIC, 1), sheets_of(STATION, 11), sheets_of(OFFICE, 21)), st.permutations(range(3)))
def test_no_silent_winner(sheets: tuple[list[Sheet], ...], order: list[int]) -> None:
    statements = [fold({}, of_one, CATALOGUE) for of_one in sheets]
    entries = compose([statements[i] for i in order], CATALOGUE)
    assert set(entries) == {code for statement in statements for code in statement}
    for code, entry in entries.items():
        stated = [statement[code] for statement in statements if code in statement]
        visible = [entry, *entry["others"]]
        said = [canonical([one.get("value"), one.get("absent")]) for one in visible]
        for one in stated:
            times = sum(other["organization"] == one["organization"] for other in visible)
            equal_to_the_shown = canonical([one.get("value"), one.get("absent")]) == said[0]
            is_shown = one["organization"] == entry["organization"]
            assert times == (1 if is_shown or not equal_to_the_shown or code in SAFETY_LISTS else 0)
        assert all(other in stated for other in entry["others"])
        newest = [one for one in stated if "value" in one] or stated
        assert entry["record_id"] == max(newest, key=lambda one: (one["as_of"], one["record_id"]))["record_id"]
        assert [(o["as_of"], o["record_id"]) for o in entry["others"]] == sorted(
            [(o["as_of"], o["record_id"]) for o in entry["others"]], reverse=True
        )
    assert entries == compose(statements, CATALOGUE), "the order the organizations come in does not matter"


def test_a_whole_face_sheet_comes_back_as_sent() -> None:
    body = json.loads((CASES / "face-als-clinic-complete.json").read_text(encoding="utf-8"))["body"]
    items = {f"{group}.{name}": value for group, given in body["items"].items() for name, value in given.items()}
    entries = shown(a_sheet(1, items, absent=body["absent"]))
    assert {code: entry["value"] for code, entry in entries.items() if "value" in entry} == items
    assert {code: entry["absent"] for code, entry in entries.items() if "absent" in entry} == body["absent"]
