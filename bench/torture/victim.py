"""What is tortured: a PostgreSQL that waits for the disk, ``renkei serve`` with two processes, ``renkei work``."""

import asyncio
import contextlib
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psutil
import psycopg
from pydantic import SecretStr
from tests.factories import Region, Vendor

from bench.place import DURABLE, Place, scratch_folder, wait_ready
from renkei.actions.administration import found_installation
from renkei.demo.run import DATABASE
from renkei.embedded import EmbeddedPostgres
from renkei.operator import as_operator

PROCESSES = 2
PATIENCE_SECONDS = 120.0
"""Longer than anything here takes on a busy machine; what takes longer hangs."""


@dataclass
class Victim:
    """One cluster, and of the service what runs on it just now. Every process here was started here."""

    place: Place
    region: Region
    running: dict[str, psutil.Popen] = field(default_factory=dict)

    @property
    def cluster(self) -> EmbeddedPostgres:
        """The embedded PostgreSQL."""
        return self.place.embedded

    @contextlib.asynccontextmanager
    async def serving(self, *commands: str, through: Path | None = None) -> AsyncIterator[None]:
        """``renkei`` with these commands until the block ends. through: a folder whose socket leads to PostgreSQL."""
        plain = self.place.settings
        if through is not None:
            url = f"postgresql://renkei_app@/{DATABASE}?host={quote(str(through))}"
            self.place.settings = plain.model_copy(update={"database_url": SecretStr(url)})
        try:
            for command in commands:
                await self.start(command)
            yield
        finally:
            self.place.settings = plain
            for command in list(self.running):
                await self.kill(command)

    async def start(self, command: str) -> None:
        """Start one command; a server is waited for."""
        self.running[command] = self.place.start(command)
        if command == "serve":
            try:
                await asyncio.to_thread(wait_ready, self.place.port)
            except OSError as error:
                assert self.place.log is not None
                said = self.place.log.read_text("utf-8", "replace")[-3000:]
                raise RuntimeError(
                    f"the server did not start, exit code {self.running[command].poll()}: {said}"
                ) from error

    async def kill(self, command: str) -> None:
        """kill -9 a command with all its processes."""
        parent = self.running.pop(command)
        for process in (parent, *parent.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        await asyncio.to_thread(parent.wait)

    async def kill_process(self) -> None:
        """kill -9 one of the server's processes; `renkei serve` starts another by itself."""
        children = [child for child in self.running["serve"].children() if _serves(child)]
        if children:
            with contextlib.suppress(psutil.NoSuchProcess):
                random.choice(children).kill()

    async def kill_postgres(self) -> None:
        """kill -9 PostgreSQL, and start it again: it recovers from its log."""
        postmaster = self.cluster._postmaster()
        assert postmaster is not None
        os.kill(postmaster, signal.SIGKILL)
        await until(lambda: not self.cluster.running())
        await self.start_postgres()

    async def kill_backend(self) -> None:
        """kill -9 one connection's process: PostgreSQL ends all others and recovers by itself."""
        query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'renkei'"
        pids = [pid for (pid,) in await asyncio.to_thread(self.ask, query)]
        if pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(random.choice(pids), signal.SIGKILL)

    async def stop_postgres(self) -> None:
        """Stop PostgreSQL in order, as an operator does."""
        await asyncio.to_thread(self.cluster.stop, found=True)

    async def start_postgres(self) -> None:
        """Start PostgreSQL."""
        await asyncio.to_thread(self.cluster.start)

    def ask(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """The rows of one query, as the owner: no row is hidden."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                with psycopg.connect(self.place.owner_url) as connection:
                    return connection.execute(query.encode(), parameters or None).fetchall()
            except psycopg.OperationalError:  # it is recovering
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)


def _serves(child: psutil.Process) -> bool:
    """Whether it is one of the server's processes, and lives."""
    try:
        return "spawn_main" in " ".join(child.cmdline())
    except psutil.Error:  # it is ending
        return False


@contextlib.asynccontextmanager
async def victim(cluster_folder: Path | None = None) -> AsyncIterator[Victim]:
    """A migrated database with an administrator; gone afterwards. cluster_folder: where its files are to lie."""
    with (
        scratch_folder("renkei-torture-") as made,
        EmbeddedPostgres(cluster_folder or made, settings=DURABLE) as embedded,
    ):
        try:
            place = await asyncio.to_thread(Place.prepare, made, embedded, worker=False)
            place.settings = place.settings.model_copy(update={"workers": PROCESSES})
            admin = await as_operator(
                place.owner_url, "client.register", lambda tx, asked: found_installation(tx, asked, "torture")
            )
            place.log = made / "log"
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
            base = f"http://127.0.0.1:{place.port}"
            async with httpx.AsyncClient(base_url=base, timeout=30, limits=limits, trust_env=False) as http:
                yield Victim(place, Region(http, Vendor(http, admin["client_id"], admin["client_secret"])))
        finally:
            embedded.remove()


async def until(true: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait for it, not for ever."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError
        await asyncio.sleep(0.01)
