"""Files as offices have them, and files made to hurt."""

import contextlib
import csv
import io
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from renkei.schemas.bulk.delimited import read_csv
from renkei.schemas.bulk.files import BadFile, Limits, Table
from renkei.schemas.bulk.lines import read_line, read_lines
from renkei.schemas.bulk.mapping import FORMULA
from renkei.schemas.bulk.workbook import read_workbook

DATA = Path(__file__).parents[2] / "data"
LIMITS = Limits(rows=1000, columns=50, unpacked=5_000_000, line=100_000)


def table(tmp_path: Path, content: bytes, limits: Limits = LIMITS) -> Table:
    file = tmp_path / "file.csv"
    file.write_bytes(content)
    return read_csv(file, limits)


def reason(tmp_path: Path, content: bytes, limits: Limits = LIMITS) -> str:
    with pytest.raises(BadFile) as told:
        list(table(tmp_path, content, limits).rows)
    return told.value.reason


def test_ms932_with_the_extensions_that_names_need() -> None:
    found = read_csv(DATA / "patients-ms932.csv", LIMITS)
    assert found.told == {"encoding": "MS932", "delimiter": "comma"}
    assert found.headings[:3] == ["利用者番号", "氏名", "ﾌﾘｶﾞﾅ"]
    rows = dict(found.rows)
    assert [rows[n][1] for n in (2, 3, 4)] == ["髙橋\u3000ハナ", "山﨑\u3000一郎", "㈱\u3000①"]


def test_utf8_with_a_mark_and_newlines_in_quotes() -> None:
    found = read_csv(DATA / "care-reports-utf8.csv", LIMITS)
    assert found.told == {"encoding": "UTF-8 (BOM)", "delimiter": "comma"}
    assert found.headings[0] == "利用者番号"
    assert dict(found.rows)[2][9] == "変わりなし。\n昼食は全量。"


def test_tabs_and_semicolons_are_told_from_commas(tmp_path: Path) -> None:
    assert read_csv(DATA / "care-reports-tab.txt", LIMITS).told["delimiter"] == "tab"
    assert table(tmp_path, b"a;b;c\n1,5;2;3\n").told["delimiter"] == "semicolon"
    assert table(tmp_path, "氏名\t年齢\n髙橋\t80\n".encode("utf-16")).told == {"encoding": "UTF-16", "delimiter": "tab"}


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00", exclude_categories=["Cs"]), max_size=12)


@settings(max_examples=60)
@given(st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=6), st.sampled_from([",", "\t", ";"]))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], delimiter: str
) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([["x1", "x2", "x3"], *rows])
    file = tmp_path_factory.mktemp("csv") / "file.csv"
    file.write_bytes(written.getvalue().encode())
    found = read_csv(file, LIMITS)
    assert found.headings == ["x1", "x2", "x3"]
    assert [cells for _, cells in found.rows] == [row for row in rows if any(cell.strip() for cell in row)]


@settings(max_examples=60)
@given(st.binary(max_size=300))
def test_whatever_bytes_come_it_is_a_table_or_a_bad_file(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = tmp_path_factory.mktemp("csv") / "file.csv"
    file.write_bytes(content)
    with contextlib.suppress(BadFile):
        list(read_csv(file, LIMITS).rows)
    with contextlib.suppress(BadFile):
        list(read_workbook(file, LIMITS).rows)


def test_what_is_too_much_or_no_table_is_told(tmp_path: Path) -> None:
    few = Limits(rows=3, columns=3, unpacked=1, line=1)
    assert reason(tmp_path, b"a,b\n" + b"1,2\n" * 4, few) == "too_large"
    assert reason(tmp_path, b"a,b\n1,2,3,4\n", few) == "too_large"
    assert reason(tmp_path, b"\n\n ,\n") == "empty"
    assert reason(tmp_path, b"") == "empty"
    assert reason(tmp_path, b"\x81\x20\xff\xfd\xa0") == "encoding"
    assert reason(tmp_path, b'a,b\n"x"y,2\n') == "format"


def book(tmp_path: Path, rows: list[list[object]], **sheets: list[list[object]]) -> Path:
    made = Workbook()
    for row in rows:
        made.active.append(row)
    for name, more in sheets.items():
        other = made.create_sheet(name)
        for row in more:
            other.append(row)
    file = tmp_path / "book.xlsx"
    made.save(file)
    return file


def test_a_workbook_row_by_row() -> None:
    found = read_workbook(DATA / "face-sheets.xlsx", LIMITS)
    assert found.told["worksheet"] == "フェイスシート"
    rows = dict(found.rows)
    assert rows[2][:2] == ["A-001", "2026-06-01"]
    assert rows[2][10:] == ["148.5", "42kg"]
    assert rows[3][1] == "2026-06-01"
    assert rows[3][11] == FORMULA
    assert rows[4][11] == "1000"


def test_a_worksheet_by_name(tmp_path: Path) -> None:
    file = book(tmp_path, [["a"]], 二枚目=[["b"], ["2"]])
    assert read_workbook(file, LIMITS, "二枚目").headings == ["b"]
    with pytest.raises(BadFile, match="worksheet"):
        read_workbook(file, LIMITS, "三枚目")


@pytest.mark.parametrize("formula", ["=1+1", '=HYPERLINK("http://x/","y")', "=cmd|' /C calc'!A0", "#N/A"])
def test_nothing_is_computed(tmp_path: Path, formula: str) -> None:
    file = book(tmp_path, [["a", "b"], [formula, "x"]])
    assert dict(read_workbook(file, LIMITS).rows)[2] == [FORMULA, "x"]


def test_a_zip_bomb_is_refused_before_anything_is_unpacked(tmp_path: Path) -> None:
    file = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "x")
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 50_000_000)
    assert file.stat().st_size < 100_000
    with pytest.raises(BadFile) as told:
        read_workbook(file, LIMITS)
    assert told.value.reason == "too_large"


def test_a_zip_that_understates_its_size_unpacks_no_more_than_it_says(tmp_path: Path) -> None:
    good = book(tmp_path, [["a"], ["1"]])
    with zipfile.ZipFile(good) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml")
    file = tmp_path / "lie.xlsx"
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
        for part in source.namelist():
            big = sheet.replace(b"</sheetData>", b" " * 20_000_000 + b"</sheetData>")
            target.writestr(part, big if part.endswith("sheet1.xml") else source.read(part))
    content = file.read_bytes()
    file.write_bytes(content.replace(struct.pack("<I", len(sheet) + 20_000_000), struct.pack("<I", len(sheet))))
    with pytest.raises(BadFile):
        list(read_workbook(file, LIMITS).rows)


def test_entities_are_refused(tmp_path: Path) -> None:
    good, file = book(tmp_path, [["a"], ["1"]]), tmp_path / "entities.xlsx"
    lol = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(file, "w") as target:
        for part in source.namelist():
            content = source.read(part)
            target.writestr(part, lol + content if part.endswith("sheet1.xml") else content)
    with pytest.raises(BadFile):
        list(read_workbook(file, LIMITS).rows)


def test_a_sheet_of_a_million_empty_rows_ends_soon(tmp_path: Path) -> None:
    made = Workbook()
    made.active["A1"], made.active["A900000"] = "a", "1"
    file = tmp_path / "long.xlsx"
    made.save(file)
    with pytest.raises(BadFile) as told:
        list(read_workbook(file, LIMITS).rows)
    assert told.value.reason == "too_large"


def test_lines_of_json(tmp_path: Path) -> None:
    file = tmp_path / "lines.ndjson"
    long = b'{"x": "' + b"a" * 200_000 + b'"}\n'
    lines = [b'{"kind": "patient", "body": {}}\n', b"\n", long, b"[1]\n", b'{"kind": "face_sheet", "body": {}, "z": 1}']
    file.write_bytes(b"".join(lines))
    read = [read_line(number, line, LIMITS) for number, line in read_lines(file, LIMITS)]
    assert [(row.number, [(fault.pointer, fault.code) for fault in row.faults]) for row in read] == [
        (1, []),
        (3, [("", "length")]),
        (4, [("", "type")]),
        (5, [("/z", "unknown"), ("/patient_id", "required")]),
    ]
    assert [number for number, _ in read_lines(file, LIMITS, skip=3)] == [4, 5]
    with pytest.raises(BadFile):
        list(read_lines(file, Limits(rows=3, columns=1, unpacked=1, line=1)))


def test_whom_a_line_is_about() -> None:
    told = b'{"kind": "care_report", "identifier": {"system": "local", "value": "A"}, "body": {}}'
    assert read_line(1, told, LIMITS).about == {"patient.local": "A"}
    told = b'{"kind": "care_report", "identifier": {"system": "ltci", "insurer": "1", "value": "2"}, "body": {}}'
    assert read_line(1, told, LIMITS).about == {"patient.ltci_insurer": "1", "patient.ltci_number": "2"}
    for bad in (b'"patient_id": 1', b'"identifier": {"system": "local"}', b'"identifier": 3', b'"patient_id": "x"'):
        assert read_line(1, b'{"kind": "care_report", "body": {}, ' + bad + b"}", LIMITS).faults
