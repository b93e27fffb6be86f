"""通知先と配信 (webhooks): who wants to be told, what waits to be told, and each attempt to tell it."""

import sqlalchemy as sa

from renkei.tables.base import Instant, Texts, column, metadata, moment, optional, patient_table, reason

subscriptions = sa.Table(  # 通知先. organization_id: none for the platform's offices; kinds: NULL is all
    "subscriptions",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("client_id", sa.Uuid, sa.ForeignKey("clients.id"), nullable=False),
    sa.Column("organization_id", sa.Uuid, sa.ForeignKey("organizations.id"), nullable=True),
    column("url", sa.Text),
    optional("kinds", Texts),
    optional("description", sa.Text),
    # Sealed by renkei.secret_box; the one before signs too until its time is over.
    column("secret", sa.LargeBinary),
    optional("previous_secret", sa.LargeBinary),
    optional("previous_until", Instant),
    moment("registered_at"),
    optional("ended_at", Instant),
    reason(),
    sa.Index(None, "client_id"),
    # Whom a change concerns is asked for each change: those of the organizations tied to its patient.
    sa.Index("ix_subscriptions_standing", "organization_id", postgresql_where=sa.text("ended_at IS NULL")),
)

delivery_queues = sa.Table(  # 配信の順番待ち: one for each subscription; a plain state, of what the worker does next
    "delivery_queues",
    metadata,
    sa.Column("subscription_id", sa.Uuid, sa.ForeignKey("subscriptions.id"), primary_key=True),
    column("receiver", sa.Text),  # host and port: how many may be asked at once goes by it
    optional("next_at", Instant),  # none: nothing waits, and nobody looks
    optional("leased_by", sa.Uuid),
    optional("leased_until", Instant),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    optional("failing_since", Instant),
    optional("off_at", Instant),
    optional("off_reason", sa.Text),
    optional("off_position", sa.BigInteger),  # after which to go on when it is resumed
    sa.Index("ix_delivery_queues_next_at", "next_at", postgresql_where=sa.text("next_at IS NOT NULL")),
    sa.Index("ix_delivery_queues_leased", "receiver", postgresql_where=sa.text("leased_until IS NOT NULL")),
    sa.CheckConstraint("off_reason IN ('failed', 'gone', 'not_allowed')", name="off_reason"),
)

pending_deliveries = sa.Table(  # 配信待ち: removed when delivered or given up
    "pending_deliveries",
    metadata,
    column("patient_id", sa.Uuid),
    column("subscription_id", sa.Uuid),
    column("position", sa.BigInteger),
    column("change_id", sa.Uuid),
    column("kind", sa.Text),
    optional("organization_id", sa.Uuid),  # whose act it was
    moment("due_at"),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    optional("first_at", Instant),
    optional("shown_under", sa.Uuid),  # the audit event of the first attempt: retries tell no more
    sa.PrimaryKeyConstraint("patient_id", "subscription_id", "position"),
    sa.ForeignKeyConstraint(["patient_id", "change_id"], ["changes.patient_id", "changes.id"]),
    sa.Index(None, "subscription_id", "due_at", "position"),
)

deliveries = patient_table(  # 配信の記録: one row for each attempt, kept for weeks
    "deliveries",
    column("subscription_id", sa.Uuid),
    column("position", sa.BigInteger),
    column("change_id", sa.Uuid),
    column("kind", sa.Text),
    column("attempt", sa.Integer),
    column("outcome", sa.Text),
    optional("status", sa.SmallInteger),
    optional("answer", sa.Text),
    optional("error", sa.Text),
    column("duration_ms", sa.Integer),
    moment("at"),
    reason(),
    sa.Index(None, "subscription_id", "id"),
    sa.Index("ix_deliveries_dead", "subscription_id", "id", postgresql_where=sa.text("outcome = 'dead'")),
    sa.Index(None, "at"),
    sa.CheckConstraint("outcome IN ('delivered', 'failed', 'dead', 'withheld')", name="outcome"),
)

redeliveries = sa.Table(  # 再配信: a stretch of the feed to be told again; removed when it has been queued
    "redeliveries",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("subscription_id", sa.Uuid, sa.ForeignKey("subscriptions.id"), nullable=False),
    column("position", sa.BigInteger),
    optional("upto", sa.BigInteger),  # none: as far as the queue has come when it is begun
    moment("requested_at"),
    reason(),
)

delivery_progress = sa.Table(  # how far into the feed the queues have been filled: one row
    "delivery_progress",
    metadata,
    sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
    column("position", sa.BigInteger),
    sa.CheckConstraint("id = 1", name="one"),
)
