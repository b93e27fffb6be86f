"""Metadata, and the columns every table repeats."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

NO_ORGANIZATION = UUID(int=0)
"""In ``summary_parts``: the view shared by all organizations."""

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Instant = sa.TIMESTAMP(timezone=True)
Texts = ARRAY(sa.Text)
Ids = ARRAY(sa.Uuid)
Json = JSONB


def column(name: str, kind: Any) -> sa.Column[Any]:
    """A column that is always filled."""
    return sa.Column(name, kind, nullable=False)


def optional(name: str, kind: Any) -> sa.Column[Any]:
    """A column that may be empty."""
    return sa.Column(name, kind, nullable=True)


def moment(name: str) -> sa.Column[Any]:
    """An instant the database itself notes, in its transaction."""
    return sa.Column(name, Instant, nullable=False, server_default=sa.text("now()"))


def reason() -> sa.Column[Any]:
    """Who and why: the audit event under which the row was written (design §3.6)."""
    return column("audit_event_id", sa.Uuid)


def patient_table(name: str, *columns: sa.schema.SchemaItem, of_patient: bool = True) -> sa.Table:
    """A table of one patient's rows, keyed ``(patient_id, id)``."""
    keys = (sa.Column("patient_id", sa.Uuid, nullable=False), sa.Column("id", sa.Uuid, nullable=False))
    constraints: list[sa.schema.SchemaItem] = [sa.PrimaryKeyConstraint("patient_id", "id")]
    if of_patient:
        constraints.append(sa.ForeignKeyConstraint(["patient_id"], ["patients.patient_id"]))
    return sa.Table(name, metadata, *keys, *columns, *constraints)
