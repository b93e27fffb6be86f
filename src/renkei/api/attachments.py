"""/v1/patients/{id}/attachments: photos and scanned letters, as they are."""

from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from renkei.access.service import Service
from renkei.actions import attachments
from renkei.actions.attachments import Sent
from renkei.api.bodies import body_chunks, require_media
from renkei.api.documents import BODY, REPEATED, problems
from renkei.api.door import Asking, Door, answer, listing
from renkei.blobs.answers import file_answer
from renkei.schemas.attachments import Attachment, AttachmentIn, AttachmentQuery, Attachments
from renkei.schemas.consents import Withdrawal
from renkei.schemas.evidence import MEDIA_TYPES
from renkei.settings import Settings
from renkei.vocabulary import Permission


class AttachmentDoor(Door):
    """A route that takes a file as it is: it streams into the spool of the files kept outside the rows, and is gone from
    there with the request. Its body is the media type, and the file as received."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        behind = super().get_route_handler()

        async def handle(request: Request) -> Response:
            async with AsyncExitStack() as request.state.spooled:
                return await behind(request)

        return handle

    async def read_body(self, request: Request, settings: Settings) -> Sent:
        media, limit = require_media(request, MEDIA_TYPES, settings.max_attachment_bytes), settings.max_attachment_bytes
        receiving = _service(request).blobs.receive(body_chunks(request), limit)
        return Sent(media, await request.state.spooled.enter_async_context(receiving))


router = APIRouter(prefix="/v1/patients/{patient_id}/attachments", tags=["attachments 添付"], route_class=Door)

_FILE: dict[str, Any] = {media: {"schema": {"type": "string", "format": "binary"}} for media in sorted(MEDIA_TYPES)}


def _service(request: Request) -> Service:
    return cast(Service, request.app.state.service)


async def add_attachment(
    request: Request, call: Asking, patient_id: UUID, said: Annotated[AttachmentIn, Query()]
) -> Response:
    """写真・文書を添付する。撮影場所などの情報は除かれる。 Attach a photo or letter; the body is the file. Place and device are removed."""
    blobs = _service(request).blobs
    status, kept = await attachments.add_attachment(call.tx, call.asked, patient_id, said, call.body, blobs)
    return answer(kept, status, {"Location": f"{call.url.path}/{kept['id']}"})


router.add_api_route(
    "",
    add_attachment,
    methods=["POST"],
    name=Permission.attachment_add,
    status_code=201,
    responses={201: {"model": Attachment}, **REPEATED, **problems(*BODY, 403, 404)},
    openapi_extra={"requestBody": {"required": True, "content": _FILE}},
    route_class_override=AttachmentDoor,
)


@router.get("", name=Permission.attachment_read, responses={200: {"model": Attachments}, **problems(403, 404, 422)})
async def list_attachments(call: Asking, patient_id: UUID, query: Annotated[AttachmentQuery, Query()]) -> Response:
    """添付の一覧。 What this actor may see of the attachments, newest first."""
    return listing(call, await attachments.list_attachments(call.tx, call.asked, patient_id, query))


@router.get(
    "/{attachment_id}", name=Permission.attachment_read, responses={200: {"model": Attachment}, **problems(403, 404)}
)
async def read_attachment(call: Asking, patient_id: UUID, attachment_id: UUID) -> Response:
    """添付の情報。 What is known of one attachment."""
    return answer(await attachments.read_attachment(call.tx, call.asked, patient_id, attachment_id))


@router.get(
    "/{attachment_id}/content",
    name=Permission.attachment_read,
    responses={200: {"description": "添付そのもの / the file", "content": _FILE}, **problems(403, 404)},
    response_class=Response,
)
async def read_attachment_content(request: Request, call: Asking, patient_id: UUID, attachment_id: UUID) -> Response:
    """添付そのもの。 The file, to be saved and not shown in place."""
    blobs = _service(request).blobs
    content = await attachments.read_attachment_content(call.tx, call.asked, patient_id, attachment_id, blobs)
    headers = {"Content-Length": str(content.size), "ETag": f'"{content.sha256}"'}
    return await file_answer(content.pieces, content.name, content.media_type, headers)


@router.post(
    "/{attachment_id}/withdrawal",
    name=Permission.attachment_withdraw,
    status_code=201,
    responses={201: {"model": Attachment}, **REPEATED, **problems(*BODY, 403, 404, 409)},
)
async def withdraw_attachment(call: Asking, patient_id: UUID, attachment_id: UUID, withdrawal: Withdrawal) -> Response:
    """添付を取り下げる。 Mark one's own attachment as sent in error."""
    status, marked = await attachments.withdraw_attachment(
        call.tx, call.asked, patient_id, attachment_id, withdrawal.reason
    )
    return answer(marked, status)
