"""Credential → actor. A client proves itself for a token; a token names who acts; both are looked up here.

A verified token is remembered for a second, no longer than revocation may take to act (design §11).
"""

import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from renkei.access import assertions
from renkei.access.actor import Actor, Organization
from renkei.access.assertions import Assertion
from renkei.access.audit import Asked
from renkei.access.jws import Signed
from renkei.access.keyring import KeyRing
from renkei.access.refusals import Refused
from renkei.access.scopes import Scopes, common, narrowed, parse_scope, scope_text, united
from renkei.access.tokens import AUDIENCE, issue, verify
from renkei.access.vendor_keys import VendorKeys
from renkei.database import Row, Transaction, transaction
from renkei.errors import Unauthorized
from renkei.ids import new_id, now
from renkei.schemas.key_sets import read_key_set
from renkei.vocabulary import ActorKind, OrganizationKind, Profession, Scope

REMEMBER_SECONDS = 1.0
REMEMBER_AT_MOST = 10_000

CLIENT = """
SELECT id, client_id, kind, proof, secret_hash, jwks, jwks_uri FROM clients WHERE client_id = %s AND disabled_at IS NULL
"""

DELEGATION = """
SELECT o.id, o.code, o.name, o.kind, json_agg(json_build_array(d.professions, d.scopes)) AS delegated
FROM delegations d
JOIN clients c ON c.id = d.client_id
JOIN organizations o ON o.id = d.organization_id
WHERE d.client_id = %(client)s AND c.proof = %(proof)s AND (o.code = %(organization)s OR o.id::text = %(organization)s)
  AND c.disabled_at IS NULL AND d.ended_at IS NULL AND o.suspended_at IS NULL
  AND d.valid_from <= (now() AT TIME ZONE 'Asia/Tokyo')::date
  AND (d.valid_until IS NULL OR d.valid_until >= (now() AT TIME ZONE 'Asia/Tokyo')::date)
GROUP BY o.id
"""

STANDING_OFFICE = """
SELECT c.kind AS office, o.id, o.code, o.name, o.kind FROM clients c LEFT JOIN organizations o ON o.id = c.organization_id
WHERE c.id = %s AND c.proof = %s AND c.disabled_at IS NULL AND o.suspended_at IS NULL
"""

USE_UP = """
INSERT INTO used_assertions (client_id, jti, kept_until, audit_event_id) VALUES (%s, %s, to_timestamp(%s), %s)
ON CONFLICT DO NOTHING RETURNING jti
"""

_NO_LONGER = ("この連携の許可は終了しています", "This client may no longer act here")


def secret_hash(secret: str) -> bytes:
    """How a client's secret is kept. SHA-256 suffices: the secret is 256 random bits, not a password to be guessed."""
    return hashlib.sha256(secret.encode()).digest()


@dataclass(frozen=True, slots=True)
class Proven:
    """A client that has proved itself. number: how often its proof was replaced; assertion: where it used a key."""

    id: UUID
    client_id: str
    kind: ActorKind
    number: int
    assertion: Assertion | None


@dataclass(frozen=True, slots=True)
class Issued:
    """A token, and what RFC 6749 §5.1 has told with it. scope: where it is limited."""

    access_token: str
    expires_in: int
    scope: str | None


class Identity:
    """Issues tokens and turns them back into actors, for one service."""

    def __init__(
        self, engine: AsyncEngine, keyring: KeyRing, vendor_keys: VendorKeys, issuer: str, token_seconds: int
    ) -> None:
        self.engine, self.keyring, self.vendor_keys = engine, keyring, vendor_keys
        self.issuer, self.token_seconds = issuer, token_seconds
        self._remembered: dict[str, tuple[float, Actor]] = {}

    @property
    def token_endpoint(self) -> str:
        """Where tokens are given, and what an assertion is addressed to."""
        return f"{self.issuer}/oauth/token"

    async def prove_secret(self, client_id: str, secret: str) -> Proven:
        """A client by its secret. Raises Refused (invalid_client); a client with keys of its own has no secret."""
        row = await self._client(client_id)
        # Compared also when the client is unknown, so that its absence takes as long as a wrong secret.
        kept = row.secret_hash if row else None
        right = hmac.compare_digest(bytes(kept) if kept else bytes(32), secret_hash(secret))
        if row is None or not right:
            raise Refused("invalid_client", "unknown client or wrong secret")
        return _proven(row, None)

    async def prove_assertion(self, signed: Signed) -> Proven:
        """A client by what it has signed (RFC 7523), as ``assertions.read`` gave it. Raises Refused (invalid_client)."""
        # A connection is not held while a vendor's server is asked for its keys.
        row, kid = await self._client(signed.claims["iss"]), signed.header["kid"]
        key = None
        if row is not None and row.jwks_uri is not None:
            key = await self.vendor_keys.key(row.jwks_uri, kid)
        elif row is not None and row.jwks is not None:
            key = read_key_set(row.jwks, strict=True).get(kid)
        audiences = (self.token_endpoint, self.issuer)
        return _proven(row, assertions.prove(signed, key, audiences, now().timestamp()))

    async def _client(self, client_id: str) -> Row | None:
        async with transaction(self.engine) as tx:
            return await tx.row(CLIENT, [client_id])

    async def grant_token(self, tx: Transaction, request_id: UUID, proven: Proven, form: Mapping[str, str]) -> Issued:
        """A signed access token for a client that has proved itself, on record.

        form: organization, user_id, user_name, profession, scope; with a key the client has signed the user.
        Raises Refused: invalid_client (an assertion used before), invalid_target (organization not delegated),
        invalid_request, invalid_scope.
        """
        said = assertions.merged(proven.assertion, form) if proven.assertion else form
        actor = await self._actor(tx, proven.id, proven.number, proven.kind, said)
        event = Asked(request_id, actor, "token.issue").served(tx, _told(proven))
        if (used := proven.assertion) is not None:
            kept_until = used.ends_at + assertions.KEPT_SECONDS
            # Of two at once the second waits here for the first to commit, and finds it.
            if not await tx.rows(USE_UP, [proven.id, used.jti, kept_until, event]):
                raise Refused("invalid_client", "this assertion has been used: sign a new one for every token")
        moment = int(now().timestamp())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": str(proven.id),
            "iat": moment,
            "exp": moment + self.token_seconds,
            "jti": str(new_id()),
            "kind": actor.kind.value,
            "proof": proven.number,
        }
        if actor.organization and actor.kind is ActorKind.client:
            claims["organization"] = str(actor.organization.id)
        if not actor.is_system and actor.kind is ActorKind.client:
            claims |= {"user_id": actor.user_id, "user_name": actor.user_name, "profession": actor.professions[0].value}
        scope = scope_text(actor.scopes) if actor.scopes is not None else None
        if scope is not None:
            claims["scope"] = scope
        return Issued(issue(self.keyring.keys, claims), self.token_seconds, scope)

    async def identify(self, token: str) -> Actor:
        """The actor a token names, if its client, delegation and organization still stand. Raises Unauthorized."""
        moment = time.monotonic()
        remembered = self._remembered.get(token)
        if remembered is not None and remembered[0] > moment:
            return remembered[1]
        claims = verify(self.keyring.keys, token, self.issuer, now().timestamp())
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
            return await self._actor(tx, client_id, claims["proof"], kind, claims)
        except Refused as error:
            raise Unauthorized(_NO_LONGER) from error

    async def _actor(
        self, tx: Transaction, client_id: UUID, number: int, kind: ActorKind, said: Mapping[str, str]
    ) -> Actor:
        try:
            wanted = parse_scope(said.get("scope"))
        except ValueError:
            raise Refused("invalid_scope", f"a scope is one of {scope_text(frozenset(Scope))}") from None
        if kind is not ActorKind.client:
            if said.get("organization"):
                raise Refused("invalid_request", "administrators' clients leave organization out")
            return await self._office(tx, client_id, number, kind, wanted)
        if not said.get("organization"):
            raise Refused("invalid_request", "organization is required")
        asked = {"client": client_id, "proof": number, "organization": said["organization"]}
        row = await tx.row(DELEGATION, asked)
        if row is None:
            raise Refused("invalid_target", "this organization has not delegated to the client")
        return on_behalf(client_id, row, said, wanted)

    async def _office(
        self, tx: Transaction, client_id: UUID, number: int, kind: ActorKind, wanted: Scopes | None
    ) -> Actor:
        """An administrator or auditor; that of an organization acts for it and no other."""
        row = await tx.row(STANDING_OFFICE, [client_id, number])
        if row is None or row.office != kind:
            raise Refused("invalid_client", "this client holds no office any more")
        organization = Organization(row.id, row.code, row.name, OrganizationKind(row.kind)) if row.id else None
        return Actor(kind, client_id, organization, (), scopes=wanted)


def on_behalf(client_id: UUID, row: Row, said: Mapping[str, str], wanted: Scopes | None) -> Actor:
    """The actor by a DELEGATION that stands, and by the user it names. Raises Refused."""
    organization = Organization(row.id, row.code, row.name, OrganizationKind(row.kind))
    delegated = tuple(sorted({Profession(p) for professions, _ in row.delegated for p in professions}))
    user = {name: said.get(name) for name in assertions.USER}
    if not any(user.values()):
        # Its rights are those of all professions together, so it may do what every one of its delegations is for.
        scopes = _limited(common(limit for _, limit in row.delegated), wanted)
        return Actor(ActorKind.client, client_id, organization, delegated, scopes=scopes)
    if not all(user.values()):
        raise Refused("invalid_request", "user_id, user_name and profession go together")
    if len(user["user_id"] or "") > 100 or len(user["user_name"] or "") > 100:
        raise Refused("invalid_request", "user_id and user_name have at most 100 characters")
    if user["profession"] not in delegated:
        raise Refused("invalid_scope", "the delegation does not list this profession")
    named = (Profession(str(user["profession"])),)
    scopes = _limited(united(limit for listed, limit in row.delegated if user["profession"] in listed), wanted)
    return Actor(ActorKind.client, client_id, organization, named, user["user_id"], user["user_name"], scopes)


def _limited(delegated: Scopes | None, wanted: Scopes | None) -> Scopes | None:
    """What the delegation is for, and of that what was asked. Raises Refused when more was asked."""
    if wanted is not None and delegated is not None and not wanted <= delegated:
        raise Refused("invalid_scope", f"the delegation is for: {scope_text(delegated)}")
    if (both := narrowed(delegated, wanted)) is not None and not both:
        raise Refused("invalid_scope", "the delegations have no scope in common; name a user, or end one of them")
    return both


def _proven(client: Row, assertion: Assertion | None) -> Proven:
    return Proven(client.id, client.client_id, ActorKind(client.kind), client.proof, assertion)


def _told(proven: Proven) -> dict[str, object]:
    """What stands in the ledger of a token: by which key, and the assertion's own id, which the vendor's log knows too."""
    used = proven.assertion
    return {"client_id": proven.client_id, **({"kid": used.kid, "jti": used.jti} if used else {})}
