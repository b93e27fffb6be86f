"""連携システム: listed, given other keys or another secret, suspended and resumed."""

import secrets
from typing import Any
from uuid import UUID

from renkei.access.audit import Asked
from renkei.access.gate import authorize_service
from renkei.access.identity import secret_hash
from renkei.database import Row, Transaction
from renkei.errors import Conflict, NotFound
from renkei.schemas.answers import rfc3339
from renkei.schemas.client_keys import ClientQuery, KeysIn
from renkei.schemas.paging import decode_cursor, page_of
from renkei.store import clients
from renkei.store.clients import Proof
from renkei.vocabulary import ActorKind, Permission


async def list_clients(tx: Transaction, asked: Asked, query: ClientQuery) -> dict[str, Any]:
    """Newest first, without secrets. An organization's administrator sees those it has delegated to, and its own."""
    await authorize_service(tx, asked, Permission.client_read)
    own = asked.actor.organization.id if asked.actor.organization else None
    found = await clients.load_page(tx, query.name, own, decode_cursor(query.after, UUID), query.limit)
    return page_of(found, query.limit, _shown, lambda row: (row.id,))


async def replace_keys(tx: Transaction, asked: Asked, named: str, keys: KeysIn) -> dict[str, Any]:
    """Its keys from this moment, in place of those it had or of its secret. Tokens given before end within a second."""
    client = await _authorized(tx, asked, Permission.client_replace_keys, named)
    said = keys.model_dump(mode="json", exclude_none=True)
    event = asked.served(tx, {"client_id": client.client_id, **said})
    clients.replace_proof(tx, client.id, Proof(jwks=keys.jwks, jwks_uri=keys.jwks_uri), event)
    return await _one(tx, named)


async def renew_client(tx: Transaction, asked: Asked, named: str, reason: str) -> dict[str, Any]:
    """Another secret, shown in this answer and never again; the old one and its tokens end at once."""
    client = await _authorized(tx, asked, Permission.client_renew, named)
    if not client.by_secret:
        raise Conflict("has_keys", HAS_KEYS)
    secret = secrets.token_urlsafe(32)
    event = asked.served(tx, {"client_id": client.client_id, "reason": reason})
    clients.replace_proof(tx, client.id, Proof(secret_hash(secret)), event)
    return {**await _one(tx, named), "client_secret": secret}


async def suspend_client(tx: Transaction, asked: Asked, named: str, reason: str) -> tuple[int, dict[str, Any]]:
    """Stop it, tokens already given included, within a second. Again: 200, as it stands."""
    client = await _authorized(tx, asked, Permission.client_suspend, named)
    event = asked.served(tx, {"client_id": client.client_id, "reason": reason})
    clients.suspend_client(tx, client.id, event)
    return (201 if client.disabled_at is None else 200), await _one(tx, named)


async def resume_client(tx: Transaction, asked: Asked, named: str) -> None:
    """Let it act again, by the keys or the secret it had, for the delegations that are in force still."""
    client = await _authorized(tx, asked, Permission.client_resume, named)
    clients.resume_client(tx, client.id, asked.served(tx, {"client_id": client.client_id}))


async def _authorized(tx: Transaction, asked: Asked, permission: Permission, named: str) -> Row:
    await authorize_service(tx, asked, permission)
    client = await clients.load_one(tx, named)
    if client is None:
        raise NotFound
    return client


async def _one(tx: Transaction, named: str) -> dict[str, Any]:
    return _shown(await clients.load_one(tx, named))


def _shown(client: Row) -> dict[str, Any]:
    proof: dict[str, Any] = {"auth_method": "client_secret_basic" if client.by_secret else "private_key_jwt"}
    if client.jwks_uri is not None:
        proof["jwks_uri"] = client.jwks_uri
    elif not client.by_secret:
        proof["key_ids"] = client.kids
    return {
        "id": str(client.id),
        "client_id": client.client_id,
        "name": client.name,
        "kind": "vendor" if client.kind == ActorKind.client else client.kind,
        **({"organization_id": str(client.organization_id)} if client.organization_id else {}),
        **proof,
        "registered_at": rfc3339(client.registered_at),
        **({"suspended_at": rfc3339(client.disabled_at)} if client.disabled_at else {}),
    }


HAS_KEYS = (
    "このシステムは鍵で認証します。秘密は発行できません",
    "This system proves itself with keys; it gets no secret",
)
