"""The feed of changes: its lines, and where one has got to."""

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Change:
    """One line: something happened to this patient's records. What, is read at ``href``, by the rights of that moment."""

    kind: str
    patient_id: str
    record_id: str | None
    organization_id: str | None
    at: datetime
    href: str

    @classmethod
    def of(cls, said: dict[str, Any]) -> "Change":
        """A line as it is sent."""
        at = datetime.fromisoformat(said["at"])
        return cls(said["kind"], said["patient_id"], said["record_id"], said["organization_id"], at, said["href"])


@dataclass(frozen=True, slots=True)
class ChangesPage:
    """Lines in order, and the cursor behind them: keep it in the same transaction as what the lines led to."""

    changes: tuple[Change, ...]
    cursor: str


class Cursor(Protocol):
    """Where a reader has got to, kept over restarts."""

    def load(self) -> str | None:
        """The cursor kept last; None at the very beginning."""

    def save(self, cursor: str) -> None:
        """Keep this one, whole or not at all."""


class FileCursor:
    """A cursor in a file of its own. A reader with a database keeps it there instead, beside what it has done."""

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)

    def load(self) -> str | None:
        """What the file says; None where there is none."""
        try:
            return self._path.read_text(encoding="ascii").strip() or None
        except FileNotFoundError:
            return None

    def save(self, cursor: str) -> None:
        """A new file, on the disk before it takes the old one's place."""
        draft = self._path.with_name(f"{self._path.name}.new")
        with draft.open("w", encoding="ascii") as file:
            file.write(cursor)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
