"""A kept file as rows, from any row on, whatever it came in; and those of its rows that were refused, to be mended."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from pydantic_core import to_json

from renkei.schemas.bulk.delimited import read_csv
from renkei.schemas.bulk.files import CSV, NDJSON, Limits, Table
from renkei.schemas.bulk.guarding import guarded
from renkei.schemas.bulk.lines import read_line, read_lines
from renkei.schemas.bulk.mapping import Layout, Mapping_, Row
from renkei.schemas.bulk.targets import Sheet
from renkei.schemas.bulk.workbook import read_workbook

WHY = "誤りの内容"
"""The heading of the column that tells why a row was refused. A file sent again with it is read as if it were not there."""


class Source:
    """One pass over a file. Raises BadFile."""

    def __init__(self, path: Path, media_type: str, limits: Limits, worksheet: str | None = None) -> None:
        self.path, self.media_type, self.limits, self.worksheet = path, media_type, limits, worksheet
        self.table: Table | None = None
        if media_type == NDJSON:
            self._rows: Iterator[tuple[int, list[str] | bytes]] = iter(read_lines(path, limits))
        else:
            self.table = read_csv(path, limits) if media_type == CSV else read_workbook(path, limits, worksheet)
            self._rows = iter(self.table.rows)
        self.position = 0

    @property
    def headings(self) -> list[str]:
        """Of a table; none of lines."""
        return [heading for heading in self.table.headings if heading != WHY] if self.table else []

    def again(self) -> "Source":
        """The same file from the beginning."""
        return Source(self.path, self.media_type, self.limits, self.worksheet)

    def count(self) -> int:
        """How many rows there are; the whole file is read."""
        return sum(1 for _ in self.again()._rows)

    def samples(self, largest: int) -> dict[str, list[str]]:
        """Heading → values of the first rows."""
        rows = [cells for _, cells in islice(self.again()._rows, largest)]
        return {
            heading: [str(cells[place]) for cells in rows if place < len(cells)]
            for place, heading in enumerate(self.table.headings if self.table else ())
            if heading != WHY
        }

    def skip_to(self, position: int) -> None:
        """Go on after so many rows."""
        self.position += sum(1 for _ in islice(self._rows, position - self.position))

    def take(self, largest: int, layout: Layout | None, people: int) -> Iterator[Row]:
        """The next rows as bodies, one by one: so many, or up to so many registrations."""
        registrations = 0
        for number, said in islice(self._rows, largest):
            row = read_line(number, said, self.limits) if isinstance(said, bytes) else _read(layout, number, said)
            self.position += 1
            yield row
            registrations += row.sheet is Sheet.patients
            if registrations == people:
                break

    def layout(self, sheet: Sheet, mapping: Mapping_) -> Layout:
        """A mapping for this file. Raises Invalid."""
        return Layout.of(sheet, mapping, list(self.table.headings) if self.table else [])

    def rejected(self, faults: Iterator[tuple[int, Sequence[Mapping[str, object]]]]) -> Iterator[bytes]:
        """The rows with these faults (number and faults, in the file's order) as a file of the same kind: with a mark for Excel
        and a last column of reasons, or one object a line."""
        rows = self.again()._rows
        if self.table is not None:
            yield "\ufeff".encode() + _line([*self.headings, WHY])
        for number, found in faults:
            said = next((said for at, said in rows if at == number), None)
            if said is None:
                return
            if isinstance(said, bytes):
                yield to_json({"line": number, "errors": found, "sent": said.decode("utf-8", "replace")}) + b"\n"
            else:
                width = len(self.headings)
                cells = [*said, *[""] * width][:width]
                yield _line([*map(guarded, cells), " / ".join(map(_why, found))])


def _read(layout: Layout | None, number: int, cells: list[str]) -> Row:
    if layout is None:
        raise TypeError("a table is read by a layout")
    return layout.read(number, cells)


def _why(fault: Mapping[str, object]) -> str:
    where = fault.get("heading") or fault.get("item") or fault.get("pointer")
    return f"{where}: {fault['message']}" if where else str(fault["message"])


def _line(cells: Sequence[str]) -> bytes:
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\r\n").writerow(cells)
    return written.getvalue().encode()
