"""/v1/exports: records written into a file by the worker, for who asked for it."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from renkei.actions import exports
from renkei.api.documents import BODY, problems
from renkei.api.door import Asking, Door, answer, listing
from renkei.api.problems import language_of
from renkei.blobs.answers import file_answer
from renkei.schemas.exports import MEDIA, ExportRequest, export_file, export_json
from renkei.schemas.paging import Page, page_of
from renkei.vocabulary import Permission

router = APIRouter(prefix="/v1/exports", tags=["exports 書出し"], route_class=Door)
_FILE: dict[str, Any] = {
    media.partition(";")[0]: {"schema": {"type": "string", "format": "binary"}} for media in MEDIA.values()
}


@router.post("", name=Permission.export_request, status_code=202, responses=problems(*BODY, 403, 404))
async def request_export(request: Request, call: Asking, said: ExportRequest) -> Response:
    """書出しを依頼する。 Ask for a file of one patient's records, or of one's own organization's."""
    job = await exports.request_export(call.tx, call.asked, said)
    return answer(export_json(job, language_of(request)), 202, {"Location": f"/v1/exports/{job.id}"})


@router.get("", name=Permission.export_read, responses=problems(403, 422))
async def list_exports(request: Request, call: Asking, query: Annotated[Page, Query()]) -> Response:
    """自分の書出しの一覧。 One's own exports, newest first."""
    rows, language = await exports.list_exports(call.tx, call.asked, query), language_of(request)
    return listing(call, page_of(rows, query.limit, lambda row: export_json(row, language), lambda row: (row.id,)))


@router.get("/{export_id}", name=Permission.export_read, responses=problems(403, 404))
async def read_export(request: Request, call: Asking, export_id: UUID) -> Response:
    """書出しの状況。 How far an export is."""
    return answer(export_json(await exports.read_export(call.tx, call.asked, export_id), language_of(request)))


@router.get(
    "/{export_id}/file",
    name=Permission.export_download,
    responses={200: {"description": "ファイル / the file", "content": _FILE}, **problems(403, 404, 409)},
    response_class=Response,
)
async def download_export(request: Request, call: Asking, export_id: UUID) -> Response:
    """書出したファイル。権利をもう一度確かめる。 The file, after the right to it is asked again."""
    file = await exports.download_export(call.tx, call.asked, export_id, request.app.state.service.blobs)
    return await file_answer(file.pieces, *export_file(file.job))


@router.delete("/{export_id}", name=Permission.export_cancel, responses=problems(403, 404, 409))
async def cancel_export(request: Request, call: Asking, export_id: UUID) -> Response:
    """書出しを中止する。 Stop an export."""
    return answer(export_json(await exports.cancel_export(call.tx, call.asked, export_id), language_of(request)))
