"""Organizations (事業所・医療機関). Reference data: no patient, so no grant."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from renkei.access.actor import Organization
from renkei.database import Row, Transaction
from renkei.errors import Fault
from renkei.schemas.administration import OrganizationQuery
from renkei.schemas.consents import Recipients
from renkei.vocabulary import OrganizationKind

INSERT = """
INSERT INTO organizations (id, code, name, kind, audit_event_id) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (code) DO NOTHING RETURNING id
"""
PAGE = """
SELECT id, code, name, kind FROM organizations
WHERE (suspended_at IS NOT NULL) = %(suspended)s
  AND (%(name)s::text IS NULL OR position(lower(%(name)s) IN lower(name)) > 0)
  AND (%(kind)s::text IS NULL OR kind = %(kind)s)
  AND (%(before)s::uuid IS NULL OR id < %(before)s)
ORDER BY id DESC LIMIT %(limit)s
"""
SOME = """
SELECT id, code, name, kind FROM organizations
WHERE id = ANY (%s::uuid[]) AND (suspended_at IS NULL OR NOT %s)
"""
ONE = "SELECT id, code, name, kind, suspended_at FROM organizations WHERE id = %s"
SUSPEND = """
UPDATE organizations SET suspended_at = now(), audit_event_id = %s WHERE id = %s AND suspended_at IS NULL RETURNING id
"""
RESUME = "UPDATE organizations SET suspended_at = NULL, audit_event_id = %s WHERE id = %s AND suspended_at IS NOT NULL"


async def insert_organization(
    tx: Transaction, organization_id: UUID, code: str, name: str, kind: OrganizationKind, event_id: UUID
) -> bool:
    """Register it; False when the code is taken."""
    return bool(await tx.rows(INSERT, [organization_id, code, name, kind, event_id]))


async def load_page(tx: Transaction, query: OrganizationQuery, before: Sequence[UUID] | None) -> list[Organization]:
    """One page, newest first; one more tells of a next page."""
    wanted = {"name": query.name, "kind": query.kind, "suspended": query.suspended}
    last = before[0] if before else None
    rows = await tx.rows(PAGE, {**wanted, "before": last, "limit": query.limit + 1})
    return [_organization(row) for row in rows]


async def load_some(tx: Transaction, ids: Collection[UUID], *, standing: bool = False) -> dict[UUID, Organization]:
    """Those of these ids that exist. standing: and are not suspended, as whoever is newly given anything must be."""
    return {row.id: _organization(row) for row in await tx.rows(SOME, [list(ids), standing])}


async def unknown_recipients(tx: Transaction, to: Recipients, under: str = "") -> list[Fault]:
    """A fault for each organization a consent names that is not known, or is given anything anew while suspended."""
    found: list[Fault] = []
    for name, ids, standing in (
        ("organizations", to.organizations, True),
        ("except_organizations", to.except_organizations, False),
    ):
        known = await load_some(tx, ids, standing=standing) if ids else {}
        unknown = [place for place, id_ in enumerate(ids) if id_ not in known]
        found += [Fault(f"{under}/recipients/{name}/{place}", None, "unknown") for place in unknown]
    return found


async def load_one(tx: Transaction, organization_id: UUID) -> tuple[Organization, datetime | None] | None:
    """An organization, and since when it is suspended."""
    row = await tx.row(ONE, [organization_id])
    return (_organization(row), row.suspended_at) if row else None


async def suspend_organization(tx: Transaction, organization_id: UUID, event_id: UUID) -> bool:
    """Stop it from this instant: its tokens end within a second. False when it is suspended already."""
    return bool(await tx.rows(SUSPEND, [event_id, organization_id]))


def resume_organization(tx: Transaction, organization_id: UUID, event_id: UUID) -> None:
    """Let it act again; nothing where it may already."""
    tx.later(RESUME, [event_id, organization_id])


def _organization(row: Row) -> Organization:
    return Organization(row.id, row.code, row.name, OrganizationKind(row.kind))
