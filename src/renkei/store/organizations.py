"""Organizations (事業所・医療機関). Reference data: no patient, so no grant."""

from collections.abc import Collection, Sequence
from uuid import UUID

from renkei.access.actor import Organization
from renkei.database import Row, Transaction
from renkei.vocabulary import OrganizationKind

INSERT = """
INSERT INTO organizations (id, code, name, kind, audit_event_id) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (code) DO NOTHING RETURNING id
"""
PAGE = """
SELECT id, code, name, kind FROM organizations
WHERE suspended_at IS NULL
  AND (%(name)s::text IS NULL OR position(lower(%(name)s) IN lower(name)) > 0)
  AND (%(kind)s::text IS NULL OR kind = %(kind)s)
  AND (%(before)s::uuid IS NULL OR id < %(before)s)
ORDER BY id DESC LIMIT %(limit)s
"""
SOME = "SELECT id, code, name, kind FROM organizations WHERE id = ANY (%s::uuid[])"


async def insert_organization(
    tx: Transaction, organization_id: UUID, code: str, name: str, kind: OrganizationKind, event_id: UUID
) -> bool:
    """Register it; False when the code is taken."""
    return bool(await tx.rows(INSERT, [organization_id, code, name, kind, event_id]))


async def load_page(
    tx: Transaction, name: str | None, kind: OrganizationKind | None, before: Sequence[str] | None, limit: int
) -> list[Organization]:
    """One page, newest first; one more tells of a next page."""
    last = before[0] if before else None
    rows = await tx.rows(PAGE, {"name": name, "kind": kind, "before": last, "limit": limit + 1})
    return [_organization(row) for row in rows]


async def load_some(tx: Transaction, ids: Collection[UUID]) -> dict[UUID, Organization]:
    """Those of these ids that exist."""
    return {row.id: _organization(row) for row in await tx.rows(SOME, [list(ids)])}


def _organization(row: Row) -> Organization:
    return Organization(row.id, row.code, row.name, OrganizationKind(row.kind))
