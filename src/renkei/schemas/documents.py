"""Reading a face sheet or a care report: a body becomes a Document, or every fault in it is told at once.

A valid body costs one pass of a compiled validator and a few rules. Names for faults are worked out only when one is
there (document_faults).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json

from renkei.catalogue import Catalogue
from renkei.catalogue.models import document_validator
from renkei.catalogue.rules import broken_rules
from renkei.errors import Fault, InvalidItems
from renkei.schemas.document_faults import MOST_FAULTS, as_fault, wrong_values
from renkei.vocabulary import RecordKind


@dataclass(frozen=True, eq=False)
class Document:
    """A valid face sheet or care report.

    as_of: ``as_of`` of a face sheet, ``observed_at`` of a care report; aware. as_of_text: the same as it was sent.
    reason, coverage: of a face sheet. catalogue: the version it was checked against. source: as sent.
    A copy, and what travels to another process, is its text, which is read again only if somebody asks for its values.
    """

    kind: RecordKind
    document_id: str
    version: int
    system: str | None
    reason: str | None
    as_of: datetime
    as_of_text: str
    author_name: str
    author_profession: str
    coverage: str | None
    catalogue: str
    source: Mapping[str, Any]

    @cached_property
    def text(self) -> str:
        """The whole as JSON, as it is kept."""
        return to_json(self.body).decode()

    @cached_property
    def body(self) -> Mapping[str, Any]:
        """The whole as parsed."""
        parsed: dict[str, Any] = json.loads(self.text)
        return parsed

    @cached_property
    def items(self) -> Mapping[str, Any]:
        """The values exactly as parsed, by item code."""
        return _items(self.body)

    @property
    def absent(self) -> Mapping[str, str]:
        """Reasons by item code."""
        reasons: Mapping[str, str] = self.body.get("absent", {})
        return reasons

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in {"text": self.text, **vars(self)}.items() if name not in _PARSED}


_PARSED = {"body", "items"}


def read_document(kind: RecordKind, body: object, catalogue: Catalogue, now: datetime) -> Document:
    """The document in ``body`` (parsed JSON), checked as of ``now`` (aware).

    Raises InvalidItems with all faults: one for each wrong value, at most MOST_FAULTS.
    """
    if not isinstance(body, dict):
        raise InvalidItems([Fault("", None, "type", {"expected": "object"})])
    try:
        # Its result is not used: it would turn 36 into 36.0. The body itself is what was valid.
        document_validator(kind, catalogue).validate_python(body)
    except ValidationError as error:
        findings, rest = wrong_values(kind, body, catalogue, error)
        if rest is not None:
            wrong = {finding.path for finding in findings}
            findings += broken_rules(kind, rest, _items(rest), catalogue, now, wrong)
    else:
        items = _items(body)
        findings = list(broken_rules(kind, body, items, catalogue, now))
        if not findings:
            return _document(kind, body, items, catalogue)
    raise InvalidItems([as_fault(finding, kind, catalogue) for finding in findings[:MOST_FAULTS]])


def _items(body: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{group}.{name}": value for group, items in body.get("items", {}).items() for name, value in items.items()}


def _document(kind: RecordKind, body: dict[str, Any], items: dict[str, Any], catalogue: Catalogue) -> Document:
    source = body["source"]
    if kind is RecordKind.care_report:
        author, as_of = items["care_report.author"], items["care_report.observed_at"]
        author_name = full_name(author["name"])
    else:
        author, as_of = body["author"], body["as_of"]
        author_name = author["name"]
    document = Document(
        kind=kind,
        document_id=source["document_id"],
        version=source["version"],
        system=source.get("system"),
        reason=body.get("reason"),
        as_of=datetime.fromisoformat(as_of),
        as_of_text=as_of,
        author_name=author_name,
        author_profession=author["profession"],
        coverage=body.get("coverage"),
        catalogue=catalogue.version,
        source=source,
    )
    vars(document).update(body=body, items=items)
    return document


def full_name(name: Mapping[str, str]) -> str:
    """A person_name in one line, family name first."""
    parts = [name[part] for part in ("family", "given") if part in name]
    return " ".join(parts) if parts else name["text"]
