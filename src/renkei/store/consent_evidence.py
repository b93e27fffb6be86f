"""Copies of signed forms (同意書の写し): kept as sent, beside the hash that shows it."""

import hashlib
from collections.abc import Sequence
from uuid import UUID

from renkei.access.gate import Grant
from renkei.database import Row, Transaction
from renkei.ids import new_id

INSERT = """
INSERT INTO consent_evidence (patient_id, id, consent_id, media_type, title, size, digest, content, added_by, audit_event_id)
SELECT c.patient_id, %s, c.id, %s, %s, %s, %s, %s, %s, %s FROM consents c WHERE c.patient_id = ANY (%s::uuid[]) AND c.id = %s
ON CONFLICT (patient_id, consent_id, digest) DO NOTHING
RETURNING id
"""
COLUMNS = "SELECT patient_id, id, consent_id, media_type, title, size, encode(digest, 'hex') AS sha256, added_at"
SAME = COLUMNS + " FROM consent_evidence WHERE patient_id = ANY (%s::uuid[]) AND consent_id = %s AND digest = %s"
ONE = COLUMNS + ", content FROM consent_evidence WHERE patient_id = ANY (%s::uuid[]) AND consent_id = %s AND id = %s"
PAGE = (
    COLUMNS
    + """
FROM consent_evidence
WHERE patient_id = ANY (%(patients)s) AND consent_id = %(consent)s
  AND (%(time)s::timestamptz IS NULL OR (added_at, id) < (%(time)s::timestamptz, %(id)s::uuid))
ORDER BY added_at DESC, id DESC LIMIT %(limit)s
"""
)
EXISTS = "SELECT 1 FROM consents WHERE patient_id = ANY (%s::uuid[]) AND id = %s"


async def add_evidence(
    tx: Transaction, grant: Grant, consent_id: UUID, media_type: str, content: bytes, title: str | None
) -> tuple[Row | None, bool]:
    """Keep a copy, once. The copy as kept, None where there is no such consent; and whether it is new."""
    digest = hashlib.sha256(content).digest()
    told = (new_id(), media_type, title, len(content), digest, content, grant.organization_id, grant.event_id)
    new = await tx.rows(INSERT, [*told, list(grant.patient_ids), consent_id])
    return await tx.row(SAME, [list(grant.patient_ids), consent_id, digest]), bool(new)


async def load_page(
    tx: Transaction, grant: Grant, consent_id: UUID, after: Sequence[object] | None, limit: int
) -> list[Row] | None:
    """One page without the contents, newest first; one row more tells of a next page. None: no such consent."""
    if await tx.row(EXISTS, [list(grant.patient_ids), consent_id]) is None:
        return None
    time, id_ = after or (None, None)
    about = {"patients": list(grant.patient_ids), "consent": consent_id}
    return await tx.rows(PAGE, {**about, "time": time, "id": id_, "limit": limit + 1})


async def load_evidence(tx: Transaction, grant: Grant, consent_id: UUID, evidence_id: UUID) -> Row | None:
    """One copy with its content."""
    return await tx.row(ONE, [list(grant.patient_ids), consent_id, evidence_id])
