"""CSV as offices have it: UTF-8 with or without a mark, UTF-16, or MS932; comma, tab or semicolon; newlines in quotes."""

import codecs
import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from renkei.schemas.bulk.files import EMPTY, BadFile, Limits, Table, require_within
from renkei.schemas.bulk.mapping import named_columns

DELIMITERS = {",": "comma", "\t": "tab", ";": "semicolon"}
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_NAMES = {"utf-8-sig": "UTF-8 (BOM)", "utf-16": "UTF-16", "utf-8": "UTF-8", "cp932": "MS932"}
_CHUNK = 1 << 20
_LOOKED_AT = 20
"""Rows by which the delimiter is told."""


def read_csv(path: Path, limits: Limits) -> Table:
    """The table in a file. Raises BadFile."""
    encoding = _encoding(path)
    delimiter = _delimiter(path, encoding)
    rows = _rows(path, encoding, delimiter, limits)
    headings: list[str] = next((cells for _, cells in rows if any(map(str.strip, cells))), [])
    while headings and not headings[-1].strip():
        headings.pop()
    if not headings:
        raise BadFile("empty", EMPTY)
    told = {"encoding": _NAMES[encoding], "delimiter": DELIMITERS[delimiter]}
    return Table(named_columns(headings), rows, told)


def _encoding(path: Path) -> str:
    """By its mark; else UTF-8 where all of it is, else MS932 with the NEC and IBM extensions (髙 﨑 ① ㈱)."""
    with path.open("rb") as file:
        start = file.read(4)
    for mark, name in _MARKS:
        if start.startswith(mark):
            return name
    for name in ("utf-8", "cp932"):
        if _decodes(path, name):
            return name
    raise BadFile("encoding", ("文字コードが UTF-8 でも MS932 でもありません", "neither UTF-8 nor MS932"))


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _delimiter(path: Path, encoding: str) -> str:
    """The one that parts the first rows into the most columns, the same number in most of them."""

    def score(delimiter: str) -> tuple[int, int]:
        with path.open(encoding=encoding, newline="") as file:
            try:
                widths = [len(row) for row in islice(csv.reader(file, delimiter=delimiter), _LOOKED_AT) if row]
            except (csv.Error, UnicodeDecodeError):
                return 0, 0
        usual = max(set(widths), key=widths.count, default=0)
        return (widths.count(usual) if usual > 1 else 0), usual

    return max(DELIMITERS, key=score)


def _rows(path: Path, encoding: str, delimiter: str, limits: Limits) -> Iterator[tuple[int, list[str]]]:
    """Rows with their numbers as a spreadsheet would count them; empty ones are counted and left out."""
    number, kept = 0, 0
    with path.open(encoding=encoding, newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            for number, cells in enumerate(reader, 1):
                if not any(map(str.strip, cells)):
                    continue
                kept += 1
                require_within(kept, cells, limits)
                yield number, cells
        except (csv.Error, UnicodeDecodeError):
            where = (f"{number + 1}行目のCSVの書き方が正しくありません", f"row {number + 1} is not CSV")
            raise BadFile("format", where) from None
