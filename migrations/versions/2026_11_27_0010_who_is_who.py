"""名寄せの判断: what has been decided of two registrations. The administrator's queue reads ids as the ledger's role."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

OPENED = "ANY (string_to_array(NULLIF(current_setting('renkei.patient_ids', true), ''), ',')::uuid[])"
QUEUE = ("possible_duplicates", "link_decisions")


def upgrade() -> None:
    op.create_table(
        "link_decisions",
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("other_patient_id", sa.Uuid(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_by", JSONB(), nullable=False),
        sa.Column("decided_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("audit_event_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("verdict IN ('linked', 'parted', 'distinct')", name=op.f("ck_link_decisions_verdict")),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.patient_id"], name=op.f("fk_link_decisions_patient_id")),
        sa.PrimaryKeyConstraint("patient_id", "id", name=op.f("pk_link_decisions")),
    )
    op.execute("ALTER TABLE link_decisions ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE link_decisions FORCE ROW LEVEL SECURITY")
    op.execute("GRANT SELECT, INSERT ON link_decisions TO renkei_service")
    opened = f"patient_id = {OPENED}"
    op.execute(
        f"CREATE POLICY opened ON link_decisions FOR ALL TO renkei_service USING ({opened}) WITH CHECK ({opened})"
    )
    for table in QUEUE:
        op.execute(f"GRANT SELECT ON {table} TO renkei_ledger")
        op.execute(f"CREATE POLICY ledger ON {table} FOR SELECT TO renkei_ledger USING (true)")


def downgrade() -> None:
    op.execute("DROP POLICY ledger ON possible_duplicates")
    op.execute("REVOKE SELECT ON possible_duplicates FROM renkei_ledger")
    op.drop_table("link_decisions")
