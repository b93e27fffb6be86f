"""Rows of family members open by the name on a consent; what is one's own stays whole."""

import json
from typing import Any

import pytest

from renkei.catalogue import load_catalogue
from renkei.schemas.family_members import agreed_items, agreed_part
from renkei.schemas.search_keys import person_key
from renkei.schemas.summary import compose, encode_part, own

ICHIRO = frozenset({person_key("髙橋 一郎")})
ROW = {"relationship": "husband", "age": 60}
NAMES: list[tuple[Any, bool]] = [
    ({"family": "髙橋", "given": "一郎"}, True),
    ({"family": "高橋", "given": "一郎"}, True),
    ({"family": "高橋　一郎"}, True),
    ({"text": "髙橋一郎"}, True),
    ({"text": "高橋 一郎"}, True),
    ({"family": "髙橋", "given": "二郎"}, False),
    ({"family": "髙橋"}, False),
    ({"text": "・"}, False),
    ({}, False),
    (None, False),
]


def row(name: Any) -> dict[str, Any]:
    return ROW if name is None else {**ROW, "name": name}


@pytest.mark.parametrize(("name", "opens"), NAMES)
def test_a_row_opens_by_its_folded_name(name: Any, opens: bool) -> None:
    family = {"member": [row(name)], "caregiver_health": "腰痛"}
    left = {"caregiver_health": "腰痛"}
    assert agreed_items(family, ICHIRO) == (family if opens else left)
    assert agreed_items(family, frozenset()) == left
    assert agreed_items(family, frozenset({""})) == left
    assert agreed_items(family, None) == family


def stated(organization: str, rows: list[Any] | None, day: int) -> dict[str, Any]:
    """An organization's standing statement on the item, and on another of the same part."""
    said = {"absent": "declined"} if rows is None else {"value": rows}
    about = {
        "as_of": f"2026-06-{day:02}T10:00:00+09:00",
        "organization": {"id": organization, "name": organization},
        "profession": "nurse",
        "record_id": f"{organization}-{day}",
        "review_by": None,
        "stale_from": None,
    }
    return {"family.member": {**said, **about}, "family.caregiver_health": {"value": f"{organization} 36.0", **about}}


def read(
    statements: list[dict[str, Any]], reader: str, members: frozenset[str] = ICHIRO
) -> tuple[dict[str, Any], bool]:
    """The part as a reader is shown it, and whether anything was taken out."""
    catalogue = load_catalogue()
    mine = next((s for s in statements if s["family.member"]["organization"]["id"] == reader), {})
    text, missing = agreed_part(
        encode_part(compose(statements, catalogue)), encode_part(own(mine)), reader, members, catalogue
    )
    return json.loads(f"{{{text}}}"), missing


FIRST, SECOND = [row({"text": "高橋一郎"})], [row({"text": "高橋一郎"}), row({"text": "高橋二郎"})]


def test_others_rows_are_taken_out_and_the_rest_is_untouched() -> None:
    shown, missing = read([stated("a", SECOND, 2), stated("b", FIRST, 1)], "c")
    # What is left of the newer says the same as the older, so it no longer differs.
    assert (shown["member"]["value"], shown["member"]["others"], missing) == (FIRST, [], True)
    assert shown["member"]["organization"]["id"] == "a"
    assert shown["caregiver_health"]["value"] == "a 36.0"
    assert [o["value"] for o in shown["caregiver_health"]["others"]] == ["b 36.0"]


def test_where_none_of_the_newest_is_left_the_next_is_shown() -> None:
    shown, missing = read([stated("a", [row(None)], 2), stated("b", FIRST, 1)], "c")
    assert (shown["member"]["organization"]["id"], shown["member"]["others"], missing) == ("b", [], True)


def test_where_nothing_is_left_the_item_is_gone() -> None:
    shown, missing = read([stated("a", SECOND, 2), stated("b", FIRST, 1)], "c", frozenset())
    assert (set(shown), missing) == ({"caregiver_health"}, True)


def test_ones_own_stays_whole_in_whichever_place() -> None:
    for day in (1, 3):
        shown, missing = read([stated("a", FIRST, 2), stated("b", SECOND, day)], "b", frozenset())
        assert (shown["member"]["value"], shown["member"]["others"], missing) == (SECOND, [], True)
        assert shown["member"]["organization"]["id"] == "b"


def test_ones_own_is_shown_also_where_another_says_the_same() -> None:
    shown, missing = read([stated("a", SECOND, 2), stated("b", SECOND, 1)], "b", frozenset())
    assert (shown["member"]["value"], shown["member"]["organization"]["id"], missing) == (SECOND, "b", True)
    assert "others" not in str(shown["member"]["others"])


def test_absence_names_nobody() -> None:
    shown, missing = read([stated("a", None, 2)], "c", frozenset())
    assert (shown["member"]["absent"], missing) == ("declined", False)
    shown, missing = read([stated("a", None, 2), stated("b", SECOND, 1)], "c", frozenset())
    assert (shown["member"]["absent"], missing) == ("declined", True)


@pytest.mark.parametrize("statements", [[stated("a", FIRST, 1)], [stated("c", SECOND, 1)], []])
def test_where_nothing_is_taken_out_not_a_byte_changes(statements: list[dict[str, Any]]) -> None:
    catalogue = load_catalogue()
    text = encode_part(compose(statements, catalogue))
    assert agreed_part(text, "", "c", ICHIRO, catalogue) == (text, False)
    other = '"caregiver_health":{"value":"\\"member\\":"}'
    assert agreed_part(other, "", "c", ICHIRO, catalogue) == (other, False)
