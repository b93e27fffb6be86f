"""Vendors' systems (連携システム), and what was delegated to them. No patient, so no grant."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.types.json import Jsonb

from renkei.database import Transaction
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
