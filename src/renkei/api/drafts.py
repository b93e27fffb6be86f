"""/v1/patients/{id}/face-sheets/drafts and …/care-reports/drafts."""

import json
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response

from renkei.access.service import Service
from renkei.actions import drafts, submissions
from renkei.actions.drafts import Shown
from renkei.api.documents import BODY, REPEATED, problems
from renkei.api.door import Asking, Door, answer, listing
from renkei.api.problems import language_of
from renkei.schemas.answers import Submitted
from renkei.schemas.drafts import Collection, Draft, DraftQuery
from renkei.schemas.subscriptions import Nothing
from renkei.vocabulary import Permission

router = APIRouter(prefix="/v1/patients/{patient_id}/{collection}/drafts", tags=["drafts 下書き"], route_class=Door)
ONE = "/{draft_id}"
IfMatch = Annotated[str | None, Header()]

_DOCUMENT: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object", "required": ["source"]}}},
    }
}
_DRAFT: dict[int | str, dict[str, Any]] = {200: {"model": Draft}}


@router.post(
    "",
    name=Permission.draft_enter,
    status_code=201,
    responses={201: {"model": Draft}, **REPEATED, **problems(*BODY, 403, 404, 409)},
    openapi_extra=_DOCUMENT,
)
async def enter_draft(request: Request, call: Asking, patient_id: UUID, collection: Collection) -> Response:
    """下書きを入力する。誤りは応答に示し、受け付ける。 Prepare a document for another to confirm; its faults are told, not refused."""
    shown = await drafts.enter_draft(call.tx, call.asked, patient_id, collection.kind, call.body, _days(request))
    return _told(request, shown, {"Location": f"{call.url.path}/{shown.draft['id']}"})


@router.get("", name=Permission.draft_read, responses=problems(403, 404, 422))
async def list_drafts(
    call: Asking, patient_id: UUID, collection: Collection, query: Annotated[DraftQuery, Query()]
) -> Response:
    """確認を待つ下書きの一覧。 One's own organization's, newest first, without their documents."""
    return listing(call, await drafts.list_drafts(call.tx, call.asked, patient_id, collection.kind, query))


@router.get(ONE, name=Permission.draft_read, responses={**_DRAFT, **problems(403, 404)})
async def read_draft(
    request: Request, call: Asking, patient_id: UUID, collection: Collection, draft_id: UUID
) -> Response:
    """下書きと、提出までに直すこと。 One draft, and what keeps it from being a record."""
    return _told(request, await drafts.read_draft(call.tx, call.asked, patient_id, collection.kind, draft_id))


@router.put(
    ONE,
    name=Permission.draft_change,
    responses={**_DRAFT, **problems(*BODY, 403, 404, 409, 412)},
    openapi_extra=_DOCUMENT,
)
async def change_draft(
    request: Request,
    call: Asking,
    patient_id: UUID,
    collection: Collection,
    draft_id: UUID,
    if_match: IfMatch = None,
) -> Response:
    """下書きを書き換える。If-Match が要る。 Put another document in its place; needs ``If-Match``."""
    kind, days = collection.kind, _days(request)
    shown = await drafts.change_draft(call.tx, call.asked, patient_id, kind, draft_id, call.body, if_match, days)
    return _told(request, shown)


@router.delete(ONE, name=Permission.draft_discard, status_code=204, responses=problems(403, 404))
async def discard_draft(call: Asking, patient_id: UUID, collection: Collection, draft_id: UUID) -> Response:
    """下書きを捨てる。 Discard it: nobody has said it."""
    await drafts.discard_draft(call.tx, call.asked, patient_id, collection.kind, draft_id)
    return Response(status_code=204)


@router.post(
    f"{ONE}/confirmation",
    name=Permission.draft_confirm,
    status_code=201,
    responses={201: {"model": Submitted}, **REPEATED, **problems(*BODY, 403, 404, 409, 412)},
)
async def confirm_draft(
    call: Asking, patient_id: UUID, collection: Collection, draft_id: UUID, said: Nothing, if_match: IfMatch = None
) -> Response:
    """下書きを確認し、記録として提出する。If-Match が要る。 Make it a record of one's own; needs ``If-Match``. Both names stay on it."""
    kept = await submissions.confirm_draft(call.tx, call.asked, patient_id, collection.kind, draft_id, if_match)
    location = f"/v1/patients/{patient_id}/{collection}/{kept.record_id}"
    return answer(kept.answer, kept.status, {"Location": location, "ETag": f'"{kept.record_id}"'})


def _days(request: Request) -> int:
    service: Service = request.app.state.service
    return service.settings.draft_days


def _told(request: Request, shown: Shown, headers: dict[str, str] | None = None) -> Response:
    """Its faults in the reader's language. Escaped: what is not valid yet may hold what UTF-8 has no form for."""
    told = dict(shown.draft)
    if "document" in told:
        language = language_of(request)
        told["problems"] = [
            {"pointer": one.pointer, "item": one.item, "code": one.code, "message": one.message(language)}
            for one in shown.faults
        ]
    return answer(json.dumps(told, separators=(",", ":")), shown.status, {"ETag": shown.etag, **(headers or {})})
