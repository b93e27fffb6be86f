"""Excel workbooks (.xlsx), row by row. Nothing in them is computed, followed or run.

A workbook is a zip of XML: its declared sizes are added up before anything is unpacked (zipfile never unpacks more than
declared), and its XML is read by defusedxml, which refuses entities.
"""

import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, BinaryIO

from defusedxml.common import DefusedXmlException
from openpyxl import DEFUSEDXML, load_workbook
from openpyxl.cell.read_only import EMPTY_CELL

from renkei.schemas.bulk.files import EMPTY, ROWS, BadFile, Limits, Table, require_within, too_many
from renkei.schemas.bulk.mapping import FORMULA, named_columns

MOST_PARTS = 1000
"""Files in the zip: a plain workbook has about a dozen."""
_NOT_ONE = ("Excelブック(.xlsx)ではありません", "not an Excel workbook (.xlsx)")

if not DEFUSEDXML:  # openpyxl takes it where it is installed, unless its environment says otherwise
    raise ImportError("openpyxl must read XML by defusedxml")


def read_workbook(path: Path, limits: Limits, worksheet: str | None = None) -> Table:
    """The table in one worksheet, the first visible one where none is named. Raises BadFile."""
    _require_small(path, limits)
    # Opened here: from a path openpyxl would go by the ending of its name.
    file = path.open("rb")
    try:
        book = load_workbook(file, read_only=True, data_only=False, keep_links=False)
    except (DefusedXmlException, zipfile.BadZipFile, KeyError, ValueError, TypeError, SyntaxError) as error:
        file.close()
        raise BadFile("format", _NOT_ONE) from error
    names = [sheet.title for sheet in book.worksheets if sheet.sheet_state == "visible"] or book.sheetnames
    name = worksheet or next(iter(names), None)
    if name is None or name not in [sheet.title for sheet in book.worksheets]:
        file.close()
        raise BadFile("worksheet", ("その名前のシートがありません", "there is no worksheet of that name"))
    rows = _rows(file, book[name], limits)
    headings: list[str] = next((cells for _, cells in rows), [])
    if not headings:
        raise BadFile("empty", EMPTY)
    return Table(named_columns(headings), rows, {"worksheet": name, "worksheets": ", ".join(names)})


def _require_small(path: Path, limits: Limits) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise BadFile("format", _NOT_ONE) from error
    if any(part.flag_bits & 0x1 for part in parts):
        raise BadFile("encrypted", ("パスワードのかかったファイルです", "the file is encrypted"))
    if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > limits.unpacked:
        raise BadFile("too_large", ("展開すると大きすぎます", "too large once unpacked"))


def _rows(file: BinaryIO, sheet: Any, limits: Limits) -> Iterator[tuple[int, list[str]]]:
    # What the sheet says of its own size may be anything.
    sheet.reset_dimensions()
    kept = 0
    try:
        # One row and one column more than may be: to see that there are more.
        for number, cells in enumerate(sheet.iter_rows(max_col=limits.columns + 1), 1):
            # Every row comes as wide as was asked for, most of it nothing.
            wide = next((n for n in range(len(cells), 0, -1) if cells[n - 1] is not EMPTY_CELL), 0)
            said = [_text(cell) for cell in cells[:wide]]
            while said and not said[-1]:
                said.pop()
            if not any(map(str.strip, said)):
                if number > limits.rows * 10:
                    raise too_many(ROWS, limits.rows)
                continue
            kept += 1
            require_within(kept, said, limits)
            yield number, said
    except (DefusedXmlException, zipfile.BadZipFile, KeyError, IndexError, ValueError, TypeError, SyntaxError) as error:
        raise BadFile("format", _NOT_ONE) from error
    finally:
        file.close()


def _text(cell: Any) -> str:
    """What the cell shows, in words a CSV would have."""
    value = cell.value
    match value:
        case None:
            return ""
        case _ if cell.data_type in ("f", "e"):
            return FORMULA
        case bool():
            return "true" if value else "false"
        case float() | int():
            return _number(value, cell.number_format)
        case datetime():
            moment = value.replace(microsecond=0)
            return moment.date().isoformat() if moment.time() == time() else moment.isoformat(" ")
        case date() | time():
            return value.isoformat()
        case _:
            return str(value)


def _number(value: float, form: str) -> str:
    if "%" in form:
        return f"{round(value * 100, 6):g}%"
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(value)
