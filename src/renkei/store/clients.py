"""Vendors' systems (連携システム), and what was delegated to them. No patient, so no grant."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from renkei.database import Transaction
from renkei.ids import new_id
from renkei.vocabulary import ActorKind, Profession

INSERT = """
INSERT INTO clients (id, client_id, name, kind, organization_id, secret_hash, audit_event_id)
VALUES (%s, %s, %s, %s, %s, %s, %s)
"""
INSERT_DELEGATION = """
INSERT INTO delegations (id, client_id, organization_id, professions, valid_from, valid_until, audit_event_id)
VALUES (%s, %s, %s, %s, coalesce(%s, (now() AT TIME ZONE 'Asia/Tokyo')::date), %s, %s)
"""


def insert_client(
    tx: Transaction,
    id_: UUID,
    client_id: str,
    name: str,
    kind: ActorKind,
    organization: UUID | None,
    secret_hash: bytes,
    event_id: UUID,
) -> None:
    """Keep a client and the hash of its secret. organization: whose administrator it is, for that kind alone."""
    tx.later(INSERT, [id_, client_id, name, kind, organization, secret_hash, event_id])


def insert_delegation(
    tx: Transaction,
    client: UUID,
    organization: UUID,
    professions: Sequence[Profession],
    period: tuple[date | None, date | None],
    event_id: UUID,
) -> None:
    """Let a client act for an organization in a period (from: today when None; until: open when None)."""
    tx.later(INSERT_DELEGATION, [new_id(), client, organization, list(professions), *period, event_id])
