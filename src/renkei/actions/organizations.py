"""事業所: registered, suspended and resumed by the platform's admin, listed for every client."""

from typing import Any
from uuid import UUID

from renkei.access.actor import Organization
from renkei.access.audit import Asked
from renkei.access.gate import authorize_service
from renkei.access.refusals import NO_OFFICE
from renkei.database import Transaction
from renkei.errors import Conflict, Forbidden, NotFound
from renkei.ids import new_id
from renkei.schemas.administration import OrganizationIn, OrganizationQuery
from renkei.schemas.answers import rfc3339
from renkei.schemas.paging import decode_cursor, page_of
from renkei.store import organizations, sessions
from renkei.vocabulary import Permission, Reason


async def list_organizations(tx: Transaction, asked: Asked, query: OrganizationQuery) -> dict[str, Any]:
    """Newest first. Every client needs those that may act, for the care team; the suspended ones only offices."""
    await authorize_service(tx, asked, Permission.organization_read)
    if query.suspended and asked.actor.in_care:
        raise Forbidden(Reason.not_administrator, "office", "platform_admin", NO_OFFICE)
    found = await organizations.load_page(tx, query, decode_cursor(query.after, UUID))
    return page_of(found, query.limit, Organization.as_json, lambda organization: (organization.id,))


async def read_organization(tx: Transaction, asked: Asked, organization_id: UUID) -> dict[str, Any]:
    """One of them; with ``suspended_at`` where it is suspended, which to clients is absent."""
    await authorize_service(tx, asked, Permission.organization_read)
    return await _one(tx, organization_id, not asked.actor.in_care)


async def register_organization(tx: Transaction, asked: Asked, organization: OrganizationIn) -> dict[str, Any]:
    """Register an organization under its code, once."""
    await authorize_service(tx, asked, Permission.organization_register)
    id_, said = new_id(), organization.model_dump(mode="json")
    event = asked.served(tx, {"organization_id": str(id_), **said})
    if not await organizations.insert_organization(
        tx, id_, organization.code, organization.name, organization.kind, event
    ):
        raise Conflict("code_taken", CODE_TAKEN)
    return {"id": str(id_), **said}


async def suspend_organization(
    tx: Transaction, asked: Asked, organization_id: UUID, reason: str
) -> tuple[int, dict[str, Any]]:
    """Stop all that acts for it, tokens already given included, within a second. Again: 200, as it stands."""
    await authorize_service(tx, asked, Permission.organization_suspend)
    event = asked.served(tx, {"organization_id": str(organization_id), "reason": reason})
    new = await organizations.suspend_organization(tx, organization_id, event)
    sessions.end_vouched(tx, organization_id, event)
    return (201 if new else 200), await _one(tx, organization_id)


async def resume_organization(tx: Transaction, asked: Asked, organization_id: UUID) -> None:
    """Let it act again, with what it had: places, consents and delegations that are in force still."""
    await authorize_service(tx, asked, Permission.organization_resume)
    await _one(tx, organization_id)
    organizations.resume_organization(tx, organization_id, asked.served(tx, {"organization_id": str(organization_id)}))


async def _one(tx: Transaction, organization_id: UUID, with_suspended: bool = True) -> dict[str, Any]:
    found = await organizations.load_one(tx, organization_id)
    if found is None or (found[1] is not None and not with_suspended):
        raise NotFound
    organization, since = found
    return {**organization.as_json(), **({"suspended_at": rfc3339(since)} if since else {})}


CODE_TAKEN = ("この事業所コードは既に使われています", "This organization code is already taken")
