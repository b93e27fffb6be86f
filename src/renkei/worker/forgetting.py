"""Forgetting what is over: used assertions after minutes, attempts to sign in after a day, 再送の鍵 after weeks."""

import logging

from sqlalchemy.ext.asyncio import AsyncEngine

from renkei.database import transaction
from renkei.store.assertions import AT_ONCE, forget_used
from renkei.store.attempts import forget_attempts
from renkei.store.ceremonies import forget_ceremonies
from renkei.store.retries import forget

FORGET_SECONDS = 60.0

log = logging.getLogger("renkei.worker")


async def forget_assertions(engine: AsyncEngine) -> bool:
    """Forget what is over; whether more of it may wait."""
    async with transaction(engine) as tx:
        forgotten = await forget_used(tx)
    if forgotten:
        log.debug("forgot %d used assertions", forgotten)
    return forgotten == AT_ONCE


async def forget_guesses(engine: AsyncEngine) -> bool:
    """Forget attempts to sign in that count no more; whether more of them may wait."""
    async with transaction(engine) as tx:
        forgotten = await forget_attempts(tx, AT_ONCE)
    if forgotten:
        log.debug("forgot %d attempts to sign in", forgotten)
    return forgotten == AT_ONCE


async def forget_questions(engine: AsyncEngine) -> bool:
    """Forget what browsers were asked and have not answered; whether more of it may wait."""
    async with transaction(engine) as tx:
        return await forget_ceremonies(tx, AT_ONCE) == AT_ONCE


async def forget_keys(engine: AsyncEngine, days: int) -> bool:
    """Forget 再送の鍵 older than this; whether more of them may wait."""
    async with transaction(engine) as tx:
        forgotten = await forget(tx, days, AT_ONCE)
    if forgotten:
        log.debug("forgot %d keys", forgotten)
    return forgotten == AT_ONCE
