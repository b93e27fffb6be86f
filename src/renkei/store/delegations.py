"""委任: which system may act for which organization. Reference data: no patient, so no grant."""

from collections.abc import Mapping, Sequence
from typing import LiteralString
from uuid import UUID

from renkei.database import Row, Transaction

SHOWN: LiteralString = """
SELECT d.id, d.professions, d.scopes, d.valid_from, d.valid_until, d.ended_at, d.organization_id,
  o.name AS organization_name, c.client_id, c.name AS client_name,
  d.ended_at IS NULL AND c.disabled_at IS NULL AND o.suspended_at IS NULL
    AND d.valid_from <= (now() AT TIME ZONE 'Asia/Tokyo')::date
    AND (d.valid_until IS NULL OR d.valid_until >= (now() AT TIME ZONE 'Asia/Tokyo')::date) AS in_force
FROM delegations d JOIN organizations o ON o.id = d.organization_id JOIN clients c ON c.id = d.client_id
"""
PAGE = (
    SHOWN
    + """
WHERE (%(organization)s::uuid IS NULL OR d.organization_id = %(organization)s)
  AND (%(own)s::uuid IS NULL OR d.organization_id = %(own)s)
  AND (%(client)s::text IS NULL OR c.client_id = %(client)s OR c.id::text = %(client)s)
  AND (%(before)s::uuid IS NULL OR d.id < %(before)s)
ORDER BY d.id DESC LIMIT %(limit)s
"""
)
ONE = SHOWN + "WHERE d.id = %(id)s AND (%(own)s::uuid IS NULL OR d.organization_id = %(own)s)"
END = "UPDATE delegations SET ended_at = now(), audit_event_id = %s WHERE id = %s AND ended_at IS NULL"


async def load_page(
    tx: Transaction, wanted: Mapping[str, object], before: Sequence[UUID] | None, limit: int
) -> list[Row]:
    """One page, newest first, and one more. wanted: organization, client; own: the only one whose may be seen."""
    return await tx.rows(PAGE, {**wanted, "before": before[0] if before else None, "limit": limit + 1})


async def load_one(tx: Transaction, delegation_id: UUID, own: UUID | None = None) -> Row | None:
    """One of them; own: None unless it is this organization's."""
    return await tx.row(ONE, {"id": delegation_id, "own": own})


def end_delegation(tx: Transaction, delegation_id: UUID, event_id: UUID) -> None:
    """End it at this instant; nothing where it has ended."""
    tx.later(END, [event_id, delegation_id])
