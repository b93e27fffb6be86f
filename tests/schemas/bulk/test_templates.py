"""Workbooks to be filled in: an office that fills one in has nothing to assign, and is told how."""

import io

import pytest
from openpyxl import load_workbook

from renkei.ids import now
from renkei.schemas.bulk.mapping import Layout, Mapping_, Row, with_document_id
from renkei.schemas.bulk.rows import check_row
from renkei.schemas.bulk.suggest import suggest
from renkei.schemas.bulk.targets import Sheet
from renkei.schemas.bulk.templates import TEMPLATES, template, template_columns

FILLED = {
    Sheet.patients: {
        "氏名": "髙橋 ハナ",
        "フリガナ": "タカハシ ハナ",
        "生年月日": "昭和10年3月5日",
        "性別": "女",
        "利用者番号": "A-001",
    },
    Sheet.care_reports: {
        "利用者番号": "A-001",
        "訪問日": "R8.6.1",
        "訪問時刻": "10:00",
        "記録者": "佐久間 恵",
        "記録者職種": "看護師",
        "記録者所属": "こもれび",
        "報告内容": "変わりなし",
        "緊急度": "通常",
        "体温": "36.5℃",
        "血圧": "120/80",
    },
    Sheet.face_sheets: {
        "利用者番号": "A-001",
        "記載日": "2026/6/1",
        "記載者": "佐久間 恵",
        "記載者職種": "看護師",
        "契機": "見守り体制の強化",
        "記載の範囲": "一部",
        "要介護度": "要介護3",
        "病名": "高血圧症",
        "傷病名 役割": "主たる傷病",
        "体重": "51",
    },
}


@pytest.mark.parametrize("sheet", Sheet)
def test_its_columns_are_known_without_being_placed(sheet: Sheet) -> None:
    columns = template_columns(sheet)
    assert len(columns) == len(TEMPLATES[sheet].split())
    assert {heading: one.target for heading, one in suggest(sheet, {name: [] for name in columns}).items()} == columns
    page, guide = load_workbook(io.BytesIO(template(sheet))).worksheets
    assert [cell.value for cell in page[1]] == list(columns) == [row[0].value for row in guide.iter_rows(min_row=2)]
    assert all(row[2].value for row in guide.iter_rows(min_row=2))
    assert page.column_dimensions["A"].number_format == "@"


@pytest.mark.parametrize("sheet", Sheet)
def test_filled_in_it_is_taken_and_without_what_it_calls_needed_it_is_not(sheet: Sheet) -> None:
    columns = template_columns(sheet)

    def faulty(said: dict[str, str]) -> bool:
        layout = Layout.of(sheet, Mapping_(columns=columns), list(columns))
        row: Row = layout.read(2, [said.get(heading, "") for heading in columns])
        body = row.body if sheet is Sheet.patients else with_document_id(row)
        found, faults = check_row(Row(row.number, sheet, body, row.about, row.faults, row.where), now())
        return found is None or bool(faults)

    assert not faulty(FILLED[sheet])
    _, guide = load_workbook(io.BytesIO(template(sheet))).worksheets
    needed = {row[0].value for row in guide.iter_rows(min_row=2) if row[1].value}
    assert needed <= FILLED[sheet].keys()
    for heading in needed - {"利用者番号"}:
        assert faulty(FILLED[sheet] | {heading: ""}), heading
