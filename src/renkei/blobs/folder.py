"""Files in a folder of this machine, or of a disk that all machines share."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path

from renkei.blobs.base import AT_ONCE, CHUNK, Area, Blobs, Received, checked, failing, new_key, older


class FolderBlobs(Blobs):
    """``<area>/<day>/<id>`` below a folder of mode 0700, each file 0600. The spool lies beside, on the same disk."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "spool")
        self._folder = folder

    async def keep(self, area: Area, received: Received) -> str:
        key = new_key(area)
        with failing("kept"):
            await asyncio.to_thread(_move, received.path, self._path(key))
        return key

    async def open(self, key: str) -> AsyncIterator[bytes]:
        with failing("read"):
            file = await asyncio.to_thread(self._path(key).open, "rb")
        with file:
            while True:
                with failing("read"):
                    chunk = await asyncio.to_thread(file.read, CHUNK)
                if not chunk:
                    return
                yield chunk

    async def exists(self, key: str) -> bool:
        return await asyncio.to_thread(self._path(key).is_file)

    async def delete(self, key: str) -> None:
        with failing("deleted"):
            await asyncio.to_thread(self._path(key).unlink, missing_ok=True)

    async def kept(self, area: Area, before: datetime) -> AsyncIterator[list[str]]:
        keys = self._keys(area)
        while page := await asyncio.to_thread(lambda: list(islice(keys, AT_ONCE))):
            yield [key for key in page if older(key, before)]

    def _keys(self, area: Area) -> Iterator[str]:
        for file in (self._folder / area).glob("*/*"):
            yield checked(f"{area}/{file.parent.name}/{file.name}")

    def _path(self, key: str) -> Path:
        return self._folder / checked(key)


def _move(source: Path, target: Path) -> None:
    """Whole or not at all, and there after a power cut: the content first, then the name, then the folder that holds it."""
    with source.open("rb") as file:
        os.fsync(file.fileno())
    day = target.parent
    for folder in (day.parent, day):  # one by one: parents that mkdir makes by itself are open to all
        if not folder.exists():
            folder.mkdir(mode=0o700, exist_ok=True)
            _sync(folder.parent)
    source.rename(target)
    _sync(day)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
