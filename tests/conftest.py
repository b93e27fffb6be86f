"""A real PostgreSQL, migrated tables, and the service, once per test process. Nothing is shared but the database:

every test makes its own organizations and people, so that tests run in any order and at once.
"""

import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from renkei import migration
from renkei.actions.administration import found_installation, install_defaults
from renkei.database import SERVICE_ROLE, WORKER_ROLE
from renkei.embedded import EmbeddedPostgres
from renkei.main import create_app
from renkei.operator import as_operator
from renkei.settings import Settings
from tests.factories import Region, Vendor

UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""Tests do not outlive a crash of the machine, and need not wait for the disk."""


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """One cluster per test process."""
    with tempfile.TemporaryDirectory(prefix="renkei-") as folder:
        os.chmod(folder, 0o701)  # as root, PostgreSQL runs as somebody who must pass through
        server = EmbeddedPostgres(Path(folder), settings=UNSAFE)
        server.start()
        yield server
        server.remove()


@pytest.fixture(scope="session")
def settings(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A migrated database with the logins of service and worker."""
    owner = postgres.url("postgres", "renkei")
    migration.make_database(postgres.url("postgres", "postgres"), "renkei", afresh=True)
    app, worker = postgres.url("renkei_app", "renkei"), postgres.url("renkei_work", "renkei")
    migration.migrate(owner, [(app, SERVICE_ROLE), (worker, WORKER_ROLE)])
    return Settings(
        database_url=SecretStr(app),
        worker_database_url=SecretStr(worker),
        owner_database_url=SecretStr(owner),
        data_dir=tmp_path_factory.mktemp("data"),
        pool_size=10,
    )


@pytest.fixture(scope="session")
async def http(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The service, reached through its HTTP door."""
    app = create_app(settings)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        yield client


@pytest.fixture(scope="session")
async def admin(settings: Settings, http: httpx.AsyncClient) -> Vendor:
    """The platform's administrator."""
    owner = settings.owner_database_url
    assert owner is not None
    await as_operator(owner.get_secret_value(), "permission_table.install", install_defaults)
    made = await as_operator(
        owner.get_secret_value(), "client.register", lambda tx, asked: found_installation(tx, asked, "admin")
    )
    return Vendor(http, made["client_id"], made["client_secret"])


@pytest.fixture
def region(http: httpx.AsyncClient, admin: Vendor) -> Region:
    """A place to found organizations and register people in."""
    return Region(http, admin)
