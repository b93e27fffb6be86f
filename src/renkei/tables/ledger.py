"""What happened: the feed's changes and the two ledgers, one of acts on patients and one of acts on no patient."""

from typing import Any

import sqlalchemy as sa

from renkei.tables.base import Instant, Json, Texts, column, metadata, moment, optional, patient_table, reason

changes = patient_table(  # 更新情報: written in the transaction of what changed, without position
    "changes",
    column("kind", sa.Text),
    optional("record_id", sa.Uuid),
    optional("organization_id", sa.Uuid),
    moment("at"),
    reason(),
    sa.Index(  # what the platform's offices are told of: a few among very many
        "ix_changes_office",
        "patient_id",
        "id",
        postgresql_where=sa.text(
            "kind IN ('emergency_access.open', 'emergency_access.close', 'emergency_access.review', 'access_request.submit')"
        ),
    ),
)

unpublished_changes = sa.Table(  # a queue beside the changes: what still awaits a position
    "unpublished_changes",
    metadata,
    column("patient_id", sa.Uuid),
    column("change_id", sa.Uuid),
    moment("at"),
    sa.PrimaryKeyConstraint("patient_id", "change_id"),
    sa.ForeignKeyConstraint(["patient_id", "change_id"], ["changes.patient_id", "changes.id"]),
    sa.Index(None, "at"),
)

change_positions = sa.Table(  # given by the worker after commit: gapless, in one order
    "change_positions",
    metadata,
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    column("patient_id", sa.Uuid),
    column("change_id", sa.Uuid),
    sa.UniqueConstraint("patient_id", "change_id"),
    sa.Index(None, "patient_id", "position"),
)


def _event_columns() -> tuple[sa.Column[Any], ...]:
    return (
        column("request_id", sa.Uuid),
        moment("at"),
        column("action", sa.Text),
        column("outcome", sa.Text),
        optional("reason", sa.Text),
        column("actor_kind", sa.Text),
        optional("client_id", sa.Uuid),
        optional("organization_id", sa.Uuid),
        optional("user_id", sa.Text),
        optional("user_name", sa.Text),
        optional("profession", sa.Text),
    )


audit_events = patient_table(  # 監査記録. No foreign key: a refusal may name a patient that does not exist
    "audit_events",
    *_event_columns(),
    column("basis", Texts),
    column("groups", Texts),
    optional("record_id", sa.Uuid),
    sa.Index(None, "patient_id", "at"),
    sa.Index(None, "at"),
    of_patient=False,
)

service_events = sa.Table(  # acts on no patient
    "service_events",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    *_event_columns(),
    column("detail", Json),
    sa.Index(None, "at"),
    # How often an organization has lately looked for somebody in an emergency (緊急閲覧の回数制限).
    sa.Index(
        "ix_service_events_emergency",
        "organization_id",
        "at",
        postgresql_where=sa.text("action = 'emergency_access.open'"),
    ),
)

audit_seals = sa.Table(  # 封印: one signed statement about a batch of both ledgers' events
    "audit_seals",
    metadata,
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    column("id", sa.Uuid),
    column("count", sa.Integer),
    column("merkle_root", sa.LargeBinary),
    optional("previous", sa.LargeBinary),
    column("sealed_at", Instant),
    column("signature", sa.Text),
    sa.UniqueConstraint("id"),
)

audit_time_stamps = (
    sa.Table(  # タイムスタンプ: what an authority outside says of a seal. says: when it had it before it
        "audit_time_stamps",
        metadata,
        sa.Column("seal_position", sa.BigInteger, primary_key=True, autoincrement=False),
        column("token", sa.LargeBinary),
        column("says", Instant),
        moment("kept_at"),
        sa.ForeignKeyConstraint(["seal_position"], ["audit_seals.position"]),
    )
)

audit_leaves = sa.Table(  # the events of a seal, in its order. patient_id: none for acts on no patient
    "audit_leaves",
    metadata,
    column("seal_position", sa.BigInteger),
    column("leaf", sa.Integer),
    optional("patient_id", sa.Uuid),
    column("event_id", sa.Uuid),
    column("digest", sa.LargeBinary),
    sa.PrimaryKeyConstraint("seal_position", "leaf"),
    sa.ForeignKeyConstraint(["seal_position"], ["audit_seals.position"]),
    sa.UniqueConstraint("event_id"),
)
