"""NDJSON, one registration or document a line: ``{"kind": "care_report", "patient_id": …, "body": {…}}``.

``kind``: ``patient``, ``face_sheet``, ``care_report``. ``body``: as the POST of that kind takes it. Who a document is about:
``patient_id``, or ``identifier`` (``local``, or ``ltci`` with its insurer).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from renkei.catalogue.characters import visible
from renkei.errors import Fault, Unparsable
from renkei.schemas.bulk.files import ROWS, Limits, too_many
from renkei.schemas.bulk.mapping import Row
from renkei.schemas.bulk.targets import Sheet
from renkei.schemas.json_body import parse_json

KINDS = {"patient": Sheet.patients, "face_sheet": Sheet.face_sheets, "care_report": Sheet.care_reports}
_MEMBERS = {"kind", "patient_id", "identifier", "body"}


def read_lines(path: Path, limits: Limits, skip: int = 0) -> Iterator[tuple[int, bytes]]:
    """The lines with their numbers from 1, after ``skip``; blank ones are left out. A line that is too long comes empty, and is
    told as such. Raises BadFile when there are too many."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(limits.line + 1):
            number += 1
            if number > limits.rows:
                raise too_many(ROWS, limits.rows)
            whole = line
            while len(line) > limits.line and not line.endswith(b"\n"):
                whole, line = b"", file.readline(limits.line + 1)
            if number > skip and (whole.strip() or not whole):
                yield number, whole


def read_line(number: int, line: bytes, limits: Limits) -> Row:
    """One line. What is wrong with the line itself is told by its faults; the body is not looked at here."""
    if not line:
        return _wrong(number, "", "length", max=limits.line)
    try:
        said = parse_json(line)
    except Unparsable:
        return _wrong(number, "", "format", expected="JSON")
    if not isinstance(said, dict):
        return _wrong(number, "", "type", expected="object")
    faults = [Fault(f"/{visible(name)}", None, "unknown") for name in said if name not in _MEMBERS][:20]
    sheet = KINDS.get(str(said.get("kind")))
    if sheet is None:
        faults.append(Fault("/kind", None, "code", {"value_set": ", ".join(KINDS)}))
    if not isinstance(said.get("body"), dict):
        faults.append(Fault("/body", None, "type", {"expected": "object"}))
    about: dict[str, str] = {}
    if sheet is not None and sheet.kind is not None:
        faults += _read_about(said, about)
    body: dict[str, Any] = said["body"] if isinstance(said.get("body"), dict) else {}
    return Row(number, sheet or Sheet.care_reports, body, about, faults, {})


def _read_about(said: dict[str, Any], about: dict[str, str]) -> Iterator[Fault]:
    identifier = said.get("identifier")
    if ("patient_id" in said) == ("identifier" in said):
        yield Fault("/patient_id", None, "required")
    elif "patient_id" in said:
        try:
            about["patient.id"] = str(UUID(said["patient_id"]))
        except (ValueError, TypeError, AttributeError):
            yield Fault("/patient_id", None, "format", {"expected": "UUID"})
    elif not isinstance(identifier, dict) or not all(
        isinstance(v, str) and 0 < len(v) <= 100 for v in identifier.values()
    ):
        yield Fault("/identifier", None, "type", {"expected": "object"})
    elif identifier.get("system") == "local" and set(identifier) == {"system", "value"}:
        about["patient.local"] = identifier["value"]
    elif identifier.get("system") == "ltci" and set(identifier) == {"system", "insurer", "value"}:
        about["patient.ltci_insurer"], about["patient.ltci_number"] = identifier["insurer"], identifier["value"]
    else:
        yield Fault("/identifier", None, "format", {"expected": "local, ltci"})


def _wrong(number: int, pointer: str, code: str, **params: object) -> Row:
    return Row(number, Sheet.care_reports, {}, {}, [Fault(pointer, None, code, params)], {})
