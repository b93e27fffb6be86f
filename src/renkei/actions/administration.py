"""Organizations and vendors' systems: registered by the platform's admin, listed for every client."""

import secrets
from typing import Any
from uuid import UUID

from renkei.access.actor import Organization
from renkei.access.audit import Asked
from renkei.access.gate import authorize_service
from renkei.access.identity import secret_hash
from renkei.access.policy import default_rows
from renkei.database import Transaction
from renkei.errors import Conflict, Fault, Invalid
from renkei.ids import new_id
from renkei.schemas.administration import ClientIn, OrganizationIn, OrganizationQuery
from renkei.schemas.paging import decode_cursor, page_of
from renkei.store import clients, organizations
from renkei.vocabulary import ActorKind, Permission


async def list_organizations(tx: Transaction, asked: Asked, query: OrganizationQuery) -> dict[str, Any]:
    """Those not suspended, newest first. Every client needs them for the care team."""
    await authorize_service(tx, asked, Permission.organization_read)
    found = await organizations.load_page(tx, query.name, query.kind, decode_cursor(query.after, UUID), query.limit)
    return page_of(found, query.limit, _shown, lambda organization: (organization.id,))


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


async def register_client(tx: Transaction, asked: Asked, client: ClientIn) -> dict[str, Any]:
    """Register a system and what organizations delegate to it. Its secret is shown in this answer and never again."""
    await authorize_service(tx, asked, Permission.client_register)
    wanted = [d.organization_id for d in client.delegations]
    known = await organizations.load_some(tx, wanted)
    if unknown := [place for place, id_ in enumerate(wanted) if id_ not in known]:
        raise Invalid([Fault(f"/delegations/{place}/organization_id", None, "unknown") for place in unknown])
    return _insert(tx, asked, client)


def _shown(organization: Organization) -> dict[str, Any]:
    return {**organization.reference, "code": organization.code, "kind": organization.kind.value}


def found_installation(tx: Transaction, asked: Asked, name: str) -> dict[str, Any]:
    """The first administrator's client, made by an operator at the command line: no credential can ask for it."""
    return _insert(tx, asked, ClientIn(name=name, kind="admin"))


def install_defaults(tx: Transaction, asked: Asked) -> None:
    """What a new installation starts with: the default permission table. Nothing where there is one."""
    clients.insert_default_table(tx, default_rows(), asked.served(tx, {"permission_table": 1}))


def _insert(tx: Transaction, asked: Asked, client: ClientIn) -> dict[str, Any]:
    id_, client_id, secret = new_id(), f"rk-{secrets.token_hex(8)}", secrets.token_urlsafe(32)
    kind = ActorKind.client if client.kind == "vendor" else ActorKind(client.kind)
    event = asked.served(tx, {"client_id": client_id, "name": client.name, "kind": client.kind})
    clients.insert_client(tx, id_, client_id, client.name, kind, secret_hash(secret), event)
    for d in client.delegations:
        clients.insert_delegation(tx, id_, d.organization_id, d.professions, (d.valid_from, d.valid_until), event)
    said = client.model_dump(mode="json")
    return {"id": str(id_), "client_id": client_id, "client_secret": secret, **said}


CODE_TAKEN = ("この事業所コードは既に使われています", "This organization code is already taken")
