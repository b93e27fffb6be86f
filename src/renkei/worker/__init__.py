"""DOOR whose caller is the clock: gives committed changes their positions in the feed, delivers webhooks, seals the ledger,
forgets what is over."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from sqlalchemy.ext.asyncio import AsyncEngine

from renkei.database import transaction
from renkei.errors import Unavailable
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
WORKER_CONNECTIONS = 4
"""To the database. Every job holds one for moments only."""

log = logging.getLogger("renkei.worker")

Job = Callable[[AsyncEngine], Awaitable[bool]]
"""Does one piece of work; whether more of it may be waiting."""


async def work(
    engine: AsyncEngine,
    stop: asyncio.Event,
    sealer: Sealer | None = None,
    key_days: int = 30,
    sweeper: Sweeper | None = None,
    deliverer: Deliverer | None = None,
    labour: Labour | None = None,
) -> None:
    """Publish, forget keys after ``key_days``, seal, sweep, deliver and do long work where there is who does it, until told to stop.

    Several may run: one does each job, behind a lock, the others wait for it to go; delivering they share. A database that is
    away is waited for; what was committed meanwhile is published and sealed when it is back.
    """
    jobs = [
        _often(engine, stop, publish_changes, EVERY_SECONDS),
        _often(engine, stop, forget_assertions, FORGET_SECONDS),
        _often(engine, stop, forget_guesses, FORGET_SECONDS),
        _often(engine, stop, forget_questions, FORGET_SECONDS),
        _often(engine, stop, forget_drafts, FORGET_SECONDS),
        _often(engine, stop, lambda engine: forget_keys(engine, key_days), FORGET_SECONDS),
    ]
    if sealer is not None:
        jobs.append(_often(engine, stop, sealer.work, sealer.seconds))
    if sweeper is not None:
        jobs.append(_often(engine, stop, sweeper.work, SWEEP_SECONDS))
    if deliverer is not None:
        days = deliverer.history_days
        jobs.append(_often(engine, stop, fill_queues, EVERY_SECONDS))
        jobs.append(_often(engine, stop, lambda engine: forget_deliveries(engine, days), FORGET_SECONDS))
        jobs.append(deliverer.run(engine, stop))
    if labour is not None:
        jobs += [_often(engine, stop, job, seconds) for job, seconds in labour.jobs()]
    await asyncio.gather(*jobs)


async def publish_changes(engine: AsyncEngine) -> bool:
    """Give committed changes their positions."""
    async with transaction(engine) as tx:
        published = await publish(tx)
    if published:
        log.debug("published %d changes", published)
    return published > 0


async def _often(engine: AsyncEngine, stop: asyncio.Event, job: Job, seconds: float) -> None:
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
