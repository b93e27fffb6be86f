"""Delivering webhooks (通知の配信): the queues filled from the feed, and each receiver told at its own pace.

No transaction is held while a receiver is waited for. What a worker that dies was about to tell is told again by the next.
"""

import asyncio
import logging
import random
import time
from typing import Self

from sqlalchemy.ext.asyncio import AsyncEngine

from renkei.actions.deliveries import Limits, Message, Result, next_messages
from renkei.database import transaction
from renkei.errors import Unavailable
from renkei.ids import now
from renkei.schemas.webhook_messages import Patience, message_headers, retry_after
from renkei.secret_box import CannotOpen, SecretBox
from renkei.settings import Settings
from renkei.store import deliveries
from renkei.store.deliveries import Turn
from renkei.targets import RefusedTarget, Unreachable, post_bytes

EVERY_SECONDS = 0.3
AFTER_FAILURE_SECONDS = 2.0
QUEUED_AT_ONCE = 1000
TURNS = 4
"""Subscriptions of one receiver (host and port) at once."""
CLIENTS_SHARE = 4
"""A vendor's system has a quarter of all turns at most, however many receivers it names."""
WAVES = 100
"""Transactions of one turn at most; then somebody else's turn may come first."""
GRACE_SECONDS = 3.0
"""How long a receiver is waited for when the worker is told to end."""
LEASE_MARGIN_SECONDS = 5.0
"""Beyond a receiver's time; who stalls for longer may repeat what another has told meanwhile, and overtakes nothing."""

log = logging.getLogger("renkei.worker")


async def fill_queues(engine: AsyncEngine) -> bool:
    """Queue what is new, a step of what was asked for again, and drop what nobody is to be told; whether more may wait."""
    async with transaction(engine) as tx:
        if not await deliveries.begin_queueing(tx):
            return False
        passed = await deliveries.queue_new(tx, QUEUED_AT_ONCE)
        again = await deliveries.queue_again(tx, QUEUED_AT_ONCE // 2)
        return await deliveries.sweep(tx, QUEUED_AT_ONCE) or again or passed == QUEUED_AT_ONCE


async def forget_deliveries(engine: AsyncEngine, days: int) -> bool:
    """Forget attempts after so many days; whether more of them may wait."""
    async with transaction(engine) as tx:
        return await deliveries.forget(tx, days, QUEUED_AT_ONCE) == QUEUED_AT_ONCE


class Deliverer:
    """Tells receivers what waits for them, each alone: one that hangs holds up no other."""

    def __init__(self, box: SecretBox, settings: Settings) -> None:
        self.box, self.allow_private, self.seconds = (
            box,
            settings.allow_private_targets,
            settings.webhook_timeout_seconds,
        )
        self.limits = Limits(self.seconds + LEASE_MARGIN_SECONDS, Patience(settings.webhook_retry_seconds))
        self.receivers, self.history_days = settings.webhook_receivers, settings.webhook_history_days
        self.of_client = max(self.receivers // CLIENTS_SHARE, 1)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """With the keys of the data folder, which servers and workers share."""
        return cls(SecretBox.load(settings.box_keys_dir), settings)

    async def run(self, engine: AsyncEngine, stop: asyncio.Event) -> None:
        """Take turns until told to stop, as many at once as there may be."""
        turns = set[asyncio.Task[None]]()
        stopped = asyncio.create_task(stop.wait())
        while not stop.is_set():
            pause = EVERY_SECONDS
            try:
                while len(turns) < self.receivers and (turn := await self._take(engine)):
                    turns.add(asyncio.create_task(self._turn(engine, turn, stop)))
            except Unavailable as error:
                log.warning("database unavailable: %s", error.__cause__)
                pause = AFTER_FAILURE_SECONDS
            await asyncio.wait({stopped, *turns}, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
            turns = {turn for turn in turns if not turn.done()}
        await asyncio.gather(*turns)

    async def _take(self, engine: AsyncEngine) -> Turn | None:
        async with transaction(engine) as tx:
            return await deliveries.take_turn(tx, self.limits.lease, TURNS, self.of_client)

    async def _turn(self, engine: AsyncEngine, turn: Turn, stop: asyncio.Event) -> None:
        results: list[Result] = []
        try:
            for wave in range(WAVES):
                last = wave == WAVES - 1 or stop.is_set()
                async with transaction(engine) as tx:
                    messages, off = await next_messages(tx, self.box, turn, results, self.limits, last=last)
                if off is not None:
                    log.warning("subscription %s switched off: %s", turn.subscription_id, off)
                if not messages:
                    return
                results = await self._send(messages, stop)
        except Unavailable as error:  # what was sent is sent again when the turn's time is over
            log.warning("database unavailable: %s", error.__cause__)
        except CannotOpen as error:
            log.error("subscription %s: secret not read, other keys than the server's? %s", turn.subscription_id, error)
        except Exception:  # a defect of ours with one subscription must not end the others' turns
            log.exception("subscription %s", turn.subscription_id)

    async def _send(self, messages: list[Message], stop: asyncio.Event) -> list[Result]:
        """All of them at once; when told to stop, those that have an answer soon."""
        sending = {asyncio.create_task(self._one(message)) for message in messages}
        stopped = asyncio.create_task(stop.wait())
        waiting = set(sending)
        while waiting and not stop.is_set():
            await asyncio.wait({stopped, *waiting}, return_when=asyncio.FIRST_COMPLETED)
            waiting = {task for task in waiting if not task.done()}
        if waiting:
            await asyncio.wait(waiting, timeout=GRACE_SECONDS)
        for task in (stopped, *sending):
            task.cancel()
        ended = await asyncio.gather(*sending, return_exceptions=True)
        return [one for one in ended if isinstance(one, Result)]

    async def _one(self, message: Message) -> Result:
        began, moment = time.monotonic(), now()
        headers = message_headers(message.id, int(moment.timestamp()), message.body, message.secrets)
        status = answer = error = wait = None
        try:
            told = await post_bytes(
                message.url, message.body, headers, allow_private=self.allow_private, seconds=self.seconds
            )
            status, answer, wait = told.status, told.text, retry_after(told.retry_after, now())
        except (RefusedTarget, Unreachable) as failure:
            error = str(failure)
        spent = int(1000 * (time.monotonic() - began))
        return Result(message, status, answer, error, spent, wait, random.SystemRandom().random())
