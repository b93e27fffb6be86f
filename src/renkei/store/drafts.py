"""Drafts (下書き): one organization's, changed in place and removed when they are over, since nobody has said them yet."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from renkei.access.gate import Grant
from renkei.database import Row, Transaction
from renkei.ids import new_id
from renkei.schemas.drafts import Prepared
from renkei.store import about, whose
from renkei.vocabulary import RecordKind

INSERT = """
INSERT INTO drafts (patient_id, id, kind, organization_id, document_id, version, body, digest, faults, entered_by, expires_at,
  audit_event_id)
VALUES (%(patient)s, %(id)s, %(kind)s, %(organization)s, %(document_id)s, %(version)s, %(body)s, %(digest)s, %(faults)s,
  %(entered_by)s, now() + make_interval(days => %(days)s), %(event)s)
ON CONFLICT (patient_id, organization_id, document_id, version) DO NOTHING
"""
COLUMNS = """
SELECT id, patient_id, kind, organization_id, document_id, version, body, digest, faults, revision, entered_by, entered_at,
  changed_at, expires_at, record_id
FROM drafts WHERE patient_id = %(patient)s AND organization_id = %(organization)s
"""
STANDING = COLUMNS + " AND expires_at > now()"
SAME = COLUMNS + " AND document_id = %(document_id)s AND version = %(version)s"
ONE = STANDING + " AND kind = %(kind)s AND id = %(id)s"
PAGE = (
    STANDING
    + """
  AND kind = %(kind)s AND record_id IS NULL
  AND (%(time)s::timestamptz IS NULL OR (entered_at, id) < (%(time)s::timestamptz, %(after)s::uuid))
ORDER BY entered_at DESC, id DESC LIMIT %(limit)s
"""
)
OVER = """
DELETE FROM drafts WHERE patient_id = %(patient)s AND organization_id = %(organization)s AND document_id = %(document_id)s
  AND version = %(version)s AND expires_at <= now()
"""
CHANGE = """
UPDATE drafts SET document_id = %(document_id)s, version = %(version)s, body = %(body)s, digest = %(digest)s, faults = %(faults)s,
  revision = revision + 1, entered_by = %(entered_by)s, changed_at = now(),
  expires_at = now() + make_interval(days => %(days)s), audit_event_id = %(event)s
WHERE patient_id = %(patient)s AND id = %(id)s AND NOT EXISTS (
  SELECT FROM drafts o WHERE o.patient_id = %(patient)s AND o.organization_id = %(organization)s AND o.id <> %(id)s
    AND o.document_id = %(document_id)s AND o.version = %(version)s)
RETURNING id
"""
# What it said is in the record now, and nowhere else.
CONFIRM = """
UPDATE drafts SET record_id = %s, body = '{}', revision = revision + 1, changed_at = now(), audit_event_id = %s
WHERE patient_id = %s AND id = %s
"""
DISCARD = "DELETE FROM drafts WHERE patient_id = %s AND id = %s"
EXPIRE = """
DELETE FROM drafts WHERE (patient_id, id) IN (SELECT patient_id, id FROM drafts WHERE expires_at <= now() LIMIT %s)
RETURNING patient_id, id, record_id
"""


def who(grant: Grant) -> dict[str, Any]:
    """Who enters or confirms, as kept beside it."""
    actor = grant.asked.actor
    return {
        "client_id": str(actor.client_id) if actor.client_id else None,
        "user_id": actor.user_id,
        "user_name": actor.user_name,
        "profession": actor.profession,
    }


def has_entered(grant: Grant, row: Row) -> bool:
    """Whether this actor has entered the draft as it stands, and so has seen all of it."""
    mine = who(grant)
    return all(row.entered_by[name] == mine[name] for name in ("client_id", "user_id"))


async def enter_draft(tx: Transaction, grant: Grant, kind: RecordKind, said: Prepared, days: int) -> tuple[Row, bool]:
    """Keep a draft under its document's id and version, and whether it is new. What is over makes room."""
    parameters = _columns(grant, said, days) | {"id": new_id(), "kind": kind}
    tx.later(OVER, parameters)
    tx.later(INSERT, parameters)
    row: Row = await tx.row(SAME, parameters)
    return row, row.id == parameters["id"]


async def load_draft(
    tx: Transaction, grant: Grant, kind: RecordKind, draft_id: UUID, *, locked: bool = False
) -> Row | None:
    """One of one's own organization's. locked: until the transaction ends nobody else changes or confirms it."""
    one = ONE + " FOR UPDATE" if locked else ONE
    return await tx.row(whose(one, grant), _about(grant) | {"kind": kind, "id": draft_id})


async def load_page(
    tx: Transaction, grant: Grant, kind: RecordKind, after: Sequence[object] | None, limit: int
) -> list[Row]:
    """One page of those that await confirmation, newest first; one row more tells of a next page."""
    time, id_ = after or (None, None)
    return await tx.rows(
        whose(PAGE, grant), _about(grant) | {"kind": kind, "time": time, "after": id_, "limit": limit + 1}
    )


async def change_draft(tx: Transaction, grant: Grant, draft_id: UUID, said: Prepared, days: int) -> bool:
    """Put this in its place; False where another draft stands under that document's id and version."""
    parameters = _columns(grant, said, days) | {"id": draft_id}
    tx.later(OVER, parameters)
    return bool(await tx.rows(CHANGE, parameters))


def note_confirmed(tx: Transaction, grant: Grant, draft_id: UUID, record_id: UUID) -> None:
    """What it has become; kept until it is over, so that a confirmation sent again is answered alike.

    grant: where the draft lies. The record of a linked person may lie under another id, where its earlier version does.
    """
    tx.later(CONFIRM, [record_id, grant.event_id, grant.patient_id, draft_id])


def discard_draft(tx: Transaction, grant: Grant, draft_id: UUID) -> None:
    """Remove it."""
    tx.later(DISCARD, [grant.patient_id, draft_id])


async def expire(tx: Transaction, largest: int) -> list[Row]:
    """Remove what is over: patient_id, id, record_id of each. The worker's."""
    return await tx.rows(EXPIRE, [largest])


def _about(grant: Grant) -> dict[str, Any]:
    return {**about(grant), "organization": grant.organization_id}


def _columns(grant: Grant, said: Prepared, days: int) -> dict[str, Any]:
    source = said.document["source"]
    return _about(grant) | {
        "document_id": source["document_id"],
        "version": source["version"],
        "body": said.text,
        "digest": said.digest,
        "faults": len(said.faults),
        "entered_by": Jsonb(who(grant)),
        "days": days,
        "event": grant.event_id,
    }
