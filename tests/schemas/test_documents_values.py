"""One value, one fault: every type at its edges, and bodies made to hurt."""

import pytest
from document_bodies import CARE, FACE, faults, report, sheet

from renkei.catalogue.models import LONGEST_LIST
from renkei.schemas.document_faults import MOST_FAULTS


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("家にいたい\n\t庭の花", None),
        ("家に\r\nいたい", "character"),
        ("\ud800", "character"),
        ("\x00", "character"),
        ("\u202e01", "character"),
        ("\ufffe", "character"),
        ("\U0010fffd", "character"),
        ("\x00" * 3000, "character"),  # one fault: the first of character, form, length
        (" \u3000\n", "blank"),
        ("\u200b", "blank"),
        ("", "blank"),
        ("𠮷" * 2000, None),
        ("𠮷" * 2001, "length"),
        ("葛\U000e0100城 \ufa19 髙 ☎", None),
        (None, "type"),
        (1, "type"),
        (["x"], "type"),
    ],
)
def test_text(value: object, code: str | None) -> None:
    assert faults(FACE, sheet({"person": {"wish": value}})) == ({"/items/person/wish": code} if code else {})


def test_newlines_only_in_text() -> None:
    assert faults(FACE, sheet({"person": {"preferred_name": "ト\nヨ"}})) == {
        "/items/person/preferred_name": "character"
    }


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (25, None),
        (45.0, None),
        (24.99, "bounds"),
        (45.001, "bounds"),
        (10**400, "bounds"),
        (-(10**30), "bounds"),
        (float("inf"), "bounds"),
        (float("nan"), "bounds"),
        (True, "type"),
        ("36.5", "type"),
        (None, "type"),
        ([], "type"),
    ],
)
def test_decimals(value: object, code: str | None) -> None:
    assert faults(CARE, report(body_temperature=value)) == (
        {"/items/care_report/body_temperature": code} if code else {}
    )


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (0, None),
        (200, None),
        (201, "bounds"),
        (-1, "bounds"),
        (3.0, "type"),
        (3.5, "type"),
        (True, "type"),
        ("3", "type"),
    ],
)
def test_integers(value: object, code: str | None) -> None:
    pointer = "/items/care_report/respiratory_state/suction_count"
    assert faults(CARE, report(respiratory_state={"suction_count": value})) == ({pointer: code} if code else {})


def test_codes_and_flags_are_strict() -> None:
    oral = {"done": 1, "cleanliness": "good\x00"}
    expected = {"/items/care_report/oral_care/done": "type", "/items/care_report/oral_care/cleanliness": "character"}
    assert faults(CARE, report(oral_care=oral)) == expected


def test_email_form_and_length() -> None:
    manager = {"name": {"family": "井坂"}, "organization": "つむぎ", "phone": "0470-00-0000", "email": "a b@c.jp"}
    pointer = "/items/living/care_manager/email"
    assert faults(FACE, sheet({"living": {"care_manager": manager}})) == {pointer: "pattern"}
    manager["email"] = "a" * 250 + "@c.jp"
    assert faults(FACE, sheet({"living": {"care_manager": manager}})) == {pointer: "length"}
    manager["email"] = "a@c.jp"
    assert faults(FACE, sheet({"living": {"care_manager": manager}})) == {}


def test_first_days_are_bounds() -> None:
    assert faults(FACE, sheet({"person": {"birth_date": "1899-12-31"}})) == {"/items/person/birth_date": "bounds"}
    observed = "/items/care_report/observed_at"
    assert faults(CARE, report(observed_at="1999-12-31T14:59:59Z")) == {observed: "bounds"}
    assert faults(CARE, report(observed_at="1999-12-31T15:00:00Z")) == {}  # 2000-01-01 in Japan


def test_lists() -> None:
    pointer = "/items/person/phone"
    assert faults(FACE, sheet({"person": {"phone": []}})) == {pointer: "empty"}
    assert faults(FACE, sheet({"person": {"phone": ["0470-00-0000"] * LONGEST_LIST}})) == {}
    assert faults(FACE, sheet({"person": {"phone": ["0470-00-0000"] * (LONGEST_LIST + 1)}})) == {pointer: "length"}
    assert faults(FACE, sheet({"person": {"phone": [None]}})) == {f"{pointer}/0": "type"}


def test_an_empty_object_is_one_fault() -> None:
    assert faults(FACE, sheet({"medical": {"pharmacy": [{}], "attending_physician": {}}})) == {
        "/items/medical/pharmacy/0": "empty",
        "/items/medical/attending_physician": "empty",
    }
    assert faults(FACE, sheet({"person": {"certification_period": {}}})) == {
        "/items/person/certification_period": "empty"
    }


# --- hostile bodies


def test_unknown_members_are_capped() -> None:
    body = sheet({"person": {"wish": "x"}}) | {f"k{n}": {"deep": [n]} for n in range(100_000)}
    found = faults(FACE, body)
    assert len(found) == MOST_FAULTS and set(found.values()) == {"unknown"}


def test_a_flood_of_wrong_entries_is_told_by_the_first_of_each_list() -> None:
    stays = [{"institution": 1, "reason": "x", "admitted_on": None, "discharged_on": "2026-01-01"}] * 300
    items = {"person": {"phone": ["x"] * 900, "wish": "\x00"}, "medical": {"hospitalization": stays}}
    assert faults(FACE, sheet(items)) == {
        "/items/person/phone/0": "pattern",
        "/items/person/wish": "character",
        "/items/medical/hospitalization/0/institution": "type",
        "/items/medical/hospitalization/0/admitted_on": "type",
    }


def test_a_name_that_cannot_be_encoded_may_be_the_only_fault() -> None:
    assert faults(FACE, sheet({"person": {"wish": "x"}}) | {"\udfff": 1}) == {"/\\udfff": "unknown"}


def test_names_that_cannot_be_encoded_hide_nothing() -> None:
    items = {"person": {"\ud800": 1, "\udfff/": 2, "sex": "女"}, "\ud800": {}}
    body = sheet(items) | {"x" * 1000: 1}
    assert faults(FACE, body) == {
        "/items/person/\\ud800": "unknown",
        "/items/person/\\udfff~1": "unknown",
        "/items/person/sex": "code",
        "/items/\\ud800": "unknown",
        f"/{'x' * 100}…": "unknown",
    }


def test_a_long_text_of_wrong_letters_is_told_fast() -> None:
    assert faults(FACE, sheet({"person": {"name_kana": {"family": "ア" * 300_000}}})) == {
        "/items/person/name_kana/family": "length"
    }
