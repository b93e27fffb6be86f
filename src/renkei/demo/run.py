"""``renkei demo``: an embedded PostgreSQL, the fictional region, the server and the worker, until Ctrl-C."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from pydantic import SecretStr

from renkei import migration
from renkei.actions.administration import found_installation, install_defaults
from renkei.database import SERVICE_ROLE, WORKER_ROLE
from renkei.demo.members import hire
from renkei.demo.seed import ClientCredentials, seed, showcase_patient
from renkei.demo.try_lines import try_lines
from renkei.embedded import EmbeddedPostgres
from renkei.main import create_app
from renkei.operator import as_operator, server_options
from renkei.settings import Settings, required
from renkei.worker import Worker

DATABASE = "renkei"
CREDENTIALS = "credentials.json"


class Server(uvicorn.Server):
    """uvicorn, leaving signals to the demo: it must stop server, worker and database in this order."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's; then tell who waits."""
        await super().startup(sockets)
        self.ready.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def run_demo(settings: Settings) -> None:
    """Start everything, tell the region once, serve until told to stop; starting again keeps the data."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    _say("PostgreSQL を起動しています… / starting PostgreSQL")
    with EmbeddedPostgres(settings.data_dir) as embedded:
        settings = _prepare(settings, embedded)
        asyncio.run(_serve(settings))
    _say("終了しました / stopped")


def with_embedded(settings: Settings, embedded: EmbeddedPostgres) -> Settings:
    """The settings for an embedded server: a login for each role, and the owner for migrations only."""
    urls = {
        "database_url": embedded.url("renkei_app", DATABASE),
        "worker_database_url": embedded.url("renkei_work", DATABASE),
        "owner_database_url": embedded.url("postgres", DATABASE),
    }
    return settings.model_copy(update={name: SecretStr(url) for name, url in urls.items()})


def _prepare(settings: Settings, embedded: EmbeddedPostgres) -> Settings:
    """A migrated database; an empty one when the region has not been told to its end."""
    told = (settings.data_dir / CREDENTIALS).exists()
    migration.make_database(embedded.url("postgres", "postgres"), DATABASE, afresh=not told)
    ready = with_embedded(settings, embedded)
    migration.migrate(
        embedded.url("postgres", DATABASE),
        [(embedded.url("renkei_app", DATABASE), SERVICE_ROLE), (embedded.url("renkei_work", DATABASE), WORKER_ROLE)],
    )
    # A receiver to try with runs on this machine; for real, a private address is refused.
    served = {"issuer": f"http://{settings.host}:{settings.port}", "allow_private_targets": True}
    return ready.model_copy(update=served)


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = Server(uvicorn.Config(create_app(settings), **server_options(settings)))
    serving = asyncio.create_task(server.serve())
    working = asyncio.create_task(Worker.of(settings).run(stop))
    telling = asyncio.create_task(_tell(settings, server))
    ending = {asyncio.create_task(stop.wait()), serving, working}
    try:
        await asyncio.wait({*ending, telling}, return_when=asyncio.FIRST_COMPLETED)
        if telling.done() and not any(task.done() for task in ending):
            telling.result()
            await asyncio.wait(ending, return_when=asyncio.FIRST_COMPLETED)
    finally:
        telling.cancel()
        stop.set()
        server.should_exit = True
        await asyncio.gather(serving, working, return_exceptions=True)
    working.result()  # a worker that has failed is told, not served on without


async def _tell(settings: Settings, server: Server) -> None:
    """Tell the region through the public API, as its vendors would; then what to try."""
    await server.ready.wait()
    base = f"http://{settings.host}:{settings.port}"
    file = settings.data_dir / CREDENTIALS
    async with httpx.AsyncClient(base_url=base, timeout=30, trust_env=False) as client:
        if not file.exists():
            _say("架空の地域を作っています… / making the fictional region")
            admin = await _platform_admin(settings)
            told = await seed(client, admin)
            write_private(file, [*told, *await hire(client, admin, told)])
        credentials = json.loads(file.read_text("utf-8"))
        patient = await showcase_patient(client, credentials)
    _say(try_lines(base, credentials, patient, file))


async def _platform_admin(settings: Settings) -> ClientCredentials:
    url = required(settings.owner_database_url)
    await as_operator(url, "permission_table.install", install_defaults)
    made = await as_operator(url, "client.register", lambda tx, asked: found_installation(tx, asked, "platform-admin"))
    return ClientCredentials(made["client_id"], made["client_secret"])


def write_private(file: Path, content: Any) -> None:
    """Whole or not at all, and for its owner's eyes only."""
    draft = file.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        json.dump(content, out, ensure_ascii=False, indent=1)
    draft.replace(file)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
