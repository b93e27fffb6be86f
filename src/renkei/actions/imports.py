"""一括取込: asked for, looked at, confirmed, cancelled, undone. The rows themselves are the worker's (worker/importing.py)."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from renkei.access.askers import kept_actor, same_actor
from renkei.access.audit import Asked
from renkei.access.gate_batch import authorize_work
from renkei.blobs import Blobs, verified
from renkei.database import Row, Transaction
from renkei.errors import Conflict, Fault, Invalid, NotFound
from renkei.ids import new_id
from renkei.schemas.bulk.files import NDJSON
from renkei.schemas.bulk.mapping import Layout, Mapping_
from renkei.schemas.bulk.targets import Sheet
from renkei.schemas.imports import Confirmation, FaultQuery, ImportQuery, SavedMapping, mapping_json
from renkei.schemas.paging import Page, decode_cursor
from renkei.store import jobs
from renkei.vocabulary import Permission

IMPORT = "import"
OPEN = ("queued", "running", "waiting")


async def submit_import(tx: Transaction, asked: Asked, media_type: str, file_key: str, query: ImportQuery) -> Row:
    """A file to be taken in: kept already, looked at by the worker."""
    await authorize_work(tx, asked, Permission.import_submit)
    lines, organization = media_type == NDJSON, _organization(asked)
    if (query.sheet is None) != lines:
        raise Invalid([Fault("?sheet", None, "unknown" if lines else "required")])
    if lines and (query.mapping or query.worksheet):
        raise Invalid([Fault("?mapping" if query.mapping else "?worksheet", None, "unknown")])
    spec: dict[str, Any] = {
        "media_type": media_type,
        "sheet": query.sheet,
        "worksheet": query.worksheet,
        "partial": query.partial,
        "check": not lines if query.check is None else query.check,
    }
    if query.mapping is not None:
        saved = await jobs.load_mapping(tx, organization, query.mapping)
        if saved is None or saved.sheet != query.sheet:
            raise Invalid([Fault("?mapping", None, "code", {"value_set": "import-mappings"})])
        spec["mapping"] = saved.body
    job_id = new_id()
    event = asked.served(tx, {"import_id": str(job_id)})
    jobs.insert_job(tx, job_id, IMPORT, "read", organization, await kept_actor(tx, asked.actor), spec, file_key, event)
    return await _one(tx, asked, job_id)


async def list_imports(tx: Transaction, asked: Asked, query: Page) -> list[Row]:
    """An organization's imports, newest first, and one more."""
    await authorize_work(tx, asked, Permission.import_read)
    asked.served(tx, {})
    last = decode_cursor(query.after, UUID)
    return await jobs.load_jobs(tx, _organization(asked), IMPORT, last[0] if last else None, query.limit)


async def read_import(tx: Transaction, asked: Asked, job_id: UUID) -> Row:
    """One import as it stands now."""
    await authorize_work(tx, asked, Permission.import_read)
    asked.served(tx, {"import_id": str(job_id)})
    return await _one(tx, asked, job_id)


async def list_import_faults(tx: Transaction, asked: Asked, job_id: UUID, query: FaultQuery) -> list[Row]:
    """Its rows with faults, in their order, and one more."""
    return (await look_at_import(tx, asked, job_id, query))[1]


async def look_at_import(tx: Transaction, asked: Asked, job_id: UUID, query: FaultQuery) -> tuple[Row, list[Row]]:
    """An import and its rows with faults, as a page shows them."""
    job = await read_import(tx, asked, job_id)
    return job, await jobs.load_faults(tx, job, query.after, query.limit)


def is_ones_own(job: Row, asked: Asked) -> bool:
    """Whether who asks has sent it, or was the last to confirm it: only they are shown its rows."""
    return same_actor(job.actor, asked.actor)


async def rejected_rows(tx: Transaction, asked: Asked, job_id: UUID, blobs: Blobs) -> tuple[AsyncIterator[bytes], str]:
    """The rows that were not taken in, and their media type: only for who sent them."""
    job = await read_import(tx, asked, job_id)
    if job.result_key is None or not is_ones_own(job, asked):
        raise NotFound
    return verified(blobs.open(job.result_key), bytes.fromhex(job.found["sha256"])), job.spec["media_type"]


async def confirm_import(tx: Transaction, asked: Asked, job_id: UUID, said: Confirmation) -> Row:
    """Go on with an import that waits: check it once more, or take it in, with the rights of who confirms."""
    await authorize_work(tx, asked, Permission.import_confirm)
    organization = _organization(asked)
    job = await _one(tx, asked, job_id, lock=True)
    if job.state != "waiting":
        raise Conflict("not_waiting", NOT_WAITING)
    mapping = await _mapping(tx, organization, job, said)
    event = asked.served(tx, {"import_id": str(job_id)})
    if said.save_as is not None and mapping is not None:
        await jobs.save_mapping(tx, organization, said.save_as, job.spec["sheet"], mapping, event)
    step = "check" if said.check else "run"
    partial = job.spec["partial"] if said.partial is None else said.partial
    spec = {"mapping": mapping, "partial": partial, "check": said.check}
    jobs.forget_faults(tx, job)
    if step == "run" and not partial:
        step = "check"
    actor = await kept_actor(tx, asked.actor)
    jobs.note(tx, job, state="queued", step=step, spec=spec, actor=actor, done=0, wrong=0, event=event)
    return await _one(tx, asked, job_id)


async def cancel_import(tx: Transaction, asked: Asked, job_id: UUID) -> Row:
    """Stop after the batch that is being done; what was taken in stays. Cancelling again changes nothing."""
    await authorize_work(tx, asked, Permission.import_cancel)
    job = await _one(tx, asked, job_id, lock=True)
    event = asked.served(tx, {"import_id": str(job_id)})
    jobs.cancel(tx, job, event, OPEN, ALREADY_ENDED)
    return await _one(tx, asked, job_id)


async def undo_import(tx: Transaction, asked: Asked, job_id: UUID, reason: str) -> Row:
    """Withdraw every record the import has made, each with this reason and the rights of who asks. People registered stay
    registered: a number, once given, must keep meaning one person (decision 0052)."""
    await authorize_work(tx, asked, Permission.import_undo)
    job = await _one(tx, asked, job_id, lock=True)
    if job.state in OPEN or job.state == "undone":
        raise Conflict("not_undoable", NOT_UNDOABLE)
    event = asked.served(tx, {"import_id": str(job_id)})
    spec, actor = {"reason": reason, "undone_to": 0}, await kept_actor(tx, asked.actor)
    jobs.note(tx, job, state="queued", step="undo", spec=spec, actor=actor, done=0, event=event)
    return await _one(tx, asked, job_id)


async def list_import_mappings(tx: Transaction, asked: Asked) -> list[dict[str, Any]]:
    """An office's mappings of columns, by name."""
    await authorize_work(tx, asked, Permission.import_mapping_read)
    asked.served(tx, {})
    return [mapping_json(row) for row in await jobs.load_mappings(tx, _organization(asked))]


async def save_import_mapping(tx: Transaction, asked: Asked, name: str, said: SavedMapping) -> dict[str, Any]:
    """Keep a mapping under a name, in place of one that had it. Whether it fits is asked of each file."""
    await authorize_work(tx, asked, Permission.import_mapping_save)
    _require_fit(said.sheet, said.mapping, list(said.mapping.columns))
    event = asked.served(tx, {"name": name})
    body = said.mapping.model_dump(mode="json")
    return mapping_json(await jobs.save_mapping(tx, _organization(asked), name, said.sheet, body, event))


async def _mapping(tx: Transaction, organization: UUID, job: Row, said: Confirmation) -> Mapping[str, Any] | None:
    """The mapping to go on with, held against the file's headings. Raises Invalid; lines of JSON have none."""
    if job.spec["media_type"] == NDJSON:
        if said.mapping or said.saved or said.save_as:
            raise Invalid([Fault("/mapping", None, "unknown")])
        return None
    body: Mapping[str, Any] | None = job.spec.get("mapping")
    if said.mapping is not None:
        body = said.mapping.model_dump(mode="json")
    elif said.saved is not None:
        saved = await jobs.load_mapping(tx, organization, said.saved)
        if saved is None or saved.sheet != job.spec["sheet"]:
            raise Invalid([Fault("/saved", None, "code", {"value_set": "import-mappings"})])
        body = saved.body
    if body is None:
        raise Invalid([Fault("/mapping", None, "required")])
    _require_fit(Sheet(job.spec["sheet"]), Mapping_.model_validate(body), job.found["headings"])
    return body


def _require_fit(sheet: Sheet, mapping: Mapping_, headings: Sequence[str]) -> None:
    """Raise Invalid, with pointers into the request's ``mapping``."""
    try:
        Layout.of(sheet, mapping, headings)
    except Invalid as error:
        raise Invalid([Fault(f"/mapping{f.pointer}", f.item, f.code, f.params) for f in error.faults]) from None


async def _one(tx: Transaction, asked: Asked, job_id: UUID, *, lock: bool = False) -> Row:
    job = await jobs.load_job(tx, _organization(asked), IMPORT, job_id, lock=lock)
    if job is None:
        raise NotFound
    return job


def _organization(asked: Asked) -> UUID:
    if asked.actor.organization is None:
        raise NotFound
    return asked.actor.organization.id


NOT_WAITING = ("この取込は確認待ちではありません", "This import does not wait for a confirmation")
ALREADY_ENDED = ("この取込は既に終わっています", "This import has ended already")
NOT_UNDOABLE = (
    "終わった取込だけを取り消せます。取り消した取込は元に戻せません",
    "Only an import that has ended can be undone, and only once",
)
