"""What whoever holds the database's own credentials does: run servers, migrate, make the first administrator."""

import asyncio
import gc
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import uvicorn

from renkei import migration, throttle
from renkei.access import keyring
from renkei.access.actor import Actor
from renkei.access.audit import Asked
from renkei.access.tokens import Keys
from renkei.actions.administration import install_defaults
from renkei.database import SERVICE_ROLE, WORKER_ROLE, Transaction, make_engine, transaction
from renkei.ids import new_id, now
from renkei.settings import Settings, required
from renkei.vocabulary import ActorKind

OPERATOR = Actor(ActorKind.worker, UUID(int=0), None, ())
"""Who acts at the command line."""

T = TypeVar("T")


async def as_operator(url: str, action: str, act: Callable[[Transaction, Asked], T]) -> T:
    """Do one thing as the operator, on record, with the rights of the service."""
    engine = make_engine(url, SERVICE_ROLE, 1)
    try:
        async with transaction(engine) as tx:
            return act(tx, Asked(new_id(), OPERATOR, action))
    finally:
        await engine.dispose()


def migrate(settings: Settings) -> None:
    """Upgrade the tables, make the logins that are missing, install the default permission table."""
    owner = required(settings.owner_database_url or settings.database_url)
    logins = [(settings.database_url, SERVICE_ROLE), (settings.worker_database_url, WORKER_ROLE)]
    migration.migrate(owner, [(url.get_secret_value(), role) for url, role in logins if url is not None])
    asyncio.run(as_operator(owner, "permission_table.install", install_defaults))


def check(settings: Settings) -> None:
    """Compare the tables in code with the migrated database."""
    migration.check(required(settings.owner_database_url or settings.database_url))


def serve(settings: Settings) -> None:
    """Serve with several workers until told to stop."""
    # Made before the workers start, so that all of them sign with the same key.
    Keys.load(settings.keys_dir)
    os.environ["RENKEI_DATABASE_URL"] = required(settings.database_url)
    if settings.workers > 1 and "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        folder = settings.data_dir / "metrics"
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.db"):
            old.unlink()
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    with _counting_together(settings):
        uvicorn.run("renkei.main:create_app", factory=True, workers=settings.workers, **server_options(settings))


@contextmanager
def _counting_together(settings: Settings) -> Iterator[None]:
    """A file on this machine in which the server processes count requests together; gone when they are."""
    if settings.workers == 1 or settings.limits_file:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="renkei-limits-") as folder:
        file = Path(folder) / "counts"
        throttle.make_file(file, settings.workers)
        os.environ["RENKEI_LIMITS_FILE"] = str(file)
        yield


def change_keys(settings: Settings, act: str) -> list[dict[str, str]]:
    """``rotate``, ``prune`` or ``list`` the keys that sign tokens; what was made, removed or found. Running servers notice."""
    folder, moment = settings.keys_dir, now().timestamp()
    match act:
        case "rotate":
            return [keyring.rotate(folder, moment)]
        case "prune":
            return keyring.prune(folder, moment)
        case _:
            return list(keyring.listed(folder, moment))


def server_options(settings: Settings) -> dict[str, Any]:
    """uvicorn's options, the same for the demo and for real."""
    return {
        "host": settings.host,
        "port": settings.port,
        "log_level": settings.log_level.lower(),
        # uvicorn hands this to its worker processes, which would otherwise log its own lines only.
        "log_config": logging_config(settings.log_level),
        "access_log": False,
        "server_header": False,
        # Only these may say by X-Forwarded-For who asks; without any, nobody may.
        "forwarded_allow_ips": settings.trusted_proxies,
        "timeout_graceful_shutdown": 8,
        "timeout_keep_alive": 75,
        # A worker that imports and reads the catalogue on a slow disk is not dead.
        "timeout_worker_healthcheck": 30,
    }


def logging_config(level: str) -> dict[str, Any]:
    """One line per event on standard error, for ``logging.config.dictConfig``."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level.upper()},
        # httpx would tell every request of the demo's telling, alembic every plugin.
        "loggers": {name: {"level": "WARNING"} for name in ("httpx", "alembic")},
    }


async def run_worker(settings: Settings) -> None:
    """Work until SIGINT or SIGTERM."""
    from renkei.worker import Worker  # with all that reads and writes files: no other command needs it

    worker, stop = Worker.of(settings), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    # As in the server (design §11): a batch of documents makes many objects, and none of what is here now goes.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    await worker.run(stop)
