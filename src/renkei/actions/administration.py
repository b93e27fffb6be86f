"""連携システムと管理者の資格: registered by the platform's admin; and what a new installation starts with."""

import secrets
from typing import Any

from renkei.access.audit import Asked
from renkei.access.gate import authorize_service
from renkei.access.identity import secret_hash
from renkei.access.policy import default_rows
from renkei.database import Transaction
from renkei.errors import Fault, Invalid
from renkei.ids import new_id
from renkei.schemas.administration import ClientIn
from renkei.schemas.client_keys import keys_said
from renkei.store import clients, organizations, permission_tables
from renkei.store.clients import Proof
from renkei.vocabulary import ActorKind, Permission


async def register_client(tx: Transaction, asked: Asked, client: ClientIn) -> dict[str, Any]:
    """Register a system and what organizations delegate to it. Its secret is shown in this answer and never again."""
    await authorize_service(tx, asked, Permission.client_register)
    wanted = {f"/delegations/{n}/organization_id": d.organization_id for n, d in enumerate(client.delegations)}
    if client.organization_id is not None:
        wanted["/organization_id"] = client.organization_id
    known = await organizations.load_some(tx, wanted.values(), standing=True)
    if unknown := [pointer for pointer, id_ in wanted.items() if id_ not in known]:
        raise Invalid([Fault(pointer, None, "unknown") for pointer in unknown])
    return _insert(tx, asked, client)


def found_installation(tx: Transaction, asked: Asked, name: str) -> dict[str, Any]:
    """The first administrator's client, made by an operator at the command line: no credential can ask for it."""
    return _insert(tx, asked, ClientIn(name=name, kind="admin"))


def install_defaults(tx: Transaction, asked: Asked) -> None:
    """What a new installation starts with: the default permission table. Nothing where there is one."""
    rights = {profession.value: dict(columns) for profession, columns in default_rows().items()}
    permission_tables.insert_first(tx, rights, asked.served(tx, {"permission_table": 1}))


def _insert(tx: Transaction, asked: Asked, client: ClientIn) -> dict[str, Any]:
    id_, client_id, secret = new_id(), f"rk-{secrets.token_hex(8)}", secrets.token_urlsafe(32)
    kind = ActorKind.client if client.kind == "vendor" else ActorKind(client.kind)
    by_key = client.jwks is not None or client.jwks_uri is not None
    proof = Proof(jwks=client.jwks, jwks_uri=client.jwks_uri) if by_key else Proof(secret_hash(secret))
    said = client.model_dump(mode="json", exclude={"jwks", "jwks_uri"}) | keys_said(client)
    event = asked.served(tx, {name: v for name, v in said.items() if name != "delegations"} | {"client_id": client_id})
    clients.insert_client(tx, id_, client_id, client.name, kind, client.organization_id, proof, event)
    for d in client.delegations:
        period = d.valid_from, d.valid_until
        clients.insert_delegation(tx, id_, d.organization_id, d.professions, d.scopes, period, event)
    return {"id": str(id_), "client_id": client_id, **({} if by_key else {"client_secret": secret}), **said}
