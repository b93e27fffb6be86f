"""Forgetting used assertions: the table holds those of the last minutes only."""

import logging

from sqlalchemy.ext.asyncio import AsyncEngine

from renkei.database import transaction
from renkei.store.assertions import AT_ONCE, forget_used

FORGET_SECONDS = 60.0

log = logging.getLogger("renkei.worker")


async def forget_assertions(engine: AsyncEngine) -> bool:
    """Forget what is over; whether more of it may wait."""
    async with transaction(engine) as tx:
        forgotten = await forget_used(tx)
    if forgotten:
        log.debug("forgot %d used assertions", forgotten)
    return forgotten == AT_ONCE
