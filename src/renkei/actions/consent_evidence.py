"""同意書の写し: kept beside the consent it shows, given back as a file."""

import asyncio
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from renkei.access.audit import Asked
from renkei.access.gate import authorize
from renkei.database import Row, Transaction
from renkei.errors import NotFound
from renkei.schemas.answers import rfc3339
from renkei.schemas.evidence import EXTENSIONS, require_whole
from renkei.schemas.paging import Page, decode_cursor, page_of
from renkei.store import changes, consent_evidence
from renkei.vocabulary import Permission


class File(NamedTuple):
    """A file as it was sent, and what its receiver may check it by. sha256: hexadecimal."""

    name: str
    media_type: str
    sha256: str
    content: bytes


async def add_consent_evidence(
    tx: Transaction, asked: Asked, patient_id: UUID, consent_id: UUID, file: tuple[str, bytes], title: str | None
) -> tuple[int, dict[str, Any]]:
    """Keep a copy of what was signed. file: media type and content. The same content again: the first answer."""
    media_type, content = file
    await asyncio.to_thread(require_whole, media_type, content)  # up to a second: others need not wait for it
    grant = await authorize(tx, asked, Permission.consent_evidence_add, patient_id)
    row, new = await consent_evidence.add_evidence(tx, grant, consent_id, media_type, content, title)
    if row is None:
        raise NotFound
    if new:
        changes.announce(tx, grant.under(row.patient_id), consent_id)
    return (201 if new else 200), _shown(row)


async def list_consent_evidence(
    tx: Transaction, asked: Asked, patient_id: UUID, consent_id: UUID, query: Page
) -> dict[str, Any]:
    """The copies kept of one consent, newest first."""
    grant = await authorize(tx, asked, Permission.consent_evidence_read, patient_id)
    after = decode_cursor(query.after, datetime.fromisoformat, UUID)
    rows = await consent_evidence.load_page(tx, grant, consent_id, after, query.limit)
    if rows is None:
        raise NotFound
    return page_of(rows, query.limit, _shown, lambda row: (row.added_at, row.id))


async def read_consent_evidence(
    tx: Transaction, asked: Asked, patient_id: UUID, consent_id: UUID, evidence_id: UUID
) -> File:
    """One copy, byte for byte."""
    grant = await authorize(tx, asked, Permission.consent_evidence_read, patient_id)
    row = await consent_evidence.load_evidence(tx, grant, consent_id, evidence_id)
    if row is None:
        raise NotFound
    return File(f"{row.id}.{EXTENSIONS[row.media_type]}", row.media_type, row.sha256, row.content)


def _shown(row: Row) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "consent_id": str(row.consent_id),
        "media_type": row.media_type,
        "size": row.size,
        "sha256": row.sha256,
        "title": row.title,
        "added_at": rfc3339(row.added_at),
    }
