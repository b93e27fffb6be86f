"""One piece of long work at a time, each a transaction of its own: what fails is tried again later, and stops no other job."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from renkei.database import Transaction, transaction
from renkei.errors import Unavailable
from renkei.store import jobs

MOST_ATTEMPTS = 6

log = logging.getLogger("renkei.worker")


async def take_turn(
    engine: AsyncEngine,
    kind: str,
    work: Callable[[Transaction, Any], Awaitable[None]],
    forget: Callable[[UUID], None],
    held: dict[UUID, UUID],
) -> bool:
    """Work a while at the job of this kind whose turn it is; whether there was any. forget: what this machine holds of one that
    failed, or has ended elsewhere. held: what this worker has been at, and whose it is; kept here. Raises Unavailable: the
    database being away is no fault of a job."""
    job: Any = None
    try:
        async with transaction(engine) as tx:
            await _let_go(tx, forget, held)
            if (job := await jobs.claim(tx, kind)) is None:
                return False
            held[job.id] = job.organization_id
            await work(tx, job)
    except Unavailable:
        raise
    except Exception:  # whatever one job fails of, the others must go on
        if job is None:
            raise
        log.exception("a part of %s %s failed", kind, job.id)
        forget(job.id)
        async with transaction(engine) as tx:
            jobs.note_failure(tx, job, MOST_ATTEMPTS)
    return True


async def _let_go(tx: Transaction, forget: Callable[[UUID], None], held: dict[UUID, UUID]) -> None:
    """Whoever cancels a job between two turns, or does its last one, cannot reach the files of it that lie on this machine."""
    if held:
        for job_id in held.keys() - await jobs.still_open(tx, held):
            forget(job_id)
            del held[job_id]
