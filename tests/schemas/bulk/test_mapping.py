"""Columns to targets, suggested and chosen; a row becomes a body, with its faults by cell."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renkei.errors import Invalid
from renkei.ids import now
from renkei.schemas.bulk.mapping import FORMULA, Layout, Mapping_, Row, letter, named_columns, with_document_id
from renkei.schemas.bulk.rows import check_row, fault_json
from renkei.schemas.bulk.suggest import suggest
from renkei.schemas.bulk.targets import WORDS, Sheet, all_targets
from renkei.schemas.documents import Document
from renkei.vocabulary import Group

HEADINGS = ["利用者番号", "訪問日", "時刻", "体温", "血圧", "記録者", "内容"]
REPORTS = Mapping_(
    columns={
        "利用者番号": "patient.local",
        "訪問日": "care_report.observed_at.date",
        "時刻": "care_report.observed_at.time",
        "体温": "care_report.body_temperature",
        "血圧": "care_report.blood_pressure",
        "記録者": "care_report.author.name",
        "内容": "care_report.body",
    },
    fixed={
        "care_report.author.profession": "看護師",
        "care_report.author.organization": "こもれび",
        "care_report.urgency": "通常",
    },
)
LAYOUT = Layout.of(Sheet.care_reports, REPORTS, HEADINGS)


@pytest.mark.parametrize("sheet", Sheet)
def test_every_part_of_an_item_has_a_name_in_words(sheet: Sheet) -> None:
    """Where columns are placed by hand, each choice is told from all others."""
    targets = all_targets(sheet)
    parts = {
        step for target in targets for step in target.name.split(".")[2:] if target.name.split(".")[0] in set(Group)
    }
    assert parts - {"date", "time"} <= WORDS.keys()  # a moment in two columns is no part of the item
    for which in (0, 1):
        titles = [(target.about_patient, target.title[which]) for target in targets]
        assert len(set(titles)) == len(titles)


def test_a_row_becomes_a_report_by_the_contracts_own_rules() -> None:
    row = LAYOUT.read(2, ["A-1", "R8.6.1", "10時", "36.5℃", "120/80", "佐久間 恵", "変わりなし"])
    found, faults = check_row(with_id(row), now())
    assert faults == [] and isinstance(found, Document)
    assert row.about == {"patient.local": "A-1"}
    assert found.items["care_report.observed_at"] == "2026-06-01T10:00:00+09:00"
    assert (found.items["care_report.systolic_bp"], found.items["care_report.diastolic_bp"]) == (120, 80)
    assert found.author_name == "佐久間 恵"


def with_id(row: Row) -> Row:
    return replace(row, body=with_document_id(row))


def test_every_fault_is_told_at_once_at_its_cell() -> None:
    row = LAYOUT.read(7, ["A-1", "R8.6.1", "", "60℃", "80/120", "", FORMULA, "はみ出し"])
    found, faults = check_row(with_id(row), now())
    assert found is None
    told = [fault_json(row, fault, HEADINGS) for fault in faults]
    assert {(one.get("column"), one.get("heading"), one["item"], one["code"]) for one in told} == {
        ("B", "訪問日", "care_report.observed_at", "format"),
        ("D", "体温", "care_report.body_temperature", "bounds"),
        ("E", "血圧", "care_report.diastolic_bp", "order"),
        ("G", "内容", "care_report.body", "formula"),
        ("H", None, None, "unknown"),
        (None, None, "care_report.author", "required"),
    }
    assert "60" not in str(told) and "はみ出し" not in str(told)


def test_entries_of_a_list_by_number_and_fixed_parts_only_where_there_is_something() -> None:
    mapping = Mapping_(
        columns={
            "a": "patient.local",
            "b": "medical.diagnosis.name",
            "c": "medical.diagnosis.3.name",
            "d": "medical.allergy",
        }
        | {"e": "medical.allergy.substance"},
        fixed={"medical.diagnosis.3.role": "primary", "medical.infection.presence": "あり", "coverage": "partial"},
    )
    layout = Layout.of(Sheet.face_sheets, mapping, list("abcde"))
    body = layout.read(2, ["1", "", "脳梗塞", "あり", "卵"]).body
    assert body == {
        "items": {
            "medical": {
                "diagnosis": [{"name": "脳梗塞", "role": "primary"}],
                "allergy": [{"presence": "present", "substance": "卵"}],
            }
        },
        "coverage": "partial",
    }
    row = layout.read(2, ["1", "", "脳梗塞", "", "卵"])
    assert row.column_of("/items/medical/diagnosis/0/name") == 2
    assert row.column_of("/items/medical/allergy/0/presence") == 4  # missing: told at what stands beside it
    assert "diagnosis" not in layout.read(2, ["1", "", "", "なし", ""]).body["items"]["medical"]


def test_a_registration_names_the_system_of_each_number() -> None:
    columns = {"a": "identifiers.local", "b": "identifiers.ltci.insurer", "c": "identifiers.ltci.value"}
    columns |= {"d": "name", "e": "name_kana", "f": "birth_date", "g": "sex"}
    layout = Layout.of(Sheet.patients, Mapping_(columns=columns), list("abcdefg"))
    found, faults = check_row(
        layout.read(2, ["A-1", "435073", "０００００12345", "髙橋 ハナ", "ﾀｶﾊｼ ﾊﾅ", "S10.3.5", "女"]), now()
    )
    assert faults == [] and found is not None
    row = layout.read(3, ["A-1", "435074", "12345", "髙橋ハナ", "ﾀｶﾊｼ ﾊﾅ", "S10.3.5", ""])
    told = {
        (one.get("column"), one["code"])
        for one in (fault_json(row, f, list("abcdefg")) for f in check_row(row, now())[1])
    }
    assert told == {("B", "check_digit"), ("C", "pattern"), ("D", "format"), (None, "required")}


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"columns": {"ない列": "care_report.body"}}, "/columns/ない列", "unknown"),
        ({"columns": {"体温": "care_report.nothing"}}, "/columns/体温", "code"),
        ({"columns": {"体温": "care_report.body", "内容": "care_report.body"}}, "/columns/内容", "repeated"),
        ({"fixed": {"care_report.urgency": "どれか"}}, "/fixed/care_report.urgency", "code"),
        ({"fixed": {"patient.local": "1"}}, "/fixed/patient.local", "unknown"),
        ({"columns": {"a/b": "x"}}, "/columns/a~1b", "unknown"),
    ],
)
def test_a_mapping_that_fits_neither_file_nor_catalogue_is_refused(
    changes: dict[str, Any], pointer: str, code: str
) -> None:
    with pytest.raises(Invalid) as told:
        Layout.of(Sheet.care_reports, REPORTS.model_copy(update=changes), HEADINGS)
    assert (pointer, code) in {(fault.pointer, fault.code) for fault in told.value.faults}


def test_the_same_row_again_is_the_same_document_and_a_corrected_one_another() -> None:
    cells = ["A-1", "R8.6.1", "10時", "36.5℃", "120/80", "佐久間 恵", "変わりなし"]
    first = with_document_id(LAYOUT.read(2, cells))["source"]
    again = with_document_id(LAYOUT.read(9, [*cells[:3], "36.5", *cells[4:]]))["source"]
    other = with_document_id(LAYOUT.read(2, [*cells[:3], "36.6", *cells[4:]]))["source"]
    somebody = with_document_id(LAYOUT.read(2, ["A-2", *cells[1:]]))["source"]
    assert first == again
    assert len({first["document_id"], other["document_id"], somebody["document_id"]}) == 3


def test_columns_are_suggested_from_headings_and_values() -> None:
    columns = {
        "利用者ID": ["A-1"],
        "訪問日": ["R8.6.1"],
        "体温(℃)": ["36.5"],
        "血圧": ["120/80"],
        "謎": ["120/80", "130/70", "110/60"],
        "メモ2": ["x"],
        "care_report.plan": ["様子を見る"],
        "脈拍": ["なし", "測れず", "-"],
    }
    found = suggest(Sheet.care_reports, columns)
    assert {heading: one.target for heading, one in found.items()} == {
        "利用者ID": "patient.local",
        "訪問日": "care_report.observed_at.date",
        "体温(℃)": "care_report.body_temperature",
        "血圧": "care_report.blood_pressure",
        "care_report.plan": "care_report.plan",
        "脈拍": "care_report.pulse_rate",
    }
    assert found["care_report.plan"].reasons == ("code", "values_fit")
    assert found["体温(℃)"].reasons == ("heading", "values_fit")
    assert found["脈拍"].score < found["血圧"].score and "values_differ" in found["脈拍"].reasons
    alone = suggest(Sheet.care_reports, {"": ["120/80", "130/70", "110/60"]})
    assert (alone[""].target, alone[""].reasons) == ("care_report.blood_pressure", ("values_only",))


@given(st.dictionaries(st.text(max_size=20), st.lists(st.text(max_size=20), max_size=5), max_size=4))
def test_whatever_the_headings_no_target_is_suggested_twice(columns: dict[str, list[str]]) -> None:
    found = [one.target for one in suggest(Sheet.patients, columns).values()]
    assert len(found) == len(set(found))


def test_headings_are_made_different_and_columns_named_as_spreadsheets_do() -> None:
    assert named_columns(["電話", "電話", " ", "電 話\n"]) == ["電話", "電話 (2)", "C", "電 話"]
    assert named_columns(["電話", "電話 (2)", "電話"]) == ["電話", "電話 (2)", "電話 (3)"]
    assert named_columns(["x", FORMULA, "x\0y"]) == ["x", "B", "x y"]
    assert [letter(place) for place in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]
