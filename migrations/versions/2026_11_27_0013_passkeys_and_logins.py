"""パスキーと事業所のログイン: passkeys, which account a provider's subject opens, and what a browser was asked."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

STANDS = "confirmed_at IS NOT NULL AND ended_at IS NULL"


def upgrade() -> None:
    op.create_table(
        "login_subjects",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("session_hash", sa.LargeBinary(), nullable=True),
        sa.Column("linked_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("confirmed_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ended_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("audit_event_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_subjects")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_login_subjects_organization_id")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_login_subjects_account_id")),
    )
    op.create_index(op.f("ix_login_subjects_account_id"), "login_subjects", ["account_id"])
    op.create_index(
        "one_account_for_a_subject",
        "login_subjects",
        ["organization_id", "issuer", "subject"],
        unique=True,
        postgresql_where=sa.text(STANDS),
    )
    op.create_table(
        "passkeys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("transports", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("synced", sa.Boolean(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("added_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_used_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ended_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("audit_event_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkeys")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_passkeys_account_id")),
    )
    op.create_index(op.f("ix_passkeys_account_id"), "passkeys", ["account_id"])
    op.create_index(
        "one_passkey_of_an_id",
        "passkeys",
        ["credential_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "ceremonies",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_ceremonies")),
    )
    op.create_index(op.f("ix_ceremonies_expires_at"), "ceremonies", ["expires_at"])
    # As which professions the organization's own login let somebody in; none said: as any.
    op.add_column("sessions", sa.Column("professions", postgresql.ARRAY(sa.Text()), nullable=True))
    op.execute("GRANT SELECT, INSERT ON login_subjects, passkeys TO renkei_service")
    op.execute("GRANT UPDATE (confirmed_at, ended_at, audit_event_id) ON login_subjects TO renkei_service")
    op.execute("GRANT UPDATE (sign_count, last_used_at, ended_at, audit_event_id) ON passkeys TO renkei_service")
    # A question to a browser is no record: it is gone once answered, and the worker removes what nobody answers.
    op.execute("GRANT SELECT, INSERT, DELETE, UPDATE (content, expires_at) ON ceremonies TO renkei_service")
    op.execute("GRANT SELECT (digest, expires_at), DELETE ON ceremonies TO renkei_worker")


def downgrade() -> None:
    op.drop_column("sessions", "professions")
    op.drop_table("ceremonies")
    op.drop_table("passkeys")
    op.drop_table("login_subjects")
