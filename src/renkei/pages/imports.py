"""一括取込の画面: /imports, for offices without a system of their own. The same acts as /v1/imports."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from starlette.datastructures import UploadFile

from renkei.access.audit import Asked
from renkei.actions import imports
from renkei.blobs import CHUNK, Area
from renkei.blobs.answers import file_answer, saved_as
from renkei.database import Row, Transaction
from renkei.errors import Fault, Forbidden, Invalid, NotFound, RenkeiError
from renkei.pages.acting import acting, done_or_told, filled, renewing, require_post, texts, words
from renkei.pages.forms import LARGEST_FORM, Sizes
from renkei.pages.mapping_form import COLUMNS_AT_ONCE, Filled, codes, lacking, options, place, told
from renkei.pages.page import PageDoor, Visit, Visiting
from renkei.schemas.bulk.files import CSV, XLSX
from renkei.schemas.bulk.targets import Sheet, Target
from renkei.schemas.bulk.templates import template
from renkei.schemas.imports import Confirmation, FaultQuery, ImportQuery, Undoing, job_json, rejected_file, row_faults
from renkei.schemas.paging import Page, page_of
from renkei.vocabulary import Language, Permission

router = APIRouter(prefix="/imports", include_in_schema=False, route_class=PageDoor)

LISTED, FAULTY_ROWS = 20, 20
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How an Excel file begins: one of today; an old or an encrypted one, which the worker then calls by its name."""


class FileDoor(PageDoor):
    """A page that takes a file as large as the API does, from whoever acts under a post only."""

    def sizes(self, visit: Visit) -> Sizes:
        require_post(visit)
        return Sizes(upload=visit.service.settings.import_max_bytes + LARGEST_FORM, fields=20)


class WideDoor(PageDoor):
    """A page whose form has a field for each column of a file."""

    def sizes(self, visit: Visit) -> Sizes:
        require_post(visit)
        return Sizes(form=400_000, fields=1_500)


@router.get("")
async def list_imports(visit: Visiting, after: str = "") -> Response:
    """One's organization's imports, and where a file is sent."""
    return await _list(visit, after=after)


async def submit_import(visit: Visiting) -> Response:
    """Send a file."""
    try:
        query = filled(ImportQuery, texts(visit.form, "sheet", "mapping", "worksheet"))
        media, key = await _kept(visit)
        async with acting(visit, Permission.import_submit) as (tx, asked):
            job = await imports.submit_import(tx, asked, media, key, query)
    except Forbidden:
        raise
    except RenkeiError as error:
        return await _list(visit, error)
    return visit.go(f"/imports/{job.id}")


router.add_api_route("", submit_import, methods=["POST"], route_class_override=FileDoor)


@router.get("/templates/{sheet}")
async def template_of(visit: Visiting, sheet: Sheet) -> Response:
    """A sheet to be filled in. It tells nothing of anybody, and so is no act."""
    require_post(visit)
    return Response(template(sheet), headers=saved_as(f"renkei-{sheet.replace('_', '-')}.xlsx"), media_type=XLSX)


@router.get("/{import_id}")
async def read_import(visit: Visiting, import_id: UUID, after: str = "0", checked: str = "") -> Response:
    """How far one is, what is wrong with its rows, and what can be done."""
    return await _one(visit, import_id, after=after, checked=bool(checked))


@router.get("/{import_id}/rejected")
async def rejected_rows(visit: Visiting, import_id: UUID) -> Response:
    """The rows that were not taken in, to be mended and sent again."""
    async with acting(visit, Permission.import_read) as (tx, asked):
        pieces, media = await imports.rejected_rows(tx, asked, import_id, visit.service.blobs)
    return await file_answer(pieces, *rejected_file(import_id, media))


async def confirm_import(visit: Visiting, import_id: UUID) -> Response:
    """Check once more, or take in what was checked; or only show other columns of the form."""
    form, sheet = visit.form, _sheet(visit)
    said = Filled.of_form(sheet, form) if sheet else None
    what, _, first = form.get("act", "").partition("-")
    if what == "columns" and first.isdecimal() and len(first) < 4:
        return await _one(visit, import_id, said=said, first=int(first))
    # What was not checked is not taken in: whoever changes a column sees first what becomes of the rows.
    changed = said is not None and said.digest != form.get("checked")
    check = what != "run" or changed

    async def act(tx: Transaction, asked: Asked) -> Response:
        if said is not None:
            said.require_once()
        body = {"check": check, "partial": form.get("partial") != "all", **texts(form, "save_as")}
        confirmation = filled(Confirmation, {**body, "mapping": said.mapping} if said else body)
        await imports.confirm_import(tx, asked, import_id, confirmation)
        return visit.go(f"/imports/{import_id}{'?checked=1' if changed and what == 'run' else ''}")

    return await _act(visit, import_id, Permission.import_confirm, act, said)


router.add_api_route("/{import_id}/confirmation", confirm_import, methods=["POST"], route_class_override=WideDoor)


@router.post("/{import_id}/cancel")
async def cancel_import(visit: Visiting, import_id: UUID) -> Response:
    """Stop it."""

    async def act(tx: Transaction, asked: Asked) -> Response:
        await imports.cancel_import(tx, asked, import_id)
        return visit.go(f"/imports/{import_id}")

    return await _act(visit, import_id, Permission.import_cancel, act)


@router.post("/{import_id}/undo")
async def undo_import(visit: Visiting, import_id: UUID) -> Response:
    """Withdraw what it has made."""

    async def act(tx: Transaction, asked: Asked) -> Response:
        await imports.undo_import(tx, asked, import_id, filled(Undoing, texts(visit.form, "reason")).reason)
        return visit.go(f"/imports/{import_id}")

    return await _act(visit, import_id, Permission.import_undo, act)


async def _act(
    visit: Visit,
    import_id: UUID,
    permission: Permission,
    act: Callable[[Transaction, Asked], Awaitable[Response]],
    said: Filled | None = None,
) -> Response:
    """said: what the form says, to be kept where it is refused."""
    return await done_or_told(visit, permission, act, lambda error: _one(visit, import_id, error, said=said))


async def _kept(visit: Visit) -> tuple[str, str]:
    """The file's media type and key, once it is kept. What is refused afterwards is named by no row, and swept by the worker."""
    file = visit.file
    if file is None or not (start := await file.read(4)):
        raise Invalid([Fault("/file", None, "required")])
    await file.seek(0)
    media = XLSX if start in WORKBOOKS else CSV
    limit = visit.service.settings.import_max_bytes
    return media, (await visit.service.blobs.put(Area.jobs, _pieces(file), limit)).key


async def _pieces(file: UploadFile) -> AsyncIterator[bytes]:
    while piece := await file.read(CHUNK):
        yield piece


def _sheet(visit: Visit) -> Sheet | None:
    said = visit.form.get("sheet")
    return Sheet(said) if said in set(Sheet) else None


async def _list(visit: Visit, error: RenkeiError | None = None, after: str = "") -> Response:
    query = filled(Page, {"after": after or None, "limit": LISTED})
    async with acting(visit, Permission.import_read) as (tx, asked):
        rows = await imports.list_imports(tx, asked, query)
    async with acting(visit, Permission.import_mapping_read) as (tx, asked):
        mappings = await imports.list_import_mappings(tx, asked)
    listed = page_of(rows, LISTED, lambda row: _job(visit, row), lambda row: (row.id,))
    wrong = words(visit, error, _told) if error else None
    context = {"jobs": listed["items"], "next": listed["next"], "mappings": mappings, "form": visit.form}
    return visit.page("imports.html", error.status if error else 200, wrong=wrong, **context)


async def _one(
    visit: Visit,
    import_id: UUID,
    error: RenkeiError | None = None,
    *,
    after: str = "0",
    checked: bool = False,
    said: Filled | None = None,
    first: int = 0,
) -> Response:
    try:
        query = filled(FaultQuery, {"after": after, "limit": FAULTY_ROWS})
    except Invalid:
        raise NotFound from None
    async with acting(visit, Permission.import_read) as (tx, asked):
        row, rows = await imports.look_at_import(tx, asked, import_id, query)
        own = imports.is_ones_own(row, asked)
    job = _job(visit, row)
    faulty = [row_faults(one.number, _by_column(one.faults), visit.language) for one in rows[:FAULTY_ROWS]]
    following = faulty[-1]["row"] if len(rows) > FAULTY_ROWS else None
    context: dict[str, Any] = {
        "job": job,
        "own": own,
        "faulty": faulty,
        "next": following,
        "checked": checked,
        "place": _placed(visit, job),
    }
    if job["state"] == "waiting" and job["sheet"] and job["columns"]:
        context |= _form_of(visit, job, said, first, faulty)
    answer = visit.page(
        "import.html", error.status if error else 200, wrong=words(visit, error, _told) if error else None, **context
    )
    return renewing(visit, answer, job, f"/imports/{import_id}")


def _job(visit: Visit, row: Row) -> dict[str, Any]:
    """An import as the API tells it, with its day as pages write days."""
    return {**job_json(row, visit.language), "at": row.requested_at}


def _by_column(faults: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """From left to right; what stands in no column last."""
    return sorted(faults, key=lambda one: (len(one.get("column", "~~~~")), one.get("column", "")))


def _placed(visit: Visit, job: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], str]:
    """What a row's fault is about, in words."""
    sheet = Sheet(job["sheet"]) if job["sheet"] else None
    columns = job["mapping"]["columns"] if job["mapping"] else {}
    return lambda fault: place(sheet, fault, columns, _which(visit))


def _form_of(
    visit: Visit, job: Mapping[str, Any], said: Filled | None, first: int, faulty: list[dict[str, Any]]
) -> dict[str, Any]:
    """The form by which an import that waits goes on."""
    stands, which = Filled.of_import(job), _which(visit)
    said = said or stands
    chosen = {name for _, name in (*said.columns, *said.fixed)}
    wanted = [
        one for one in lacking(said.sheet, (f for row in faulty for f in row["errors"])) if one.name not in chosen
    ]
    fixed = [{"target": name, "value": text, "codes": []} for name, text in said.fixed]
    fixed += [{"target": one.name, "value": _likely(visit, one), "codes": codes(one, which)} for one in wanted]
    reasons = {one["heading"]: one.get("reasons", []) for one in job["columns"] if one.get("target")}
    return {
        "said": said,
        "stands": dict(stands.columns),
        "digest": stands.digest,
        "fixed": [*fixed, {"target": "", "value": "", "codes": []}],
        "lacking": bool(wanted),
        "reasons": reasons,
        "first": first,
        "at_once": COLUMNS_AT_ONCE,
        "options": lambda name, **what: options(said.sheet, name, which, **what),
    }


def _likely(visit: Visit, target: Target) -> str:
    """What an office may mean, to be seen and sent by who fills the form: its own name, where an author's is wanted."""
    organization = visit.member.actor.organization
    return organization.name if organization and target.name == "care_report.author.organization" else ""


def _told(visit: Visit, fault: Fault) -> str:
    return told(_sheet(visit), fault, visit.language)


def _which(visit: Visit) -> int:
    return 0 if visit.language is Language.ja else 1
