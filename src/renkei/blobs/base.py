"""What keeping a file means, wherever it is kept.

A file arrives in a spool on this machine, counted and hashed while it streams, so that a large one needs no memory and what is
cut off leaves nothing. Then it is *kept*, whole or not at all, under a key of ours that says nothing about whose it is. A key
belongs to one row: two equal files are two files, so that removing one never takes another's, and nobody learns of its equal.
"""

import asyncio
import contextlib
import hashlib
import logging
import os
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from renkei.errors import TooLarge, Unavailable
from renkei.ids import made_at, new_id, now

CHUNK = 262_144
AT_ONCE = 1000
"""Keys told in one page."""

log = logging.getLogger("renkei.blobs")


class Area(StrEnum):
    """Whose files they are: each area's unused ones are swept by who knows which are used."""

    attachments = "attachments"  # 添付
    jobs = "jobs"  # 取込み・書出し


class Kept(NamedTuple):
    """A file that is kept. sha256: of its content, 32 bytes."""

    key: str
    size: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Received:
    """A file that has arrived whole in the spool and is not kept yet."""

    path: Path
    size: int
    sha256: bytes

    def content(self) -> bytes:
        """All of it: only for files that are small by their limit."""
        return self.path.read_bytes()


class Blobs(ABC):
    """Where files are kept. A disk or server that fails is ``Unavailable``; the log says why."""

    def __init__(self, spool: Path) -> None:
        self._spool = spool

    @asynccontextmanager
    async def receive(self, chunks: AsyncIterable[bytes], limit: int) -> AsyncIterator[Received]:
        """A file as it comes, in the spool until the block ends. Raises TooLarge as soon as it is."""
        path = self._spool / str(new_id())
        try:
            yield await _spooled(path, chunks, limit)
        finally:
            path.unlink(missing_ok=True)

    async def put(self, area: Area, chunks: AsyncIterable[bytes], limit: int) -> Kept:
        """Receive and keep. Raises TooLarge."""
        async with self.receive(chunks, limit) as received:
            return Kept(await self.keep(area, received), received.size, received.sha256)

    async def sweep_spool(self, before: datetime) -> None:
        """Remove what a crash has left in the spool."""
        with failing("swept"):
            for path in await asyncio.to_thread(lambda: list(self._spool.glob("*"))):
                if made_at(UUID(path.name)) < before:
                    path.unlink(missing_ok=True)

    @abstractmethod
    async def keep(self, area: Area, received: Received) -> str:
        """Keep a received file: on the disk, or at the server, when this returns. Its key."""

    @abstractmethod
    def open(self, key: str) -> AsyncIterator[bytes]:
        """Its content, piece by piece. A file that is not there is ``Unavailable``, before the first piece."""

    @abstractmethod
    async def exists(self, key: str) -> bool:
        """Whether it is there."""

    @abstractmethod
    async def delete(self, key: str) -> None:
        """Remove it; one that is gone already is no error."""

    @abstractmethod
    def kept(self, area: Area, before: datetime) -> AsyncIterator[list[str]]:
        """The keys kept before an instant, some hundreds at once, in no order."""


def new_key(area: Area) -> str:
    """A key nobody has: area, day (UTC) and an id. Nothing of it comes from a request."""
    return f"{area}/{now():%Y%m%d}/{new_id()}"


_KEY = re.compile(r"[a-z]+/[0-9]{8}/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def checked(key: str) -> str:
    """The key, if it is one of ours. Raises ValueError: what is no key must not become a path."""
    if not _KEY.fullmatch(key):
        raise ValueError("not a key")
    return key


def older(key: str, before: datetime) -> bool:
    """Whether a key was made before an instant."""
    return made_at(UUID(key.rpartition("/")[2])) < before


async def verified(pieces: AsyncIterator[bytes], sha256: bytes) -> AsyncIterator[bytes]:
    """The same pieces, the last of which comes only when all are what was kept; else Unavailable, and the log says so."""
    digest, held = hashlib.sha256(), b""
    async for piece in pieces:
        digest.update(piece)
        if held:
            yield held
        held = piece
    if digest.digest() != sha256:
        log.error("a file is not what was kept under %s", sha256.hex())
        raise Unavailable
    yield held


@contextmanager
def failing(what: str) -> Iterator[None]:
    """What the disk says becomes ``Unavailable``, after the log has it."""
    try:
        yield
    except OSError as error:
        log.error("a file could not be %s: %s", what, error)
        raise Unavailable from error


async def _spooled(path: Path, chunks: AsyncIterable[bytes], limit: int) -> Received:
    size, digest = 0, hashlib.sha256()
    with contextlib.ExitStack() as stack:
        with failing("received"):
            for folder in (path.parent.parent, path.parent):  # one by one: each private
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            file = stack.enter_context(os.fdopen(os.open(path, flags, 0o600), "wb", buffering=0))
        async for chunk in chunks:
            size += len(chunk)
            if size > limit:
                raise TooLarge(limit)
            digest.update(chunk)
            with failing("received"):
                await asyncio.to_thread(_write_all, file.fileno(), chunk)
    return Received(path, size, digest.digest())


def _write_all(descriptor: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(descriptor, view) :]
