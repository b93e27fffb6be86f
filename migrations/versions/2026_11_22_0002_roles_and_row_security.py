"""Roles, grants, row-level security and the identity lookup: the second line of defence (design §3, rule 8).

The service works as a role that owns nothing. A clinical row is visible only to a transaction whose gate has opened its
patient (``renkei.patient_ids``); what ``access.reach`` reads only to one that asks about it (``renkei.asked``).
A forgotten WHERE then returns nothing instead of everything.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ROLES = ("renkei_service", "renkei_worker", "renkei_ledger", "renkei_lookup")

# The list is cast, not the column: casting the column instead is a thousand times slower.
OPENED = "ANY (string_to_array(NULLIF(current_setting('renkei.patient_ids', true), ''), ',')::uuid[])"
ASKED = "ANY (string_to_array(NULLIF(current_setting('renkei.asked', true), ''), ',')::uuid[])"

CLINICAL = (
    "patients",
    "patient_particulars",
    "patient_identifiers",
    "possible_duplicates",
    "records",
    "record_withdrawals",
    "summaries",
    "summary_parts",
    "changes",
)
REACH = ("search_keys", "consents", "consent_withdrawals", "emergency_closures")
REACH_BY_ORGANIZATION = (
    "author_organizations",
    "care_team_places",
    "join_requests",
    "consent_organizations",
    "emergency_accesses",
)
CLOSED = ("identities", "audit_events", "unpublished_changes", "change_positions")

MATCH = """
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

COMPRESS = """
DO $$ BEGIN
  IF 'lz4' = ANY (SELECT unnest(enumvals) FROM pg_settings WHERE name = 'default_toast_compression') THEN
    ALTER TABLE records ALTER COLUMN body SET COMPRESSION lz4;
    ALTER TABLE summary_parts ALTER COLUMN body SET COMPRESSION lz4;
  END IF;
END $$
"""


def policy(table: str, name: str, command: str, role: str, using: str | None = None, check: str | None = None) -> None:
    clauses = (f" USING ({using})" if using else "") + (f" WITH CHECK ({check})" if check else "")
    op.execute(f"CREATE POLICY {name} ON {table} FOR {command} TO {role}{clauses}")


def upgrade() -> None:
    for role in ROLES:
        op.execute(
            f"DO $$ BEGIN CREATE ROLE {role} NOLOGIN NOBYPASSRLS; "
            "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        )
        # Needed to act as the role; who made it on a shared cluster may have granted it already.
        op.execute(
            f"DO $$ BEGIN IF NOT pg_has_role(current_user, '{role}', 'SET') THEN GRANT {role} TO CURRENT_USER; END IF; END $$"
        )
        op.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
    op.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")

    for table in CLINICAL + REACH + REACH_BY_ORGANIZATION + CLOSED:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")

    opened = f"patient_id = {OPENED}"
    for table in CLINICAL:
        op.execute(f"GRANT SELECT, INSERT ON {table} TO renkei_service")
        policy(table, "opened", "ALL", "renkei_service", opened, opened)
    for table in REACH + REACH_BY_ORGANIZATION:
        op.execute(f"GRANT SELECT, INSERT ON {table} TO renkei_service")
        asked = f"patient_id = {ASKED} OR {opened}"
        if table in REACH_BY_ORGANIZATION:
            asked += f" OR organization_id = {ASKED}"
        policy(table, "asked", "SELECT", "renkei_service", asked)
        policy(table, "opened", "INSERT", "renkei_service", check=opened)

    # Only what is derived may change in place: the summary, from the records beside it.
    op.execute("GRANT UPDATE ON summaries, summary_parts TO renkei_service")

    op.execute("GRANT INSERT ON identities TO renkei_service")
    policy("identities", "opened", "INSERT", "renkei_service", check=opened)
    op.execute("GRANT SELECT ON identities, patient_particulars TO renkei_lookup")
    for table in ("identities", "patient_particulars"):
        policy(table, "lookup", "SELECT", "renkei_lookup", "true")
    op.execute(MATCH)
    op.execute("REVOKE ALL ON FUNCTION renkei_match_identity(bytea[], date, text) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION renkei_match_identity(bytea[], date, text) TO renkei_service")
    # To become its owner a role needs CREATE on the schema for a moment.
    op.execute("GRANT CREATE ON SCHEMA public TO renkei_lookup")
    op.execute("ALTER FUNCTION renkei_match_identity(bytea[], date, text) OWNER TO renkei_lookup")
    op.execute("REVOKE CREATE ON SCHEMA public FROM renkei_lookup")

    op.execute("GRANT SELECT, INSERT ON audit_events TO renkei_service")
    policy("audit_events", "written_always", "INSERT", "renkei_service", check="true")
    policy("audit_events", "opened", "SELECT", "renkei_service", opened)
    op.execute("GRANT INSERT ON service_events TO renkei_service")
    op.execute("GRANT SELECT ON audit_events, service_events TO renkei_ledger, renkei_worker")
    policy("audit_events", "ledger", "SELECT", "renkei_ledger, renkei_worker", "true")

    op.execute("GRANT SELECT ON change_positions TO renkei_service")
    policy("change_positions", "opened", "SELECT", "renkei_service", opened)
    op.execute("GRANT INSERT ON unpublished_changes TO renkei_service")
    policy("unpublished_changes", "opened", "INSERT", "renkei_service", check=opened)
    op.execute("GRANT SELECT, DELETE ON unpublished_changes TO renkei_worker")
    policy("unpublished_changes", "publish", "ALL", "renkei_worker", "true", "true")
    op.execute("GRANT SELECT, INSERT ON change_positions TO renkei_worker")
    policy("change_positions", "publish", "ALL", "renkei_worker", "true", "true")

    reference = "organizations, clients, delegations, permission_tables"
    op.execute(f"GRANT SELECT, INSERT ON {reference} TO renkei_service")
    op.execute("GRANT SELECT ON organizations, permission_tables TO renkei_worker, renkei_ledger")
    op.execute(COMPRESS)


def downgrade() -> None:
    """Roles stay: other databases of the same cluster may use them."""
    op.execute("DROP FUNCTION renkei_match_identity(bytea[], date, text)")
    for table in CLINICAL + REACH + REACH_BY_ORGANIZATION + CLOSED:
        op.execute(
            f"DO $$ DECLARE p record; BEGIN FOR p IN SELECT policyname FROM pg_policies WHERE tablename = '{table}' "
            f"LOOP EXECUTE format('DROP POLICY %I ON {table}', p.policyname); END LOOP; END $$"
        )
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    op.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {', '.join(ROLES)}")
