"""職員のアカウント: one person's login. No patient, so no grant."""

from uuid import UUID

from renkei.database import Row, Transaction
from renkei.ids import new_id

INSERT = """
INSERT INTO accounts (id, email, name, name_kana, password_hash, password_set_at, audit_event_id)
VALUES (%s, %s, %s, %s, %s, CASE WHEN %s::text IS NOT NULL THEN now() END, %s) ON CONFLICT DO NOTHING RETURNING id
"""
COLUMNS = "SELECT id, email, name, name_kana, password_hash, password_set_at FROM accounts "
CHANGE = "UPDATE accounts SET password_hash = %s, password_set_at = now(), audit_event_id = %s WHERE id = %s"
REHASH = "UPDATE accounts SET password_hash = %s WHERE id = %s AND password_hash = %s"


async def insert_account(
    tx: Transaction, email: str, name: str, name_kana: str | None, password_hash: str | None, event_id: UUID
) -> UUID | None:
    """A new person's; None: the address has an account already. password_hash: None for who signs in elsewhere."""
    values = [new_id(), email, name, name_kana, password_hash, password_hash, event_id]
    row = await tx.row(INSERT, values)
    return UUID(str(row.id)) if row else None


async def load_by_email(tx: Transaction, email: str) -> Row | None:
    """The account of this address, in the form it is kept in."""
    return await tx.row(COLUMNS + "WHERE email = %s", [email])


async def load_account(tx: Transaction, account_id: UUID) -> Row | None:
    """The one of this id."""
    return await tx.row(COLUMNS + "WHERE id = %s", [account_id])


def set_password(tx: Transaction, account_id: UUID, password_hash: str, event_id: UUID) -> None:
    """Another password from here on."""
    tx.later(CHANGE, [password_hash, event_id, account_id])


def rehash(tx: Transaction, account_id: UUID, old: str, new: str) -> None:
    """The same password, hashed as it is done now."""
    tx.later(REHASH, [new, account_id, old])
