"""Least bodies of both kinds to put one thing into, and the faults they then have."""

from datetime import UTC, datetime
from typing import Any

from renkei.catalogue import load_catalogue
from renkei.errors import InvalidItems
from renkei.schemas.documents import Document, read_document
from renkei.vocabulary import RecordKind

CATALOGUE = load_catalogue()
NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
FACE, CARE = RecordKind.face_sheet, RecordKind.care_report


def read(kind: RecordKind, body: object) -> Document:
    return read_document(kind, body, CATALOGUE, NOW)


def faults(kind: RecordKind, body: object) -> dict[str, str]:
    """Codes by pointer; empty when accepted. No pointer is told twice."""
    try:
        read(kind, body)
    except InvalidItems as error:
        assert len({fault.pointer for fault in error.faults}) == len(error.faults)
        return {fault.pointer: fault.code for fault in error.faults}
    return {}


def sheet(items: dict[str, Any], /, **envelope: Any) -> dict[str, Any]:
    body = {
        "source": {"document_id": "FS-1", "version": 1},
        "reason": "watch_over",
        "as_of": "2026-11-20T09:30:00+09:00",
        "author": {"name": "佐藤 恵", "profession": "nurse"},
        "coverage": "partial",
        "items": items,
    }
    return body | envelope


def report(**items: Any) -> dict[str, Any]:
    author = {"name": {"family": "岸本", "given": "絵里"}, "profession": "nurse", "organization": "こもれび"}
    basic = {"observed_at": "2026-06-01T10:00:00+09:00", "author": author, "body": "変わりなし。", "urgency": "routine"}
    return {"source": {"document_id": "CR-1", "version": 1}, "items": {"care_report": basic | items}}
