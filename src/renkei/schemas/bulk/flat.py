"""What is read, as lines for programs and as rows for spreadsheets. A column is headed by the target that an import knows it by."""

from collections.abc import Iterator, Mapping
from typing import Any

from renkei.schemas.bulk.targets import Sheet

SHEETS = {"patient": Sheet.patients, "face_sheet": Sheet.face_sheets, "care_report": Sheet.care_reports}
"""The sheet that a line of each kind stands in; a summary is no row."""
FIRST = (
    "patient.id",
    "id",
    "organization",
    "profession",
    "as_of",
    "received_at",
    "source.document_id",
    "source.version",
)
LAST = ("withdrawn_at", "withdrawal_reason", "replaced_by", "absent", "withheld")


def flat(line: Mapping[str, Any]) -> dict[str, Any]:
    """A line as cells by heading: scalars as they are, entries of a list by their number (the first has none)."""
    if line["kind"] == "patient":
        return dict(_person(line))
    cells: dict[str, Any] = {"patient.id": line["patient_id"], "organization": line["organization"]["name"]}
    for name in ("id", "profession", "as_of", "received_at", "reason", "coverage", "source", "author"):
        if line.get(name) is not None:
            cells |= _cells(name, line[name])
    for group, items in line["items"].items():
        for name, value in items.items():
            cells |= _cells(f"{group}.{name}", value)
    for name in ("withdrawn_at", "withdrawal_reason", "replaced_by"):
        if line.get(name) is not None:
            cells[name] = line[name]
    if line.get("absent"):
        cells["absent"] = "; ".join(f"{code}: {why}" for code, why in line["absent"].items())
    if line["withheld"]:
        cells["withheld"] = told(line["withheld"])
    return cells


def told(withheld: list[Mapping[str, Any]]) -> str:
    """What is not shown and why, in one cell."""
    return "; ".join(f"{one.get('item') or one['group'] + '.' + one['tier']}: {one['reason']}" for one in withheld)


def headings(seen: Mapping[str, None]) -> list[str]:
    """Columns in the order they were seen, what every row has first."""
    middle = [name for name in seen if name not in FIRST and name not in LAST]
    return [name for name in (*FIRST, *middle, *LAST) if name in seen]


def _person(line: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "patient.id", line["id"]
    for name in ("name", "name_kana", "birth_date", "sex"):
        yield from _cells(name, line.get(name)).items()
    for number in line.get("identifiers", ()):
        for member, value in number.items():
            if member != "system" and isinstance(value, str):
                one = number["system"] == "local"
                yield f"identifiers.{number['system']}{'' if one and member == 'value' else '.' + member}", value
    yield "tie", line.get("tie")


def _cells(name: str, value: Any) -> dict[str, Any]:
    """A value by its parts."""
    if isinstance(value, dict):
        return {key: cell for member, inner in value.items() for key, cell in _cells(f"{name}.{member}", inner).items()}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        parts = [(name if n == 1 else f"{name}.{n}", entry) for n, entry in enumerate(value, 1)]
        return {key: cell for place, entry in parts for key, cell in _cells(place, entry).items()}
    return {name: "、".join(map(str, value)) if isinstance(value, list) else value}
