"""/v1/patients/{id}/summary: a hot path, a plain route; stored bytes are sent as they are."""

from fastapi import APIRouter, Request, Response

from renkei.actions.summary import read_summary
from renkei.api.documents import PATIENT_ID, problems
from renkei.api.door import Call, Door, answer, patient_of
from renkei.errors import Fault, Invalid
from renkei.vocabulary import Group, Permission

_GROUPS = {
    "name": "groups",
    "in": "query",
    "description": "項目群をコンマ区切りで。省略時はすべて / groups, separated by commas; all when left out",
    "schema": {"type": "string", "examples": ["medical,living"]},
}
_KNOWN = {"name": "If-None-Match", "in": "header", "schema": {"type": "string"}}


class SummaryDoor(Door):
    """A plain route reads its one query parameter itself."""

    @property
    def query_names(self) -> frozenset[str]:
        return frozenset({"groups"})


router = APIRouter(prefix="/v1/patients/{patient_id}", tags=["summary 共有サマリー"], route_class=SummaryDoor)


@router.get(
    "/summary",
    name=Permission.summary_read,
    responses={304: {"description": "変更なし / not modified"}, **problems(403, 404, 422)},
    openapi_extra={"parameters": [PATIENT_ID, _GROUPS, _KNOWN]},
)
async def summary(request: Request) -> Response:
    """共有サマリー。 Every organization's standing statements, item by item, with origin, differences and review dates."""
    call: Call = request.state.call
    groups = _groups(request.query_params.get("groups"))
    known = [tag.strip().removeprefix("W/").strip('"') for tag in request.headers.get("if-none-match", "").split(",")]
    read = await read_summary(call.tx, call.asked, patient_of(request), groups, known)
    headers = {"ETag": f'"{read.etag}"', "Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie"}
    if read.text is None:
        return Response(status_code=304, headers=headers)
    return answer(read.text, headers=headers)


def _groups(asked: str | None) -> tuple[Group, ...]:
    if asked is None:
        return tuple(Group)
    names = asked.split(",")
    if any(name not in set(Group) for name in names):
        raise Invalid([Fault("?groups", None, "code", {"value_set": ", ".join(Group)})])
    return tuple(group for group in Group if group in names)
