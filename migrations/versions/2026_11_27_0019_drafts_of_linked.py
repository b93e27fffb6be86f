"""Of a linked person a draft and the record it becomes may lie under different ids, as the record lies beside its earlier version."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint(op.f("fk_drafts_patient_id_record_id"), "drafts")


def downgrade() -> None:
    # A draft is no record: where the two have parted, the trace of the drafting is not worth keeping.
    op.execute(
        "DELETE FROM drafts d WHERE record_id IS NOT NULL "
        "AND NOT EXISTS (SELECT FROM records r WHERE r.patient_id = d.patient_id AND r.id = d.record_id)"
    )
    op.create_foreign_key(
        op.f("fk_drafts_patient_id_record_id"), "drafts", "records", ["patient_id", "record_id"], ["patient_id", "id"]
    )
