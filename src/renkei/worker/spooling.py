"""Files of jobs on this machine while they are worked on: fetched once, read on from where the last batch ended."""

from pathlib import Path
from uuid import UUID

from renkei.blobs import Blobs
from renkei.schemas.bulk.sources import Source
from renkei.worker.scratch import Scratch

AT_ONCE = 4
"""Files kept open by one worker; another job's is fetched again."""


class Spool:
    """Nothing here is needed to go on: after a crash, or in another worker, a file is fetched and skipped through."""

    def __init__(self, blobs: Blobs) -> None:
        self.blobs = blobs
        self._files: dict[UUID, Scratch] = {}
        self._sources: dict[UUID, tuple[str, Source]] = {}

    async def path(self, job_id: UUID, key: str) -> Path:
        """The file, private to this user."""
        if job_id not in self._files:
            while len(self._files) >= AT_ONCE:
                self.forget(next(iter(self._files)))
            folder = Scratch()
            with (folder.path / "file").open("wb") as file:
                async for piece in self.blobs.open(key):
                    file.write(piece)
            self._files[job_id] = folder
        return self._files[job_id].path / "file"

    def open_source(self, job_id: UUID, step: str, position: int) -> Source | None:
        """The source of the last batch, if it stands where this one begins. It is not kept any more: a batch may fail."""
        kept = self._sources.pop(job_id, None)
        return kept[1] if kept is not None and kept[0] == step and kept[1].position == position else None

    def keep_source(self, job_id: UUID, step: str, source: Source) -> None:
        """To be read on from here."""
        self._sources[job_id] = (step, source)

    def close(self) -> None:
        """This worker ends."""
        for job_id in list(self._files):
            self.forget(job_id)

    def forget(self, job_id: UUID) -> None:
        """This worker needs the file no more."""
        self._sources.pop(job_id, None)
        if (folder := self._files.pop(job_id, None)) is not None:
            folder.cleanup()
