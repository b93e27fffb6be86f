"""What every refusal looks like, checked wherever one is expected."""

from typing import Any
from uuid import UUID

import httpx

MEMBERS = {"type", "title", "status", "detail", "instance", "request_id"}


def problem(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    """The problem document of an answer, whose shape, status and type are as the contract says (RFC 9457)."""
    assert answer.status_code == status, (answer.status_code, answer.text[:500])
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    document: dict[str, Any] = answer.json()
    assert document.keys() >= MEMBERS
    assert document["type"] == f"urn:renkei:problem:{kind}" and document["status"] == status
    assert document["instance"] == f"urn:uuid:{document['request_id']}"
    assert answer.headers["x-request-id"] == str(UUID(document["request_id"]))
    return document


def faults(document: dict[str, Any]) -> set[tuple[str, str]]:
    """Pointer and code of each fault a problem names."""
    return {(fault["pointer"], fault["code"]) for fault in document["errors"]}
