"""Attachments (添付): what is known of each file; the content lies outside the rows, under ``key``."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from renkei.access.gate import Grant
from renkei.blobs import Kept
from renkei.database import Row, Transaction
from renkei.ids import new_id
from renkei.schemas.attachments import AttachmentIn
from renkei.store import about, lock_patient, whose
from renkei.vocabulary import Group

INSERT = """
INSERT INTO attachments (patient_id, id, organization_id, client_id, user_id, user_name, profession, part, group_name, tier, item,
  title, taken_at, record_id, media_type, size, digest, metadata_removed, key, audit_event_id)
VALUES (%(patient)s, %(id)s, %(organization)s, %(client)s, %(user_id)s, %(user_name)s, %(profession)s, %(part)s, %(group)s,
  %(tier)s, %(item)s, %(title)s, %(taken_at)s, %(record_id)s, %(media_type)s, %(size)s, %(digest)s, %(removed)s, %(key)s,
  %(event)s)
"""
INSERT_AUTHOR = """
INSERT INTO author_organizations (patient_id, organization_id, audit_event_id) VALUES (%s, %s, %s)
ON CONFLICT DO NOTHING
"""
COLUMNS = """
SELECT a.id, a.patient_id, a.organization_id, o.name AS organization_name, a.profession, a.user_name, a.part, a.group_name, a.tier,
  a.item, a.title, a.taken_at, a.record_id, a.media_type, a.size, encode(a.digest, 'hex') AS sha256,
  a.metadata_removed, a.key, a.added_at, w.id AS withdrawal_id, w.withdrawn_at, w.reason AS withdrawal_reason
FROM attachments a
JOIN organizations o ON o.id = a.organization_id
LEFT JOIN attachment_withdrawals w ON w.patient_id = a.patient_id AND w.attachment_id = a.id
"""
ONE = COLUMNS + "WHERE a.patient_id = %(patient)s AND a.id = %(attachment)s"
SAME = (
    COLUMNS
    + """
WHERE a.patient_id = %(patient)s AND a.organization_id = %(organization)s AND a.digest = %(digest)s AND a.part = %(part)s
  AND a.item IS NOT DISTINCT FROM %(item)s AND a.record_id IS NOT DISTINCT FROM %(record_id)s AND w.id IS NULL
"""
)
PAGE = (
    COLUMNS
    + """
WHERE a.patient_id = %(patient)s
  AND (a.part = ANY (%(shared)s) OR (a.organization_id = %(own)s AND a.part = ANY (%(mine)s)))
  AND (%(group)s::text IS NULL OR a.group_name = %(group)s)
  AND (%(item)s::text IS NULL OR a.item = %(item)s)
  AND (%(record)s::uuid IS NULL OR a.record_id = %(record)s)
  AND (%(time)s::timestamptz IS NULL OR (a.added_at, a.id) < (%(time)s::timestamptz, %(id)s::uuid))
ORDER BY a.added_at DESC, a.id DESC LIMIT %(limit)s
"""
)
OWN_RECORD = (
    "SELECT patient_id FROM records WHERE patient_id = %(patient)s AND id = %(record)s AND organization_id = %(own)s"
)
WITHDRAW = """
INSERT INTO attachment_withdrawals (patient_id, id, attachment_id, reason, audit_event_id) VALUES (%s, %s, %s, %s, %s)
"""
USED = "SELECT key FROM attachments WHERE key = ANY (%s)"


class Picked(NamedTuple):
    """Which attachments a list shows; after: (added_at, id) of the last one seen."""

    limit: int
    group: Group | None = None
    item: str | None = None
    record_id: UUID | None = None
    after: Sequence[object] | None = None


async def find_same(tx: Transaction, grant: Grant, said: AttachmentIn, digest: bytes) -> Row | None:
    """The same file of one's own in the same place, where one stands."""
    file = {"organization": grant.organization_id, "digest": digest}
    place = {"part": said.part, "item": said.item, "record_id": said.record_id}
    return await tx.row(whose(SAME, grant), {**about(grant), **file, **place})


def append_attachment(
    tx: Transaction, grant: Grant, said: AttachmentIn, media_type: str, kept: Kept, *, metadata_removed: bool
) -> UUID:
    """Keep what is known of a file that is kept already; its organization now has something of its own. The new id."""
    actor, id_, (group, tier) = grant.asked.actor, new_id(), said.column
    row: dict[str, Any] = {
        "patient": grant.patient_id,
        "id": id_,
        "organization": grant.organization_id,
        "client": actor.client_id,
        "user_id": actor.user_id,
        "user_name": actor.user_name,
        "profession": actor.profession,
        "part": said.part,
        "group": group,
        "tier": tier,
        "item": said.item,
        "title": said.title,
        "taken_at": said.taken_at,
        "record_id": said.record_id,
        "media_type": media_type,
        "size": kept.size,
        "digest": kept.sha256,
        "removed": metadata_removed,
        "key": kept.key,
        "event": grant.event_id,
    }
    tx.later(INSERT, row)
    tx.later(INSERT_AUTHOR, [grant.patient_id, grant.organization_id, grant.event_id])
    return id_


async def find_own_record(tx: Transaction, grant: Grant, record_id: UUID) -> UUID | None:
    """Under which of the person's ids a record of the acting organization's lies; None where there is none."""
    named = {"record": record_id, "own": grant.organization_id}
    row = await tx.row(whose(OWN_RECORD, grant), {**about(grant), **named})
    return row.patient_id if row is not None else None


async def load_attachment(tx: Transaction, grant: Grant, attachment_id: UUID) -> Row | None:
    """One attachment that the grant's view shows; None where it shows none."""
    row = await tx.row(whose(ONE, grant), {**about(grant), "attachment": attachment_id})
    if row is None or not grant.view.shows(row.part, mine=row.organization_id == grant.organization_id):
        return None
    return row


async def load_written(tx: Transaction, grant: Grant, attachment_id: UUID) -> Row | None:
    """One that the acting organization has written, also where its actor may write more than read."""
    row = await tx.row(whose(ONE, grant), {**about(grant), "attachment": attachment_id})
    return row if row is not None and row.organization_id == grant.organization_id else None


async def load_page(tx: Transaction, grant: Grant, picked: Picked) -> list[Row]:
    """One page of what the grant's view shows, newest first; one row more tells of a next page."""
    time, id_ = picked.after or (None, None)
    seen = {"shared": sorted(grant.view.shared), "mine": sorted(grant.view.own), "own": grant.organization_id}
    wanted = {"group": picked.group, "item": picked.item, "record": picked.record_id}
    position = {"time": time, "id": id_, "limit": picked.limit + 1}
    return await tx.rows(whose(PAGE, grant), {**about(grant), **wanted, **seen, **position})


async def withdraw_attachment(tx: Transaction, grant: Grant, attachment_id: UUID, reason: str) -> tuple[Row, bool]:
    """Mark it as sent in error; as it stands then, and whether that is new. Locks the patient first."""
    lock_patient(tx, grant)
    text, one = whose(ONE, grant), {**about(grant), "attachment": attachment_id}
    row: Row = await tx.row(text, one)
    if row.withdrawn_at is not None:
        return row, False
    tx.later(WITHDRAW, [row.patient_id, new_id(), attachment_id, reason, grant.event_id])
    return await tx.row(text, one), True


async def used(tx: Transaction, keys: Collection[str]) -> set[str]:
    """Which of these keys a row names. The worker's."""
    return {row.key for row in await tx.rows(USED, [list(keys)])}
