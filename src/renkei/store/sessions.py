"""認証セッション: opened, renewed under another cookie, ended. No patient, so no grant."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from renkei.access.sessions import cookie_hash, new_cookie
from renkei.database import Row, Transaction
from renkei.ids import new_id

INSERT = """
INSERT INTO sessions (id, account_id, member_id, organization_id, professions, secret_hash, stage, methods, agent, address,
  authenticated_at, expires_at, audit_event_id)
VALUES (%(id)s, %(account)s, %(member)s, %(organization)s, %(professions)s, %(hash)s, %(stage)s, %(methods)s, %(agent)s,
  %(address)s, least(now(), to_timestamp(%(proved)s::bigint)), now() + make_interval(secs => %(seconds)s), %(event)s)
"""
# Another cookie for the same signing in: whoever knew the old one knows nothing now.
RENEW = """
WITH old AS (
  UPDATE sessions SET ended_at = now(), audit_event_id = %(event)s WHERE id = %(old)s AND ended_at IS NULL RETURNING *
)
INSERT INTO sessions (id, account_id, member_id, organization_id, professions, secret_hash, stage, methods, agent, address,
  authenticated_at, expires_at, audit_event_id)
SELECT %(id)s, account_id, coalesce(%(member)s, member_id), organization_id, professions, %(hash)s, stage,
  CASE WHEN %(method)s::text IS NULL OR %(method)s = ANY (methods) THEN methods ELSE methods || %(method)s::text END,
  agent, address, CASE WHEN %(method)s::text IS NULL THEN authenticated_at ELSE now() END, expires_at, %(event)s
FROM old RETURNING id
"""
END = """
UPDATE sessions SET ended_at = now(), audit_event_id = %(event)s
WHERE id = %(session)s AND account_id = %(account)s AND ended_at IS NULL AND expires_at > now() RETURNING id
"""
END_BEFORE = "UPDATE sessions SET ended_at = now(), audit_event_id = %s WHERE id = %s AND ended_at IS NULL"
END_ALL = """
UPDATE sessions SET ended_at = now(), audit_event_id = %(event)s
WHERE account_id = %(account)s AND ended_at IS NULL AND expires_at > now() AND id IS DISTINCT FROM %(but)s
"""
END_VOUCHED = """
UPDATE sessions SET ended_at = now(), audit_event_id = %s WHERE organization_id = %s AND ended_at IS NULL
"""
LISTED = """
SELECT s.id, s.methods, s.agent, s.address, s.authenticated_at, s.last_seen_at, s.expires_at,
  o.name AS organization_name, m.office, m.profession
FROM sessions s LEFT JOIN members m ON m.id = s.member_id LEFT JOIN organizations o ON o.id = m.organization_id
WHERE s.account_id = %(account)s AND s.stage = 'open' AND s.ended_at IS NULL AND s.expires_at > now()
  AND (%(only)s::uuid IS NULL OR s.organization_id = %(only)s)
  AND s.last_seen_at > now() - make_interval(secs => %(idle)s)
ORDER BY s.last_seen_at DESC, s.id DESC LIMIT 100
"""


class Vouched(NamedTuple):
    """The organization whose own login let a person in, whose posts alone are opened; of these professions only, where it says as
    which; at: when that login saw the person, in seconds since 1970 (now, where it is not said)."""

    organization: UUID
    professions: Sequence[str] | None
    at: int | None = None


def open_session(
    tx: Transaction,
    account_id: UUID,
    member_id: UUID | None,
    stage: str,
    methods: Sequence[str],
    browser: tuple[str, str],
    seconds: int,
    event_id: UUID,
    vouched: Vouched | None,
) -> str:
    """A new session's cookie. methods: ``amr`` of RFC 8176; browser: what it calls itself, and its address; seconds: its absolute
    end; vouched: None where it was proved here."""
    cookie, (agent, address) = new_cookie(), browser
    values = {
        "id": new_id(),
        "account": account_id,
        "member": member_id,
        "organization": vouched.organization if vouched else None,
        "professions": list(vouched.professions) if vouched and vouched.professions is not None else None,
        "proved": vouched.at if vouched else None,
        "hash": cookie_hash(cookie),
        "stage": stage,
        "methods": list(methods),
        "agent": agent[:200],
        "address": address,
        "seconds": seconds,
        "event": event_id,
    }
    tx.later(INSERT, values)
    return cookie


def end_before(tx: Transaction, session_id: UUID, event_id: UUID) -> None:
    """End what a browser has open: another begins there, perhaps another person's."""
    tx.later(END_BEFORE, [event_id, session_id])


async def choose_post(tx: Transaction, session_id: UUID, member_id: UUID, event_id: UUID) -> str | None:
    """The same signing in under another post, and under another cookie; None: it has ended meanwhile."""
    return await _renew(tx, session_id, event_id, member=member_id)


async def reauthenticate(tx: Transaction, session_id: UUID, method: str, event_id: UUID) -> str | None:
    """The same session, proved anew at this moment by this method, under another cookie; None: it has ended meanwhile."""
    return await _renew(tx, session_id, event_id, method=method)


async def renew(tx: Transaction, session_id: UUID, event_id: UUID) -> str | None:
    """The same session under another cookie, since something has changed of how one signs in; None: it has ended meanwhile."""
    return await _renew(tx, session_id, event_id)


async def _renew(tx: Transaction, session_id: UUID, event_id: UUID, **changed: object) -> str | None:
    cookie = new_cookie()
    fresh = {"old": session_id, "id": new_id(), "hash": cookie_hash(cookie), "event": event_id}
    return cookie if await tx.row(RENEW, {"member": None, "method": None, **fresh, **changed}) else None


async def end_session(tx: Transaction, account_id: UUID, session_id: UUID, event_id: UUID) -> bool:
    """End one of a person's own; whether it stood."""
    return await tx.row(END, {"session": session_id, "account": account_id, "event": event_id}) is not None


def end_all(tx: Transaction, account_id: UUID, but: UUID | None, event_id: UUID) -> None:
    """End all of a person's, but perhaps one."""
    tx.later(END_ALL, {"account": account_id, "but": but, "event": event_id})


def end_vouched(tx: Transaction, organization: UUID, event_id: UUID) -> None:
    """End all that this organization's own login has opened."""
    tx.later(END_VOUCHED, [event_id, organization])


async def load_open(tx: Transaction, account_id: UUID, idle_seconds: int, only: UUID | None = None) -> list[Row]:
    """Those that stand, the one used last first. only: those that this organization's login has opened."""
    return await tx.rows(LISTED, {"account": account_id, "idle": idle_seconds, "only": only})
