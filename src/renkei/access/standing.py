"""What stands now: a member's post, wherever one is asked for; and whether a system may act for an organization when nobody sends a
token, before something is sent to it. The latter by the same conditions as ``identity`` asks for a token.
"""

from typing import LiteralString
from uuid import UUID

from renkei.access.actor import Actor, Organization
from renkei.access.scopes import common
from renkei.database import Row, Transaction
from renkei.vocabulary import ActorKind, OrganizationKind, Profession, Scope

POST_STANDS: LiteralString = """m.ended_at IS NULL AND o.suspended_at IS NULL
  AND m.valid_from <= (now() AT TIME ZONE 'Asia/Tokyo')::date
  AND (m.valid_until IS NULL OR m.valid_until >= (now() AT TIME ZONE 'Asia/Tokyo')::date)"""
"""Of a row of members (m) at its organization (o): in force today, and the organization may act."""

SYSTEM = """
SELECT c.kind AS client_kind, o.id, o.code, o.name, o.kind,
  (SELECT json_agg(json_build_array(d.professions, d.scopes)) FROM delegations d
   WHERE d.client_id = c.id AND d.organization_id = o.id AND d.ended_at IS NULL
     AND d.valid_from <= (now() AT TIME ZONE 'Asia/Tokyo')::date
     AND (d.valid_until IS NULL OR d.valid_until >= (now() AT TIME ZONE 'Asia/Tokyo')::date)) AS delegated
FROM clients c LEFT JOIN organizations o ON o.id = %(organization)s::uuid
WHERE c.id = %(client)s AND c.disabled_at IS NULL AND o.suspended_at IS NULL
"""
OFFICES = {ActorKind.admin, ActorKind.auditor}
"""Those that the feed tells of what concerns the platform."""


async def standing_system(tx: Transaction, client_id: UUID, organization_id: UUID | None, scope: Scope) -> Actor | None:
    """The system itself as an actor for this organization, an office where there is none; None when it may not act so,
    or not within this scope."""
    row = await tx.row(SYSTEM, {"client": client_id, "organization": organization_id})
    if row is None:
        return None
    kind = ActorKind(row.client_kind)
    if organization_id is None:
        return Actor(kind, client_id, None, ()) if kind in OFFICES else None
    return _delegated(client_id, row, scope) if kind is ActorKind.client and row.delegated else None


def _delegated(client_id: UUID, row: Row, scope: Scope) -> Actor | None:
    scopes = common(limit for _, limit in row.delegated)
    if scopes is not None and scope not in scopes:
        return None
    professions = tuple(sorted({Profession(p) for listed, _ in row.delegated for p in listed}))
    organization = Organization(row.id, row.code, row.name, OrganizationKind(row.kind))
    return Actor(ActorKind.client, client_id, organization, professions, scopes=scopes)
