"""What was done under which 再送の鍵: ids and a status, no content. The answer is made anew, by the rights of now."""

from uuid import UUID

from renkei.access.audit import Asked
from renkei.access.gate import Grant
from renkei.database import Row, Transaction
from renkei.errors import KeyReused

LOCK = "SELECT pg_advisory_xact_lock(%s)"
FIND = "SELECT request, patient_id, made_id, status FROM renkei_find_retry(%s)"
INSERT = """
INSERT INTO idempotency_keys (key, request, patient_id, made_id, status, audit_event_id) VALUES (%s, %s, %s, %s, %s, %s)
"""
FORGET = """
DELETE FROM idempotency_keys WHERE key IN (
  SELECT key FROM idempotency_keys WHERE done_at < now() - make_interval(days => %s) LIMIT %s
) RETURNING key
"""


async def find_done(tx: Transaction, asked: Asked) -> Row | None:
    """What was done under this request's key: ``patient_id``, ``made_id``, ``status``. None: nothing yet, or it has no key.

    The key is held until the transaction ends: of two requests at once the second waits, and then finds what the first did.
    Raises KeyReused when it was something else.
    """
    if asked.key is None:
        return None
    tx.later(LOCK, [int.from_bytes(asked.key.key[:8], "big", signed=True)])
    done = await tx.row(FIND, [asked.key.key])
    if done is not None and bytes(done.request) != asked.key.request:
        raise KeyReused
    return done


def note_done(tx: Transaction, grant: Grant, status: int, made_id: UUID | None = None) -> None:
    """Note, with the act itself, what it made and how it was answered."""
    if (key := grant.asked.key) is not None:
        tx.later(INSERT, [*key, grant.patient_id, made_id, status, grant.event_id])


async def forget(tx: Transaction, days: int, largest: int) -> int:
    """Remove keys older than this, as many as ``largest``; how many. The worker's."""
    return len(await tx.rows(FORGET, [days, largest]))
