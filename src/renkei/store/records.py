"""Face sheets and care reports as sent: appended, never updated. A correction is a new version, a mistake a withdrawal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from renkei.access.gate import Grant
from renkei.database import Row, Statement, Transaction
from renkei.ids import new_id
from renkei.schemas.documents import Document
from renkei.store import about, lock_patient, whose
from renkei.vocabulary import RecordKind

SAME_DOCUMENT = """
SELECT r.patient_id, r.id, r.version, r.kind, r.answer, w.withdrawn_at,
  CASE WHEN r.version = %(version)s THEN r.body END AS body
FROM records r LEFT JOIN record_withdrawals w ON w.patient_id = r.patient_id AND w.record_id = r.id
WHERE r.patient_id = %(patient)s AND r.organization_id = %(own)s AND r.document_id = %(document)s ORDER BY r.version DESC
"""
NEWEST = """
SELECT now() AS now, max(as_of) AS as_of FROM records WHERE patient_id = %(patient)s AND organization_id = %(own)s AND kind = %(kind)s
"""
INSERT = """
INSERT INTO records (patient_id, id, kind, organization_id, client_id, user_id, user_name, profession, document_id,
  version, as_of, received_at, catalogue, body, answer, entered_by, audit_event_id)
VALUES (%(patient_id)s, %(id)s, %(kind)s, %(organization_id)s, %(client_id)s, %(user_id)s, %(user_name)s,
  %(profession)s, %(document_id)s, %(version)s, %(as_of)s, %(received_at)s, %(catalogue)s, %(body)s,
  %(answer)s, %(entered_by)s, %(audit_event_id)s)
"""
INSERT_AUTHOR = """
INSERT INTO author_organizations (patient_id, organization_id, audit_event_id) VALUES (%s, %s, %s)
ON CONFLICT DO NOTHING
"""
COLUMNS = """
SELECT r.id, r.patient_id, r.kind, r.organization_id, o.name AS organization_name, r.profession, r.user_name, r.document_id, r.version,
  r.client_id, r.user_id, r.entered_by,
  r.as_of, r.received_at, r.catalogue, r.body, w.withdrawn_at, w.reason AS withdrawal_reason,
  (SELECT n.id FROM records n WHERE n.patient_id = r.patient_id AND n.organization_id = r.organization_id
     AND n.document_id = r.document_id AND n.version > r.version ORDER BY n.version LIMIT 1) AS replaced_by
FROM records r
JOIN organizations o ON o.id = r.organization_id
LEFT JOIN record_withdrawals w ON w.patient_id = r.patient_id AND w.record_id = r.id
"""
ONE = COLUMNS + "WHERE r.patient_id = %(patient)s AND r.id = %(record)s AND r.kind = %(kind)s"
VERSIONS = (
    COLUMNS
    + """
WHERE r.patient_id = %(patient)s AND r.organization_id = %(organization)s AND r.document_id = %(document)s AND r.kind = %(kind)s
ORDER BY r.version DESC LIMIT 200
"""
)
NAMES = """
SELECT answer, client_id, user_id, user_name, profession, entered_by FROM records
WHERE patient_id = %(patient)s AND id = %(record)s AND organization_id = %(own)s
"""
PAGE = (
    COLUMNS
    + """
WHERE r.patient_id = %(patient)s AND r.kind = %(kind)s
  AND (r.organization_id = %(own)s OR %(others)s)
  AND (%(from)s::date IS NULL OR r.as_of >= (%(from)s::date)::timestamp AT TIME ZONE 'Asia/Tokyo')
  AND (%(to)s::date IS NULL OR r.as_of < (%(to)s::date + 1)::timestamp AT TIME ZONE 'Asia/Tokyo')
  AND (%(organization)s::uuid IS NULL OR r.organization_id = %(organization)s)
  AND (%(profession)s::text IS NULL OR r.profession = %(profession)s)
  AND (%(after_time)s::timestamptz IS NULL OR (r.as_of, r.id) < (%(after_time)s::timestamptz, %(after_id)s::uuid))
ORDER BY r.as_of DESC, r.id DESC LIMIT %(limit)s
"""
)
WITHDRAW = """
INSERT INTO record_withdrawals (patient_id, id, record_id, reason, audit_event_id) VALUES (%s, %s, %s, %s, %s)
RETURNING id, withdrawn_at
"""
WITHDRAWN = "SELECT id, reason, withdrawn_at FROM record_withdrawals WHERE patient_id = %s AND record_id = %s"


@dataclass(frozen=True, slots=True)
class Earlier:
    """What stands when a document arrives, read under the patient's lock.

    versions: of the same document, newest first. newest: the latest ``as_of`` of this organization's records of the kind.
    """

    versions: Sequence[Row]
    newest: datetime | None
    now: datetime


@dataclass(frozen=True, slots=True)
class Filters:
    """Which records a list shows. from_ and to: Tokyo days, inclusive; after: (as_of, id) of the last one seen."""

    limit: int
    from_: date | None = None
    to: date | None = None
    organization: UUID | None = None
    profession: str | None = None
    after: Sequence[str] | None = None


async def earlier(tx: Transaction, grant: Grant, document: Document) -> Earlier:
    """Lock the patient's summary, then see what is committed under this document and by this organization."""
    named = {"own": grant.organization_id, "document": document.document_id, "version": document.version}
    parameters = {**about(grant), **named, "kind": document.kind}
    lock_patient(tx, grant)
    versions, newest = await tx.run(
        Statement(whose(SAME_DOCUMENT, grant), parameters), Statement(whose(NEWEST, grant), parameters)
    )
    return Earlier(versions, newest[0].as_of, newest[0].now)


def append_record(
    tx: Transaction,
    grant: Grant,
    document: Document,
    *,
    record_id: UUID,
    profession: str,
    answer: str,
    received_at: datetime,
    entered_by: Mapping[str, Any] | None = None,
) -> None:
    """Keep a document for ever, with the answer its sender was given; its organization now has a record of its own.

    entered_by: who prepared it, where the actor confirms what another has entered.
    """
    actor = grant.asked.actor
    tx.later(
        INSERT,
        {
            "patient_id": grant.patient_id,
            "id": record_id,
            "kind": document.kind,
            "organization_id": grant.organization_id,
            "client_id": actor.client_id,
            "user_id": actor.user_id,
            "user_name": actor.user_name,
            "profession": profession,
            "document_id": document.document_id,
            "version": document.version,
            "as_of": document.as_of,
            "received_at": received_at,
            "catalogue": document.catalogue,
            "body": document.text,
            "answer": answer,
            "entered_by": Jsonb(entered_by) if entered_by is not None else None,
            "audit_event_id": grant.event_id,
        },
    )
    tx.later(INSERT_AUTHOR, [grant.patient_id, grant.organization_id, grant.event_id])


async def load_record(tx: Transaction, grant: Grant, kind: RecordKind, record_id: UUID) -> Row | None:
    """One record of this patient, whoever sent it; what of it may be shown is decided by the grant's view."""
    return await tx.row(whose(ONE, grant), {**about(grant), "record": record_id, "kind": kind})


async def load_names(tx: Transaction, grant: Grant, record_id: UUID) -> Row:
    """Of one's own record: the answer its sender was given, who sent it, and who had entered it."""
    named = {"record": record_id, "own": grant.organization_id}
    return await tx.row(whose(NAMES, grant), {**about(grant), **named})


async def load_versions(tx: Transaction, grant: Grant, record: Row) -> list[Row]:
    """All versions of the document that a record is one of, newest first."""
    document = {"organization": record.organization_id, "document": record.document_id, "kind": record.kind}
    return await tx.rows(whose(VERSIONS, grant), {**about(grant), **document})


async def load_page(tx: Transaction, grant: Grant, kind: RecordKind, filters: Filters, *, others: bool) -> list[Row]:
    """One page, latest ``as_of`` first; others: also what other organizations sent. One row more tells of a next page."""
    after_time, after_id = filters.after or (None, None)
    parameters: dict[str, Any] = {
        **about(grant),
        "kind": kind,
        "own": grant.organization_id,
        "others": others,
        "from": filters.from_,
        "to": filters.to,
        "organization": filters.organization,
        "profession": filters.profession,
        "after_time": after_time,
        "after_id": after_id,
        "limit": filters.limit + 1,
    }
    return await tx.rows(whose(PAGE, grant), parameters)


async def withdraw_record(tx: Transaction, grant: Grant, record_id: UUID, reason: str) -> tuple[Row, bool]:
    """Mark a record as sent in error. The withdrawal, and whether it is new. Locks the patient's summary first."""
    lock_patient(tx, grant)
    existing = await tx.row(WITHDRAWN, [grant.patient_id, record_id])
    if existing is not None:
        return existing, False
    row = await tx.row(WITHDRAW, [grant.patient_id, new_id(), record_id, reason, grant.event_id])
    return row, True
