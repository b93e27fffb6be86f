"""How vendors' systems prove themselves: by a secret, or by keys of their own; what a delegation is for; used assertions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

CHANGED_BY_SERVICE = {
    "clients": "secret_hash, jwks, jwks_uri, proof, disabled_at, audit_event_id",
    "delegations": "ended_at, audit_event_id",
}


def upgrade() -> None:
    op.alter_column("clients", "secret_hash", nullable=True)
    op.add_column("clients", sa.Column("jwks", postgresql.JSONB(), nullable=True))
    op.add_column("clients", sa.Column("jwks_uri", sa.Text(), nullable=True))
    op.add_column("clients", sa.Column("proof", sa.Integer(), nullable=False, server_default="1"))
    op.create_check_constraint(op.f("ck_clients_one_proof"), "clients", "num_nonnulls(secret_hash, jwks, jwks_uri) = 1")
    op.add_column("delegations", sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=True))
    op.create_index(op.f("ix_delegations_organization_id"), "delegations", ["organization_id"])
    op.create_table(
        "used_assertions",
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("jti", sa.Text(), nullable=False),
        sa.Column("kept_until", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("audit_event_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("client_id", "jti", name=op.f("pk_used_assertions")),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_used_assertions_client_id")),
    )
    op.create_index(op.f("ix_used_assertions_kept_until"), "used_assertions", ["kept_until"])
    op.execute("GRANT SELECT, INSERT ON used_assertions TO renkei_service")
    op.execute("GRANT SELECT, DELETE ON used_assertions TO renkei_worker")
    # What is taken away is noted on the row it was given by; each change is on record in service_events.
    for table, columns in CHANGED_BY_SERVICE.items():
        op.execute(f"GRANT UPDATE ({columns}) ON {table} TO renkei_service")


def downgrade() -> None:
    """A client with keys has no secret to go back to: it gets one that nobody knows."""
    for table, columns in CHANGED_BY_SERVICE.items():
        op.execute(f"REVOKE UPDATE ({columns}) ON {table} FROM renkei_service")
    op.drop_table("used_assertions")
    op.drop_index(op.f("ix_delegations_organization_id"), "delegations")
    op.drop_column("delegations", "scopes")
    op.drop_constraint(op.f("ck_clients_one_proof"), "clients")
    op.execute(
        "UPDATE clients SET secret_hash = sha256((gen_random_uuid()::text || gen_random_uuid()::text)::bytea) "
        "WHERE secret_hash IS NULL"
    )
    for column in ("proof", "jwks_uri", "jwks"):
        op.drop_column("clients", column)
    op.alter_column("clients", "secret_hash", nullable=False)
