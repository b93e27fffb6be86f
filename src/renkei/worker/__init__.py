"""DOOR whose caller is the clock: gives committed changes their positions in the feed, delivers webhooks, seals the ledger,
does long work, forgets what is over."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

from sqlalchemy.ext.asyncio import AsyncEngine

from renkei.blobs import open_blobs
from renkei.database import WORKER_ROLE, make_engine, transaction
from renkei.errors import Unavailable
from renkei.settings import Settings, required
from renkei.store.changes import publish
from renkei.worker.delivering import Deliverer, fill_queues, forget_deliveries
from renkei.worker.forgetting import (
    FORGET_SECONDS,
    forget_assertions,
    forget_drafts,
    forget_guesses,
    forget_keys,
    forget_questions,
)
from renkei.worker.labour import Labour
from renkei.worker.sealing import Sealer
from renkei.worker.sweeping import SWEEP_SECONDS, Sweeper

EVERY_SECONDS = 0.3
"""A change is readable within a second of its commit."""
AFTER_FAILURE_SECONDS = 2.0
CONNECTIONS = 4
"""To the database. Every job holds one for moments only."""

log = logging.getLogger("renkei.worker")

Job = Callable[[AsyncEngine], Awaitable[bool]]
"""Does one piece of work; whether more of it may be waiting."""
Loop = Callable[[AsyncEngine, asyncio.Event], Coroutine[Any, Any, None]]
"""Goes on until it is told to stop."""


@dataclass(frozen=True, slots=True)
class Worker:
    """All that is to be done, as the settings say.

    Several may run: one does each job, behind a lock, the others wait for it to go; delivering and long work they share.
    """

    engine: AsyncEngine
    loops: Sequence[Loop]
    labour: Labour | None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """With the keys and files of the data folder, which servers and workers share."""
        url = required(settings.worker_database_url or settings.database_url)
        sealer, sweeper, labour = Sealer.of(settings), Sweeper(open_blobs(settings)), Labour.of(settings)
        loops = [
            often(publish_changes, EVERY_SECONDS),
            *forgetting_loops(settings.idempotency_days),
            often(sealer.work, sealer.seconds),
            *stamping_loops(settings),
            often(sweeper.work, SWEEP_SECONDS),
            *delivery_loops(Deliverer.of(settings)),
            *(often(job, seconds) for job, seconds in (labour.jobs() if labour else ())),
        ]
        return cls(make_engine(url, WORKER_ROLE, CONNECTIONS), loops, labour)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop; leave no connection and no file of long work behind."""
        try:
            await work(self.engine, stop, self.loops)
        finally:
            await self.engine.dispose()
            if self.labour is not None:
                await self.labour.close()


async def work(engine: AsyncEngine, stop: asyncio.Event, loops: Iterable[Loop]) -> None:
    """All of these at once, until told to stop."""
    await asyncio.gather(*(loop(engine, stop) for loop in loops))


def often(job: Job, seconds: float) -> Loop:
    """A job again and again, at once while more of it waits, else after so many seconds.

    A database that is away is waited for; what was committed meanwhile is published and sealed when it is back.
    """
    return partial(_often, job, seconds)


def forgetting_loops(key_days: int) -> list[Loop]:
    """What is over; 再送の鍵 after so many days."""
    jobs: list[Job] = [
        forget_assertions,
        forget_guesses,
        forget_questions,
        forget_drafts,
        partial(forget_keys, days=key_days),
    ]
    return [often(job, FORGET_SECONDS) for job in jobs]


def stamping_loops(settings: Settings) -> list[Loop]:
    """Seals stamped by an authority outside, where the operator has named one."""
    if settings.tsa_url is None:
        return []
    from renkei.worker.stamping import LOOK_SECONDS, Stamper  # CMS and what it needs: only for who wants it

    return [often(Stamper.of(settings).work, LOOK_SECONDS)]


def delivery_loops(deliverer: Deliverer) -> list[Loop]:
    """Webhooks: queued, told, and forgotten after their days."""
    forget = partial(forget_deliveries, days=deliverer.history_days)
    return [often(fill_queues, EVERY_SECONDS), deliverer.run, often(forget, FORGET_SECONDS)]


async def publish_changes(engine: AsyncEngine) -> bool:
    """Give committed changes their positions."""
    async with transaction(engine) as tx:
        published = await publish(tx)
    if published:
        log.debug("published %d changes", published)
    return published > 0


async def _often(job: Job, seconds: float, engine: AsyncEngine, stop: asyncio.Event) -> None:
    while not stop.is_set():
        pause = seconds
        try:
            if await job(engine):
                continue
        except Unavailable as error:
            log.warning("database unavailable: %s", error.__cause__)
            pause = AFTER_FAILURE_SECONDS
        except OSError as error:  # the journal's disk: the seals stand, and are noted when it is back
            log.error("the journal of seals cannot be written: %s", error)
            pause = AFTER_FAILURE_SECONDS
        try:
            await asyncio.wait_for(stop.wait(), pause)
        except TimeoutError:
            continue
