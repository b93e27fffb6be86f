"""Waiting for the feed to grow: one look at its end for all who wait, and no connection to the database held meanwhile."""

import asyncio
import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import Request

from renkei.database import transaction
from renkei.errors import Unavailable
from renkei.store.changes import feed_end

EVERY_SECONDS = 0.25
"""With the worker's 0.3 s a change is told within a second of its commit."""

log = logging.getLogger("renkei.feed")


class FeedWatch:
    """One for each process. It looks only while somebody waits."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._waiting: dict[asyncio.Future[bool], int] = {}
        self._looking: asyncio.Task[None] | None = None
        self._closed = False

    async def grown(self, position: int, seconds: float, request: Request) -> bool:
        """True as soon as the feed goes on beyond a position; False after so many seconds, when the client has hung up,
        or when the process is told to end."""
        if self._closed or seconds <= 0:
            return False
        moved = asyncio.get_running_loop().create_future()
        gone = asyncio.ensure_future(_hung_up(request))
        self._waiting[moved] = position
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            await asyncio.wait({moved, gone}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            return moved.done() and moved.result()
        finally:
            del self._waiting[moved]
            gone.cancel()

    def close(self) -> None:
        """End every wait, and let none begin: whoever waits gets its empty page."""
        self._closed = True
        for moved in self._waiting:
            if not moved.done():
                moved.set_result(False)

    async def _look(self) -> None:
        while self._waiting:
            await asyncio.sleep(EVERY_SECONDS)
            try:
                async with transaction(self._engine) as tx:
                    end = await feed_end(tx)
            except Unavailable as error:
                log.warning("database unavailable: %s", error.__cause__)
                continue
            for moved, position in self._waiting.items():
                if position < end and not moved.done():
                    moved.set_result(True)

    @contextmanager
    def closed_by_signals(self) -> Iterator[None]:
        """Close when the process is told to end: the server waits for every answer before it tells the application."""
        signals = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
        loop, before = asyncio.get_running_loop(), {number: signal.getsignal(number) for number in signals}

        def ending(number: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(self.close)
            earlier = before[signal.Signals(number)]
            if callable(earlier):
                earlier(number, frame)

        for number, earlier in before.items():
            if callable(earlier):  # without a handler the process just ends
                signal.signal(number, ending)
        try:
            yield
        finally:
            for number, earlier in before.items():
                if signal.getsignal(number) is ending:
                    signal.signal(number, earlier)


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
