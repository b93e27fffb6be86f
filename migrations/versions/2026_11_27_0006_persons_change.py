"""登録内容の変更: numbers with periods, who moved or died. Numbers that have ended no longer point to who had them as proof."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

OPENED = "ANY (string_to_array(NULLIF(current_setting('renkei.patient_ids', true), ''), ',')::uuid[])"

# ended: the number is no longer theirs today. What was recorded in error was never theirs and is not told.
MATCH = """
CREATE FUNCTION renkei_match_identity(keys bytea[], born date, sex_code text)
RETURNS TABLE (key bytea, patient_id uuid, same_person boolean, ended boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT i.key, i.patient_id, p.birth_date = born AND p.sex = sex_code,
    coalesce(e.valid_until < (now() AT TIME ZONE 'Asia/Tokyo')::date, false)
  FROM public.identities i
  CROSS JOIN LATERAL (
    SELECT birth_date, sex FROM public.patient_particulars p
    WHERE p.patient_id = i.patient_id ORDER BY p.recorded_at DESC, p.id DESC LIMIT 1
  ) p
  LEFT JOIN LATERAL (
    SELECT e.valid_until, e.mistaken FROM public.identity_ends e
    WHERE e.key = i.key AND e.patient_id = i.patient_id ORDER BY e.recorded_at DESC, e.id DESC LIMIT 1
  ) e ON true
  WHERE i.key = ANY (keys) AND NOT coalesce(e.mistaken, false)
$$
"""
MATCH_BEFORE = """
CREATE FUNCTION renkei_match_identity(keys bytea[], born date, sex_code text)
RETURNS TABLE (key bytea, patient_id uuid, same_person boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT i.key, i.patient_id, p.birth_date = born AND p.sex = sex_code
  FROM public.identities i
  CROSS JOIN LATERAL (
    SELECT birth_date, sex FROM public.patient_particulars p
    WHERE p.patient_id = i.patient_id ORDER BY p.recorded_at DESC, p.id DESC LIMIT 1
  ) p
  WHERE i.key = ANY (keys)
$$
"""


def replace_match(definition: str) -> None:
    signature = "renkei_match_identity(bytea[], date, text)"
    op.execute(f"DROP FUNCTION {signature}")
    op.execute(definition)
    op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO renkei_service")
    # To become its owner a role needs CREATE on the schema for a moment.
    op.execute("GRANT CREATE ON SCHEMA public TO renkei_lookup")
    op.execute(f"ALTER FUNCTION {signature} OWNER TO renkei_lookup")
    op.execute("REVOKE CREATE ON SCHEMA public FROM renkei_lookup")


def upgrade() -> None:
    for name, kind in (("moved_on", sa.Date()), ("moved_to", sa.Text()), ("died_on", sa.Date()), ("why", sa.Text())):
        op.add_column("patient_particulars", sa.Column(name, kind, nullable=True))
    for name in ("valid_from", "valid_until"):
        op.add_column("patient_identifiers", sa.Column(name, sa.Date(), nullable=True))
    mistaken = sa.Column("mistaken", sa.Boolean(), nullable=False, server_default=sa.false())
    op.add_column("patient_identifiers", mistaken)
    taken_back = sa.Column("mistaken", sa.ARRAY(sa.Text()), nullable=False, server_default="{}")
    op.add_column("search_keys", taken_back)
    op.create_table(
        "identity_ends",
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("mistaken", sa.Boolean(), nullable=False),
        sa.Column("recorded_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("audit_event_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.patient_id"], name=op.f("fk_identity_ends_patient_id")),
        sa.PrimaryKeyConstraint("patient_id", "id", name=op.f("pk_identity_ends")),
    )
    op.create_index(op.f("ix_identity_ends_key_patient_id"), "identity_ends", ["key", "patient_id"])
    op.execute("ALTER TABLE identity_ends ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE identity_ends FORCE ROW LEVEL SECURITY")
    op.execute("GRANT INSERT ON identity_ends TO renkei_service")
    op.execute(f"CREATE POLICY opened ON identity_ends FOR INSERT TO renkei_service WITH CHECK (patient_id = {OPENED})")
    op.execute("GRANT SELECT ON identity_ends TO renkei_lookup")
    op.execute("CREATE POLICY lookup ON identity_ends FOR SELECT TO renkei_lookup USING (true)")
    replace_match(MATCH)


def downgrade() -> None:
    replace_match(MATCH_BEFORE)
    op.drop_table("identity_ends")
    op.drop_column("search_keys", "mistaken")
    for name in ("mistaken", "valid_until", "valid_from"):
        op.drop_column("patient_identifiers", name)
    for name in ("why", "died_on", "moved_to", "moved_on"):
        op.drop_column("patient_particulars", name)
