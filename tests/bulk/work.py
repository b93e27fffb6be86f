"""A worker in this process, for tests: it does what waits, and no more."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from tests.factories import Vendor

from renkei.actions.administration import install_defaults
from renkei.blobs import open_blobs
from renkei.database import SERVICE_ROLE, make_engine
from renkei.operator import as_operator
from renkei.settings import Settings
from renkei.worker.importing import Importer
from renkei.worker.labour import Labour


@asynccontextmanager
async def importer(settings: Settings, batch: int = 500) -> AsyncIterator[Importer]:
    """A worker's importing half."""
    assert settings.database_url is not None
    engine = make_engine(settings.database_url.get_secret_value(), SERVICE_ROLE, 4)
    made = Importer.of(engine, open_blobs(settings), settings)
    made.batch = batch
    try:
        yield made
    finally:
        made.close()
        await engine.dispose()


async def finish(importer: Importer, vendor: Vendor, import_id: str, by: str | None = None) -> dict[str, Any]:
    """Work until this import needs no worker; its state then. Other tests' imports are worked on as well."""
    for _ in range(500):
        await importer.work()
        job = (await vendor.get(f"/v1/imports/{import_id}", by=by)).json()
        if job["state"] not in ("queued", "running"):
            return dict(job)
    raise AssertionError(job)


@contextmanager
def at_work(settings: Settings) -> Iterator[None]:
    """A worker beside a browser, in a thread of its own, with the permission table in place."""
    over = threading.Event()

    async def labour() -> None:
        assert settings.owner_database_url is not None
        owner = settings.owner_database_url.get_secret_value()
        await as_operator(owner, "permission_table.install", install_defaults)
        worker = Labour.of(settings)
        assert worker is not None
        while not over.is_set():
            if not [await worker.importer.work(), await worker.exporter.work()].count(True):
                await asyncio.sleep(0.1)
        await worker.close()

    thread = threading.Thread(target=lambda: asyncio.run(labour()))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
