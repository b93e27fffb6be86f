"""Reference tables: who takes part, and what each profession may do. Small; no foreign key to patient tables."""

import sqlalchemy as sa

from renkei.tables.base import Instant, Json, Texts, column, metadata, moment, optional, reason

organizations = sa.Table(  # 事業所・医療機関
    "organizations",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    column("code", sa.Text),
    column("name", sa.Text),
    column("kind", sa.Text),
    moment("registered_at"),
    optional("suspended_at", Instant),
    reason(),
    sa.UniqueConstraint("code"),
)

clients = sa.Table(  # 連携システム
    "clients",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    column("client_id", sa.Text),
    column("name", sa.Text),
    column("kind", sa.Text),
    # How it proves itself, one of three: a secret, its public keys, or where it publishes them.
    optional("secret_hash", sa.LargeBinary),
    optional("jwks", Json),
    optional("jwks_uri", sa.Text),
    # Counts how often that was replaced: tokens given for an older one end with it.
    sa.Column("proof", sa.Integer, nullable=False, server_default="1"),
    # Whose administrator it is, for kind organization_admin; all others have none.
    sa.Column("organization_id", sa.Uuid, sa.ForeignKey("organizations.id"), nullable=True),
    moment("registered_at"),
    optional("disabled_at", Instant),
    reason(),
    sa.UniqueConstraint("client_id"),
    sa.CheckConstraint("kind IN ('client', 'admin', 'auditor', 'organization_admin')", name="kind"),
    sa.CheckConstraint("(kind = 'organization_admin') = (organization_id IS NOT NULL)", name="organization"),
    sa.CheckConstraint("num_nonnulls(secret_hash, jwks, jwks_uri) = 1", name="one_proof"),
)

used_assertions = sa.Table(  # 使用済みの署名付き申告: each opens one token
    "used_assertions",
    metadata,
    sa.Column("client_id", sa.Uuid, sa.ForeignKey("clients.id"), nullable=False),
    column("jti", sa.Text),
    column("kept_until", Instant),
    reason(),
    sa.PrimaryKeyConstraint("client_id", "jti"),
    sa.Index(None, "kept_until"),
)

delegations = sa.Table(  # 委任: a client may act for an organization, with these professions; scopes: NULL is no limit
    "delegations",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("client_id", sa.Uuid, sa.ForeignKey("clients.id"), nullable=False),
    sa.Column("organization_id", sa.Uuid, sa.ForeignKey("organizations.id"), nullable=False),
    column("professions", Texts),
    optional("scopes", Texts),
    column("valid_from", sa.Date),
    optional("valid_until", sa.Date),
    optional("ended_at", Instant),
    reason(),
    sa.Index(None, "client_id", "organization_id"),
    sa.Index(None, "organization_id"),
)

permission_tables = sa.Table(  # 権限表: every edit is a version
    "permission_tables",
    metadata,
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    column("rights", Json),
    optional("comment", sa.Text),
    # The administrator's client that sent it; none for the first, which the operator installs.
    optional("recorded_by", sa.Uuid),
    moment("recorded_at"),
    reason(),
)
