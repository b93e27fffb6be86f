"""What the system catalogue says of row-level security, roles, functions and privileges: of every table, new ones too."""

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import class_row
from tests.access.allowed import (
    ALTERED,
    ASKED,
    ASKED_EITHER,
    CALLED_BY,
    DECIDED_BY_THE_WORKER_TOO,
    DEFINERS,
    OF_THE_ORGANIZATION,
    OPENED,
    PURPOSE,
    REACH,
    REACH_EITHER,
    ROLES,
    SERVICE,
    WITHOUT_SETTING,
)
from tests.access.oracle import Consent, Ties
from tests.access.world import EVERYTHING, World, figure, owner
from tests.factories import Region

from renkei.settings import Settings
from renkei.tables import ORGANIZATION_TABLES, PATIENT_TABLES

COVERED = PATIENT_TABLES + ORGANIZATION_TABLES


@dataclass
class Policy:
    """A row of pg_policies."""

    table: str
    name: str
    command: str
    roles: list[str]
    using: str | None
    check: str | None
    permissive: str

    @property
    def decided_by_the_worker(self) -> bool:
        """Whether the worker reads by it, too."""
        return self.table in DECIDED_BY_THE_WORKER_TOO and self.command == (
            "ALL" if self.table == "changes" else "SELECT"
        )

    @property
    def safe(self) -> bool:
        """Whether it is of a known form: which clauses its command has, and each to the letter."""
        form = OF_THE_ORGANIZATION if self.table in ORGANIZATION_TABLES else OPENED
        if (self.table, self.name, self.command, tuple(sorted(self.roles))) in WITHOUT_SETTING:
            form = "true"
        elif sorted(self.roles) != ["renkei_service", *(["renkei_worker"] if self.decided_by_the_worker else [])]:
            return False
        elif self.command == "SELECT" and self.table in REACH | REACH_EITHER:
            form = ASKED if self.table in REACH else ASKED_EITHER
        using = None if self.command == "INSERT" else form
        check = None if self.command in ("SELECT", "DELETE") else form
        return (self.permissive, self.using, self.check) == ("PERMISSIVE", using, check)


@pytest.fixture
def catalog(settings: Settings) -> Iterator[psycopg.Connection]:
    with owner(settings) as connection:
        yield connection


def uncovered(catalog: psycopg.Connection) -> set[str]:
    """Tables with a patient_id, views too, and those of an organization that tell of patients, on which row-level security is
    not both enabled and forced."""
    tables = catalog.execute(
        "SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public' "
        "WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND (c.relname = ANY (%s) OR EXISTS ("
        "SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'patient_id'))",
        [list(ORGANIZATION_TABLES)],
    ).fetchall()
    assert {name for name, _ in tables} == set(COVERED)
    return {name for name, covered in tables if not covered}


def policies(catalog: psycopg.Connection) -> list[Policy]:
    """Every policy there is."""
    cursor = catalog.cursor(row_factory=class_row(Policy))
    return cursor.execute(
        "SELECT tablename AS table, policyname AS name, cmd AS command, roles::text[], qual AS using, with_check AS check, "
        "permissive FROM pg_policies ORDER BY 1, 2, 3"
    ).fetchall()


def unsafe(catalog: psycopg.Connection) -> list[Policy]:
    """Policies that are not of one of the forms, to the letter."""
    return [policy for policy in policies(catalog) if not policy.safe]


def test_every_patient_table_is_covered(catalog: psycopg.Connection) -> None:
    missing = uncovered(catalog)
    figure(
        f"row-level security: tables with patient_id {len(PATIENT_TABLES)}, of an organization {len(ORGANIZATION_TABLES)}, not enabled and forced {len(missing)}"
    )
    assert missing == set()


def test_every_policy_is_of_a_known_form(catalog: psycopg.Connection) -> None:
    """USING where rows are seen, WITH CHECK where they are written, each to the letter, for named roles."""
    assert {policy.table for policy in policies(catalog)} == set(COVERED)
    assert unsafe(catalog) == []


@pytest.mark.parametrize("table", COVERED)
@pytest.mark.parametrize("change", ["DISABLE", "NO FORCE"])
def test_a_table_left_open_is_noticed(catalog: psycopg.Connection, table: str, change: str) -> None:
    with catalog.transaction(force_rollback=True):
        catalog.execute(sql.SQL("ALTER TABLE {} {} ROW LEVEL SECURITY").format(sql.Identifier(table), sql.SQL(change)))
        assert uncovered(catalog) == {table}


async def test_each_policy_widened_is_noticed(region: Region, catalog: psycopg.Connection) -> None:
    """Twice: by its form, and where the service could then read, by the rows it sees without a grant."""
    await (await World.found(region)).make(Ties("now", own=True, consents=(Consent(EVERYTHING, to="named"),)))
    broken = leaking = 0
    for policy in policies(catalog):
        for kind, clause in (("USING", policy.using), ("WITH CHECK", policy.check)):
            if clause is None or clause == "true":
                continue
            name, table = sql.Identifier(policy.name), sql.Identifier(policy.table)
            with catalog.transaction(force_rollback=True):
                widen = sql.SQL("ALTER POLICY {} ON {} {} ({} OR true)")
                catalog.execute(widen.format(name, table, sql.SQL(kind), sql.SQL(clause)))
                assert [(p.table, p.name) for p in unsafe(catalog)] == [(policy.table, policy.name)]
                broken += 1
                filled = count(catalog, table)
                catalog.execute("SET LOCAL ROLE renkei_service")
                if kind == "USING" and policy.command in ("ALL", "SELECT") and filled:
                    assert count(catalog, table) == filled, policy
                    leaking += 1
    figure(f"row-level security: policies widened {broken}, noticed {broken}, leaking as they should {leaking}")
    assert broken > 30
    assert leaking > 10


async def test_each_policy_taken_away_closes_its_table(region: Region, catalog: psycopg.Connection) -> None:
    """Without its policy a table is shut, even for a patient who is opened: it is the policy that lets in."""
    made = await (await World.found(region)).make(Ties("now", own=True, consents=(Consent(EVERYTHING, to="named"),)))
    for policy in policies(catalog):
        if "renkei_service" not in policy.roles or policy.using is None:
            continue
        name, table = sql.Identifier(policy.name), sql.Identifier(policy.table)
        with catalog.transaction(force_rollback=True):
            catalog.execute(sql.SQL("DROP POLICY {} ON {}").format(name, table))
            catalog.execute(sql.SQL("SET LOCAL renkei.patient_ids = {}").format(sql.Literal(made.id)))
            catalog.execute("SET LOCAL ROLE renkei_service")
            assert count(catalog, table) == 0, policy


def count(connection: psycopg.Connection, table: sql.Identifier) -> int:
    """Rows seen."""
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(table)).fetchone()
    assert row is not None
    return int(row[0])


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
        "SELECT r.rolname, m.rolname, a.inherit_option FROM pg_auth_members a JOIN pg_roles r ON r.oid = a.roleid "
        "JOIN pg_roles m ON m.oid = a.member WHERE m.rolname = ANY (%s)",
        [list(ROLES)],
    ).fetchall()
    held = {(role, login) for role, login, _ in memberships}
    assert held == {("renkei_service", "renkei_app"), ("renkei_ledger", "renkei_app"), ("renkei_worker", "renkei_work")}
    # The service's login has the ledger's role to take for a transaction, not its rights as they are.
    assert [inherited for role, _, inherited in memberships if role == "renkei_ledger"] == [False]


def test_the_functions_that_work_with_other_rights_are_known(catalog: psycopg.Connection) -> None:
    definers = catalog.execute(
        "SELECT p.oid::regprocedure::text, r.rolname, p.proconfig::text FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner "
        "JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.prosecdef AND n.nspname NOT LIKE 'pg\\_%'"
    ).fetchall()
    known = {catalog.execute("SELECT %s::regprocedure::text", [name]).fetchone()[0] for name in DEFINERS}
    assert {name for name, _, _ in definers} == known
    assert {by for _, by, _ in definers} == {"renkei_lookup"}
    assert all("search_path=pg_catalog" in configured for _, _, configured in definers)
    for name in known:
        may = catalog.execute(
            "SELECT r FROM unnest(%s::text[]) AS r WHERE has_function_privilege(r, %s, 'EXECUTE')",
            [[role for role in ROLES if role != "renkei_lookup"], name],
        ).fetchall()
        assert {role for (role,) in may} == CALLED_BY.get(name, SERVICE), name
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


def test_of_a_row_that_changes_the_columns_are_known(catalog: psycopg.Connection) -> None:
    rows = catalog.execute(
        "SELECT grantee, table_name, string_agg(column_name, ' ' ORDER BY column_name) FROM information_schema.column_privileges "
        "WHERE privilege_type = 'UPDATE' AND grantee = ANY (%s) AND table_schema = 'public' "
        "AND NOT has_table_privilege(grantee, format('public.%%I', table_name)::regclass, 'UPDATE') GROUP BY 1, 2",
        [list(ROLES)],
    ).fetchall()
    assert {(role.removeprefix("renkei_"), table): columns for role, table, columns in rows} == ALTERED


def test_a_policy_that_opens_every_row_is_for_what_is_granted_alone(catalog: psycopg.Connection) -> None:
    """So that a right given by mistake opens nothing: the policy for it is missing."""
    for policy in policies(catalog):
        if "true" not in (policy.using, policy.check):
            continue
        for role in policy.roles:
            for command in ("SELECT", "INSERT", "UPDATE", "DELETE") if policy.command == "ALL" else (policy.command,):
                privilege = "has_table_privilege" if command == "DELETE" else "has_any_column_privilege"
                asked = sql.SQL("SELECT {}(%s, %s::regclass, %s)").format(sql.SQL(privilege))
                assert catalog.execute(asked, [role, policy.table, command]).fetchone() == (True,), policy


SECRETS = {("clients", "secret_hash"), ("subscriptions", "secret"), ("subscriptions", "previous_secret")}


def test_secrets_are_read_by_whoever_needs_them_alone(catalog: psycopg.Connection) -> None:
    """A system's proof by who checks it, a webhook's key by who signs with it or renews it; no definer's function reads either."""
    rows = catalog.execute(
        "SELECT r.rolname, c.table_name, c.column_name FROM information_schema.columns c, pg_roles r "
        "WHERE c.table_schema = 'public' AND r.rolname LIKE 'renkei\\_%%' AND NOT r.rolcanlogin "
        "AND has_column_privilege(r.rolname, format('public.%%I', c.table_name)::regclass, c.column_name, 'SELECT') "
        "AND (c.table_name, c.column_name) IN (SELECT * FROM unnest(%s::text[], %s::text[]))",
        [[table for table, _ in SECRETS], [column for _, column in SECRETS]],
    ).fetchall()
    readers = {(table, column): {role for role, t, c in rows if (t, c) == (table, column)} for table, column in SECRETS}
    assert readers == {
        ("clients", "secret_hash"): {"renkei_service"},
        ("subscriptions", "secret"): {"renkei_service", "renkei_worker"},
        ("subscriptions", "previous_secret"): {"renkei_service", "renkei_worker"},
    }
