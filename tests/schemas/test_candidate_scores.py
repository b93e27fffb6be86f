"""The score of two registrations: what makes them candidates of one another, and what never does."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.factories import person

from renkei.schemas.candidates import CAUSES, LARGEST, THRESHOLD, score, slips

LTCI = {"system": "ltci", "insurer": "990127", "value": "0000012345"}
HEALTH = {"system": "health_insurance", "insurer": "39990015", "value": "12", "symbol": "記号"}


def one(**changes: Any) -> dict[str, Any]:
    return person(identifiers=[], **changes)


def named(family: str, given: str, family_kana: str, given_kana: str) -> dict[str, Any]:
    return {
        "name": {"family": family, "given": given},
        "name_kana": {"family": family_kana, "given": given_kana},
    }


SAME_PERSON = {
    "all but the number": {},
    "variant kanji": named("高橋", "ハナ", "タカハシ", "ハナ"),
    "kana in kanji's place": named("髙橋", "花", "タカハシ", "ハナ"),
    "kana typed wrong": named("髙橋", "ハナ", "タカハシ", "ハル"),
    "another era": {"birth_date": "1924-04-02"},
    "month and day": {"birth_date": "1938-02-04"},
    "a year off": {"birth_date": "1939-04-02"},
    "sex not told": {"sex": "unknown"},
}


@pytest.mark.parametrize("change", SAME_PERSON.values(), ids=SAME_PERSON.keys())
def test_slips_of_one_person_are_candidates(change: dict[str, Any]) -> None:
    assert score(one(), one(**change)).listed


OTHERS = {
    "a name alone": {"birth_date": "1951-10-23"},
    "a name and another sex": {"birth_date": "1938-04-03", "sex": "male"},
    "twins": named("髙橋", "ハル", "タカハシ", "ハル"),
    "twins with a letter in common": named("髙橋", "ハナエ", "タカハシ", "ハナエ"),
    "brother and sister born together": {**named("髙橋", "太郎", "タカハシ", "タロウ"), "sex": "male"},
    "a day in common": named("鈴木", "ウメ", "スズキ", "ウメ"),
    "a given name and a day": named("鈴木", "ハナ", "スズキ", "ハナ"),
}


@pytest.mark.parametrize("change", OTHERS.values(), ids=OTHERS.keys())
def test_other_people_are_none(change: dict[str, Any]) -> None:
    assert not score(one(), one(**change)).listed


def test_what_is_one_persons_own_number_is_always_looked_at() -> None:
    mine, theirs = one(), one(**OTHERS["a day in common"], birth_date="1951-10-23", sex="male")
    for number in (LTCI, {**HEALTH, "branch": "01"}):
        assert score(mine | {"identifiers": [number]}, theirs | {"identifiers": [number]}).listed
    shared = [person_ | {"identifiers": [HEALTH]} for person_ in (mine, theirs)]
    assert not score(*shared).listed  # a family's number


def test_a_former_name_counts() -> None:
    before = named("旧山", "ハナ", "キュウヤマ", "ハナ")
    married = one(former_names=[before])
    found = score(married, one(**before))
    assert "earlier_kana_equal" in found.causes and found.listed


PEOPLE = st.builds(
    lambda born, sex, name, numbers: one(birth_date=born.isoformat(), sex=sex, **name) | {"identifiers": numbers},
    st.dates(date(1900, 1, 1), date(1960, 12, 31)),
    st.sampled_from(["male", "female", "unknown"]),
    st.sampled_from([named("髙橋", "ハナ", "タカハシ", "ハナ"), named("高橋", "ハル", "タカハシ", "ハル")]),
    st.lists(st.sampled_from([LTCI, HEALTH]), unique_by=lambda number: number["system"]),
)


@given(PEOPLE, PEOPLE)
def test_a_score_is_the_same_from_both_sides_and_the_sum_of_its_reasons(a: dict[str, Any], b: dict[str, Any]) -> None:
    found, back = score(a, b), score(b, a)
    assert found.points == back.points and sorted(found.causes) == sorted(back.causes)
    total = sum(CAUSES[code].points for code in found.causes)
    assert found.points == max(0, min(LARGEST, total))
    assert {reason["code"] for reason in found.as_json()["reasons"]} == set(found.causes)


@given(st.dates(date(1873, 1, 1), date(2026, 12, 31)))
def test_slips_are_other_days(born: date) -> None:
    found = slips(born)
    assert born not in found
    assert all("birth_date_" in how for how in found.values())
    if born.day <= 12 and born.day != born.month:
        assert date(born.year, born.day, born.month) in found


def test_twins_stay_below_and_equal_names_of_two_births_too() -> None:
    assert score(one(), one(**OTHERS["twins"])).points == 43 < THRESHOLD
    assert score(one(), one(**OTHERS["a name alone"])).points == 25
