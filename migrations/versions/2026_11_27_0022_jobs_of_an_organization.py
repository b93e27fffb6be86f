"""長い処理: a job tells who asked and whom it is about, so that row-level security shows it to its own organization alone."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

ASKED = "organization_id = ANY (string_to_array(NULLIF(current_setting('renkei.asked', true), ''), ',')::uuid[])"
TABLES = ("jobs", "import_faults")
SEEN = "id, organization_id, kind, state, touched_at, ended_at, file_key, result_key"
"""What the functions read of a job: nothing of who asked for what."""

FUNCTIONS = {
    "renkei_jobs_due(text[], integer)": """
CREATE FUNCTION renkei_jobs_due(kinds text[], most integer) RETURNS TABLE (id uuid, organization_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT j.id, j.organization_id FROM public.jobs j
  WHERE j.state IN ('queued', 'running') AND j.kind = ANY (kinds) AND j.touched_at <= now() ORDER BY j.touched_at, j.id LIMIT most
$$
""",
    "renkei_jobs_over(text, integer, integer)": """
CREATE FUNCTION renkei_jobs_over(of_kind text, days integer, most integer) RETURNS TABLE (id uuid, organization_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT j.id, j.organization_id FROM public.jobs j
  WHERE (j.file_key IS NOT NULL OR j.result_key IS NOT NULL) AND j.state NOT IN ('queued', 'running') AND j.kind = of_kind
    AND coalesce(j.ended_at, j.touched_at) < now() - make_interval(days => days) LIMIT most
$$
""",
    "renkei_job_files(text[])": """
CREATE FUNCTION renkei_job_files(keys text[]) RETURNS TABLE (key text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT k FROM unnest(keys) AS k WHERE EXISTS (SELECT FROM public.jobs j WHERE j.file_key = k OR j.result_key = k)
$$
""",
}
"""For the worker, which works with the service's role and does not know whose turn it is: ids and keys alone."""


def upgrade() -> None:
    op.execute("ALTER TABLE import_faults ADD COLUMN organization_id uuid")
    op.execute("UPDATE import_faults f SET organization_id = j.organization_id FROM jobs j WHERE j.id = f.import_id")
    op.execute("ALTER TABLE import_faults ALTER COLUMN organization_id SET NOT NULL")
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY asked ON {table} FOR ALL TO renkei_service USING ({ASKED}) WITH CHECK ({ASKED})")
    op.execute("CREATE POLICY lookup ON jobs FOR SELECT TO renkei_lookup USING (true)")
    op.execute(f"GRANT SELECT ({SEEN}) ON jobs TO renkei_lookup")
    # To become their owner a role needs CREATE on the schema for a moment.
    op.execute("GRANT CREATE ON SCHEMA public TO renkei_lookup")
    for signature, text in FUNCTIONS.items():
        op.execute(text)
        op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO renkei_service")
        op.execute(f"ALTER FUNCTION {signature} OWNER TO renkei_lookup")
    op.execute("REVOKE CREATE ON SCHEMA public FROM renkei_lookup")


def downgrade() -> None:
    for signature in FUNCTIONS:
        op.execute(f"DROP FUNCTION {signature}")
    op.execute(f"REVOKE SELECT ({SEEN}) ON jobs FROM renkei_lookup")
    op.execute("DROP POLICY lookup ON jobs")
    for table in TABLES:
        op.execute(f"DROP POLICY asked ON {table}")
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE import_faults DROP COLUMN organization_id")
