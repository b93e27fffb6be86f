"""Face sheets and care reports taken in, confirmed, corrected, withdrawn (提出・確認・訂正・取下げ)."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from renkei.access.audit import Asked
from renkei.access.gate import Grant, authorize
from renkei.access.refusals import not_own_record, unseen_draft
from renkei.access.writing import replaces_what_is_barred, require_team, require_writable
from renkei.catalogue import Catalogue, load_catalogue
from renkei.database import Transaction
from renkei.errors import Conflict, Forbidden, NotFound, PreconditionFailed
from renkei.ids import new_id, now
from renkei.schemas.answers import rfc3339
from renkei.schemas.completeness import completeness
from renkei.schemas.documents import Document, read_document
from renkei.schemas.drafts import etag, names, parts_named
from renkei.schemas.persons import differing
from renkei.schemas.stored_records import report_line
from renkei.schemas.submitted import Kept, first_answer, repeat_of
from renkei.schemas.summary import Sheet
from renkei.store import changes, drafts, patients, records, summaries
from renkei.vocabulary import Permission, Reason, RecordKind


async def submit_face_sheet(tx: Transaction, asked: Asked, patient_id: UUID, body: object) -> Kept:
    """フェイスシートの提出."""
    return await _submit(tx, asked, patient_id, RecordKind.face_sheet, Permission.face_sheet_submit, body)


async def submit_care_report(tx: Transaction, asked: Asked, patient_id: UUID, body: object) -> Kept:
    """ケアレポートの提出."""
    return await _submit(tx, asked, patient_id, RecordKind.care_report, Permission.care_report_submit, body)


async def confirm_draft(
    tx: Transaction, asked: Asked, patient_id: UUID, kind: RecordKind, draft_id: UUID, if_match: str | None
) -> Kept:
    """下書きの確認: it becomes a record of who confirms it, by that person's rights, checked as any other; both names stay."""
    grant = await authorize(tx, asked, Permission.draft_confirm, patient_id, kind.groups)
    if asked.actor.is_system:
        raise Forbidden(Reason.profession, "person", "organization", NOT_A_PERSON)
    row = await drafts.load_draft(tx, grant, kind, draft_id, locked=True)
    if row is None:
        raise NotFound
    if row.record_id is not None:
        return await _named(tx, grant, Kept(200, row.record_id, ""))
    if if_match != etag(row):
        raise PreconditionFailed(etag(row))
    body, catalogue = json.loads(row.body), load_catalogue()
    unseen = grant.view.withheld_of_own(parts_named(kind, body, catalogue))
    if unseen and not drafts.has_entered(grant, row):
        raise unseen_draft()
    document = read_document(kind, body, catalogue, now())
    # What others are told of is the record, as if it had been sent by its own route.
    submitting = replace(grant, permission=SUBMITTED[kind])
    kept = await _keep(tx, submitting, document, catalogue, row.entered_by)
    drafts.note_confirmed(tx, grant.under(row.patient_id), draft_id, kept.record_id)
    return await _named(tx, grant, kept)


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
    return await _keep(tx, grant, document, catalogue)


async def _keep(
    tx: Transaction,
    grant: Grant,
    document: Document,
    catalogue: Catalogue,
    entered_by: Mapping[str, Any] | None = None,
) -> Kept:
    """A valid document becomes a record, or is found to be one. entered_by: who prepared what the actor confirms."""
    person = await _registered(tx, grant, document)
    stated = await summaries.standing_codes(tx, grant) if replaces_what_is_barred(grant, document) else ()
    require_writable(grant, document, person, stated, catalogue)
    earlier = await records.earlier(tx, grant, document)
    if not earlier.versions:
        require_team(grant)
    else:
        grant = grant.under(earlier.versions[0].patient_id)  # a correction goes where the document stands
    if (kept := repeat_of(earlier.versions, document)) is not None:
        return kept
    record_id, profession = new_id(), grant.profession_of(document)
    warnings = differing(document.items, person)
    full = completeness(document, catalogue)
    answer = first_answer(document, grant.patient_id, record_id, earlier.now, warnings, full)
    records.append_record(
        tx,
        grant,
        document,
        record_id=record_id,
        profession=profession,
        answer=answer,
        received_at=earlier.now,
        entered_by=entered_by,
    )
    await _restate(tx, grant, document, earlier, record_id, profession, catalogue)
    changes.announce(tx, grant, record_id)
    return Kept(201, record_id, answer)


async def _named(tx: Transaction, grant: Grant, kept: Kept) -> Kept:
    """The answer with the names of who entered and who confirmed, as the record has them."""
    row = await records.load_names(tx, grant, kept.record_id)
    answer = {**json.loads(kept.answer or row.answer), **names(row)}
    return Kept(kept.status, kept.record_id, to_json(answer).decode())


async def _registered(tx: Transaction, grant: Grant, document: Document) -> Mapping[str, Any]:
    """The person as this organization knows them; asked only where the document says something of them."""
    if not any(code.startswith("person.") for code in document.items):
        return {}
    return (await patients.load_persons(tx, [grant]))[grant.patient_id]


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
        line = report_line(record_id, organization.reference, profession, items)
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
    there = grant.under(row.patient_id)
    withdrawal, new = await records.withdraw_record(tx, there, record_id, reason)
    if new:
        await summaries.restate_all(tx, grant, kind, load_catalogue())
        changes.announce(tx, there, record_id)
    elif withdrawal.reason != reason:
        raise Conflict("already_withdrawn", ALREADY_WITHDRAWN)
    said = {"record_id": str(record_id), "reason": reason, "withdrawn_at": rfc3339(withdrawal.withdrawn_at)}
    return (201 if new else 200), {"id": str(withdrawal.id), **said}


SUBMITTED = {
    RecordKind.face_sheet: Permission.face_sheet_submit,
    RecordKind.care_report: Permission.care_report_submit,
}
NOT_A_PERSON = ("下書きの確認は、名前のある職員だけができます", "Only a named person may confirm a draft")
ALREADY_WITHDRAWN = ("別の理由で既に取り下げられています", "Already withdrawn, for another reason")
