"""添付: kept outside the rows, seen by whom the item or column it belongs to is seen."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from renkei.access import reach
from renkei.access.audit import Asked
from renkei.access.gate import Grant, authorize
from renkei.access.refusals import NO_RIGHT, not_own_record
from renkei.access.writing import require_team
from renkei.blobs import Area, Blobs, Kept, Received, verified
from renkei.database import Row, Transaction
from renkei.errors import Conflict, Fault, Forbidden, Invalid, NotFound
from renkei.ids import now
from renkei.schemas.attachments import AttachmentIn, AttachmentQuery, attachment_json
from renkei.schemas.dates import instant
from renkei.schemas.evidence import EXTENSIONS, require_whole
from renkei.schemas.paging import decode_cursor, page_of
from renkei.schemas.pictures import without_traces
from renkei.store import attachments, changes, lock_patient
from renkei.store.attachments import Picked
from renkei.vocabulary import Group, Permission, Reason, Tier

AHEAD = timedelta(minutes=5)
LOOKED_AT_ONCE = 2
"""Files of which a process holds the content at one time, to look into them."""
_looking = asyncio.Semaphore(LOOKED_AT_ONCE)


class Sent(NamedTuple):
    """A file that has arrived whole, of this media type."""

    media_type: str
    received: Received


class Content(NamedTuple):
    """A file to be given back. pieces: its content, which fails before its last piece if it is not what was kept."""

    name: str
    media_type: str
    size: int
    sha256: str
    pieces: AsyncIterator[bytes]


async def add_attachment(
    tx: Transaction, asked: Asked, patient_id: UUID, said: AttachmentIn, sent: Sent, blobs: Blobs
) -> tuple[int, dict[str, Any]]:
    """添付の保存. The same file in the same place again: 200 and the first answer."""
    if said.taken_at is not None and instant(said.taken_at) > now() + AHEAD:
        raise Invalid([Fault("?taken_at", None, "future")])
    async with _alone(sent, blobs) as file:
        grant = await authorize(tx, asked, Permission.attachment_add, patient_id, said.column[:1])
        grant = await _writable(tx, grant, said)
        if (same := await attachments.find_same(tx, grant, said, file.sha256)) is not None:
            return 200, attachment_json(same)
        # Before the row and without the patient's lock, since a bucket may take its time. Where no row follows, it is swept.
        kept = Kept(await blobs.keep(Area.attachments, file), file.size, file.sha256)
    lock_patient(tx, grant)
    if (same := await attachments.find_same(tx, grant, said, kept.sha256)) is not None:  # sent twice at once
        await blobs.delete(kept.key)
        return 200, attachment_json(same)
    removed = kept.sha256 != sent.received.sha256
    id_ = attachments.append_attachment(tx, grant, said, sent.media_type, kept, metadata_removed=removed)
    changes.announce(tx, grant, id_)
    return 201, attachment_json(await attachments.load_written(tx, grant, id_))


async def list_attachments(tx: Transaction, asked: Asked, patient_id: UUID, query: AttachmentQuery) -> dict[str, Any]:
    """添付の一覧, newest first, withdrawn ones too; and what of the patient is withheld from this actor."""
    groups = tuple(Group) if query.group is None else (query.group,)
    grant = await authorize(tx, asked, Permission.attachment_read, patient_id, groups)
    after = decode_cursor(query.after, datetime.fromisoformat, UUID)
    picked = Picked(query.limit, query.group, query.item, query.record_id, after)
    rows = await attachments.load_page(tx, grant, picked)
    listed = page_of(rows, query.limit, attachment_json, lambda row: (row.added_at, row.id))
    return listed | {"withheld": grant.view.withheld_in(groups)}


async def read_attachment(tx: Transaction, asked: Asked, patient_id: UUID, attachment_id: UUID) -> dict[str, Any]:
    """添付の閲覧, without its content."""
    return attachment_json(await _seen(tx, asked, Permission.attachment_read, patient_id, attachment_id))


async def read_attachment_content(
    tx: Transaction, asked: Asked, patient_id: UUID, attachment_id: UUID, blobs: Blobs
) -> Content:
    """添付そのもの."""
    row = await _seen(tx, asked, Permission.attachment_read, patient_id, attachment_id)
    name = f"{row.id}.{EXTENSIONS[row.media_type]}"
    return Content(name, row.media_type, row.size, row.sha256, verified(blobs.open(row.key), bytes.fromhex(row.sha256)))


async def withdraw_attachment(
    tx: Transaction, asked: Asked, patient_id: UUID, attachment_id: UUID, reason: str
) -> tuple[int, dict[str, Any]]:
    """添付の取下げ: one's own, sent in error. It stays readable, marked."""
    part = await _part(tx, patient_id, attachment_id)
    grant = await authorize(tx, asked, Permission.attachment_withdraw, patient_id, part)
    row = await attachments.load_written(tx, grant, attachment_id)
    if row is None:
        if await attachments.load_attachment(tx, grant, attachment_id) is None:
            raise NotFound
        raise not_own_record()
    _require_column(grant, (Group(row.group_name), Tier(row.tier)))
    row, new = await attachments.withdraw_attachment(tx, grant, attachment_id, reason)
    if new:
        changes.announce(tx, grant.under(row.patient_id), attachment_id)
    elif row.withdrawal_reason != reason:
        raise Conflict("already_withdrawn", ALREADY_WITHDRAWN)
    return (201 if new else 200), attachment_json(row)


@asynccontextmanager
async def _alone(sent: Sent, blobs: Blobs) -> AsyncIterator[Received]:
    """The file without what its camera wrote beside the picture. Raises Invalid for one that is not what it says."""
    async with _looking:
        content = await asyncio.to_thread(_looked_into, sent)
    if content is None:
        yield sent.received
        return
    async with blobs.receive(_once(content), len(content)) as received:
        yield received


def _looked_into(sent: Sent) -> bytes | None:
    """What is to be kept in place of what was sent; None where that may stay as it is."""
    content = sent.received.content()
    alone = without_traces(sent.media_type, content)
    require_whole(sent.media_type, alone)
    return alone if alone != content else None


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _part(tx: Transaction, patient_id: UUID, attachment_id: UUID) -> tuple[Group, ...]:
    """The group of the part it lies in, for the event; of none, nothing is noted."""
    part = (await reach.attachment_parts(tx, [(patient_id, attachment_id)])).get(attachment_id)
    return (Group(part.partition(".")[0]),) if part else ()


async def _seen(tx: Transaction, asked: Asked, permission: Permission, patient_id: UUID, attachment_id: UUID) -> Row:
    """One that this actor may see. Raises NotFound for one that is hidden, as for one that is not there."""
    groups = await _part(tx, patient_id, attachment_id)
    grant = await authorize(tx, asked, permission, patient_id, groups)
    row = await attachments.load_attachment(tx, grant, attachment_id)
    if row is None:
        raise NotFound
    return row


async def _writable(tx: Transaction, grant: Grant, said: AttachmentIn) -> Grant:
    """Its column must be this profession's to write, and a record it belongs to one's own: it then lies beside that."""
    _require_column(grant, said.column)
    require_team(grant)
    if said.record_id is None:
        return grant
    patient_id = await attachments.find_own_record(tx, grant, said.record_id)
    if patient_id is None:
        raise Invalid([Fault("?record_id", None, "unknown")])
    return grant.under(patient_id)


def _require_column(grant: Grant, column: tuple[Group, Tier]) -> None:
    if column not in grant.rights.write:
        raise Forbidden(Reason.profession, "permission_table.write", "platform_admin", NO_RIGHT)


ALREADY_WITHDRAWN = ("別の理由で既に取り下げられています", "Already withdrawn, for another reason")
