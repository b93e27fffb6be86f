"""書出し: asked for, looked at, fetched, cancelled; and the patients an export goes through. What it shows of each the reading acts
decide (worker/exporting.py)."""

import hashlib
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from renkei.access import reach
from renkei.access.askers import asker, kept_actor, same_actor
from renkei.access.audit import Asked
from renkei.access.gate import Grant, authorize
from renkei.access.gate_batch import authorize_work
from renkei.access.policy import Rights
from renkei.database import Row, Transaction
from renkei.errors import Conflict, NotFound
from renkei.ids import new_id
from renkei.schemas.exports import ExportRequest
from renkei.schemas.paging import Page, decode_cursor
from renkei.store import jobs
from renkei.vocabulary import Group, Permission

EXPORT = "export"
OPEN = ("queued", "running")


async def request_export(tx: Transaction, asked: Asked, said: ExportRequest) -> Row:
    """Records to be written into a file by the worker, with the rights of who asks. 404 for a patient who is absent or hidden."""
    asked.also_about.update([said.patient_id] if said.patient_id else [])
    await authorize_work(tx, asked, Permission.export_request)
    job_id = new_id()
    if said.patient_id is not None:
        event = (await authorize(tx, asked, Permission.export_request, said.patient_id)).event_id
    else:
        event = asked.served(tx, {"export_id": str(job_id)})
    spec: dict[str, Any] = said.model_dump(mode="json", by_alias=True)
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


async def download_export(tx: Transaction, asked: Asked, job_id: UUID) -> Row:
    """The file, for who asked for it, as long as they may still read all that they might when it was made."""
    rights = await authorize_work(tx, asked, Permission.export_download)
    job = await _one(tx, asked, job_id)
    if job.state != "done" or job.result_key is None or not same_actor(job.actor, asked.actor):
        raise NotFound
    readable = readable_by(rights)
    if job.spec["patient_id"] is not None:
        patient_id = UUID(job.spec["patient_id"])
        asked.also_about.add(patient_id)
        grant = await authorize(tx, asked, Permission.export_download, patient_id, tuple(Group))
        readable = readable_of(grant)
    else:
        asked.served(tx, {"export_id": str(job_id)})
    if not set(job.found["readable"]) <= set(readable):
        raise Conflict("rights_changed", RIGHTS_CHANGED)
    return job


async def cancel_export(tx: Transaction, asked: Asked, job_id: UUID) -> Row:
    """Stop an export. Cancelling again changes nothing."""
    await authorize_work(tx, asked, Permission.export_cancel)
    job = await _one(tx, asked, job_id, lock=True)
    event = asked.served(tx, {"export_id": str(job_id)})
    if job.state == "cancelled":
        return job
    if job.state not in OPEN:
        raise Conflict("already_ended", ALREADY_ENDED)
    jobs.note(tx, job_id, state="cancelled", event=event)
    return await _one(tx, asked, job_id)


async def export_patient(tx: Transaction, asked: Asked, patient_id: UUID) -> Grant:
    """The one event of writing out what this actor may see of a patient; the acts that read it follow under it."""
    return await authorize(tx, asked, Permission.export_make, patient_id, tuple(Group))


async def own_patients(
    tx: Transaction, asked: Asked, after: UUID | None, limit: int
) -> tuple[Rights, list[UUID], UUID | None]:
    """The next patients of whom the organization has records of its own, a linked person once, and after whom the page after
    it begins."""
    rights = await authorize_work(tx, asked, Permission.export_make)
    organization = _organization(asked)
    ids: Sequence[UUID] = await reach.candidates(tx, organization, after, limit)
    ties, _ = await reach.ties(tx, [(id_, organization) for id_ in ids]) if ids else ([], 0)
    return (
        rights,
        [tie.patient_id for tie in ties if tie.own and tie.listed(asked.actor.profession)],
        ids[-1] if len(ids) == limit else None,
    )


def readable_by(rights: Rights) -> list[str]:
    """What the permission table lets one read of one's own, to be compared later."""
    return sorted([*(f"{group}.{tier}" for group, tier in rights.read), *(["restricted"] if rights.restricted else [])])


def readable_of(grant: Grant) -> list[str]:
    """What may be read of a patient, to be compared later: of others and of one's own, under which ids. Parted, what lies under
    the other is not to be had by this one any more."""
    view = grant.view
    family = ["family"] if view.members is None else [f"family {_digest(name)}" for name in view.members]
    ids = [f"id {id_}" for id_ in grant.patient_ids]
    return sorted([*(f"shared {part}" for part in view.shared), *(f"own {part}" for part in view.own), *family, *ids])


def _digest(name: str) -> str:
    """Kept with the export, where no name belongs."""
    return hashlib.sha256(name.encode()).hexdigest()


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
