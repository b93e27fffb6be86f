"""A database of its own for each test: what is tampered with here must not stand in the way of others."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr
from tests.ledger.authority import Authority, Server, serving

from renkei import migration
from renkei.embedded import EmbeddedPostgres
from renkei.settings import Settings


@pytest.fixture(scope="session")
def template(postgres: EmbeddedPostgres, settings: Settings) -> str:
    """Migrated once and copied from then on. ``settings`` is asked for as it makes the logins."""
    migration.make_database(postgres.url("postgres", "postgres"), "ledger_template", afresh=True)
    migration.migrate(postgres.url("postgres", "ledger_template"))
    return "ledger_template"


@pytest.fixture
def ledger(postgres: EmbeddedPostgres, template: str, tmp_path: Path) -> Settings:
    """Empty ledgers, and a data folder without keys."""
    name = f"ledger_{tmp_path.name[-40:]}"
    with psycopg.connect(postgres.url("postgres", "postgres"), autocommit=True) as connection:
        copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        connection.execute(copy.format(sql.Identifier(name), sql.Identifier(template)))
    urls = {login: SecretStr(postgres.url(login, name)) for login in ("renkei_app", "renkei_work", "postgres")}
    return Settings(
        database_url=urls["renkei_app"],
        worker_database_url=urls["renkei_work"],
        owner_database_url=urls["postgres"],
        data_dir=tmp_path,
    )


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def server(authority: Authority) -> Iterator[Server]:
    with serving(authority) as running:
        yield running


@pytest.fixture
def stamped(ledger: Settings, server: Server, tmp_path: Path) -> Settings:
    """As an operator switches it on."""
    return ledger.model_copy(update={"tsa_url": server.url, "tsa_roots": server.authority.roots(tmp_path)})
