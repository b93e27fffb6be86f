"""Who reads and checks the rows of files: a thread, and of a large file another process, a batch ahead, so that one batch is read
while the database writes the one before. Nothing here is needed to go on."""

import asyncio
import os
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import UUID

from renkei.schemas.bulk.aside import give, take
from renkei.schemas.bulk.reading import AT_ONCE, Batch, Files, Read

ASIDE = 2_000
"""Rows still to be read from which a process of their own is worth its start, half a second of a processor."""
SILENT_SECONDS = 3600.0
"""Longer than it takes to skip through the largest workbook. A process that says nothing for so long hangs, and is ended."""
HERE = 500
"""Rows read here at once: few, so that the database has something to write while the other process begins."""
FRESH_SECONDS = 60.0
"""What was read longer ago is read again: a check asks what time it is. A process idle for so long ends."""


class Readers:
    """Reads rows, here or aside."""

    def __init__(self, aside: int = ASIDE) -> None:
        self.aside = aside
        self._here = Files()
        self._other: _Other | None = None
        self._ahead: dict[UUID, tuple[Batch, float, Future[list[Read]]]] = {}
        self._used = 0.0

    async def read(self, batch: Batch, left: int) -> list[Read]:
        """The rows; of this step there are ``left`` still. Raises what reading them raises."""
        self._used = time.monotonic()
        try:
            if (asked := self._take_ahead(batch) or self._ask(batch, left)) is not None:
                rows = await asyncio.wait_for(asyncio.wrap_future(asked), SILENT_SECONDS)
                self._read_ahead(batch, len(rows))
            else:
                here = replace(batch, largest=min(batch.largest, HERE))
                self._read_ahead(batch, here.largest)
                rows = await asyncio.to_thread(self._here.read, here)
                if len(rows) < here.largest:  # registrations end a batch sooner
                    self._read_ahead(batch, len(rows))
        except (EOFError, TimeoutError) as error:
            self.close()  # killed, for want of memory perhaps, or hung: the batch is tried again
            raise EOFError from error  # not a database that is away
        return rows

    def _take_ahead(self, batch: Batch) -> Future[list[Read]] | None:
        wanted, since, future = self._ahead.pop(batch.job_id, (None, 0.0, None))
        return future if wanted == batch and time.monotonic() - since < FRESH_SECONDS else None

    def _ask(self, batch: Batch, left: int) -> Future[list[Read]] | None:
        """Let the other process read a table, and wait for it: to skip through a workbook costs as much as to read it. Lines are
        read here until it has read ahead."""
        if self._other is None and left >= self.aside:
            self._other = _Other()
        return self._other.read(batch) if self._other is not None and batch.sheet else None

    def _read_ahead(self, batch: Batch, rows: int) -> None:
        """Let the other process, once it is ready, read what follows these rows; asked for from elsewhere, it is read again."""
        if self._other is None or not self._other.ready or not rows:
            return
        while len(self._ahead) >= AT_ONCE:  # of jobs that were cancelled, or went to other workers
            del self._ahead[next(iter(self._ahead))]
        following = replace(batch, position=batch.position + rows)
        self._ahead[batch.job_id] = following, time.monotonic(), self._other.read(following)

    def forget(self, job_id: UUID) -> None:
        """This job's file is needed no more, or not from where it was left."""
        self._here.forget(job_id)
        self._ahead.pop(job_id, None)
        if self._other is not None:
            self._other.forget(job_id)

    def rest(self) -> None:
        """There is nothing to do: end the other process, if that has been so for a while."""
        if time.monotonic() - self._used > FRESH_SECONDS:
            self.close()

    def close(self) -> None:
        """End the other process."""
        self._ahead.clear()
        other, self._other = self._other, None
        if other is not None:
            other.end()


class _Other:
    """The other process, and the thread that talks to it: one question after the other."""

    def __init__(self) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RENKEI_")}
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "renkei.schemas.bulk.aside"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,  # not ended by the terminal, but by the worker
        )
        if self.process.stdin is None or self.process.stdout is None:
            raise EOFError
        self._asked, self._told = self.process.stdin, self.process.stdout
        self._thread = ThreadPoolExecutor(1)
        self._begun = self._thread.submit(self._answer)

    @property
    def ready(self) -> bool:
        """Whether it has begun. Raises EOFError where it could not."""
        return self._begun.done() and self._begun.result() is None

    def read(self, batch: Batch) -> Future[list[Read]]:
        """The rows, once they are read."""
        return self._thread.submit(self._ask, batch)

    def forget(self, job_id: UUID) -> None:
        """Let it close this job's file."""
        self._thread.submit(self._ask, job_id)

    def end(self) -> None:
        """It keeps nothing, so that it may be killed."""
        self.process.kill()
        self._thread.shutdown(cancel_futures=True)
        self.process.communicate()

    def _ask(self, said: Batch | UUID) -> Any:
        try:
            give(self._asked, said)
        except OSError as error:
            raise EOFError from error  # not a database that is away
        return self._answer()

    def _answer(self) -> Any:
        answer = take(self._told)
        if isinstance(answer, Exception):
            raise answer
        return answer
