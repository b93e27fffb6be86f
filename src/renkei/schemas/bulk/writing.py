"""Files that are written out; those for spreadsheets safe to open: no cell becomes a formula, whatever anybody has written into a record."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from openpyxl import Workbook

from renkei.schemas.bulk.flat import SHEETS, flat, headings
from renkei.schemas.bulk.guarding import guarded

LONGEST_CELL = 32_767
"""Characters of a cell that Excel keeps."""


def write_file(lines: Path, target: Path, form: str, sheet: str | None) -> None:
    """From lines of JSON to the file asked for, line by line: no more of it is in memory than its columns' names."""
    if form == "csv":
        _write_csv(lines, target, str(sheet))
    elif form == "xlsx":
        _write_workbook(lines, target)
    elif form == "json":
        _write_list(lines, target)
    else:
        target.write_bytes(b"")
        lines.replace(target)


def _write_list(lines: Path, target: Path) -> None:
    """All lines as one array."""
    with lines.open("rb") as said, target.open("wb") as file:
        for n, line in enumerate(said):
            file.write((b",\n" if n else b"[\n") + line.rstrip(b"\n"))
        file.write(b"\n]\n" if file.tell() else b"[]\n")


def _rows(lines: Path, sheet: str) -> Iterator[dict[str, Any]]:
    with lines.open("rb") as file:
        for line in file:
            said = json.loads(line)
            if SHEETS.get(said["kind"]) == sheet:
                yield flat(said)


def _headings(lines: Path, sheet: str) -> list[str]:
    seen: dict[str, None] = {}
    for row in _rows(lines, sheet):
        seen.update(dict.fromkeys(row))
    return headings(seen)


def _write_csv(lines: Path, target: Path, sheet: str) -> None:
    """With a mark, by which Excel knows UTF-8."""
    names = _headings(lines, sheet)
    with target.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(names)
        writer.writerows([_cell(row.get(name)) for name in names] for row in _rows(lines, sheet))


def _write_workbook(lines: Path, target: Path) -> None:
    book = Workbook(write_only=True)
    for sheet in SHEETS.values():
        names, page = _headings(lines, sheet), book.create_sheet(sheet)
        page.append(names)
        for row in _rows(lines, sheet):
            page.append([_cell(row.get(name)) for name in names])
    book.save(target)


def _cell(value: Any) -> Any:
    """Numbers as numbers; text guarded, and no longer than a cell may be."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return guarded(value)[:LONGEST_CELL] if isinstance(value, str) else value
