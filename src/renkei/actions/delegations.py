"""委任: an organization lets a system act for it, and ends that. By its own administrator or the platform's."""

from typing import Any
from uuid import UUID

from renkei.access.audit import Asked
from renkei.access.gate import authorize_service
from renkei.access.refusals import NO_OFFICE
from renkei.database import Row, Transaction
from renkei.errors import Fault, Forbidden, Invalid, NotFound
from renkei.schemas.administration import DelegationFor
from renkei.schemas.answers import rfc3339
from renkei.schemas.client_keys import DelegationQuery
from renkei.schemas.paging import decode_cursor, page_of
from renkei.store import clients, delegations, organizations
from renkei.vocabulary import ActorKind, Permission, Reason


async def list_delegations(tx: Transaction, asked: Asked, query: DelegationQuery) -> dict[str, Any]:
    """Newest first, ended ones too. An organization's administrator sees its own."""
    await authorize_service(tx, asked, Permission.delegation_read)
    wanted = {"organization": query.organization, "client": query.client, "own": _own(asked)}
    found = await delegations.load_page(tx, wanted, decode_cursor(query.after, UUID), query.limit)
    return page_of(found, query.limit, _shown, lambda row: (row.id,))


async def register_delegation(tx: Transaction, asked: Asked, said: DelegationFor) -> dict[str, Any]:
    """Let a system act for an organization; in force from its first day."""
    await authorize_service(tx, asked, Permission.delegation_register)
    if _own(asked) not in (None, said.organization_id):
        raise Forbidden(Reason.not_administrator, "office.organization_admin", "platform_admin", NO_OFFICE)
    client = await clients.load_one(tx, said.client_id)
    if client is None or client.kind != ActorKind.client or client.disabled_at is not None:
        raise Invalid([Fault("/client_id", None, "unknown")])
    if not await organizations.load_some(tx, [said.organization_id], standing=True):
        raise Invalid([Fault("/organization_id", None, "unknown")])
    event = asked.served(tx, said.model_dump(mode="json", exclude_none=True))
    period = said.valid_from, said.valid_until
    made = clients.insert_delegation(tx, client.id, said.organization_id, said.professions, said.scopes, period, event)
    return _shown(await delegations.load_one(tx, made))


async def end_delegation(tx: Transaction, asked: Asked, delegation_id: UUID, reason: str) -> tuple[int, dict[str, Any]]:
    """End it at once; what the system was told for it ends within a second. Again: 200, as it stands."""
    await authorize_service(tx, asked, Permission.delegation_end)
    found = await delegations.load_one(tx, delegation_id, _own(asked))
    if found is None:
        raise NotFound
    event = asked.served(tx, {"delegation_id": str(delegation_id), "reason": reason})
    delegations.end_delegation(tx, delegation_id, event)
    return (201 if found.ended_at is None else 200), _shown(await delegations.load_one(tx, delegation_id))


def _own(asked: Asked) -> UUID | None:
    """The one organization whose administrator asks; None for the platform's, who sees all."""
    return asked.actor.organization.id if asked.actor.organization else None


def _shown(row: Row) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "client": {"client_id": row.client_id, "name": row.client_name},
        "organization": {"id": str(row.organization_id), "name": row.organization_name},
        "professions": row.professions,
        "scopes": row.scopes,
        "valid_from": row.valid_from.isoformat(),
        "valid_until": row.valid_until.isoformat() if row.valid_until else None,
        "ended_at": rfc3339(row.ended_at) if row.ended_at else None,
        "in_force": row.in_force,
    }
