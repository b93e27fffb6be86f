"""サインインの往復: what a browser was asked, and must answer once, soon, itself; what counts once. No patient, so no grant.

Kept here and not in the browser, so that an answer cannot be given twice. Whoever asks often fills nothing: each kind of
question to one browser is one row (of the ones that lead elsewhere, one for each state), and the old ones go.
"""

import hashlib

from renkei.database import Transaction

SECONDS = 300
"""How long a question may be answered."""

KEEP = """
INSERT INTO ceremonies (digest, content, expires_at) VALUES (%s, %s, now() + make_interval(secs => %s))
ON CONFLICT (digest) DO UPDATE SET content = EXCLUDED.content, expires_at = EXCLUDED.expires_at
"""
# Of two answers at once one finds it.
TAKE = "DELETE FROM ceremonies WHERE digest = %s RETURNING content, expires_at > now() AS in_time"
ONCE = """
INSERT INTO ceremonies (digest, content, expires_at) VALUES (%s, '', now() + make_interval(secs => %s))
ON CONFLICT (digest) DO NOTHING RETURNING digest
"""
FORGET = """
DELETE FROM ceremonies WHERE digest IN (SELECT digest FROM ceremonies WHERE expires_at < now() LIMIT %s) RETURNING digest
"""


def digest(cookie: str, purpose: str, state: str = "") -> bytes:
    """The one question of this kind to this browser. cookie: that by which its pages are ours."""
    return hashlib.sha256("\0".join(("ceremony", purpose, cookie, state)).encode("utf-8", "replace")).digest()


def keep(tx: Transaction, key: bytes, content: bytes) -> None:
    """Note a question, in place of one before. content: sealed."""
    tx.later(KEEP, [key, content, SECONDS])


async def take(tx: Transaction, key: bytes) -> bytes | None:
    """Its content, which is gone with this; None: never asked, answered already, or too late."""
    row = await tx.row(TAKE, [key])
    return bytes(row.content) if row is not None and row.in_time else None


async def once(tx: Transaction, key: bytes, seconds: int) -> bool:
    """Whether this is said for the first time. seconds: how long it is remembered, no less than it could be said again."""
    return await tx.row(ONCE, [key, seconds]) is not None


async def forget_ceremonies(tx: Transaction, largest: int) -> int:
    """Remove those that count no more; how many. The worker's."""
    return len(await tx.rows(FORGET, [largest]))
