"""書出しの画面: /exports, for offices without a system of their own. The same acts as /v1/exports."""

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from renkei.access.audit import Asked
from renkei.access.refusals import WHY
from renkei.actions import exports, patients
from renkei.blobs.answers import file_answer
from renkei.catalogue import load_catalogue
from renkei.catalogue.envelope import GROUP_TITLES, TIER_TITLES
from renkei.database import Row, Transaction
from renkei.errors import Conflict, Fault, Forbidden, Invalid, RenkeiError
from renkei.pages.acting import acting, done_or_told, filled, renewing, texts, words
from renkei.pages.page import PageDoor, Visit, Visiting
from renkei.schemas.documents import full_name
from renkei.schemas.exports import ExportRequest, export_file, export_json
from renkei.schemas.paging import Page, page_of
from renkei.schemas.patients import PatientQuery
from renkei.vocabulary import Group, Permission, Reason, Tier

router = APIRouter(prefix="/exports", include_in_schema=False, route_class=PageDoor)

LISTED, FOUND = 20, 20
_KANA = re.compile(r"[\u3041-\u30ff\uff66-\uff9f\s]+")


@router.get("")
async def list_exports(visit: Visiting, after: str = "") -> Response:
    """One's own exports, and where one is asked for."""
    return await _list(visit, after=after)


@router.post("")
async def request_export(visit: Visiting) -> Response:
    """Ask for one."""
    said = texts(visit.form, "what", "patient_id", "format", "sheet", "from", "to")
    if said.get("format") != "csv":
        said.pop("sheet", None)  # the field stands there for CSV

    async def act(tx: Transaction, asked: Asked) -> Response:
        job = await exports.request_export(tx, asked, filled(ExportRequest, said))
        return visit.go(f"/exports/{job.id}")

    return await done_or_told(visit, Permission.export_request, act, lambda error: _list(visit, error))


@router.get("/patients")
async def begin_again(visit: Visiting) -> Response:
    """Where one comes back to from proving who one is: what was searched for is in no address, and so is forgotten."""
    return visit.go("/exports")


@router.post("/patients")
async def find_patient(visit: Visiting) -> Response:
    """Whom an export may be about: among one's own patients, by name or number."""
    said = texts(visit.form, "name", "number")
    wanted: dict[str, Any] = {"limit": FOUND}
    if name := said.get("name"):
        wanted["kana" if _KANA.fullmatch(name) else "name"] = name
    if number := said.get("number"):
        wanted["identifier"] = f"local|{number}"
    try:
        async with acting(visit, Permission.patient_search) as (tx, asked):
            found = await patients.search_patient(tx, asked, filled(PatientQuery, wanted))
    except Invalid as error:
        return await _list(visit, error)
    return await _list(visit, found=found)


@router.get("/{export_id}")
async def read_export(visit: Visiting, export_id: UUID) -> Response:
    """How far one is."""
    return await _one(visit, export_id)


@router.get("/{export_id}/file")
async def download_export(visit: Visiting, export_id: UUID) -> Response:
    """The file, after the right to it is asked again."""
    try:
        async with acting(visit, Permission.export_download) as (tx, asked):
            file = await exports.download_export(tx, asked, export_id, visit.service.blobs)
    except Forbidden as error:
        if error.reason is not Reason.not_proved_recently:
            raise
        # Back to the page, not to the file: a download leaves a browser where it was.
        return visit.go(f"/login/again?next=/exports/{export_id}")
    except Conflict as error:
        return await _one(visit, export_id, error)
    return await file_answer(file.pieces, *export_file(file.job))


@router.post("/{export_id}/cancel")
async def cancel_export(visit: Visiting, export_id: UUID) -> Response:
    """Stop it."""

    async def act(tx: Transaction, asked: Asked) -> Response:
        await exports.cancel_export(tx, asked, export_id)
        return visit.go(f"/exports/{export_id}")

    return await done_or_told(visit, Permission.export_cancel, act, lambda error: _one(visit, export_id, error))


async def _list(
    visit: Visit, error: RenkeiError | None = None, *, after: str = "", found: Mapping[str, Any] | None = None
) -> Response:
    query = filled(Page, {"after": after or None, "limit": LISTED})
    async with acting(visit, Permission.export_read) as (tx, asked):
        rows = await exports.list_exports(tx, asked, query)
    listed = page_of(rows, LISTED, lambda row: _job(visit, row), lambda row: (row.id,))
    people = (
        [{**one, "called": full_name(one["name"]) if one.get("name") else ""} for one in found["items"]]
        if found
        else None
    )
    return visit.page(
        "exports.html",
        error.status if error else 200,
        wrong=words(visit, error, _told) if error else None,
        jobs=listed["items"],
        next=listed["next"],
        found=people,
        more=bool(found and found["next"]),
        form=visit.form,
    )


async def _one(visit: Visit, export_id: UUID, error: RenkeiError | None = None) -> Response:
    async with acting(visit, Permission.export_read) as (tx, asked):
        row = await exports.read_export(tx, asked, export_id)
    job, wrong = _job(visit, row), words(visit, error, _told) if error else None
    withheld = [_withheld(visit, one) for one in job["withheld"]]
    status = error.status if error else 200
    answer = visit.page("export.html", status, wrong=wrong, job=job, withheld=list(dict.fromkeys(withheld)))
    return renewing(visit, answer, job, f"/exports/{export_id}")


def _job(visit: Visit, row: Row) -> dict[str, Any]:
    """An export as the API tells it, with its day as pages write days."""
    return {**export_json(row, visit.language), "at": row.requested_at, "step": row.step}


def _withheld(visit: Visit, one: Mapping[str, Any]) -> str:
    """What is not in the file, and why."""
    item = load_catalogue().items.get(one.get("item") or "")
    what = visit.t(item.name_ja, item.name_en) if item else visit.t(*GROUP_TITLES[Group(one["group"])])
    if not item and one.get("tier"):
        what = f"{what} {visit.t(*TIER_TITLES[Tier(one['tier'])])}"
    return f"{what}: {visit.t(*WHY[Reason(one['reason'])])}"


FIELDS: Mapping[str, tuple[str, str]] = {
    "format": ("ファイルの種類", "Kind of file"),
    "sheet": ("CSV にする種類", "Rows of the CSV"),
    "from": ("いつから", "From"),
    "to": ("いつまで", "To"),
    "what": ("何を", "What"),
    "name": ("氏名・カナ", "Name"),
    "kana": ("氏名・カナ", "Name"),
    "identifier": ("利用者番号", "Number"),
}
NOBODY = ("利用者を選んでください", "Choose a patient")


def _told(visit: Visit, fault: Fault) -> str:
    name = fault.pointer.strip("/?")
    if name == "patient_id":
        return visit.t(*NOBODY)
    return f"{visit.t(*FIELDS.get(name, (name, name)))}: {fault.message(visit.language)}"
