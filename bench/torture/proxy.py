"""A line to PostgreSQL that is cut when it hurts most: after a COMMIT has gone out and before its answer has come back."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from renkei.embedded import SOCKET

COMMIT = b"COMMIT\0"
"""As a query on its way there and as the tag of its completion on its way back; no text that is stored can hold a NUL."""
AT_ONCE = 65_536


@dataclass
class Proxy:
    """Forwards to PostgreSQL; of the COMMITs that pass, cuts off this share.

    Half of those when the database has said that it has committed: certainly done. Half at once: nobody knows.
    """

    target: Path
    share: float = 0.0
    committed: int = 0
    unknown: int = 0
    _lines: set[asyncio.Task[None]] = field(default_factory=set)

    @contextlib.asynccontextmanager
    async def listening(self, folder: Path) -> AsyncIterator[None]:
        """Until the block ends, on a socket in this folder."""
        server = await asyncio.start_unix_server(self._line, folder / SOCKET)
        try:
            yield
        finally:
            server.close()
            for line in list(self._lines):
                line.cancel()
            await asyncio.gather(*self._lines, return_exceptions=True)

    async def _line(self, inward: asyncio.StreamReader, outward: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._lines.add(task)
        task.add_done_callback(self._lines.discard)
        try:
            from_database, to_database = await asyncio.open_unix_connection(self.target / SOCKET)
        except OSError:
            outward.close()
            return
        with contextlib.suppress(asyncio.CancelledError):  # the end of it all
            await self._forwarded(inward, outward, from_database, to_database)

    async def _forwarded(
        self,
        inward: asyncio.StreamReader,
        outward: asyncio.StreamWriter,
        from_database: asyncio.StreamReader,
        to_database: asyncio.StreamWriter,
    ) -> None:
        doomed = asyncio.Event()
        there = asyncio.create_task(self._there(inward, to_database, doomed))
        back = asyncio.create_task(self._back(from_database, outward, doomed))
        try:
            await asyncio.wait([there, back], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in (there, back):
                one.cancel()
            await asyncio.gather(there, back, return_exceptions=True)
            for writer in (to_database, outward):
                writer.transport.abort()

    async def _there(self, inward: asyncio.StreamReader, to: asyncio.StreamWriter, doomed: asyncio.Event) -> None:
        seen = b""
        while data := await inward.read(AT_ONCE):
            seen = seen[-len(COMMIT) :] + data
            strikes = COMMIT in seen and random.random() < self.share
            if strikes and random.random() < 0.5:
                doomed.set()
            to.write(data)
            await to.drain()
            if strikes and not doomed.is_set():
                self.unknown += 1
                return
            seen = b"" if COMMIT in seen else seen

    async def _back(self, answers: asyncio.StreamReader, outward: asyncio.StreamWriter, doomed: asyncio.Event) -> None:
        seen = b""
        while data := await answers.read(AT_ONCE):
            seen = seen[-len(COMMIT) :] + data
            if doomed.is_set() and COMMIT in seen:
                self.committed += 1
                return
            outward.write(data)
            await outward.drain()
