"""/v1/imports: files of many rows, taken in by the worker; /v1/import-mappings: what their columns are for."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response

from renkei.actions import imports
from renkei.api.bodies import body_chunks, require_media
from renkei.api.documents import BODY, problems
from renkei.api.door import Asking, Door, answer, listing
from renkei.api.problems import language_of
from renkei.blobs import Area
from renkei.blobs.answers import file_answer
from renkei.schemas.bulk.files import MEDIA_TYPES
from renkei.schemas.imports import (
    Confirmation,
    FaultQuery,
    ImportQuery,
    SavedMapping,
    Undoing,
    job_json,
    rejected_file,
    row_faults,
)
from renkei.schemas.paging import Page, page, page_of
from renkei.settings import Settings
from renkei.vocabulary import Permission

router = APIRouter(tags=["imports 一括取込"], route_class=Door)
_FILE: dict[str, Any] = {media: {"schema": {"type": "string", "format": "binary"}} for media in MEDIA_TYPES}


class FileDoor(Door):
    """A route that takes a file of any size, kept while it comes in. Its body is the media type and the file's key.

    What is refused afterwards is named by no row, and swept by the worker.
    """

    async def read_body(self, request: Request, settings: Settings) -> tuple[str, str]:
        limit, blobs = settings.import_max_bytes, request.app.state.service.blobs
        media = require_media(request, MEDIA_TYPES, limit)
        return media, (await blobs.put(Area.jobs, body_chunks(request), limit)).key


async def submit_import(request: Request, call: Asking, query: Annotated[ImportQuery, Query()]) -> Response:
    """ファイルの一括取込を依頼する。 Send a file of many rows (CSV, Excel, NDJSON); the worker takes it in."""
    media, key = call.body
    job = await imports.submit_import(call.tx, call.asked, media, key, query)
    return answer(job_json(job, language_of(request)), 202, {"Location": f"/v1/imports/{job.id}"})


router.add_api_route(
    "/v1/imports",
    submit_import,
    methods=["POST"],
    name=Permission.import_submit,
    status_code=202,
    responses=problems(*BODY, 403),
    openapi_extra={"requestBody": {"required": True, "content": _FILE}},
    route_class_override=FileDoor,
)


@router.get("/v1/imports", name=Permission.import_read, responses=problems(403, 422))
async def list_imports(request: Request, call: Asking, query: Annotated[Page, Query()]) -> Response:
    """自事業所の一括取込の一覧。 One's own organization's imports, newest first."""
    rows, language = await imports.list_imports(call.tx, call.asked, query), language_of(request)
    return listing(call, page_of(rows, query.limit, lambda row: job_json(row, language), lambda row: (row.id,)))


@router.get("/v1/imports/{import_id}", name=Permission.import_read, responses=problems(403, 404))
async def read_import(request: Request, call: Asking, import_id: UUID) -> Response:
    """一括取込の状況。 How far an import is, and what was found out about its file."""
    return answer(job_json(await imports.read_import(call.tx, call.asked, import_id), language_of(request)))


@router.get("/v1/imports/{import_id}/errors", name=Permission.import_read, responses=problems(403, 404, 422))
async def list_import_faults(
    request: Request, call: Asking, import_id: UUID, query: Annotated[FaultQuery, Query()]
) -> Response:
    """誤りのある行。 The rows with faults, by cell, in the order of the file."""
    rows, language = await imports.list_import_faults(call.tx, call.asked, import_id, query), language_of(request)
    kept = rows[: query.limit]
    following = str(kept[-1].number) if len(rows) > query.limit else None
    return listing(call, page([row_faults(row.number, row.faults, language) for row in kept], following))


@router.get(
    "/v1/imports/{import_id}/rejected",
    name=Permission.import_read,
    responses={
        200: {"description": "取り込まれなかった行 / rows not taken in", "content": _FILE},
        **problems(403, 404),
    },
    response_class=Response,
)
async def rejected_rows(request: Request, call: Asking, import_id: UUID) -> Response:
    """取り込まれなかった行のファイル。直して送り直せる。 The rows that were not taken in, each with why; to be mended and sent again."""
    pieces, media = await imports.rejected_rows(call.tx, call.asked, import_id, request.app.state.service.blobs)
    return await file_answer(pieces, *rejected_file(import_id, media))


@router.post(
    "/v1/imports/{import_id}/confirmation",
    name=Permission.import_confirm,
    status_code=202,
    responses=problems(*BODY, 403, 404, 409),
)
async def confirm_import(request: Request, call: Asking, import_id: UUID, said: Confirmation) -> Response:
    """確認待ちの取込を進める。 Go on with an import that waits: check once more, or take it in."""
    job = await imports.confirm_import(call.tx, call.asked, import_id, said)
    return answer(job_json(job, language_of(request)), 202, {"Location": f"/v1/imports/{job.id}"})


@router.delete("/v1/imports/{import_id}", name=Permission.import_cancel, responses=problems(403, 404, 409))
async def cancel_import(request: Request, call: Asking, import_id: UUID) -> Response:
    """取込を中止する。取り込まれた行は残る。 Stop an import after the batch being done; what was taken in stays."""
    return answer(job_json(await imports.cancel_import(call.tx, call.asked, import_id), language_of(request)))


@router.post(
    "/v1/imports/{import_id}/undo",
    name=Permission.import_undo,
    status_code=202,
    responses=problems(*BODY, 403, 404, 409),
)
async def undo_import(request: Request, call: Asking, import_id: UUID, said: Undoing) -> Response:
    """取込を取り消す。取り込まれた記録をすべて取り下げる。 Withdraw every record an import has made."""
    job = await imports.undo_import(call.tx, call.asked, import_id, said.reason)
    return answer(job_json(job, language_of(request)), 202, {"Location": f"/v1/imports/{job.id}"})


@router.get("/v1/import-mappings", name=Permission.import_mapping_read, responses=problems(403))
async def list_import_mappings(call: Asking) -> Response:
    """保存した列の割り当て。 One's own organization's mappings of columns, by name."""
    return answer(page(await imports.list_import_mappings(call.tx, call.asked), None))


@router.put("/v1/import-mappings/{name}", name=Permission.import_mapping_save, responses=problems(*BODY, 403))
async def save_import_mapping(
    call: Asking, name: Annotated[str, Path(min_length=1, max_length=100)], said: SavedMapping
) -> Response:
    """列の割り当てを保存する。 Keep a mapping of columns under a name."""
    return answer(await imports.save_import_mapping(call.tx, call.asked, name, said))
