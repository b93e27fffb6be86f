"""下書き and 代行入力: documents prepared and not yet said, and who had entered what another confirmed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

OPENED = "patient_id = ANY (string_to_array(NULLIF(current_setting('renkei.patient_ids', true), ''), ',')::uuid[])"


def moment(name: str) -> sa.Column:
    return sa.Column(name, sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False)


def upgrade() -> None:
    op.add_column("records", sa.Column("entered_by", JSONB(), nullable=True))
    op.create_table(
        "drafts",
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("faults", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.Column("entered_by", JSONB(), nullable=False),
        moment("entered_at"),
        moment("changed_at"),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=True),
        sa.Column("audit_event_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("patient_id", "id", name=op.f("pk_drafts")),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.patient_id"], name=op.f("fk_drafts_patient_id")),
        sa.ForeignKeyConstraint(
            ["patient_id", "record_id"],
            ["records.patient_id", "records.id"],
            name=op.f("fk_drafts_patient_id_record_id"),
        ),
        sa.UniqueConstraint(
            "patient_id",
            "organization_id",
            "document_id",
            "version",
            name=op.f("uq_drafts_patient_id_organization_id_document_id_version"),
        ),
        sa.CheckConstraint("kind IN ('face_sheet', 'care_report')", name=op.f("ck_drafts_kind")),
    )
    op.create_index(op.f("ix_drafts_expires_at"), "drafts", ["expires_at"])
    op.execute("ALTER TABLE drafts ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE drafts FORCE ROW LEVEL SECURITY")
    # Nobody has said a draft: it may be changed and removed. A record may not.
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON drafts TO renkei_service")
    op.execute(f"CREATE POLICY opened ON drafts FOR ALL TO renkei_service USING ({OPENED}) WITH CHECK ({OPENED})")
    op.execute("GRANT SELECT (patient_id, id, record_id, expires_at), DELETE ON drafts TO renkei_worker")
    op.execute("CREATE POLICY forget ON drafts FOR ALL TO renkei_worker USING (true) WITH CHECK (true)")


def downgrade() -> None:
    op.drop_table("drafts")
    op.drop_column("records", "entered_by")
