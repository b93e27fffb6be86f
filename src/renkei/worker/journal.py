"""The journal of seals (封印の控え): a file outside the database, against which a cut-off tail or a replaced table shows."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from renkei.access.seals import canonical

LAST_BYTES = 65_536
"""The last line lies within: a seal's has about 800 bytes."""


class Journal:
    """One seal a line, oldest first, as the contract shows it. Only ever appended to; mode 0600."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def last_position(self) -> int:
        """The newest seal noted; 0 when there is none. A line cut off by a crash is taken away first."""
        if not self.file.exists():
            return 0
        with self.file.open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            begin = file.seek(max(0, size - LAST_BYTES))
            tail = file.read()
            whole = tail[: tail.rfind(b"\n") + 1]
            if whole != tail:
                file.truncate(begin + len(whole))
        lines = whole.splitlines()
        return int(from_json(lines[-1])["position"]) if lines else 0

    def append(self, seals: Sequence[dict[str, Any]]) -> None:
        """Note these seals; they are on the disk when this returns."""
        new = not self.file.exists()
        descriptor = os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(canonical(seal) + b"\n" for seal in seals)
            file.flush()
            os.fsync(file.fileno())
        if new:
            folder = os.open(self.file.parent, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
