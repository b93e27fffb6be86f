"""下書き: a face sheet or care report prepared and not yet said. Checked leniently, and what is wrong with it is told beside it."""

import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, NamedTuple, NotRequired

from pydantic import Field
from typing_extensions import TypedDict  # pydantic asks for this one before Python 3.12

from renkei.catalogue import Catalogue
from renkei.errors import Fault, InvalidItems
from renkei.ids import now
from renkei.schemas.answers import Person, Withheld, rfc3339
from renkei.schemas.documents import read_document
from renkei.schemas.paging import Page
from renkei.schemas.summary import part_of
from renkei.vocabulary import RecordKind

_ENVELOPE = frozenset({"source", "reason", "as_of", "author", "coverage", "items", "absent"})


class Collection(StrEnum):
    """Where records of a kind lie under a patient."""

    face_sheets = "face-sheets"
    care_reports = "care-reports"

    @property
    def kind(self) -> RecordKind:
        """The kind."""
        return RecordKind.face_sheet if self is Collection.face_sheets else RecordKind.care_report


class DraftQuery(Page):
    """``GET …/drafts``."""

    limit: Annotated[int, Field(ge=1, le=50, strict=False)] = 20


class Prepared(NamedTuple):
    """What somebody has prepared. document: as sent, a JSON object. faults: what keeps it from being a record."""

    document: dict[str, Any]
    faults: tuple[Fault, ...]

    @property
    def text(self) -> str:
        """The document to be stored; escaped, since what is not valid yet may hold what UTF-8 has no form for."""
        return json.dumps(self.document)

    @property
    def digest(self) -> bytes:
        """Of the JSON values, however they were written."""
        return hashlib.sha256(json.dumps(self.document, sort_keys=True).encode()).digest()


def prepared(kind: RecordKind, body: object, catalogue: Catalogue) -> Prepared:
    """A draft. Raises InvalidItems only where it could not be found again: ``source`` must be as in a record."""
    faults: tuple[Fault, ...] = ()
    try:
        read_document(kind, body, catalogue, now())
    except InvalidItems as error:
        faults = error.faults
    lost = [fault for fault in faults if fault.pointer in ("", "/source") or fault.pointer.startswith("/source/")]
    if lost or not isinstance(body, dict):
        raise InvalidItems(lost)
    return Prepared(body, faults)


def parts_named(kind: RecordKind, document: Mapping[str, Any], catalogue: Catalogue) -> frozenset[str]:
    """The parts of the summary that it says something of. Where that cannot be told, all there are of its kind."""
    known = {code: part_of(item) for code, item in catalogue.items.items() if item.group in kind.groups}
    items, absent = document.get("items", {}), document.get("absent", {})
    plain = isinstance(items, dict) and isinstance(absent, dict) and all(isinstance(of, dict) for of in items.values())
    if not plain or document.keys() - _ENVELOPE:
        return frozenset(known.values())
    codes = {f"{group}.{name}" for group, of in items.items() for name in of} | set(absent)
    return frozenset(known[code] for code in codes) if codes <= known.keys() else frozenset(known.values())


class Problem(TypedDict):
    """What keeps a draft from being a record; pointer: into its document."""

    pointer: str
    item: str | None
    code: str
    message: str


class Draft(TypedDict):
    """A draft as its own organization sees it. document, problems: to who may read all it names, or entered it.

    record_id: the record it has become.
    """

    id: str
    patient_id: str
    kind: str
    source: dict[str, Any]
    entered_by: Person
    entered_at: str
    changed_at: str
    expires_at: str
    faults: int
    document: NotRequired[dict[str, Any]]
    problems: NotRequired[list[Problem]]
    record_id: NotRequired[str]
    withheld: list[Withheld]


def person(said: Mapping[str, Any]) -> Person:
    """A person as an answer names them. said: a signature as kept beside what they did."""
    return {"user_name": said["user_name"], "profession": said["profession"]}


def names(record: Any) -> dict[str, Person]:
    """Who entered a record and who confirmed it (代行入力); nothing for one that was sent as it is.

    record: with ``entered_by`` and its origin's columns. The confirming person is marked where it is the one who entered it.
    """
    entered = record.entered_by
    if entered is None:
        return {}
    confirmed: Person = {"user_name": record.user_name, "profession": record.profession}
    client = str(record.client_id) if record.client_id else None
    if (entered["client_id"], entered["user_id"]) == (client, record.user_id):
        confirmed["same_person"] = True
    return {"entered_by": person(entered), "confirmed_by": confirmed}


def draft_json(row: Any, withheld: list[dict[str, str]]) -> dict[str, Any]:
    """A draft without its document. row: with the columns of ``store.drafts``."""
    told = {
        "id": str(row.id),
        "patient_id": str(row.patient_id),
        "kind": row.kind,
        "source": {"document_id": row.document_id, "version": row.version},
        "entered_by": person(row.entered_by),
        "entered_at": rfc3339(row.entered_at),
        "changed_at": rfc3339(row.changed_at),
        "expires_at": rfc3339(row.expires_at),
        "faults": row.faults,
        "withheld": withheld,
    }
    return told | ({"record_id": str(row.record_id)} if row.record_id else {})


def etag(row: Any) -> str:
    """The strong validator of a draft: what is confirmed or changed is what was seen."""
    return f'"{row.id}-{row.revision}"'
