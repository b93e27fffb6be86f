"""Long work of the organizations (長い処理): what one worker does of it, and how long files are kept."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from sqlalchemy.ext.asyncio import AsyncEngine

from renkei.blobs import Area, Blobs, open_blobs
from renkei.database import SERVICE_ROLE, make_engine, transaction
from renkei.ids import now
from renkei.settings import Settings
from renkei.store import jobs
from renkei.worker.exporting import Exporter
from renkei.worker.importing import Importer
from renkei.worker.scratch import remove_abandoned

LOOK_SECONDS = 0.3
KEEP_HOUSE_SECONDS = 600.0
AT_ONCE = 50
ORPHANED = timedelta(days=1)
"""A file that no job names by then belongs to a request that was refused, or to a worker that died."""

log = logging.getLogger("renkei.worker")


@dataclass(frozen=True, slots=True)
class Labour:
    """Works as the service does, with the rights of who asked; the worker's own role opens no record."""

    engine: AsyncEngine
    blobs: Blobs
    importer: Importer
    exporter: Exporter
    days: Mapping[str, int]

    @classmethod
    def of(cls, settings: Settings) -> Self | None:
        """None where this worker is not given the service's database login."""
        if settings.database_url is None:
            log.warning("RENKEI_DATABASE_URL is not set: this worker does no imports and exports")
            return None
        engine = make_engine(settings.database_url.get_secret_value(), SERVICE_ROLE, 4)
        blobs = open_blobs(settings)
        days = {"import": settings.import_days, "export": settings.export_days}
        return cls(engine, blobs, Importer.of(engine, blobs, settings), Exporter(engine, blobs), days)

    async def close(self) -> None:
        """Leave no file and no connection behind."""
        self.importer.close()
        self.exporter.close()
        await self.engine.dispose()

    def jobs(self) -> list[tuple[Callable[[AsyncEngine], Awaitable[bool]], float]]:
        """What is to be done again and again, and after how many seconds."""
        return [
            (self.importer.work, LOOK_SECONDS),
            (self.exporter.work, LOOK_SECONDS),
            (self.forget_files, KEEP_HOUSE_SECONDS),
            (self.sweep, KEEP_HOUSE_SECONDS),
        ]

    async def forget_files(self, _: object = None) -> bool:
        """Remove the files of jobs that ended long ago; whether more of them may wait."""
        async with transaction(self.engine) as tx:
            over = [job for kind, days in self.days.items() for job in await jobs.expired(tx, kind, days, AT_ONCE)]
            for job in over:
                for key in filter(None, (job.file_key, job.result_key)):
                    await self.blobs.delete(key)
                jobs.forget_files(tx, job)
                jobs.forget_faults(tx, job)
        return len(over) >= AT_ONCE

    async def sweep(self, _: object = None) -> bool:
        """Remove files that no job names, and what a worker of this machine that was killed had at hand."""
        await asyncio.to_thread(remove_abandoned)
        async for keys in self.blobs.kept(Area.jobs, now() - ORPHANED):
            async with transaction(self.engine) as tx:
                used = await jobs.keys_in_use(tx, keys)
            for key in keys:
                if key not in used:
                    await self.blobs.delete(key)
        return False
