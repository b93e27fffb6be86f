"""招待: links that open once, for a post or for another password. No patient, so no grant."""

import hashlib
import secrets
from typing import NamedTuple
from uuid import UUID

from renkei.database import Row, Transaction
from renkei.ids import new_id

INSERT = """
INSERT INTO invitations (id, member_id, purpose, token_hash, expires_at, audit_event_id)
VALUES (%s, %s, %s, %s, now() + make_interval(hours => %s), %s) RETURNING expires_at
"""
END_OTHERS = """
UPDATE invitations SET expires_at = now(), audit_event_id = %s WHERE member_id = %s AND used_at IS NULL AND expires_at > now()
"""
OPEN = """
SELECT i.purpose, i.member_id, m.organization_id, m.email, m.name, m.name_kana, m.office, m.profession, m.account_id, o.name AS organization_name,
  (SELECT a.id FROM accounts a WHERE a.email = m.email) AS known_account,
  EXISTS (SELECT FROM login_providers p WHERE p.organization_id = m.organization_id) AS by_login
FROM invitations i JOIN members m ON m.id = i.member_id JOIN organizations o ON o.id = m.organization_id
WHERE i.token_hash = %s AND i.used_at IS NULL AND i.expires_at > now() AND m.ended_at IS NULL AND o.suspended_at IS NULL
  AND (m.valid_until IS NULL OR m.valid_until >= (now() AT TIME ZONE 'Asia/Tokyo')::date)
"""
USE = """
UPDATE invitations SET used_at = now(), audit_event_id = %s WHERE token_hash = %s AND used_at IS NULL AND expires_at > now()
RETURNING member_id
"""
TAKE = "UPDATE members SET account_id = %s, audit_event_id = %s WHERE id = %s AND account_id IS NULL AND ended_at IS NULL RETURNING id"


class Link(NamedTuple):
    """What is handed over, once. token: 256 random bits, kept as a hash."""

    token: str
    row: Row


def token_hash(token: str) -> bytes:
    """How a link's token is kept."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


async def replace_link(tx: Transaction, member_id: UUID, purpose: str, hours: int, event_id: UUID) -> Link:
    """Another link to a post; those before open no more."""
    token = secrets.token_urlsafe(32)
    tx.later(END_OTHERS, [event_id, member_id])
    (row,) = await tx.rows(INSERT, [new_id(), member_id, purpose, token_hash(token), hours, event_id])
    return Link(token, row)


async def load_open(tx: Transaction, token: str) -> Row | None:
    """What a link opens; None: nothing, or nothing any more."""
    return await tx.row(OPEN, [token_hash(token)])


async def use_link(tx: Transaction, token: str, event_id: UUID) -> bool:
    """Use it up; False: it was used meanwhile. Of two at once one waits for the other."""
    return await tx.row(USE, [event_id, token_hash(token)]) is not None


async def accept(tx: Transaction, token: str, member_id: UUID, account_id: UUID, event_id: UUID) -> bool:
    """Use it up, and the post is this person's from here on; False: used meanwhile, or the post is somebody's or has ended."""
    used = await use_link(tx, token, event_id)
    return used and await tx.row(TAKE, [account_id, event_id, member_id]) is not None
