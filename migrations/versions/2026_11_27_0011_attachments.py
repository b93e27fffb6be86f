"""添付: files that lie outside the rows, and what is known of them.

In which part an attachment lies is asked before the patient's rows are open (which group an event is about; whether a line of the
feed may be shown): a function tells that, and nothing else. The worker reads keys alone, to remove files that no row names.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

OPENED = "patient_id = ANY (string_to_array(NULLIF(current_setting('renkei.patient_ids', true), ''), ',')::uuid[])"
PARTS = """
CREATE FUNCTION renkei_attachment_parts(patients uuid[], things uuid[]) RETURNS TABLE (thing uuid, part text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT w.thing, a.part FROM unnest(patients, things) AS w (patient_id, thing)
  LEFT JOIN public.changes c ON c.patient_id = w.patient_id AND c.id = w.thing
  JOIN public.attachments a ON a.patient_id = w.patient_id AND a.id = coalesce(c.record_id, w.thing)
$$
"""


def text(name: str, *, empty: bool = False) -> sa.Column:
    return sa.Column(name, sa.Text(), nullable=empty)


def of_patient(name: str) -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("audit_event_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("patient_id", "id", name=op.f(f"pk_{name}")),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.patient_id"], name=op.f(f"fk_{name}_patient_id")),
    ]


def upgrade() -> None:
    op.create_table(
        "attachments",
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        *(text(name, empty=True) for name in ("user_id", "user_name", "profession")),
        *(text(name) for name in ("part", "group_name", "tier")),
        text("item", empty=True),
        text("title"),
        text("taken_at", empty=True),
        sa.Column("record_id", sa.Uuid(), nullable=True),
        text("media_type"),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("metadata_removed", sa.Boolean(), nullable=False),
        text("key"),
        sa.Column("added_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        *of_patient("attachments"),
        sa.ForeignKeyConstraint(
            ["patient_id", "record_id"],
            ["records.patient_id", "records.id"],
            name=op.f("fk_attachments_patient_id_record_id"),
        ),
    )
    op.create_index(op.f("ix_attachments_patient_id_added_at_id"), "attachments", ["patient_id", "added_at", "id"])
    op.create_index(op.f("ix_attachments_key"), "attachments", ["key"])
    op.create_table(
        "attachment_withdrawals",
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("attachment_id", sa.Uuid(), nullable=False),
        text("reason"),
        sa.Column("withdrawn_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        *of_patient("attachment_withdrawals"),
        sa.ForeignKeyConstraint(
            ["patient_id", "attachment_id"],
            ["attachments.patient_id", "attachments.id"],
            name=op.f("fk_attachment_withdrawals_patient_id_attachment_id"),
        ),
        sa.UniqueConstraint(
            "patient_id", "attachment_id", name=op.f("uq_attachment_withdrawals_patient_id_attachment_id")
        ),
    )
    for table in ("attachments", "attachment_withdrawals"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"GRANT SELECT, INSERT ON {table} TO renkei_service")
        op.execute(f"CREATE POLICY opened ON {table} FOR ALL TO renkei_service USING ({OPENED}) WITH CHECK ({OPENED})")
    op.execute("GRANT SELECT (key) ON attachments TO renkei_worker")
    op.execute("CREATE POLICY sweep ON attachments FOR SELECT TO renkei_worker USING (true)")
    op.execute("GRANT SELECT (patient_id, id, part) ON attachments TO renkei_lookup")
    op.execute("CREATE POLICY lookup ON attachments FOR SELECT TO renkei_lookup USING (true)")
    signature = "renkei_attachment_parts(uuid[], uuid[])"
    op.execute(PARTS)
    op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO renkei_service, renkei_worker")
    # To become its owner a role needs CREATE on the schema for a moment.
    op.execute("GRANT CREATE ON SCHEMA public TO renkei_lookup")
    op.execute(f"ALTER FUNCTION {signature} OWNER TO renkei_lookup")
    op.execute("REVOKE CREATE ON SCHEMA public FROM renkei_lookup")


def downgrade() -> None:
    op.execute("DROP FUNCTION renkei_attachment_parts(uuid[], uuid[])")
    op.drop_table("attachment_withdrawals")
    op.drop_table("attachments")
