"""事業所のログインとアカウントの結びつき: which account a provider's subject opens. No patient, so no grant."""

from uuid import UUID

from renkei.access.standing import POST_STANDS
from renkei.database import Row, Transaction
from renkei.ids import new_id

# The address is the one under which the organization's own administrator has registered a post that stands.
FIND = f"""
SELECT id, email, name, linked FROM (
  SELECT a.id, a.email, a.name, true AS linked FROM login_subjects l JOIN accounts a ON a.id = l.account_id
  WHERE l.organization_id = %(organization)s AND l.issuer = %(issuer)s AND l.subject = %(subject)s
    AND l.confirmed_at IS NOT NULL AND l.ended_at IS NULL
  UNION ALL
  SELECT a.id, a.email, a.name, false
  FROM members m JOIN organizations o ON o.id = m.organization_id JOIN accounts a ON a.id = m.account_id
  WHERE m.organization_id = %(organization)s AND m.email = %(email)s AND {POST_STANDS}
    AND NOT EXISTS (SELECT FROM login_subjects l WHERE l.account_id = a.id AND l.organization_id = m.organization_id
                    AND l.issuer = %(issuer)s AND l.confirmed_at IS NOT NULL AND l.ended_at IS NULL)
) found ORDER BY linked DESC, id LIMIT 1
"""  # noqa: S608 - composed of literals of ours; what a request says is a parameter
INSERT = """
INSERT INTO login_subjects (id, organization_id, issuer, subject, account_id, session_hash, confirmed_at, audit_event_id)
VALUES (%(id)s, %(organization)s, %(issuer)s, %(subject)s, %(account)s, %(session)s,
  CASE WHEN %(session)s::bytea IS NULL THEN now() END, %(event)s)
"""
# What was asked for at one's own second step counts now, unless the subject has come to open another account meanwhile.
CONFIRM = """
UPDATE login_subjects l SET confirmed_at = now(), audit_event_id = %(event)s
FROM sessions s
WHERE s.id = %(session)s AND l.session_hash = s.secret_hash AND l.confirmed_at IS NULL AND l.ended_at IS NULL
  AND NOT EXISTS (SELECT FROM login_subjects o WHERE o.organization_id = l.organization_id AND o.issuer = l.issuer
                  AND o.subject = l.subject AND o.confirmed_at IS NOT NULL AND o.ended_at IS NULL)
"""
AWAITS = """
SELECT l.id FROM login_subjects l JOIN sessions s ON l.session_hash = s.secret_hash
WHERE s.id = %s AND l.confirmed_at IS NULL AND l.ended_at IS NULL LIMIT 1
"""
END_SESSIONS = """
UPDATE sessions SET ended_at = now(), audit_event_id = %(event)s
WHERE organization_id = %(organization)s AND ended_at IS NULL AND account_id IN (
  SELECT account_id FROM login_subjects
  WHERE organization_id = %(organization)s AND issuer = %(issuer)s AND subject = %(subject)s AND confirmed_at IS NOT NULL)
"""
LISTED = """
SELECT l.id, l.issuer, l.confirmed_at, o.name AS organization_name
FROM login_subjects l JOIN organizations o ON o.id = l.organization_id
WHERE l.account_id = %s AND l.confirmed_at IS NOT NULL AND l.ended_at IS NULL ORDER BY l.id
"""
END = """
UPDATE login_subjects SET ended_at = now(), audit_event_id = %s WHERE id = %s AND account_id = %s AND ended_at IS NULL
RETURNING organization_id
"""
END_OPENED = """
UPDATE sessions SET ended_at = now(), audit_event_id = %s WHERE account_id = %s AND organization_id = %s AND ended_at IS NULL
"""


async def find_account(tx: Transaction, organization: UUID, issuer: str, subject: str, email: str | None) -> Row | None:
    """The account a subject opens (``linked``), or the one of a post of this organization at this address, which may be linked.

    email: as the provider vouches for it, in the form accounts keep it in; None: it does not.
    """
    asked = {"organization": organization, "issuer": issuer, "subject": subject, "email": email}
    return await tx.row(FIND, asked)


def link(
    tx: Transaction,
    organization: UUID,
    issuer: str,
    subject: str,
    account_id: UUID,
    session_hash: bytes | None,
    event_id: UUID,
) -> None:
    """A subject opens an account. session_hash: not before this pending session has proved the account's own second factor."""
    values = {
        "id": new_id(),
        "organization": organization,
        "issuer": issuer,
        "subject": subject,
        "account": account_id,
        "session": session_hash,
        "event": event_id,
    }
    tx.later(INSERT, values)


def confirm(tx: Transaction, session_id: UUID, event_id: UUID) -> None:
    """What was linked on condition of this session's second step counts from here on."""
    tx.later(CONFIRM, {"session": session_id, "event": event_id})


async def awaits(tx: Transaction, session_id: UUID) -> bool:
    """Whether this pending session's second step would link a subject."""
    return await tx.row(AWAITS, [session_id]) is not None


def end_sessions(tx: Transaction, organization: UUID, issuer: str, subject: str, event_id: UUID) -> None:
    """What a subject has open by this organization's login ends."""
    asked = {"organization": organization, "issuer": issuer, "subject": subject, "event": event_id}
    tx.later(END_SESSIONS, asked)


async def load_linked(tx: Transaction, account_id: UUID) -> list[Row]:
    """By which organizations' logins a person may sign in."""
    return await tx.rows(LISTED, [account_id])


async def end_link(tx: Transaction, account_id: UUID, link_id: UUID, event_id: UUID) -> bool:
    """A person's own sign-in by an organization's login ends, with what it has opened; whether it stood."""
    ended = await tx.row(END, [event_id, link_id, account_id])
    if ended is not None:
        tx.later(END_OPENED, [event_id, account_id, ended.organization_id])
    return ended is not None
