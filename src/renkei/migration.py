"""Bringing a database to the tables of this version, and the logins that use it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from psycopg import sql
from sqlalchemy import URL, Connection, create_engine, text

from renkei.database import LEDGER_ROLE, SERVICE_ROLE, driver_url

MIGRATION_LOCK = 0x6D696772  # "migr": of several starters one migrates, the others wait


def migrate(owner_url: str, logins: Iterable[tuple[str, str]] = ()) -> None:
    """Upgrade to the newest tables; then make the logins of these (URL, role) pairs where they are missing.

    The owner is used here and nowhere else: the service works as a role that owns nothing.
    """
    with _connected(owner_url) as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
        connection.commit()
        command.upgrade(_config(connection), "head")
        connection.commit()
        for url, role in logins:
            _make_login(connection, driver_url(url), role)
        connection.commit()


def make_database(owner_url: str, name: str, *, afresh: bool) -> None:
    """Make the database where it is missing; ``afresh``: drop what a first start left unfinished."""
    quoted = sql.Identifier(name).as_string(None)
    with _connected(owner_url, isolation_level="AUTOCOMMIT") as connection:
        if afresh:
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {quoted} WITH (FORCE)")
        if not connection.execute(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name}).scalar():
            connection.exec_driver_sql(f"CREATE DATABASE {quoted}")


def check(owner_url: str) -> None:
    """Raise (alembic's CommandError) when the tables in code and in migrations differ."""
    with _connected(owner_url) as connection:
        command.check(_config(connection))


@contextmanager
def _connected(owner_url: str, **options: str) -> Iterator[Connection]:
    engine = create_engine(driver_url(owner_url), **options)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _config(connection: Connection) -> Config:
    here = Path(__file__).resolve()
    folders = (Path.cwd() / "migrations", *(parent / "migrations" for parent in here.parents))
    folder = next((f for f in folders if (f / "env.py").exists()), None)
    if folder is None:
        raise SystemExit("the folder 'migrations' is not here: run renkei in the project's folder")
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.attributes["connection"] = connection
    return config


def _make_login(connection: Connection, url: URL, role: str) -> None:
    if url.username in (None, role) or connection.execute(text("SELECT current_user")).scalar() == url.username:
        return
    known = connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": url.username}).scalar()
    name = sql.Identifier(url.username or "")
    statements = (
        []
        if known
        else [sql.SQL("CREATE ROLE {} LOGIN NOBYPASSRLS PASSWORD {}").format(name, sql.Literal(url.password))]
    )
    statements.append(sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), name))
    if role == SERVICE_ROLE:
        # Taken for a transaction, after the gate has decided (Transaction.become); never held by the login as such.
        statements.append(sql.SQL("GRANT {} TO {} WITH INHERIT FALSE").format(sql.Identifier(LEDGER_ROLE), name))
    for statement in statements:
        connection.exec_driver_sql(statement.as_string(None).replace("%", "%%"))
