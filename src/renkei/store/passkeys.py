"""パスキー: kept, found by the id a browser names, counted on, removed. No patient, so no grant."""

from uuid import UUID

from renkei.access.passkeys import KeptPasskey, NewPasskey, Proof
from renkei.database import Row, Transaction
from renkei.ids import new_id

INSERT = """
INSERT INTO passkeys (id, account_id, credential_id, public_key, sign_count, transports, synced, name, audit_event_id)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (credential_id) WHERE ended_at IS NULL DO NOTHING RETURNING id
"""
LISTED = """
SELECT id, credential_id, transports, synced, name, added_at, last_used_at FROM passkeys
WHERE account_id = %s AND ended_at IS NULL ORDER BY id
"""
FIND = """
SELECT id, account_id, credential_id, public_key, sign_count, synced FROM passkeys
WHERE credential_id = %s AND ended_at IS NULL
"""
# Of two answers at once that count alike the second finds the count used. Authenticators that do not count say 0 for ever.
USE = """
UPDATE passkeys SET sign_count = %(count)s, last_used_at = now()
WHERE credential_id = %(id)s AND ended_at IS NULL AND (sign_count < %(count)s OR (sign_count = 0 AND %(count)s = 0))
RETURNING id
"""
END = """
UPDATE passkeys SET ended_at = now(), audit_event_id = %s WHERE id = %s AND account_id = %s AND ended_at IS NULL RETURNING id
"""


async def insert_passkey(tx: Transaction, account_id: UUID, made: NewPasskey, name: str, event_id: UUID) -> bool:
    """Keep a new one; False: it is kept already, whosever it is."""
    values = [new_id(), account_id, made.credential_id, made.public_key, made.sign_count, list(made.transports)]
    return await tx.row(INSERT, [*values, made.synced, name, event_id]) is not None


async def load_passkeys(tx: Transaction, account_id: UUID) -> list[Row]:
    """A person's own, oldest first."""
    return await tx.rows(LISTED, [account_id])


async def find_passkey(tx: Transaction, credential_id: bytes) -> KeptPasskey | None:
    """The one of this id, whosever it is."""
    row = await tx.row(FIND, [credential_id])
    if row is None:
        return None
    return KeptPasskey(row.account_id, bytes(row.credential_id), bytes(row.public_key), row.sign_count, row.synced)


async def use_passkey(tx: Transaction, proof: Proof) -> bool:
    """Note its count; False: it has been used with this count or a later one meanwhile, or is removed."""
    return await tx.row(USE, {"id": proof.credential_id, "count": proof.sign_count}) is not None


async def end_passkey(tx: Transaction, account_id: UUID, passkey_id: UUID, event_id: UUID) -> bool:
    """Remove one of a person's own; whether it stood."""
    return await tx.row(END, [event_id, passkey_id, account_id]) is not None
