"""書出し: asked for, looked at, fetched, cancelled; and the patients an export goes through. What it shows of each the reading acts
decide (worker/exporting.py)."""

import hmac
from collections.abc import AsyncIterator, Mapping, Sequence
from secrets import token_hex
from typing import Any, NamedTuple
from uuid import UUID

from pydantic_core import from_json

from renkei.access import reach
from renkei.access.askers import asker, kept_actor, same_actor
from renkei.access.audit import Asked
from renkei.access.gate import Grant, authorize
from renkei.access.gate_batch import authorize_documents, authorize_work, note_documents
from renkei.access.step_up import require_leave
from renkei.blobs import Blobs, verified
from renkei.database import Row, Transaction
from renkei.errors import Conflict, NotFound, RenkeiError
from renkei.ids import new_id
from renkei.schemas.exports import ExportRequest
from renkei.schemas.paging import Page, decode_cursor
from renkei.store import jobs
from renkei.vocabulary import Group, Permission

EXPORT = "export"
OPEN = ("queued", "running")
AT_ONCE = 500
"""Patients decided by one question, when a file is fetched."""
READ_OF_EACH = (Permission.patient_read, Permission.face_sheet_read, Permission.care_report_read)


class File(NamedTuple):
    """What was written out. pieces: its content, which fails before its last piece if it is not what was kept."""

    job: Row
    pieces: AsyncIterator[bytes]


async def request_export(tx: Transaction, asked: Asked, said: ExportRequest) -> Row:
    """Records to be written into a file by the worker, with the rights of who asks. 404 for a patient who is absent or hidden."""
    asked.also_about.update([said.patient_id] if said.patient_id else [])
    await authorize_work(tx, asked, Permission.export_request)
    job_id = new_id()
    if said.patient_id is not None:
        event = (await authorize(tx, asked, Permission.export_request, said.patient_id)).event_id
    else:
        event = asked.served(tx, {"export_id": str(job_id)})
    spec: dict[str, Any] = {**said.model_dump(mode="json", by_alias=True), "names_key": token_hex(32)}
    jobs.insert_job(
        tx, job_id, EXPORT, "make", _organization(asked), await kept_actor(tx, asked.actor), spec, None, event
    )
    return await _one(tx, asked, job_id)


async def list_exports(tx: Transaction, asked: Asked, query: Page) -> list[Row]:
    """One's own exports among an organization's, newest first, and one more."""
    await authorize_work(tx, asked, Permission.export_read)
    asked.served(tx, {})
    last = decode_cursor(query.after, UUID)
    before, mine = last[0] if last else None, asker(asked.actor)
    return await jobs.load_jobs(tx, _organization(asked), EXPORT, before, query.limit, mine)


async def read_export(tx: Transaction, asked: Asked, job_id: UUID) -> Row:
    """One export as it stands now."""
    await authorize_work(tx, asked, Permission.export_read)
    asked.served(tx, {"export_id": str(job_id)})
    return await _one(tx, asked, job_id)


async def download_export(tx: Transaction, asked: Asked, job_id: UUID, blobs: Blobs) -> File:
    """The file, for who asked for it, as long as they may still read of each patient in it what they might when it was made.
    Each of them is on record as shown."""
    await authorize_work(tx, asked, Permission.export_download)
    job = await _one(tx, asked, job_id)
    if job.state != "done" or job.result_key is None:
        raise NotFound
    for act in (*READ_OF_EACH, *([Permission.summary_read] if job.spec["patient_id"] else [])):
        require_leave(asked.actor, act)
    people, kept = 0, verified(blobs.open(job.file_key), bytes.fromhex(job.found["people_sha256"]))
    async for some in _people(kept):
        await _require_unchanged(tx, asked, job, some)
        people += len(some)
    if not people:
        asked.served(tx, {"export_id": str(job_id)})
    return File(job, verified(blobs.open(job.result_key), bytes.fromhex(job.found["sha256"])))


async def cancel_export(tx: Transaction, asked: Asked, job_id: UUID) -> Row:
    """Stop an export. Cancelling again changes nothing."""
    await authorize_work(tx, asked, Permission.export_cancel)
    job = await _one(tx, asked, job_id, lock=True)
    event = asked.served(tx, {"export_id": str(job_id)})
    jobs.cancel(tx, job, event, OPEN, ALREADY_ENDED)
    return await _one(tx, asked, job_id)


async def export_patient(tx: Transaction, asked: Asked, patient_id: UUID) -> Grant:
    """The one event of writing out what this actor may see of a patient; the acts that read it follow under it."""
    return await authorize(tx, asked, Permission.export_make, patient_id, tuple(Group))


async def own_patients(tx: Transaction, asked: Asked, after: UUID | None, limit: int) -> tuple[list[UUID], UUID | None]:
    """The next patients of whom the organization has records of its own, a linked person once, and after whom the page after
    it begins."""
    await authorize_work(tx, asked, Permission.export_make)
    organization = _organization(asked)
    ids: Sequence[UUID] = await reach.candidates(tx, organization, after, limit)
    ties, _ = await reach.ties(tx, [(id_, organization) for id_ in ids]) if ids else ([], 0)
    return (
        [tie.patient_id for tie in ties if tie.own and tie.listed(asked.actor.profession)],
        ids[-1] if len(ids) == limit else None,
    )


def readable_of(grant: Grant, job: Row) -> list[str]:
    """What may be read of a patient, to be compared when the file is fetched: whether the registered person is known in full, what
    of one's own and, in an export of one patient, of others, and under which ids. Parted, what lies under the other id is not to
    be had by this one any more."""
    view = grant.view
    found = [*(f"own {part}" for part in view.own), *(f"id {id_}" for id_ in grant.patient_ids)]
    if grant.knows_person:
        found.append("person")
    if job.spec["patient_id"] is not None:
        found += [f"shared {part}" for part in view.shared]
        # Folded names of the family are somebody's too, and soon guessed: the key lies with the job, not with the files.
        key = bytes.fromhex(job.spec["names_key"])
        names = [hmac.digest(key, name.encode(), "sha256").hex() for name in view.members or ()]
        found += ["family"] if view.members is None else [f"family {name}" for name in names]
    return sorted(found)


async def _require_unchanged(tx: Transaction, asked: Asked, job: Row, people: Mapping[UUID, Sequence[str]]) -> None:
    """Put these patients on record as shown. Raises what refuses the one patient of an export, else Conflict, about those of
    whom less may be read now."""
    answers = await authorize_documents(tx, asked, Permission.export_download, list(people))
    grants = [one for one in answers if not isinstance(one, RenkeiError)]
    unchanged = {one.patient_id for one in grants if set(people[one.patient_id]) <= set(readable_of(one, job))}
    if lost := people.keys() - unchanged:
        asked.also_about.update(lost)
        if job.spec["patient_id"] is not None and isinstance(answers[0], RenkeiError):
            raise answers[0]
        raise Conflict("rights_changed", RIGHTS_CHANGED)
    note_documents(tx, grants, tuple(Group), [None] * len(grants))


async def _people(pieces: AsyncIterator[bytes]) -> AsyncIterator[dict[UUID, list[str]]]:
    """Of whom a file tells, and what was readable of each, some hundreds at once."""
    some, rest = dict[UUID, list[str]](), b""
    async for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        for one in map(from_json, lines):
            some[UUID(one["patient_id"])] = one["readable"]
            if len(some) == AT_ONCE:
                yield some
                some = {}
    if some:
        yield some


async def _one(tx: Transaction, asked: Asked, job_id: UUID, *, lock: bool = False) -> Row:
    job = await jobs.load_job(tx, _organization(asked), EXPORT, job_id, lock=lock)
    if job is None or not same_actor(job.actor, asked.actor):
        raise NotFound
    return job


def _organization(asked: Asked) -> UUID:
    if asked.actor.organization is None:
        raise NotFound
    return asked.actor.organization.id


ALREADY_ENDED = ("この書出しは既に終わっています", "This export has ended already")
RIGHTS_CHANGED = (
    "書出しのあとで見てよい範囲が狭まりました。もう一度書き出してください",
    "You may see less than when this was made; ask for it anew",
)
