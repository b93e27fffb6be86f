"""/v1/members: 職員, by the organization's administrator or the platform's."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from renkei.access.service import Service
from renkei.actions import members
from renkei.api.bodies import read_raw
from renkei.api.documents import BODY, REPEATED, problems
from renkei.api.door import Asking, Door, answer, listing
from renkei.schemas.client_keys import Because
from renkei.schemas.members import MemberEnd, MemberIn, MemberQuery, Post, StaffListQuery
from renkei.schemas.staff_list import LARGEST, MEDIA_TYPES
from renkei.settings import Settings
from renkei.vocabulary import Permission

router = APIRouter(prefix="/v1/members", tags=["members 職員"], route_class=Door)
ONCE = {"Cache-Control": "no-store"}


class StaffListDoor(Door):
    """A staff list is taken as the office keeps it."""

    async def read_body(self, request: Request, settings: Settings) -> tuple[str, bytes]:
        return await read_raw(request, MEDIA_TYPES, LARGEST)


_LIST = {"text/csv": {"schema": {"type": "string", "format": "binary"}}}


@router.get("", name=Permission.member_read, responses=problems(403, 422))
async def list_members(call: Asking, query: Annotated[MemberQuery, Query()]) -> Response:
    """職員の一覧。終わったものも含む。 Posts, ended ones too."""
    return listing(call, await members.list_members(call.tx, call.asked, query))


@router.post("", name=Permission.member_invite, status_code=201, responses=problems(*BODY, 403, 409))
async def invite_member(request: Request, call: Asking, member: MemberIn) -> Response:
    """職員を招待する。リンクは一度だけ表示。 Invite somebody to a post; the link is shown once, for you to hand over."""
    return answer(await members.invite_member(call.tx, call.asked, _service(request), member), 201, ONCE)


async def import_members(request: Request, call: Asking, query: Annotated[StaffListQuery, Query()]) -> Response:
    """職員名簿(CSV、UTF-8またはMS932)を取り込む。 Posts from a staff list, each with its link; faults are told by line."""
    _, raw = call.body
    status, told = await members.import_members(call.tx, call.asked, _service(request), query, raw)
    return answer(told, status, ONCE)


router.add_api_route(
    "/import",
    import_members,
    methods=["POST"],
    name=Permission.member_import,
    status_code=201,
    responses={200: {"description": "試行:何も保存しない / a dry run"}, **problems(*BODY, 403)},
    openapi_extra={"requestBody": {"required": True, "content": _LIST}},
    route_class_override=StaffListDoor,
)


@router.post(
    "/{member_id}/invitation",
    name=Permission.member_reinvite,
    status_code=201,
    responses=problems(*BODY, 403, 404, 409),
)
async def reinvite_member(request: Request, call: Asking, member_id: UUID, why: Because) -> Response:
    """招待をやり直す、またはパスワードの再設定リンクを出す。 Another link; for who has accepted, to another password."""
    made = await members.reinvite_member(call.tx, call.asked, _service(request), member_id, why.reason)
    return answer(made, 201, ONCE)


@router.post(
    "/{member_id}/change", name=Permission.member_change, status_code=201, responses=problems(*BODY, 403, 404, 409)
)
async def change_post(call: Asking, member_id: UUID, post: Post) -> Response:
    """職種・役割を変える。今の職は終わり、新しい職が始まる。 Another post from a day on; the one there was ends."""
    return answer(await members.change_post(call.tx, call.asked, member_id, post), 201)


@router.post(
    "/{member_id}/end",
    name=Permission.member_end,
    status_code=201,
    responses={**REPEATED, **problems(*BODY, 403, 404)},
)
async def end_member(call: Asking, member_id: UUID, end: MemberEnd) -> Response:
    """職を終える。一秒以内に効く。ほかの事業所の職は残る。 End a post, within a second; posts elsewhere stay."""
    status, ended = await members.end_member(call.tx, call.asked, member_id, end)
    return answer(ended, status)


@router.post(
    "/{member_id}/one-time-code",
    name=Permission.member_give_code,
    status_code=201,
    responses=problems(*BODY, 403, 404, 409),
)
async def give_code(request: Request, call: Asking, member_id: UUID, why: Because) -> Response:
    """電話をなくした日の一時コード。 A code in place of the second factor, once and for minutes; shown once."""
    return answer(await members.give_code(call.tx, call.asked, _service(request), member_id, why.reason), 201, ONCE)


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service
