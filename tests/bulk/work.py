"""A worker in this process, for tests: it does what waits, and no more."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.factories import Vendor

from renkei.blobs import open_blobs
from renkei.database import SERVICE_ROLE, make_engine
from renkei.settings import Settings
from renkei.worker.importing import Importer


@asynccontextmanager
async def importer(settings: Settings, batch: int = 500) -> AsyncIterator[Importer]:
    """A worker's importing half."""
    assert settings.database_url is not None
    engine = make_engine(settings.database_url.get_secret_value(), SERVICE_ROLE, 4)
    made = Importer.of(engine, open_blobs(settings), settings)
    made.batch = batch
    yield made
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
