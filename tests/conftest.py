"""A real PostgreSQL, migrated tables, and the service, once per test process. Nothing is shared but the database:

every test makes its own organizations and people, so that tests run in any order and at once.
"""

import fcntl
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import hypothesis
import psycopg
import pytest
from argon2.profiles import CHEAPEST
from psycopg import sql
from pydantic import SecretStr

from renkei import migration
from renkei.access import passwords, refusals
from renkei.actions.administration import found_installation, install_defaults
from renkei.database import SERVICE_ROLE, WORKER_ROLE
from renkei.embedded import EmbeddedPostgres
from renkei.main import create_app
from renkei.operator import as_operator
from renkei.settings import Settings
from renkei.worker.labour import Labour
from tests.factories import Region, Vendor
from tests.live import serve

# httpx looks for it at each request of a test, in every folder that Python searches, to find that it is not there.
sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type]  # None stands for a module that is not there

# How quickly examples are drawn and tried tells of the machine and of what else it does, not of the code.
hypothesis.settings.register_profile("renkei", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("renkei")

UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""Tests do not outlive a crash of the machine, and need not wait for the disk."""


KEPT = "RENKEI_TEST_CLUSTER"
"""A folder: its cluster is started if need be and left running, for runs of a thousand short processes (`make mutants`)."""


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """One cluster per test process, or the one that is kept."""
    with tempfile.TemporaryDirectory(prefix="renkei-") as folder:
        os.chmod(folder, 0o701)  # as root, PostgreSQL runs as somebody who must pass through
        server = EmbeddedPostgres(Path(os.environ.get(KEPT, folder)), settings=UNSAFE)
        server.start()
        yield server
        if KEPT not in os.environ:
            server.remove()


def _logins(postgres: EmbeddedPostgres, database: str) -> tuple[str, str]:
    return postgres.url("renkei_app", database), postgres.url("renkei_work", database)


def _migrated(postgres: EmbeddedPostgres, database: str) -> None:
    migration.make_database(postgres.url("postgres", "postgres"), database, afresh=True)
    logins = zip(_logins(postgres, database), (SERVICE_ROLE, WORKER_ROLE), strict=True)
    migration.migrate(postgres.url("postgres", database), logins)


@pytest.fixture(scope="session")
def database(postgres: EmbeddedPostgres) -> Iterator[str]:
    """A migrated database; in a cluster that is kept, a copy of one that is migrated once."""
    if KEPT not in os.environ:
        _migrated(postgres, "renkei")
        yield "renkei"
        return
    name, ready = sql.Identifier(f"renkei_{os.getpid()}"), postgres.data_dir / "ready"
    with psycopg.connect(postgres.url("postgres", "postgres"), autocommit=True) as connection:
        with (postgres.data_dir / "ready.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not ready.exists():
                _migrated(postgres, "ready")
                ready.touch()
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(name))
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE ready").format(name))
        yield f"renkei_{os.getpid()}"
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture(scope="session")
def settings(postgres: EmbeddedPostgres, database: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A migrated database with the logins of service and worker."""
    app, worker = _logins(postgres, database)
    owner = postgres.url("postgres", database)
    return Settings(
        database_url=SecretStr(app),
        worker_database_url=SecretStr(worker),
        owner_database_url=SecretStr(owner),
        data_dir=tmp_path_factory.mktemp("data"),
        pool_size=10,
        token_seconds=3600,  # a slow machine's run outlives a token of fifteen minutes
    )


@pytest.fixture(scope="session")
async def http(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The service, reached through its HTTP door."""
    # People sign in hundreds of times here; what a hash costs is measured elsewhere (tests/people/test_passwords.py).
    passwords.PROFILE = CHEAPEST
    # Some thousand 404s would otherwise be waited for; how equal the wait makes them is measured by bench.hidden.
    refusals.GRAIN_SECONDS = 0.001
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


@pytest.fixture(scope="session")
def server(settings: Settings) -> Iterator[str]:
    """The service on a free port of this machine: its address."""
    with serve(settings) as address:
        yield address


@pytest.fixture
async def labour(settings: Settings) -> AsyncIterator[Labour]:
    """The worker's long work, in this process."""
    made = Labour.of(settings)
    assert made is not None
    yield made
    await made.close()
