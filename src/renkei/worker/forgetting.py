"""Forgetting what is over: used assertions after minutes, attempts to sign in after a day, 再送の鍵 after weeks."""

import logging

from sqlalchemy.ext.asyncio import AsyncEngine

from renkei.access.actor import Actor
from renkei.access.audit import Asked
from renkei.database import transaction
from renkei.ids import new_id
from renkei.store.assertions import AT_ONCE, forget_used
from renkei.store.attempts import forget_attempts
from renkei.store.ceremonies import forget_ceremonies
from renkei.store.drafts import expire
from renkei.store.retries import forget
from renkei.vocabulary import ActorKind, Permission

FORGET_SECONDS = 60.0
DRAFTS_AT_ONCE = 200

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


async def forget_drafts(engine: AsyncEngine) -> bool:
    """Remove 下書き that nobody has confirmed in time, each on record; whether more of them may wait."""
    async with transaction(engine) as tx:
        gone = await expire(tx, DRAFTS_AT_ONCE)
        for draft in gone:
            if draft.record_id is None:  # else it is a record, and only the trace of its drafting goes
                asked = Asked(new_id(), Actor(ActorKind.worker, None, None, ()), Permission.draft_expire, draft.id)
                asked.allowed(tx, draft.patient_id, (), ())
    if gone:
        log.debug("removed %d drafts", len(gone))
    return len(gone) == DRAFTS_AT_ONCE
