"""Taking in what was sent (一括取込): one batch of one import at a time, each a transaction of its own.

A worker holds an import by the lock of its row while it does a batch; its checkpoint commits with what it counts. So several
workers share the imports, and one that dies has done a batch whole or not at all. Who asked must still stand at every batch, and
each row is decided by the gate as if it had been sent alone.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from renkei.access.askers import NoLonger, still_standing
from renkei.access.audit import Asked
from renkei.actions.batches import Outcome, Row, submit_documents
from renkei.blobs import Area, Blobs
from renkei.database import Transaction
from renkei.errors import Invalid
from renkei.schemas.bulk.files import NDJSON, BadFile, Limits
from renkei.schemas.bulk.mapping import MOST_COLUMNS
from renkei.schemas.bulk.mapping import Row as Said
from renkei.schemas.bulk.reading import Batch, Read
from renkei.schemas.bulk.sources import Source
from renkei.schemas.bulk.suggest import SAMPLES, suggest
from renkei.schemas.bulk.targets import Sheet
from renkei.schemas.imports import fault_told, suggestion_json
from renkei.settings import Settings
from renkei.store import import_rows, jobs
from renkei.vocabulary import Language, Permission
from renkei.worker.reading import Readers
from renkei.worker.spooling import Spool
from renkei.worker.taking_in import asking, refusal, register, runs, withdraw
from renkei.worker.turns import take_turn

BATCH = 2000
"""Rows of one transaction: less than a second's work. The more, the less often each patient's summary is composed."""
PEOPLE = 25
"""Registrations of one: each holds its numbers until it ends."""
WITHDRAWN_AT_ONCE = 50


class Importer:
    """Does imports, with the service's own role: what the gate does not open it does not see either."""

    def __init__(self, engine: AsyncEngine, blobs: Blobs, limits: Limits, batch: int = BATCH) -> None:
        self.engine, self.blobs, self.limits, self.batch = engine, blobs, limits, batch
        self._spool, self.readers = Spool(blobs), Readers()
        self._held: dict[UUID, UUID] = {}

    @classmethod
    def of(cls, engine: AsyncEngine, blobs: Blobs, settings: Settings) -> Self:
        """With the limits of the settings."""
        unpacked, line = settings.import_max_unpacked_bytes, settings.max_document_bytes
        return cls(engine, blobs, Limits(settings.import_max_rows, MOST_COLUMNS, unpacked, line))

    def close(self) -> None:
        """Leave no file behind, and no process."""
        self.readers.close()
        self._spool.close()

    async def work(self, _: object = None) -> bool:
        """One batch of the import whose turn it is; whether there was any."""
        found = await take_turn(self.engine, "import", self._turn, self._forget, self._held)
        if not found:
            self.readers.rest()
        return found

    async def _turn(self, tx: Transaction, job: Any) -> None:
        steps = {
            "read": self._look,
            "check": self._batch,
            "run": self._batch,
            "finish": self._finish,
            "undo": self._undo,
        }
        try:
            actor = await still_standing(tx, job.actor)
            await steps[job.step](tx, job, Asked(job.id, actor, Permission.import_submit))
        except NoLonger:
            self._stop(tx, job, "standing_lost")
        except BadFile as bad:
            self._stop(tx, job, bad.reason, found={"detail": list(bad.detail)})
        except Invalid:
            self._stop(tx, job, "mapping_unfit")

    def _stop(self, tx: Transaction, job: Any, reason: str, found: Mapping[str, Any] | None = None) -> None:
        self._forget(job.id)
        jobs.note(tx, job, state="failed", reason=reason, found=dict(found or {}))

    def _forget(self, job_id: UUID) -> None:
        self.readers.forget(job_id)
        self._spool.forget(job_id)

    async def _path(self, job: Any) -> Path:
        if job.file_key is None:
            raise BadFile("file_gone", ("ファイルがもう保管されていません", "the file is not kept any more"))
        return await self._spool.path(job.id, job.file_key)

    async def _source(self, tx: Transaction, job: Any) -> Source:
        path = await tx.outlast(self._path(job))
        opened = asyncio.to_thread(Source, path, job.spec["media_type"], self.limits, job.spec.get("worksheet"))
        return await tx.outlast(opened)

    async def _look(self, tx: Transaction, job: Any, asked: Asked) -> None:
        """Count the rows, and tell what the columns may be for."""
        source, spec = await self._source(tx, job), job.spec
        total = await tx.outlast(asyncio.to_thread(source.count))
        found: dict[str, Any] = {}
        if source.table is not None:
            samples = await asyncio.to_thread(source.samples, SAMPLES)
            suggested = await asyncio.to_thread(suggest, Sheet(spec["sheet"]), samples)
            found = {"told": source.table.told, "headings": source.headings, "sheet": spec["sheet"]}
            found["suggested"] = suggestion_json(suggested)
            if "mapping" not in spec:
                # Only to be looked at: without a mapping that somebody has chosen nothing is taken in.
                columns = {heading: one.target for heading, one in suggested.items()}
                changes = {"mapping": {"columns": columns, "fixed": {}}, "check": True} if columns else {}
                spec = {**spec, **changes}
                jobs.note(tx, job, spec=changes)
        if spec["media_type"] != NDJSON and "mapping" not in spec:
            jobs.note(tx, job, state="waiting", total=total, found=found)
            return
        step = "check" if spec["check"] or not spec["partial"] else "run"
        jobs.note(tx, job, state="running", step=step, total=total, found=found)

    async def _batch(self, tx: Transaction, job: Any, asked: Asked) -> None:
        """The next rows, checked only or taken in."""
        rows = await self._next(tx, job)
        if not rows:
            await self._end(tx, job)
            return
        dry, headings = job.step == "check", job.found.get("headings", ())
        faults = {one.row.number: one.faults for one in rows if one.faults}
        good = [(one.row, one.what) for one in rows if one.what is not None]
        by_number = {row.number: row for row, _ in good}
        kept = repeated = 0
        for outcome in await self._take_in(tx, asked, job.id, good, dry=dry):
            if outcome.refused is not None:
                faults[outcome.number] = refusal(by_number[outcome.number], outcome.refused, headings)
            elif outcome.new:
                kept += 1
            else:
                repeated += 1
        jobs.insert_faults(tx, job, [{"number": number, "faults": found} for number, found in faults.items()])
        counts = {} if dry else {"kept": kept, "repeated": repeated}
        jobs.note(tx, job, state="running", done=job.done + len(rows), wrong=job.wrong + len(faults), **counts)

    async def _next(self, tx: Transaction, job: Any) -> list[Read]:
        """The rows after those done. Of registrations a batch has few: each waits for whoever has the same number."""
        spec, largest = job.spec, self.batch
        batch = Batch(
            job_id=job.id,
            step=job.step,
            path=await tx.outlast(self._path(job)),
            media_type=spec["media_type"],
            worksheet=spec.get("worksheet"),
            limits=self.limits,
            sheet=Sheet(spec["sheet"]) if spec.get("sheet") else None,
            mapping=spec.get("mapping"),
            headings=tuple(job.found.get("headings", ())),
            position=job.done,
            largest=largest,
            people=PEOPLE if job.step == "run" else largest,
        )
        return await tx.outlast(self.readers.read(batch, job.total - job.done))

    async def _take_in(
        self, tx: Transaction, asked: Asked, import_id: UUID, good: Sequence[tuple[Said, Any]], *, dry: bool
    ) -> list[Outcome]:
        """In the order of the file, as a person may be registered in one line and written about in the next."""
        outcomes: list[Outcome] = []
        for sheet, run in runs(good):
            if sheet.kind is None:
                outcomes += [await register(tx, asked, row, what, dry=dry) for row, what in run]
            else:
                rows = [Row(row.number, what, row.about) for row, what in run]
                act = asking(asked, Permission(f"{sheet.kind}.submit"))
                outcomes += await submit_documents(tx, act, sheet.kind, rows, import_id, dry=dry)
        return outcomes

    async def _end(self, tx: Transaction, job: Any) -> None:
        """What follows the last row."""
        if job.step == "run":
            jobs.note(tx, job, step="finish")
        elif job.spec["check"]:
            jobs.note(tx, job, state="waiting")
        elif job.wrong and not job.spec["partial"]:
            jobs.note(tx, job, state="failed", reason="rows_invalid")
        else:
            jobs.forget_faults(tx, job)
            jobs.note(tx, job, step="run", done=0, wrong=0)

    async def _finish(self, tx: Transaction, job: Any, asked: Asked) -> None:
        """The rows that were not taken in, as a file to be mended."""
        key, found = None, dict[str, Any]()
        if job.wrong:
            source = await self._source(tx, job)
            faults = await _all_faults(tx, job)
            pieces = source.rejected(iter(faults))
            kept = await tx.outlast(self.blobs.put(Area.jobs, _in_thread(pieces), self.limits.unpacked))
            key, found = kept.key, {"sha256": kept.sha256.hex()}
        self._forget(job.id)
        jobs.note(tx, job, state="done", result_key=key, found=found)

    async def _undo(self, tx: Transaction, job: Any, asked: Asked) -> None:
        """Withdraw the next of what the import has made."""
        if asked.actor.organization is None:
            raise NoLonger
        after, left = job.spec["undone_to"], job.found.get("undone", {"withdrawn": 0, "left": 0})
        made = await import_rows.made_by(tx, asked.actor.organization.id, job.id, after, WITHDRAWN_AT_ONCE)
        withdrawn = 0
        for row in made:
            withdrawn += await withdraw(self.engine, asked, row, job.spec["reason"])
        undone = {"withdrawn": left["withdrawn"] + withdrawn, "left": left["left"] + len(made) - withdrawn}
        last = {"undone_to": made[-1].number} if made else {}
        state = "running" if made else "undone"
        jobs.note(tx, job, state=state, spec=last, found={"undone": undone}, done=job.done + len(made))


async def _all_faults(tx: Transaction, job: Any) -> list[tuple[int, list[dict[str, Any]]]]:
    found: list[tuple[int, list[dict[str, Any]]]] = []
    while True:
        rows = await jobs.load_faults(tx, job, found[-1][0] if found else 0, 1000)
        found += [(row.number, [fault_told(one, Language.ja) for one in row.faults]) for row in rows[:1000]]
        if len(rows) <= 1000:
            return found


async def _in_thread(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Pieces of a file made in a thread, some hundreds of kB at once."""
    while piece := await asyncio.to_thread(_joined, pieces):
        yield piece


def _joined(pieces: Iterator[bytes]) -> bytes:
    joined = b""
    for piece in pieces:
        joined += piece
        if len(joined) > 262_144:
            break
    return joined
