"""事業所のログイン: by which OpenID provider the staff of an organization sign in."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "login_providers",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("organization_claim", sa.Text(), nullable=True),
        sa.Column("organization_values", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("profession_claim", sa.Text(), nullable=True),
        sa.Column("professions", postgresql.JSONB(), nullable=False),
        sa.Column("accepted_acr", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("accepted_amr", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("set_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("audit_event_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", name=op.f("pk_login_providers")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_login_providers_organization_id")
        ),
    )
    # A setting, not a record: replaced and removed; each change is on record in service_events.
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON login_providers TO renkei_service")


def downgrade() -> None:
    op.drop_table("login_providers")
