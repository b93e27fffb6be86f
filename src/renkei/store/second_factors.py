"""二要素目: authenticator apps, recovery codes, and the administrator's one-time codes. Each opens once. No patient, so no grant."""

import hashlib
from collections.abc import Iterable
from uuid import UUID

from renkei.database import Row, Transaction
from renkei.ids import new_id

INSERT_TOTP = """
INSERT INTO second_factors (id, account_id, kind, secret, audit_event_id) VALUES (%s, %s, 'totp', %s, %s)
"""
TOTP = """
SELECT id, secret, confirmed_at FROM second_factors
WHERE account_id = %s AND kind = 'totp' AND ended_at IS NULL AND confirmed_at IS NOT NULL ORDER BY id DESC LIMIT 1
"""
SETUP = """
SELECT id, secret FROM second_factors
WHERE account_id = %s AND id = %s AND kind = 'totp' AND ended_at IS NULL AND confirmed_at IS NULL AND added_at > now() - interval '1 hour'
"""
KINDS = """
SELECT DISTINCT kind FROM second_factors WHERE account_id = %(account)s AND ended_at IS NULL AND confirmed_at IS NOT NULL
UNION ALL
SELECT 'passkey' WHERE EXISTS (SELECT FROM passkeys WHERE account_id = %(account)s AND ended_at IS NULL)
"""
# Of two at once with the same code the second waits for the first, and finds the step used.
USE_STEP = "UPDATE second_factors SET last_step = %s WHERE id = %s AND last_step < %s AND ended_at IS NULL RETURNING id"
CONFIRM = "UPDATE second_factors SET confirmed_at = now(), audit_event_id = %s WHERE id = %s"
END_TOTP = """
UPDATE second_factors SET ended_at = now(), audit_event_id = %s
WHERE account_id = %s AND kind = 'totp' AND ended_at IS NULL AND id IS DISTINCT FROM %s
"""
INSERT_RECOVERY = """
INSERT INTO recovery_codes (id, account_id, code_hash, audit_event_id)
SELECT id, %s, hash, %s FROM unnest(%s::uuid[], %s::bytea[]) AS c (id, hash)
"""
END_RECOVERY = """
UPDATE recovery_codes SET ended_at = now(), audit_event_id = %s WHERE account_id = %s AND used_at IS NULL AND ended_at IS NULL
"""
USE_RECOVERY = """
UPDATE recovery_codes SET used_at = now() WHERE account_id = %s AND code_hash = %s AND used_at IS NULL AND ended_at IS NULL
RETURNING id
"""
LEFT = "SELECT count(*) AS count FROM recovery_codes WHERE account_id = %s AND used_at IS NULL AND ended_at IS NULL"
INSERT_ONE_TIME = """
INSERT INTO one_time_codes (id, account_id, member_id, code_hash, expires_at, audit_event_id)
VALUES (%s, %s, %s, %s, now() + make_interval(mins => %s), %s) RETURNING expires_at
"""
END_ONE_TIME = (
    "UPDATE one_time_codes SET expires_at = now() WHERE account_id = %s AND used_at IS NULL AND expires_at > now()"
)
# Good while the administrator who gave it has anything to say about this person.
USE_ONE_TIME = """
UPDATE one_time_codes c SET used_at = now()
FROM members m JOIN organizations o ON o.id = m.organization_id
WHERE c.account_id = %s AND c.code_hash = %s AND c.used_at IS NULL AND c.expires_at > now()
  AND m.id = c.member_id AND m.ended_at IS NULL AND o.suspended_at IS NULL
RETURNING c.id
"""


def code_hash(code: str) -> bytes:
    """How a code is kept. SHA-256 suffices: a recovery code is 80 random bits, a one-time code 50 for some minutes."""
    return hashlib.sha256(code.encode()).digest()


async def load_kinds(tx: Transaction, account_id: UUID) -> list[str]:
    """The kinds of second factor this person has in use: ``totp``, ``passkey``."""
    return [row.kind for row in await tx.rows(KINDS, {"account": account_id})]


async def load_totp(tx: Transaction, account_id: UUID) -> Row | None:
    """The authenticator app in use."""
    return await tx.row(TOTP, [account_id])


async def load_setup(tx: Transaction, account_id: UUID, factor_id: UUID) -> Row | None:
    """The one being set up in this very browser: another's seed is never confirmed by mistake."""
    return await tx.row(SETUP, [account_id, factor_id])


def insert_totp(tx: Transaction, factor_id: UUID, account_id: UUID, sealed: bytes, event_id: UUID) -> None:
    """Begin to set one up; it counts once a code of it was given."""
    tx.later(INSERT_TOTP, [factor_id, account_id, sealed, event_id])


async def use_step(tx: Transaction, factor_id: UUID, step: int) -> bool:
    """Use up a step of its clock; False: it, or a later one, was used before."""
    return await tx.row(USE_STEP, [step, factor_id, step]) is not None


def confirm_totp(tx: Transaction, account_id: UUID, factor_id: UUID, event_id: UUID) -> None:
    """From here on this one counts, and no other."""
    tx.later(CONFIRM, [event_id, factor_id])
    tx.later(END_TOTP, [event_id, account_id, factor_id])


def replace_recovery(tx: Transaction, account_id: UUID, codes: Iterable[str], event_id: UUID) -> None:
    """These recovery codes in place of those there were."""
    hashes = [code_hash(code) for code in codes]
    tx.later(END_RECOVERY, [event_id, account_id])
    tx.later(INSERT_RECOVERY, [account_id, event_id, [new_id() for _ in hashes], hashes])


async def use_recovery(tx: Transaction, account_id: UUID, code: str) -> bool:
    """Use one up; False: there is no such one."""
    return await tx.row(USE_RECOVERY, [account_id, code_hash(code)]) is not None


async def count_recovery(tx: Transaction, account_id: UUID) -> int:
    """How many are left."""
    (row,) = await tx.rows(LEFT, [account_id])
    return int(row.count)


async def replace_one_time(
    tx: Transaction, account_id: UUID, member_id: UUID, code: str, minutes: int, event_id: UUID
) -> Row:
    """An administrator's code for somebody, in place of any before; ``expires_at``."""
    tx.later(END_ONE_TIME, [account_id])
    values = [new_id(), account_id, member_id, code_hash(code), minutes, event_id]
    (row,) = await tx.rows(INSERT_ONE_TIME, values)
    return row


async def use_one_time(tx: Transaction, account_id: UUID, code: str) -> bool:
    """Use it up; False: there is no such one, or it is too late."""
    return await tx.row(USE_ONE_TIME, [account_id, code_hash(code)]) is not None
