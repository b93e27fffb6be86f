"""再送の鍵: what was done under an Idempotency-Key. Ids only; found by a function, removed by the worker."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

OPENED = "ANY (string_to_array(NULLIF(current_setting('renkei.patient_ids', true), ''), ',')::uuid[])"

# Before the gate has been asked about a patient: whoever knows the digest of a key made it.
FIND = """
CREATE FUNCTION renkei_find_retry(wanted bytea)
RETURNS TABLE (request bytea, patient_id uuid, made_id uuid, status smallint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT k.request, k.patient_id, k.made_id, k.status FROM public.idempotency_keys k WHERE k.key = wanted
$$
"""


def upgrade() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("made_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("done_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("audit_event_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(op.f("ix_idempotency_keys_done_at"), "idempotency_keys", ["done_at"])
    op.execute("ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY")
    op.execute("GRANT INSERT ON idempotency_keys TO renkei_service")
    op.execute(
        f"CREATE POLICY opened ON idempotency_keys FOR INSERT TO renkei_service WITH CHECK (patient_id = {OPENED})"
    )
    op.execute("GRANT SELECT (key, done_at), DELETE ON idempotency_keys TO renkei_worker")
    op.execute("CREATE POLICY forget ON idempotency_keys FOR ALL TO renkei_worker USING (true) WITH CHECK (true)")
    op.execute("GRANT SELECT ON idempotency_keys TO renkei_lookup")
    op.execute("CREATE POLICY lookup ON idempotency_keys FOR SELECT TO renkei_lookup USING (true)")
    op.execute(FIND)
    op.execute("REVOKE ALL ON FUNCTION renkei_find_retry(bytea) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION renkei_find_retry(bytea) TO renkei_service")
    # To become its owner a role needs CREATE on the schema for a moment.
    op.execute("GRANT CREATE ON SCHEMA public TO renkei_lookup")
    op.execute("ALTER FUNCTION renkei_find_retry(bytea) OWNER TO renkei_lookup")
    op.execute("REVOKE CREATE ON SCHEMA public FROM renkei_lookup")


def downgrade() -> None:
    op.execute("DROP FUNCTION renkei_find_retry(bytea)")
    op.drop_table("idempotency_keys")
