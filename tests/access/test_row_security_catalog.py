"""What the system catalogue says of row-level security, roles, functions and privileges: of every table, new ones too."""

from collections.abc import Iterator

import psycopg
import pytest
from tests.access.world import figure, owner

from renkei.settings import Settings
from renkei.tables import PATIENT_TABLES

ROLES = ("renkei_service", "renkei_worker", "renkei_ledger", "renkei_lookup", "renkei_app", "renkei_work")
PURPOSE = {
    ("service", "UPDATE", "summaries"),
    ("service", "UPDATE", "summary_parts"),
    ("worker", "DELETE", "unpublished_changes"),
}


@pytest.fixture
def catalog(settings: Settings) -> Iterator[psycopg.Connection]:
    with owner(settings) as connection:
        yield connection


def test_every_patient_table_is_covered(catalog: psycopg.Connection) -> None:
    tables = catalog.execute(
        "SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public' "
        "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'patient_id' "
        "WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')"
    ).fetchall()
    assert {name for name, _, _ in tables} == set(PATIENT_TABLES)
    covered = [name for name, enabled, forced in tables if enabled and forced]
    figure(f"row-level security: tables with patient_id {len(tables)}, ENABLE and FORCE {len(covered)}")
    assert len(covered) == len(tables)


def test_every_policy_has_its_clause_and_its_role(catalog: psycopg.Connection) -> None:
    """USING where rows are seen, WITH CHECK where they are written; by role, permissive, none for everybody."""
    policies = catalog.execute(
        "SELECT tablename, policyname, cmd, roles::text[], qual, with_check, permissive FROM pg_policies"
    ).fetchall()
    assert {row[0] for row in policies} == set(PATIENT_TABLES)
    always = {("lookup", "SELECT"), ("written_always", "INSERT"), ("ledger", "SELECT"), ("publish", "ALL")}
    for table, name, command, roles, using, check, permissive in policies:
        assert set(roles) <= set(ROLES), table
        assert permissive == "PERMISSIVE"
        assert (using is None) == (command == "INSERT"), (table, name)
        assert (check is None) == (command == "SELECT"), (table, name)
        if "renkei_service" in roles and name != "written_always":
            settings = [clause for clause in (using, check) if clause]
            assert all("renkei.patient_ids" in clause for clause in settings), (table, name)
        elif (name, command) not in always:
            raise AssertionError(f"a policy without a setting: {table} {name}")


def test_roles_own_nothing_and_pass_no_policy(catalog: psycopg.Connection) -> None:
    roles = catalog.execute(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY (%s) "
        "AND NOT (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)",
        [list(ROLES)],
    ).fetchall()
    assert {name for (name,) in roles} == set(ROLES)
    owned = catalog.execute(
        "SELECT relname FROM pg_class WHERE relowner IN (SELECT oid FROM pg_roles WHERE rolname = ANY (%s))",
        [list(ROLES)],
    ).fetchall()
    assert owned == []
    memberships = catalog.execute(
        "SELECT r.rolname, m.rolname FROM pg_auth_members a JOIN pg_roles r ON r.oid = a.roleid "
        "JOIN pg_roles m ON m.oid = a.member WHERE m.rolname = ANY (%s)",
        [list(ROLES)],
    ).fetchall()
    assert set(memberships) == {("renkei_service", "renkei_app"), ("renkei_worker", "renkei_work")}


def test_one_function_works_with_other_rights(catalog: psycopg.Connection) -> None:
    definers = catalog.execute(
        "SELECT p.proname, r.rolname, p.proconfig::text FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner "
        "JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.prosecdef AND n.nspname NOT LIKE 'pg\\_%'"
    ).fetchall()
    assert [(name, by) for name, by, _ in definers] == [("renkei_match_identity", "renkei_lookup")]
    assert "search_path=pg_catalog" in definers[0][2]
    may = catalog.execute(
        "SELECT r FROM unnest(%s::text[]) AS r "
        "WHERE has_function_privilege(r, 'renkei_match_identity(bytea[], date, text)', 'EXECUTE')",
        [[role for role in ROLES if role != "renkei_lookup"]],
    ).fetchall()
    assert {name for (name,) in may} == {"renkei_service", "renkei_app"}
    views = catalog.execute("SELECT viewname FROM pg_views WHERE schemaname = 'public'").fetchall()
    assert views == []


def test_what_is_kept_is_neither_altered_nor_deleted(catalog: psycopg.Connection) -> None:
    """No UPDATE, DELETE or TRUNCATE but on what is derived and on the queue; nothing for PUBLIC."""
    held = catalog.execute(
        "SELECT r, p, c.relname FROM unnest(%s::text[]) AS r, unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) AS p, "
        "pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = 'public' AND c.relkind = 'r' AND has_table_privilege(r, c.oid, p)",
        [[f"renkei_{name}" for name in ("service", "worker", "ledger", "lookup")]],
    ).fetchall()
    assert {(role.removeprefix("renkei_"), privilege, table) for role, privilege, table in held} == PURPOSE
    public = catalog.execute(
        "SELECT table_name FROM information_schema.table_privileges WHERE grantee = 'PUBLIC' AND table_schema = 'public'"
    )
    assert public.fetchall() == []
    assert catalog.execute("SELECT has_schema_privilege('renkei_app', 'public', 'CREATE')").fetchone() == (False,)
