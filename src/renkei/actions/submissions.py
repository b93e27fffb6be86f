"""Face sheets and care reports taken in, corrected, withdrawn (提出・訂正・取下げ)."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from pydantic_core import to_json

from renkei.access.audit import Asked
from renkei.access.gate import Grant, authorize, require_team
from renkei.access.refusals import NO_RIGHT, not_own_record
from renkei.catalogue import Catalogue, load_catalogue
from renkei.database import Row, Transaction
from renkei.errors import Conflict, Fault, Forbidden, NotFound
from renkei.ids import new_id, now
from renkei.schemas.answers import rfc3339
from renkei.schemas.completeness import completeness
from renkei.schemas.documents import Document, read_document
from renkei.schemas.json_body import digest
from renkei.schemas.persons import differing, exempt_items
from renkei.schemas.summary import Sheet
from renkei.store import changes, patients, records, summaries
from renkei.vocabulary import Permission, Reason, RecordKind, Tier


class Kept(NamedTuple):
    """The answer to a submission: 201 for a new record, 200 for one sent again."""

    status: int
    record_id: UUID
    answer: str


async def submit_face_sheet(tx: Transaction, asked: Asked, patient_id: UUID, body: object) -> Kept:
    """フェイスシートの提出."""
    return await _submit(tx, asked, patient_id, RecordKind.face_sheet, Permission.face_sheet_submit, body)


async def submit_care_report(tx: Transaction, asked: Asked, patient_id: UUID, body: object) -> Kept:
    """ケアレポートの提出."""
    return await _submit(tx, asked, patient_id, RecordKind.care_report, Permission.care_report_submit, body)


async def withdraw_face_sheet(
    tx: Transaction, asked: Asked, patient_id: UUID, record_id: UUID, reason: str
) -> tuple[int, dict[str, Any]]:
    """フェイスシートの取下げ."""
    permission = Permission.face_sheet_withdraw
    return await _withdraw(tx, asked, patient_id, RecordKind.face_sheet, permission, record_id, reason)


async def withdraw_care_report(
    tx: Transaction, asked: Asked, patient_id: UUID, record_id: UUID, reason: str
) -> tuple[int, dict[str, Any]]:
    """ケアレポートの取下げ."""
    permission = Permission.care_report_withdraw
    return await _withdraw(tx, asked, patient_id, RecordKind.care_report, permission, record_id, reason)


async def _submit(
    tx: Transaction, asked: Asked, patient_id: UUID, kind: RecordKind, permission: Permission, body: object
) -> Kept:
    catalogue = load_catalogue()
    document = read_document(kind, body, catalogue, now())
    grant = await authorize(tx, asked, permission, patient_id, kind.groups)
    person = await _registered(tx, grant, document)
    await _require_writable(tx, grant, document, person, catalogue)
    earlier = await records.earlier(tx, grant, document)
    if not earlier.versions:
        require_team(grant)
    if (kept := _repeat(earlier.versions, document)) is not None:
        return kept
    record_id, profession = new_id(), _profession(grant, document)
    answer = _answer(grant, document, record_id, earlier.now, differing(document.items, person), catalogue)
    records.append_record(
        tx,
        grant,
        document,
        record_id=record_id,
        profession=profession,
        answer=answer,
        received_at=earlier.now,
    )
    await _restate(tx, grant, document, earlier, record_id, profession, catalogue)
    changes.announce(tx, grant, record_id)
    return Kept(201, record_id, answer)


def _profession(grant: Grant, document: Document) -> str:
    """The origin's profession: the user's of the token; for a system acting as itself, whom its document names."""
    actor = grant.asked.actor
    return document.author_profession if actor.is_system else str(actor.profession)


async def _registered(tx: Transaction, grant: Grant, document: Document) -> Mapping[str, Any]:
    """The person as this organization knows them; asked only where the document says something of them."""
    if not any(code.startswith("person.") for code in document.items):
        return {}
    return (await patients.load_persons(tx, [grant]))[grant.patient_id]


async def _require_writable(
    tx: Transaction, grant: Grant, document: Document, person: Mapping[str, Any], catalogue: Catalogue
) -> None:
    """Refuse the whole document when it touches one item this profession may not write, naming each.

    A complete sheet also touches what its organization stated before and it leaves out.
    """
    columns = {
        code: (catalogue.items[code].group, catalogue.items[code].tier) for code in (*document.items, *document.absent)
    }
    barred = grant.unwritable(columns)
    pointers = {
        code: "/items/" + code.replace(".", "/") if code in document.items else f"/absent/{code}" for code in barred
    }
    exempt = exempt_items(document, person) if barred else frozenset()
    everything = {(group, tier) for group in document.kind.groups for tier in Tier}
    if document.coverage == "complete" and not everything <= grant.rights.write:
        dropped = await summaries.standing_codes(tx, grant) - columns.keys()
        kept = {c: (catalogue.items[c].group, catalogue.items[c].tier) for c in dropped if c in catalogue.items}
        pointers |= {code: "/items/" + code.replace(".", "/") for code in grant.unwritable(kept)}
    refused = [Fault(pointer, code, "unknown") for code, pointer in pointers.items() if code not in exempt]
    if refused:
        raise Forbidden(Reason.profession, "permission_table.write", "platform_admin", NO_RIGHT, refused)


def _repeat(versions: Sequence[Row], document: Document) -> Kept | None:
    """The first answer again, when the same thing is sent again; a Conflict when something else stands in its place."""
    for row in versions:
        if row.version == document.version and row.kind == document.kind and _equal(row.body, document):
            if row.withdrawn_at is None:
                return Kept(200, row.id, row.answer)
            since = {**json.loads(row.answer), "withdrawn_at": rfc3339(row.withdrawn_at)}
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


def _answer(
    grant: Grant,
    document: Document,
    record_id: UUID,
    received_at: datetime,
    warnings: Sequence[Mapping[str, str]],
    catalogue: Catalogue,
) -> str:
    answer = {
        "id": str(record_id),
        "patient_id": str(grant.patient_id),
        "kind": document.kind,
        "source": document.body["source"],
        "as_of": document.as_of_text,
        "received_at": rfc3339(received_at),
        "catalogue": document.catalogue,
        "warnings": warnings,
        "completeness": completeness(document, catalogue),
    }
    return to_json(answer).decode()


async def _restate(
    tx: Transaction,
    grant: Grant,
    document: Document,
    earlier: records.Earlier,
    record_id: UUID,
    profession: str,
    catalogue: Catalogue,
) -> None:
    organization = grant.asked.actor.organization
    if organization is None or earlier.versions:
        await summaries.restate_all(tx, grant, document.kind, catalogue)
    elif document.kind is RecordKind.care_report:
        items = document.body["items"]["care_report"]
        line = summaries.report_line(record_id, organization.reference, profession, items)
        await summaries.restate_report(tx, grant, line)
    elif earlier.newest is not None and earlier.newest > document.as_of:
        await summaries.restate_all(tx, grant, document.kind, catalogue)
    else:
        said = (document.coverage or "", document.items, document.absent)
        origin = (record_id, organization.reference, profession, document.as_of, document.as_of_text)
        await summaries.restate_sheet(tx, grant, Sheet(*origin, *said), catalogue)


async def _withdraw(
    tx: Transaction,
    asked: Asked,
    patient_id: UUID,
    kind: RecordKind,
    permission: Permission,
    record_id: UUID,
    reason: str,
) -> tuple[int, dict[str, Any]]:
    grant = await authorize(tx, asked, permission, patient_id, kind.groups)
    row = await records.load_record(tx, grant, kind, record_id)
    if row is None:
        raise NotFound
    if row.organization_id != grant.organization_id:
        raise not_own_record()
    withdrawal, new = await records.withdraw_record(tx, grant, record_id, reason)
    if new:
        await summaries.restate_all(tx, grant, kind, load_catalogue())
        changes.announce(tx, grant, record_id)
    elif withdrawal.reason != reason:
        raise Conflict("already_withdrawn", ALREADY_WITHDRAWN)
    said = {"record_id": str(record_id), "reason": reason, "withdrawn_at": rfc3339(withdrawal.withdrawn_at)}
    return (201 if new else 200), {"id": str(withdrawal.id), **said}


CONTENT_DIFFERS = (
    "同じ文書番号と版で、内容の異なる文書が既にあります。訂正は版を上げて送ってください",
    "This document id and version already stand for other content; send a correction with a higher version",
)
LOWER_VERSION = ("この文書には既に新しい版があります", "A higher version of this document already stands")
OTHER_KIND = (
    "この文書番号は別の種類の文書で使われています",
    "This document id is used by a document of the other kind",
)
ALREADY_WITHDRAWN = ("別の理由で既に取り下げられています", "Already withdrawn, for another reason")
