"""Vendors' systems (連携システム), and what was delegated to them. No patient, so no grant."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg.types.json import Jsonb

from renkei.database import Row, Transaction
from renkei.ids import new_id
from renkei.vocabulary import ActorKind, Profession, Scope


class Proof(NamedTuple):
    """What a client proves itself by: one of three."""

    secret_hash: bytes | None = None
    jwks: Mapping[str, Any] | None = None
    jwks_uri: str | None = None

    @property
    def columns(self) -> tuple[bytes | None, Jsonb | None, str | None]:
        """As the table keeps it."""
        return self.secret_hash, None if self.jwks is None else Jsonb(dict(self.jwks)), self.jwks_uri


INSERT = """
INSERT INTO clients (id, client_id, name, kind, organization_id, secret_hash, jwks, jwks_uri, proof, audit_event_id)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 1, %s)
"""
INSERT_DELEGATION = """
INSERT INTO delegations (id, client_id, organization_id, professions, scopes, valid_from, valid_until, audit_event_id)
VALUES (%s, %s, %s, %s, %s, coalesce(%s, (now() AT TIME ZONE 'Asia/Tokyo')::date), %s, %s)
"""
SHOWN: LiteralString = """
SELECT c.id, c.client_id, c.name, c.kind, c.organization_id, c.jwks_uri, c.registered_at, c.disabled_at,
  c.secret_hash IS NOT NULL AS by_secret, ARRAY(SELECT k ->> 'kid' FROM jsonb_array_elements(c.jwks -> 'keys') k) AS kids
FROM clients c
"""
PAGE = (
    SHOWN
    + """
WHERE (%(name)s::text IS NULL OR position(lower(%(name)s) IN lower(c.name)) > 0)
  AND (%(before)s::uuid IS NULL OR c.id < %(before)s)
  AND (%(organization)s::uuid IS NULL OR c.organization_id = %(organization)s
       OR EXISTS (SELECT FROM delegations d WHERE d.client_id = c.id AND d.organization_id = %(organization)s))
ORDER BY c.id DESC LIMIT %(limit)s
"""
)
ONE = SHOWN + "WHERE c.client_id = %(named)s OR c.id::text = %(named)s"
REPLACE_PROOF = """
UPDATE clients SET secret_hash = %s, jwks = %s, jwks_uri = %s, proof = proof + 1, audit_event_id = %s WHERE id = %s
"""
SUSPEND = "UPDATE clients SET disabled_at = now(), audit_event_id = %s WHERE id = %s AND disabled_at IS NULL"
RESUME = "UPDATE clients SET disabled_at = NULL, audit_event_id = %s WHERE id = %s AND disabled_at IS NOT NULL"


def insert_client(
    tx: Transaction,
    id_: UUID,
    client_id: str,
    name: str,
    kind: ActorKind,
    organization: UUID | None,
    proof: Proof,
    event_id: UUID,
) -> None:
    """Keep a client and what it proves itself by. organization: whose administrator it is, for that kind alone."""
    tx.later(INSERT, [id_, client_id, name, kind, organization, *proof.columns, event_id])


def insert_delegation(
    tx: Transaction,
    client: UUID,
    organization: UUID,
    professions: Sequence[Profession],
    scopes: Sequence[Scope] | None,
    period: tuple[date | None, date | None],
    event_id: UUID,
) -> UUID:
    """Let a client act for an organization in a period (from: today when None; until: open when None); its id.

    scopes: for which kinds of act; None: no limit.
    """
    id_, named = new_id(), None if scopes is None else list(scopes)
    tx.later(INSERT_DELEGATION, [id_, client, organization, list(professions), named, *period, event_id])
    return id_


async def load_page(
    tx: Transaction, name: str | None, organization: UUID | None, before: Sequence[UUID] | None, limit: int
) -> list[Row]:
    """One page, newest first, and one more; with an organization only those it has ever delegated to, and its own."""
    last = before[0] if before else None
    return await tx.rows(PAGE, {"name": name, "organization": organization, "before": last, "limit": limit + 1})


async def load_one(tx: Transaction, named: str) -> Row | None:
    """The one of this ``client_id``, or id."""
    return await tx.row(ONE, {"named": named})


def replace_proof(tx: Transaction, client: UUID, proof: Proof, event_id: UUID) -> None:
    """What it proves itself by from here on. Tokens given for what went before end with it."""
    tx.later(REPLACE_PROOF, [*proof.columns, event_id, client])


def suspend_client(tx: Transaction, client: UUID, event_id: UUID) -> None:
    """Stop it, tokens already given included."""
    tx.later(SUSPEND, [event_id, client])


def resume_client(tx: Transaction, client: UUID, event_id: UUID) -> None:
    """Let it act again."""
    tx.later(RESUME, [event_id, client])
