"""Folders of this machine that hold content while a worker is at a job. One that was killed leaves its own behind: others remove it."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

PREFIX = "renkei-job-"
HELD = "held"


class Scratch:
    """A folder private to this user, held by the lock of a file in it: the lock goes with the process, however that ends."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix=PREFIX)
        self.path = Path(self._folder.name)
        # Nobody finds the file by its name before it is locked.
        unnamed = self.path / "unnamed"
        self._held = unnamed.open("wb")
        fcntl.flock(self._held, fcntl.LOCK_EX)
        unnamed.rename(self.path / HELD)

    def cleanup(self) -> None:
        """Remove it with all that is in it."""
        self._folder.cleanup()
        self._held.close()


def remove_abandoned() -> None:
    """Remove what workers of this user left that are no more."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # held, or another worker is removing it
            if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
                continue
            with (folder / HELD).open("rb") as held:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
