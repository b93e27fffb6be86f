"""Files of jobs on this machine while they are worked on, fetched once."""

from pathlib import Path
from uuid import UUID

from renkei.blobs import Blobs
from renkei.worker.scratch import Scratch

AT_ONCE = 4
"""Files kept open by one worker; another job's is fetched again."""


class Spool:
    """Nothing here is needed to go on: after a crash, or in another worker, a file is fetched again."""

    def __init__(self, blobs: Blobs) -> None:
        self.blobs = blobs
        self._files: dict[UUID, Scratch] = {}

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

    def close(self) -> None:
        """This worker ends."""
        for job_id in list(self._files):
            self.forget(job_id)

    def forget(self, job_id: UUID) -> None:
        """This worker needs the file no more."""
        if (folder := self._files.pop(job_id, None)) is not None:
            folder.cleanup()
