"""Credential → actor. A client proves itself for a token; a token names who acts; both are looked up here.

A verified token is remembered for a second, no longer than revocation may take to act (design §11).
"""

import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from renkei.access.actor import Actor, Organization
from renkei.access.tokens import AUDIENCE, Keys, issue, verify
from renkei.database import Row, Transaction, transaction
from renkei.errors import Unauthorized
from renkei.ids import new_id, now
from renkei.vocabulary import ActorKind, OrganizationKind, Profession

REMEMBER_SECONDS = 1.0
REMEMBER_AT_MOST = 10_000

CLIENT = "SELECT id, kind, secret_hash FROM clients WHERE client_id = %s AND disabled_at IS NULL"

DELEGATION = """
SELECT o.id, o.code, o.name, o.kind, array_agg(DISTINCT p.profession) AS professions
FROM delegations d
JOIN clients c ON c.id = d.client_id
JOIN organizations o ON o.id = d.organization_id
CROSS JOIN unnest(d.professions) AS p (profession)
WHERE d.client_id = %(client)s AND (o.code = %(organization)s OR o.id::text = %(organization)s)
  AND c.disabled_at IS NULL AND d.ended_at IS NULL AND o.suspended_at IS NULL
  AND d.valid_from <= (now() AT TIME ZONE 'Asia/Tokyo')::date
  AND (d.valid_until IS NULL OR d.valid_until >= (now() AT TIME ZONE 'Asia/Tokyo')::date)
GROUP BY o.id
"""

STANDING_OFFICE = """
SELECT c.kind AS office, o.id, o.code, o.name, o.kind FROM clients c LEFT JOIN organizations o ON o.id = c.organization_id
WHERE c.id = %s AND c.disabled_at IS NULL AND o.suspended_at IS NULL
"""

_NO_LONGER = ("この連携の許可は終了しています", "This client may no longer act here")


def secret_hash(secret: str) -> bytes:
    """How a client's secret is kept. SHA-256 suffices: the secret is 256 random bits, not a password to be guessed."""
    return hashlib.sha256(secret.encode()).digest()


class Refused(Exception):
    """A token request refused, in the words of RFC 6749 §5.2."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error, self.description = error, description


class Identity:
    """Issues tokens and turns them back into actors, for one service."""

    def __init__(self, engine: AsyncEngine, keys: Keys, issuer: str, token_seconds: int) -> None:
        self.engine, self.keys, self.issuer, self.token_seconds = engine, keys, issuer, token_seconds
        self._remembered: dict[str, tuple[float, Actor]] = {}

    async def grant_token(
        self, tx: Transaction, client_id: str, secret: str, form: Mapping[str, str]
    ) -> tuple[str, Actor]:
        """A signed access token for a client that proves its secret. form: organization, user_id, user_name, profession.

        Raises Refused: invalid_client, invalid_target (organization not delegated), invalid_request, invalid_scope.
        """
        row = await tx.row(CLIENT, [client_id])
        # Compared also when the client is unknown, so that its absence takes as long as a wrong secret.
        right = hmac.compare_digest(bytes(row.secret_hash) if row else bytes(32), secret_hash(secret))
        if row is None or not right:
            raise Refused("invalid_client", "unknown client or wrong secret")
        actor = await self._actor(tx, row.id, ActorKind(row.kind), form)
        moment = int(now().timestamp())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": str(row.id),
            "iat": moment,
            "exp": moment + self.token_seconds,
            "jti": str(new_id()),
            "kind": actor.kind.value,
        }
        if actor.organization and actor.kind is ActorKind.client:
            claims["organization"] = str(actor.organization.id)
        if not actor.is_system and actor.kind is ActorKind.client:
            claims |= {"user_id": actor.user_id, "user_name": actor.user_name, "profession": actor.professions[0].value}
        return issue(self.keys, claims), actor

    async def identify(self, token: str) -> Actor:
        """The actor a token names, if its client, delegation and organization still stand. Raises Unauthorized."""
        moment = time.monotonic()
        remembered = self._remembered.get(token)
        if remembered is not None and remembered[0] > moment:
            return remembered[1]
        claims = verify(self.keys, token, self.issuer, now().timestamp())
        async with transaction(self.engine) as tx:
            actor = await self._standing(tx, claims)
        if len(self._remembered) >= REMEMBER_AT_MOST:
            self._remembered.clear()
        self._remembered[token] = (moment + REMEMBER_SECONDS, actor)
        return actor

    async def _standing(self, tx: Transaction, claims: Mapping[str, Any]) -> Actor:
        try:
            client_id, kind = UUID(claims["sub"]), ActorKind(claims["kind"])
        except ValueError as error:
            raise Unauthorized(_NO_LONGER) from error
        try:
            return await self._actor(tx, client_id, kind, claims)
        except Refused as error:
            raise Unauthorized(_NO_LONGER) from error

    async def _office(self, tx: Transaction, client_id: UUID, kind: ActorKind) -> Actor:
        """An administrator or auditor; that of an organization acts for it and no other."""
        row = await tx.row(STANDING_OFFICE, [client_id])
        if row is None or row.office != kind:
            raise Refused("invalid_client", "this client holds no office any more")
        organization = Organization(row.id, row.code, row.name, OrganizationKind(row.kind)) if row.id else None
        return Actor(kind, client_id, organization, ())

    async def _actor(self, tx: Transaction, client_id: UUID, kind: ActorKind, said: Mapping[str, str]) -> Actor:
        if kind is not ActorKind.client:
            if said.get("organization"):
                raise Refused("invalid_request", "administrators' clients leave organization out")
            return await self._office(tx, client_id, kind)
        if not said.get("organization"):
            raise Refused("invalid_request", "organization is required")
        row = await tx.row(DELEGATION, {"client": client_id, "organization": said["organization"]})
        if row is None:
            raise Refused("invalid_target", "this organization has not delegated to the client")
        return self._on_behalf(client_id, row, said)

    def _on_behalf(self, client_id: UUID, row: Row, said: Mapping[str, str]) -> Actor:
        organization = Organization(row.id, row.code, row.name, OrganizationKind(row.kind))
        delegated = tuple(sorted(Profession(p) for p in row.professions))
        user = {name: said.get(name) for name in ("user_id", "user_name", "profession")}
        if not any(user.values()):
            return Actor(ActorKind.client, client_id, organization, delegated)
        if not all(user.values()):
            raise Refused("invalid_request", "user_id, user_name and profession go together")
        if len(user["user_id"] or "") > 100 or len(user["user_name"] or "") > 100:
            raise Refused("invalid_request", "user_id and user_name have at most 100 characters")
        if user["profession"] not in delegated:
            raise Refused("invalid_scope", "the delegation does not list this profession")
        named = (Profession(str(user["profession"])),)
        return Actor(ActorKind.client, client_id, organization, named, user["user_id"], user["user_name"])
