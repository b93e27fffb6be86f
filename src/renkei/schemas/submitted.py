"""The answer to a submission (提出の応答): the first, and the same again when the same thing is sent again. Pure."""

import json
from collections.abc import Mapping, Sequence
from copy import copy
from datetime import datetime
from typing import Any, NamedTuple, Protocol, Self
from uuid import UUID

from pydantic_core import to_json

from renkei.catalogue import Catalogue
from renkei.errors import Conflict
from renkei.schemas.answers import rfc3339
from renkei.schemas.completeness import Completeness, completeness
from renkei.schemas.documents import Document
from renkei.schemas.json_body import digest
from renkei.schemas.stored_records import LISTED
from renkei.vocabulary import RecordKind


class Kept(NamedTuple):
    """The answer to a submission: 201 for a new record, 200 for one sent again."""

    status: int
    record_id: UUID
    answer: str


class Ready(NamedTuple):
    """A checked document of many, with what is told of it whoever keeps it: worked out where it is checked, since the rest of its
    values is not needed after that.

    report: what the summary lists of a care report.
    """

    document: Document
    full: Completeness
    report: Mapping[str, Any]

    @classmethod
    def of(cls, document: Document, catalogue: Catalogue) -> Self:
        """Pure."""
        items = document.items
        listed = LISTED if document.kind is RecordKind.care_report else ()
        report = {name: items[f"care_report.{name}"] for name in listed}
        # Copied, it keeps its text alone, a tenth of the memory: thousands wait to be written.
        return cls(copy(document), completeness(document, catalogue), report)


class Version(Protocol):
    """One version of a document that stands. body: only of the version that is compared."""

    @property
    def id(self) -> UUID: ...
    @property
    def version(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def answer(self) -> str: ...
    @property
    def body(self) -> str: ...
    @property
    def withdrawn_at(self) -> datetime | None: ...


def first_answer(
    document: Document,
    patient_id: UUID,
    record_id: UUID,
    received_at: datetime,
    warnings: Sequence[Mapping[str, str]],
    full: Completeness,
) -> str:
    """What the sender of a new record is told, as JSON."""
    answer = {
        "id": str(record_id),
        "patient_id": str(patient_id),
        "kind": document.kind,
        "source": document.source,
        "as_of": document.as_of_text,
        "received_at": rfc3339(received_at),
        "catalogue": document.catalogue,
        "warnings": warnings,
        "completeness": full,
    }
    return to_json(answer).decode()


def repeat_of(versions: Sequence[Version], document: Document) -> Kept | None:
    """The first answer again, when the same thing is sent again; a Conflict when something else stands in its place.

    versions: of the same document, newest first.
    """
    for row in versions:
        if row.version == document.version and row.kind == document.kind and _equal(row.body, document):
            if row.withdrawn_at is None:
                return Kept(200, row.id, row.answer)
            since: dict[str, Any] = {**json.loads(row.answer), "withdrawn_at": rfc3339(row.withdrawn_at)}
            return Kept(200, row.id, to_json(since).decode())
        if row.version == document.version:
            raise Conflict("content_differs", CONTENT_DIFFERS)
    if versions and versions[0].version > document.version:
        raise Conflict("lower_version", LOWER_VERSION)
    if versions and versions[0].kind != document.kind:
        raise Conflict("other_kind", OTHER_KIND)
    return None


def _equal(stored: str, document: Document) -> bool:
    """Whether the same JSON values were sent, however they were written. Asked only where a version comes again."""
    return digest(json.loads(stored)) == digest(document.body)


CONTENT_DIFFERS = (
    "同じ文書番号と版で、内容の異なる文書が既にあります。訂正は版を上げて送ってください",
    "This document id and version already stand for other content; send a correction with a higher version",
)
LOWER_VERSION = ("この文書には既に新しい版があります", "A higher version of this document already stands")
OTHER_KIND = (
    "この文書番号は別の種類の文書で使われています",
    "This document id is used by a document of the other kind",
)
