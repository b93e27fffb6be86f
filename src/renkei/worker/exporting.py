"""Writing out (書出し): what the reading acts show to who asked, as lines; at the end as the file asked for.

Of one patient all at once, of an organization's own records some patients at a time, each a transaction of its own. What was written
lies on this machine only: a worker that takes over begins anew, and what it reads again is on record again.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic_core import from_json, to_json
from sqlalchemy.ext.asyncio import AsyncEngine

from renkei.access.askers import NoLonger, still_standing
from renkei.access.audit import AskedAtOnce, reason_of
from renkei.access.gate import Grant
from renkei.actions import exports
from renkei.actions.patients import read_patient
from renkei.actions.records import list_care_reports, list_face_sheets
from renkei.actions.summary import read_summary
from renkei.blobs import Area, Blobs
from renkei.database import Transaction
from renkei.errors import Forbidden, NotFound
from renkei.schemas.bulk.writing import write_file
from renkei.schemas.paging import ReportQuery
from renkei.store import jobs
from renkei.vocabulary import Group, Permission, Reason
from renkei.worker.scratch import Scratch
from renkei.worker.turns import take_turn

PATIENTS = 20
"""Of one transaction."""
PAGE = 200
LARGEST_FILE = 4_000_000_000
CHUNK = 1 << 18


@dataclass
class _Open:
    """An export this worker is at: where its lines and its people are, and after whom it goes on. withheld: of which nothing can
    be told by lines."""

    folder: Scratch
    after: str | None = None
    done: int = 0
    withheld: list[dict[str, Any]] = field(default_factory=list)

    @property
    def lines(self) -> Path:
        return self.folder.path / "lines"

    @property
    def people(self) -> Path:
        """Of whom it tells, and what was readable of each: compared when the file is fetched."""
        return self.folder.path / "people"


class Exporter:
    """Does exports, with the service's own role."""

    def __init__(self, engine: AsyncEngine, blobs: Blobs) -> None:
        self.engine, self.blobs = engine, blobs
        self._open: dict[UUID, _Open] = {}
        self._held: dict[UUID, UUID] = {}

    def close(self) -> None:
        """Leave no file behind."""
        for job_id in list(self._open):
            self._forget(job_id)

    async def work(self, _: object = None) -> bool:
        """Some patients of the export whose turn it is; whether there was any."""
        return await take_turn(self.engine, "export", self._turn, self._forget, self._held)

    async def _turn(self, tx: Transaction, job: Any) -> None:
        try:
            asked = AskedAtOnce(job.id, await still_standing(tx, job.actor), Permission.export_make)
        except NoLonger:
            self._stop(tx, job, "standing_lost")
            return
        try:
            await self._write(tx, job, asked)
        except (NotFound, Forbidden) as error:
            if job.spec["patient_id"] is not None:
                asked.refused(tx, UUID(job.spec["patient_id"]), reason_of(error))
            else:
                asked.served(tx, {"export_id": str(job.id)}, refused=reason_of(error))
            self._stop(tx, job, "not_found" if isinstance(error, NotFound) else "forbidden")

    def _stop(self, tx: Transaction, job: Any, reason: str) -> None:
        self._forget(job.id)
        jobs.note(tx, job, state="failed", reason=reason)

    async def _write(self, tx: Transaction, job: Any, asked: AskedAtOnce) -> None:
        at = self._open.get(job.id)
        if at is None or at.after != job.found.get("after"):
            self._forget(job.id)
            at = self._open[job.id] = _Open(Scratch())
        spec, last = job.spec, True
        with at.lines.open("ab") as file, at.people.open("ab") as people:
            if spec["patient_id"] is not None:
                grant = await exports.export_patient(tx, asked, UUID(spec["patient_id"]))
                people.write(_person(grant, job))
                at.done = 1
                async for line in _of_patient(tx, asked, grant.patient_id, spec, at.withheld):
                    file.write(line)
            else:
                after = UUID(at.after) if at.after else None
                patients, following = await exports.own_patients(tx, asked, after, PATIENTS)
                for patient_id in patients:
                    people.write(_person(await exports.export_patient(tx, asked, patient_id), job))
                    async for line in _own(tx, asked, patient_id, spec):
                        file.write(line)
                last, at.after, at.done = following is None, str(following), at.done + len(patients)
        if not last:
            jobs.note(tx, job, state="running", done=at.done, found={"after": at.after})
            return
        await self._finish(tx, job, at)

    async def _finish(self, tx: Transaction, job: Any, at: _Open) -> None:
        target = at.folder.path / "file"
        await tx.outlast(asyncio.to_thread(write_file, at.lines, target, job.spec["format"], job.spec["sheet"]))
        kept = await tx.outlast(self.blobs.put(Area.jobs, _pieces(target), LARGEST_FILE))
        people = await tx.outlast(self.blobs.put(Area.jobs, _pieces(at.people), LARGEST_FILE))
        found = {"withheld": at.withheld, "sha256": kept.sha256.hex(), "people_sha256": people.sha256.hex()}
        keys = {"result_key": kept.key, "file_key": people.key}
        jobs.note(tx, job, state="done", done=at.done, total=at.done, found=found, **keys)
        self._forget(job.id)

    def _forget(self, job_id: UUID) -> None:
        if (at := self._open.pop(job_id, None)) is not None:
            at.folder.cleanup()


async def _of_patient(
    tx: Transaction, asked: AskedAtOnce, patient_id: UUID, spec: Mapping[str, Any], withheld: list[dict[str, Any]]
) -> AsyncIterator[bytes]:
    """The person, the summary and the records, as far as each act shows them."""
    yield _line("patient", await read_patient(tx, asked, patient_id))
    if (text := (await read_summary(tx, asked, patient_id, tuple(Group), ())).text) is not None:
        summary = from_json(text)
        withheld += summary["withheld"]
        yield _line("summary", summary)
    async for line in _records(tx, asked, patient_id, spec, None):
        yield line


async def _own(tx: Transaction, asked: AskedAtOnce, patient_id: UUID, spec: Mapping[str, Any]) -> AsyncIterator[bytes]:
    """The person, as this organization knows them, and its own records."""
    organization = asked.actor.organization
    yield _line("patient", await read_patient(tx, asked, patient_id))
    async for line in _records(tx, asked, patient_id, spec, str(organization.id) if organization else None):
        yield line


async def _records(
    tx: Transaction, asked: AskedAtOnce, patient_id: UUID, spec: Mapping[str, Any], organization: str | None
) -> AsyncIterator[bytes]:
    for read in (list_face_sheets, list_care_reports):
        query: dict[str, Any] = {"limit": PAGE, "from": spec["from"], "to": spec["to"], "organization": organization}
        try:
            while True:
                page = await read(tx, asked, patient_id, ReportQuery.model_validate(query))
                for record in page["items"]:
                    yield _line(record["kind"], record)
                if page["next"] is None:
                    break
                query["after"] = page["next"]
        except Forbidden as error:
            if error.reason is not Reason.profession:
                raise
            continue  # this profession reads none of this kind


def _person(grant: Grant, job: Any) -> bytes:
    return to_json({"patient_id": grant.patient_id, "readable": exports.readable_of(grant, job)}) + b"\n"


def _line(kind: str, said: Mapping[str, Any]) -> bytes:
    return to_json({"kind": kind, **said}) + b"\n"


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while piece := await asyncio.to_thread(file.read, CHUNK):
            yield piece
