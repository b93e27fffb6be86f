"""Migrations: up, down and up again give the same database, which is the one the tables in code describe."""

import secrets
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from psycopg import sql
from sqlalchemy import create_engine

from renkei import migration
from renkei.database import SERVICE_ROLE, WORKER_ROLE, driver_url
from renkei.embedded import EmbeddedPostgres
from renkei.tables import metadata

MIGRATIONS = Path(__file__).parents[1] / "migrations"

WHOLE = """
SELECT 'column', table_name, column_name, data_type || is_nullable || coalesce(column_default, '')
  FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'policy', tablename, policyname, concat_ws(' ', roles, cmd, qual, with_check)
  FROM pg_policies WHERE schemaname = 'public'
UNION ALL SELECT 'security', relname, relrowsecurity::text, relforcerowsecurity::text
  FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
UNION ALL SELECT 'grant', table_name, grantee, string_agg(privilege_type, ',' ORDER BY privilege_type)
  FROM information_schema.role_table_grants WHERE table_schema = 'public' GROUP BY table_name, grantee
UNION ALL SELECT 'function', p.proname, pg_get_userbyid(p.proowner), coalesce(p.proacl::text, '') || p.prosrc
  FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
ORDER BY 1, 2, 3, 4
"""


@pytest.fixture
def database(postgres: EmbeddedPostgres) -> Iterator[str]:
    """The owner's URL of an empty database."""
    name = f"scratch_{secrets.token_hex(4)}"
    admin = postgres.url("postgres", "postgres")
    migration.make_database(admin, name, afresh=False)
    yield postgres.url("postgres", name)
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def whole(url: str) -> list[tuple[Any, ...]]:
    """All that a migration can make: columns, constraints, indexes, policies, grants, functions."""
    with psycopg.connect(url) as connection:
        return connection.execute(WHOLE).fetchall()


def run(url: str, act: Callable[..., None], *arguments: str) -> None:
    """One of alembic's commands."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(driver_url(url))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        act(config, *arguments)
        connection.commit()
    engine.dispose()


def test_up_down_and_up_again(database: str) -> None:
    migration.migrate(database)
    first = whole(database)
    assert {row[1] for row in first if row[0] == "column"} == {*metadata.tables, "alembic_version"}
    run(database, command.downgrade, "base")
    assert {row[1] for row in whole(database)} == {"alembic_version"}
    migration.migrate(database)
    assert whole(database) == first


def test_step_by_step_down_and_up(database: str) -> None:
    migration.migrate(database)
    first = whole(database)
    steps = [first]
    while len(steps[-1]) > 1 and {row[1] for row in steps[-1]} != {"alembic_version"}:
        run(database, command.downgrade, "-1")
        steps.append(whole(database))
    assert [row for row in steps[-2] if row[0] in ("policy", "function")] == []
    for step in reversed(steps[:-1]):
        run(database, command.upgrade, "+1")
        assert whole(database) == step


def test_tables_in_code_are_those_of_the_migrations(database: str) -> None:
    migration.migrate(database)
    migration.check(database)
    for drift in (
        "ALTER TABLE records ADD COLUMN surplus text",
        "ALTER TABLE records DROP COLUMN surplus, ALTER COLUMN profession SET NOT NULL",
        "DROP INDEX ix_audit_events_at",
    ):
        with psycopg.connect(database) as connection:
            connection.execute(sql.SQL(drift))
        with pytest.raises(CommandError):
            migration.check(database)


def test_an_empty_database_is_not_up_to_date(database: str) -> None:
    with pytest.raises(CommandError):
        migration.check(database)


def test_migrating_again_changes_nothing(database: str) -> None:
    migration.migrate(database)
    first = whole(database)
    migration.migrate(database)
    assert whole(database) == first


def test_several_starters_at_once_migrate_once(database: str) -> None:
    failed: list[Exception] = []

    def start() -> None:
        try:
            migration.migrate(database)
        except Exception as error:
            failed.append(error)

    starters = [threading.Thread(target=start) for _ in range(4)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()
    assert failed == []
    migration.check(database)


def test_logins_are_made_once_and_bound_by_row_security(database: str, postgres: EmbeddedPostgres) -> None:
    name = f"login_{secrets.token_hex(4)}"
    url = database.replace("//postgres@", f"//{name}:p%25w'd@")
    assert url != database
    for _ in range(2):
        migration.migrate(database, [(url, SERVICE_ROLE), (url, WORKER_ROLE)])
    with psycopg.connect(database) as connection:
        query = "SELECT rolsuper, rolbypassrls, rolcanlogin, rolcreaterole FROM pg_roles WHERE rolname = %s"
        assert connection.execute(query, [name]).fetchall() == [(False, False, True, False)]
        owned = "SELECT count(*) FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE r.rolname LIKE 'renkei%%'"
        assert connection.execute(owned).fetchall() == [(0,)]
    with psycopg.connect(database.replace("//postgres@", f"//{name}@")) as connection:
        assert connection.execute("SELECT count(*) FROM patients").fetchall() == [(0,)]
    with psycopg.connect(postgres.url("postgres", "postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))
