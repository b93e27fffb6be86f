"""事業所のログイン: which OpenID provider an organization's staff may sign in by. By its own administrator or the platform's."""

from typing import Any
from uuid import UUID

from renkei.access.audit import Asked
from renkei.access.gate import authorize_service
from renkei.database import Row, Transaction
from renkei.errors import Fault, Invalid, NotFound
from renkei.schemas.answers import rfc3339
from renkei.schemas.login_providers import LoginProviderIn, callback, purpose
from renkei.secret_box import SecretBox
from renkei.store import login_providers, organizations, sessions
from renkei.vocabulary import Permission


async def read_login_provider(tx: Transaction, asked: Asked, organization_id: UUID, issuer: str) -> dict[str, Any]:
    """As it stands, without the secret. issuer: ours."""
    await authorize_service(tx, asked, Permission.login_provider_read)
    return await _one(tx, await _own(tx, asked, organization_id), issuer)


async def set_login_provider(
    tx: Transaction, asked: Asked, organization_id: UUID, said: LoginProviderIn, box: SecretBox, issuer: str
) -> tuple[int, dict[str, Any]]:
    """In force at once, in place of the one before. What that has opened ends, unless it was the same but for the secret. 201
    where there was none."""
    await authorize_service(tx, asked, Permission.login_provider_set)
    kept = await login_providers.load_one(tx, await _own(tx, asked, organization_id))
    told = said.model_dump(mode="json", exclude={"client_secret"})
    event = asked.served(tx, {"organization_id": str(organization_id), **told})
    login_providers.set_one(tx, organization_id, said, _secret(said, kept, box, organization_id), event)
    shown = await _one(tx, organization_id, issuer)
    if kept and {**_shown(kept, issuer), "set_at": shown["set_at"]} != shown:
        sessions.end_vouched(tx, organization_id, event)
    return (200 if kept else 201), shown


async def remove_login_provider(tx: Transaction, asked: Asked, organization_id: UUID) -> None:
    """Nobody signs in by it from here on, and what it has opened ends."""
    await authorize_service(tx, asked, Permission.login_provider_remove)
    if await login_providers.load_one(tx, await _own(tx, asked, organization_id)) is None:
        raise NotFound
    event = asked.served(tx, {"organization_id": str(organization_id)})
    login_providers.remove_one(tx, organization_id)
    sessions.end_vouched(tx, organization_id, event)


def _secret(said: LoginProviderIn, kept: Row | None, box: SecretBox, organization_id: UUID) -> bytes | None:
    if said.auth_method == "private_key_jwt":
        return None
    if said.client_secret is not None:
        return box.seal(said.client_secret.encode(), purpose(organization_id))
    # A secret is for one client of one provider: it never goes to another address.
    if kept and kept.secret and (kept.issuer, kept.client_id) == (said.issuer, said.client_id):
        return bytes(kept.secret)
    raise Invalid([Fault("/client_secret", None, "required")])


async def _own(tx: Transaction, asked: Asked, organization_id: UUID) -> UUID:
    """The organization, if the administrator is its own or the platform's; to others' it is absent."""
    own = asked.actor.organization.id if asked.actor.organization else organization_id
    if own != organization_id or await organizations.load_one(tx, organization_id) is None:
        raise NotFound
    return organization_id


async def _one(tx: Transaction, organization_id: UUID, issuer: str) -> dict[str, Any]:
    row = await login_providers.load_one(tx, organization_id)
    if row is None:
        raise NotFound
    return _shown(row, issuer)


def _shown(row: Row, issuer: str) -> dict[str, Any]:
    return {
        "organization_id": str(row.organization_id),
        "issuer": row.issuer,
        "client_id": row.client_id,
        "auth_method": "client_secret_basic" if row.secret else "private_key_jwt",
        "scopes": row.scopes,
        "organization": _mapping(row.organization_claim, row.organization_values),
        "profession": _mapping(row.profession_claim, row.professions),
        "second_factor": {"acr": row.accepted_acr, "amr": row.accepted_amr},
        "redirect_uri": callback(issuer, row.organization_id),
        **({} if row.secret else {"jwks_uri": f"{issuer}/.well-known/jwks.json"}),
        "set_at": rfc3339(row.set_at),
    }


def _mapping(claim: str | None, values: Any) -> dict[str, Any] | None:
    return {"claim": claim, "values": values} if claim is not None else None
