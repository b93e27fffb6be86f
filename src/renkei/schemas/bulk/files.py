"""What a file must be to be read at all, and the rows of a table, whatever it came in (CSV, Excel)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

CSV, XLSX, NDJSON = (
    "text/csv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/x-ndjson",
)
MEDIA_TYPES = (CSV, XLSX, NDJSON)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one file may hold. unpacked: bytes of a workbook once unpacked. line: bytes of one line of JSON."""

    rows: int
    columns: int
    unpacked: int
    line: int


@dataclass(frozen=True, slots=True)
class Table:
    """Headings, and the rows below them with their numbers: (2, cells) is the first. Read once, from the first to the last.

    told: what was found out about the file, to be shown.
    """

    headings: Sequence[str]
    rows: Iterator[tuple[int, list[str]]]
    told: dict[str, str]


class BadFile(Exception):
    """The file as a whole cannot be read: told by the worker, as the reason why its import failed. detail: in two languages."""

    def __init__(self, reason: str, detail: tuple[str, str]) -> None:
        super().__init__(detail[1])
        self.reason, self.detail = reason, detail

    def __reduce__(self) -> tuple[type["BadFile"], tuple[str, tuple[str, str]]]:
        return type(self), (self.reason, self.detail)


def too_many(what: tuple[str, str], most: int) -> BadFile:
    """More of something than a file may hold."""
    return BadFile("too_large", (f"{what[0]}が多すぎます(最大{most})", f"too many {what[1]} (at most {most})"))


def require_within(rows: int, cells: Sequence[str], limits: Limits) -> None:
    """A table's next row is one too many, the headings not counted, or too wide. Raises BadFile."""
    if rows > limits.rows + 1:
        raise too_many(ROWS, limits.rows)
    if len(cells) > limits.columns:
        raise too_many(COLUMNS, limits.columns)


ROWS, COLUMNS = ("行", "rows"), ("列", "columns")
EMPTY = ("見出しの行がありません", "there is no row of headings")
