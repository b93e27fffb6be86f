"""A cell is one value of the catalogue, or a fault; never a guess."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renkei.catalogue import load_catalogue
from renkei.catalogue.envelope import document_shape
from renkei.catalogue.shapes import Coded, Flag, ListOf, Moment, Number, Record, Shape, Text, item_shape
from renkei.schemas.bulk.cells import Unreadable, read_cell, read_day_beginning, read_pressure
from renkei.schemas.bulk.targets import Sheet, all_targets, find_target, headings
from renkei.schemas.bulk.units import UNITS
from renkei.schemas.bulk.widths import katakana, label_key, plain
from renkei.vocabulary import RecordKind

CATALOGUE = load_catalogue()


def read(name: str, text: str) -> Any:
    sheet = Sheet.care_reports if name.startswith("care_report.") else Sheet.face_sheets
    target = find_target(sheet, name)
    assert target is not None, name
    return target.read(text)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("care_report.body_temperature", "３６．５℃", 36.5),
        ("care_report.body_temperature", "36.5度", 36.5),
        ("care_report.fluid_intake", "1,200ml", 1200),
        ("care_report.pulse_rate", "72回/分", 72),
        ("care_report.spo2", "９７％", 97),
        ("care_report.systolic_bp", "120 mmHg", 120),
        ("medical.nutrition_assessment.bmi", "22.5kg/m2", 22.5),
        ("medical.weight", "62.0", 62),
        ("family.primary_caregiver.age", "78歳", 78),
        ("person.sex", "女性", "female"),
        ("person.care_level", "要介護３", "23"),
        ("person.care_level", "23", "23"),
        ("care_report.consciousness", "清明", "0"),
        ("care_report.author.profession", "ケアマネ", "care_manager"),
        ("care_report.urgency", "通常(変化なし)", "routine"),
        ("person.name", "髙橋\u3000ハナ", {"family": "髙橋", "given": "ハナ"}),
        ("person.name_kana", "ﾀｶﾊｼ ﾊﾅ", {"family": "タカハシ", "given": "ハナ"}),
        ("person.phone", "０３ー１２３４－５６７８、090-1111-2222", ["03-1234-5678", "090-1111-2222"]),
        ("person.certification_period", "R6/4/1～R8.3.31", {"start": "2024-04-01", "end": "2026-03-31"}),
        ("person.housing.elevator", "○", True),
        ("person.housing.elevator", "×", False),
        ("person.housing.elevator", "いいえ", False),
        ("medical.allergy", "なし", {"presence": "none"}),
        ("medical.diagnosis.onset", "令和元年5月", "2019-05"),
        ("care_report.blood_pressure", "120/80", (120, 80)),
        ("care_report.body", "  二行の\n記録 ", "二行の\n記録"),
    ],
)
def test_a_cell_is_read(name: str, text: str, value: Any) -> None:
    assert read(name, text) == value


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("care_report.body_temperature", "98°F", "unit"),
        ("care_report.body_temperature", "36,5", "type"),
        ("care_report.fluid_intake", "1.2L", "unit"),
        ("care_report.systolic_bp", "120/80", "ambiguous"),
        ("care_report.pulse_rate", "約72", "type"),
        ("care_report.pulse_rate", "60〜70", "type"),
        ("care_report.blood_pressure", "120", "format"),
        ("person.sex", "1", "code"),
        ("person.care_level", "要介護", "code"),
        ("person.housing.elevator", "△", "type"),
        ("medical.allergy", "卵", "code"),
        ("person.birth_date", "35/4/1", "format"),
        ("person.certification_period", "R6/4/1", "format"),
        ("care_report.observed_at", "2026-06-01", "format"),
        ("source.version", "二", "type"),
    ],
)
def test_what_can_be_read_in_two_ways_or_in_none_is_told(name: str, text: str, code: str) -> None:
    with pytest.raises(Unreadable) as told:
        read(name, text)
    assert told.value.code == code


def test_every_code_of_the_catalogue_is_read_by_itself_and_by_its_label() -> None:
    """Where a label names two codes of its set, that is told instead of choosing one."""
    for name, value_set in CATALOGUE.value_sets.items():
        shape = Coded(value_set)
        for code in value_set.codes.values():
            assert read_cell(code.code, shape) == code.code
            same = [one for one in value_set.codes.values() if label_key(one.ja) == label_key(code.ja)]
            if len(same) == 1:
                assert read_cell(code.ja, shape) == code.code, (name, code)


def test_every_unit_of_the_catalogue_is_understood() -> None:
    units = {item.unit for item in CATALOGUE.items.values()} | {rule.unit for rule in CATALOGUE.field_rules.values()}
    assert units - {None} == set(UNITS)
    for unit, spellings in UNITS.items():
        for spelling in spellings:
            assert read_cell(f"12{spelling}", Number(True, 0, 100, unit=unit)) == 12, (unit, spelling)


SHAPES: list[Shape] = [
    *(item_shape(item, CATALOGUE) for item in CATALOGUE.items.values() if item.type != "object"),
    Text(10),
    Text(10, multiline=True),
    Flag(),
    Moment(timed=True),
    Moment(timed=False),
]


@given(st.sampled_from(SHAPES), st.text(min_size=1, max_size=60).filter(lambda text: text.strip()))
def test_whatever_a_cell_holds_it_is_a_value_or_a_fault(shape: Shape, text: str) -> None:
    try:
        found = read_cell(text, shape)
    except Unreadable:
        return
    kinds = {Text: str, Coded: str, Moment: str, Number: int | float, Flag: bool, ListOf: list, Record: dict}
    assert isinstance(found, kinds[type(shape)])


@given(st.from_regex(r"[0-9]{1,6}(\.[0-9]{1,3})?", fullmatch=True))
def test_numbers_in_any_width(digits: str) -> None:
    wide = digits.translate(str.maketrans("0123456789.", "０１２３４５６７８９．"))
    shape = Number(False, 0, 10**6)
    assert read_cell(wide, shape) == read_cell(digits, shape) == float(digits)


def test_widths() -> None:
    assert plain("０３ー１２３４−５６７８") == "03-1234-5678"
    assert katakana("ﾀｶﾊｼ  ﾖｼｺ") == "タカハシ ヨシコ"
    assert katakana("おーた") == "オータ"
    assert katakana("ｵｰﾀ") == "オータ"


def test_a_statement_counts_from_the_beginning_of_its_day() -> None:
    assert read_day_beginning("R8.6.1") == "2026-06-01T00:00:00+09:00"
    assert read_day_beginning("R8.6.1 9:30") == "2026-06-01T09:30:00+09:00"
    assert read_pressure("１２０／８０mmHg") == (120, 80)


def test_headings_in_use_name_targets_that_there_are() -> None:
    for sheet in Sheet:
        for name in headings(sheet):
            assert find_target(sheet, name) is not None, name
        words = [word for words in headings(sheet).values() for word in set(map(label_key, words))]
        assert len(words) == len(set(words)), [word for word in words if words.count(word) > 1]


def test_every_target_has_a_name_in_words_and_a_place() -> None:
    for sheet in Sheet:
        for target in all_targets(sheet):
            assert all(target.title), target.name
            assert find_target(sheet, target.name) is not None
    assert {t.name for t in all_targets(Sheet.care_reports)} >= {
        f"care_report.{name}" for name in ("body", "spo2", "author.profession")
    }
    assert document_shape(RecordKind.face_sheet, CATALOGUE) is not None


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "medical",
        "medical.",
        "medical.nothing",
        "medical.diagnosis.0.name",
        "medical.diagnosis.99999.name",
        "medical.diagnosis.1.2.name",
        "care_report.body",
        "medical.weight.2",
        "medical.diagnosis",
        "x" * 5000,
        "patient",
    ],
)
def test_no_target(name: str) -> None:
    assert find_target(Sheet.face_sheets, name) is None
