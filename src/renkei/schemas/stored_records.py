"""A stored record as the summary takes it: a face sheet, or the line of a care report. Pure."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from renkei.schemas.summary import Origin, ReportLine, Sheet

LISTED = ("observed_at", "urgency", "body")
"""The items of a care report that the summary lists."""


def report_line(record_id: UUID, origin: Origin, profession: str | None, items: Mapping[str, Any]) -> ReportLine:
    """A care report as the summary lists it: when, who, how urgent, what."""
    return {
        "id": str(record_id),
        "observed_at": items["observed_at"],
        "organization": origin,
        "profession": profession,
        "urgency": items["urgency"],
        "body": items["body"],
    }


def encode_reports(lines: Sequence[ReportLine]) -> str:
    return to_json(lines).decode()[1:-1]


def _origin(row: Any) -> Origin:
    return {"id": str(row.organization_id), "name": row.name}


def line_of(row: Any) -> ReportLine:
    return report_line(row.id, _origin(row), row.profession, json.loads(row.body)["items"]["care_report"])


def sheet_of(row: Any) -> Sheet:
    body = json.loads(row.body)
    items = {f"{group}.{name}": value for group, of in body["items"].items() for name, value in of.items()}
    said = (body["as_of"], body["coverage"], items, body.get("absent", {}))
    return Sheet(row.id, _origin(row), row.profession, row.as_of, *said)
