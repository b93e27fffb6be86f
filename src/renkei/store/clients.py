"""Vendors' systems (連携システム), what was delegated to them, and the first permission table. No patient, so no grant."""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from psycopg.types.json import Jsonb

from renkei.database import Transaction
from renkei.ids import new_id
from renkei.vocabulary import ActorKind, Profession

INSERT = """
INSERT INTO clients (id, client_id, name, kind, secret_hash, audit_event_id) VALUES (%s, %s, %s, %s, %s, %s)
"""
INSERT_DELEGATION = """
INSERT INTO delegations (id, client_id, organization_id, professions, valid_from, valid_until, audit_event_id)
VALUES (%s, %s, %s, %s, coalesce(%s, (now() AT TIME ZONE 'Asia/Tokyo')::date), %s, %s)
"""
INSERT_TABLE = """
INSERT INTO permission_tables (version, rights, audit_event_id) VALUES (1, %s, %s) ON CONFLICT DO NOTHING
"""


def insert_client(
    tx: Transaction, id_: UUID, client_id: str, name: str, kind: ActorKind, secret_hash: bytes, event_id: UUID
) -> None:
    """Keep a client and the hash of its secret."""
    tx.later(INSERT, [id_, client_id, name, kind, secret_hash, event_id])


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


def insert_default_table(tx: Transaction, rows: Mapping[Profession, Mapping[str, str]], event_id: UUID) -> None:
    """The permission table a new installation starts with; nothing where there is one."""
    tx.later(INSERT_TABLE, [Jsonb({p.value: dict(columns) for p, columns in rows.items()}), event_id])
