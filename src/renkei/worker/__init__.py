"""DOOR whose caller is the clock: gives committed changes their positions in the feed."""

import asyncio
import logging

from sqlalchemy.ext.asyncio import AsyncEngine

from renkei.database import transaction
from renkei.errors import Unavailable
from renkei.store.changes import publish

EVERY_SECONDS = 0.3
"""A change is readable within a second of its commit."""
AFTER_FAILURE_SECONDS = 2.0

log = logging.getLogger("renkei.worker")


async def work(engine: AsyncEngine, stop: asyncio.Event) -> None:
    """Publish until told to stop. Several may run: one works, behind a lock, the others wait for it to go.

    A database that is away is waited for; what was committed meanwhile is published when it is back.
    """
    while not stop.is_set():
        pause = EVERY_SECONDS
        try:
            async with transaction(engine) as tx:
                published = await publish(tx)
            if published:
                log.debug("published %d changes", published)
                continue
        except Unavailable as error:
            log.warning("database unavailable: %s", error.__cause__)
            pause = AFTER_FAILURE_SECONDS
        try:
            await asyncio.wait_for(stop.wait(), pause)
        except TimeoutError:
            continue
