"""The rows of a file, a batch at a time, read and held against the contract: whichever process does it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from renkei.catalogue import load_catalogue
from renkei.ids import now
from renkei.schemas.bulk.files import Limits
from renkei.schemas.bulk.mapping import Mapping_, Row
from renkei.schemas.bulk.rows import check_row, fault_json, with_key
from renkei.schemas.bulk.sources import Source
from renkei.schemas.bulk.targets import Sheet
from renkei.schemas.documents import Document
from renkei.schemas.patients import Registration
from renkei.schemas.submitted import Ready

AT_ONCE = 4
"""Files kept open; another job's is opened again and skipped through."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Which rows are wanted of which job's file: at most ``largest``, and of them at most ``people`` registrations.

    sheet, mapping, headings: of a table.
    """

    job_id: UUID
    step: str
    path: Path
    media_type: str
    worksheet: str | None
    limits: Limits
    sheet: Sheet | None
    mapping: Mapping[str, Any] | None
    headings: tuple[str, ...]
    position: int
    largest: int
    people: int


class Read(NamedTuple):
    """One row, without its body, and what it is: None where there are faults, told as they are kept."""

    row: Row
    what: Ready | Registration | None
    faults: list[dict[str, Any]]


class Files:
    """Files that are open, each where its last batch ended. Used by one thread at a time."""

    def __init__(self) -> None:
        self._open: dict[UUID, tuple[str, Source]] = {}

    def read(self, batch: Batch) -> list[Read]:
        """The rows. Raises BadFile, and Invalid where the mapping does not fit."""
        step, source = self._open.pop(batch.job_id, (None, None))
        if source is None or (step, source.position) != (batch.step, batch.position):
            source = Source(batch.path, batch.media_type, batch.limits, batch.worksheet)
            source.skip_to(batch.position)
        layout = None
        if batch.sheet is not None and batch.mapping is not None:
            layout = source.layout(batch.sheet, Mapping_.model_validate(batch.mapping))
        rows, moment = source.take(batch.largest, layout, batch.people), now()
        read = [_checked(with_key(row), batch.headings, moment) for row in rows]
        while len(self._open) >= AT_ONCE:
            del self._open[next(iter(self._open))]
        self._open[batch.job_id] = batch.step, source
        return read

    def forget(self, job_id: UUID) -> None:
        """This job's file is needed no more, or not from where it was left."""
        self._open.pop(job_id, None)


def _checked(row: Row, headings: tuple[str, ...], moment: datetime) -> Read:
    what, faults = check_row(row, moment)
    ready = Ready.of(what, load_catalogue()) if isinstance(what, Document) else what
    return Read(replace(row, body={}), ready, [fault_json(row, one, headings) for one in faults])
