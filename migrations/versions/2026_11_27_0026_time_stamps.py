"""Time stamps (RFC 3161) beside the seals: the worker appends them, the ledger's role reads them, nobody changes or removes one.

The service sees positions and times alone, to tell how long seals have waited for a stamp.
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_time_stamps",
        sa.Column("seal_position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("says", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("kept_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("seal_position", name=op.f("pk_audit_time_stamps")),
        sa.ForeignKeyConstraint(
            ["seal_position"], ["audit_seals.position"], name=op.f("fk_audit_time_stamps_seal_position")
        ),
    )
    op.execute("GRANT SELECT, INSERT ON audit_time_stamps TO renkei_worker")
    op.execute("GRANT SELECT ON audit_time_stamps TO renkei_ledger")
    op.execute("GRANT SELECT (position, sealed_at) ON audit_seals TO renkei_service")
    op.execute("GRANT SELECT (seal_position) ON audit_time_stamps TO renkei_service")


def downgrade() -> None:
    op.execute("REVOKE SELECT (position, sealed_at) ON audit_seals FROM renkei_service")
    op.drop_table("audit_time_stamps")
