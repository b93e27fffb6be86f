"""The versions of the permission table (権限表): appended, never changed. On nobody, so no grant."""

from collections.abc import Mapping
from uuid import UUID

from psycopg.types.json import Jsonb

from renkei.database import Row, Transaction

INSERT = """
INSERT INTO permission_tables (version, rights, comment, recorded_by, audit_event_id) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (version) DO NOTHING RETURNING version
"""
COLUMNS = """
SELECT t.version, t.rights, t.comment, t.recorded_at, t.recorded_by, c.name AS recorded_by_name
FROM permission_tables t LEFT JOIN clients c ON c.id = t.recorded_by
"""
NEWEST = COLUMNS + "ORDER BY t.version DESC LIMIT 1"
SOME = COLUMNS + "WHERE t.version = ANY (%s::int[])"
PAGE = COLUMNS + "WHERE %(before)s::int IS NULL OR t.version < %(before)s ORDER BY t.version DESC LIMIT %(limit)s"


async def insert_version(
    tx: Transaction,
    version: int,
    rights: Mapping[str, Mapping[str, str]],
    comment: str | None,
    recorded_by: UUID | None,
    event_id: UUID,
) -> bool:
    """Append a version; False when somebody else has, whose commit this waits for."""
    return bool(await tx.rows(INSERT, [version, Jsonb(rights), comment, recorded_by, event_id]))


def insert_first(tx: Transaction, rights: Mapping[str, Mapping[str, str]], event_id: UUID) -> None:
    """The table a new installation starts with; nothing where there is one."""
    tx.later(INSERT, [1, Jsonb(rights), None, None, event_id])


async def load_newest(tx: Transaction) -> Row:
    """The version in force. Raises LookupError where none has been installed, which ``renkei migrate`` does."""
    row = await tx.row(NEWEST)
    if row is None:
        raise LookupError("no permission table is installed")
    return row


async def load_versions(tx: Transaction, *versions: int) -> dict[int, Row]:
    """Those of these versions that exist."""
    return {row.version: row for row in await tx.rows(SOME, [list(versions)])}


async def load_page(tx: Transaction, before: int | None, limit: int) -> list[Row]:
    """One page, newest first; one more tells of a next page."""
    return await tx.rows(PAGE, {"before": before, "limit": limit + 1})
