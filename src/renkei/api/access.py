"""/v1/patients/{id}/access, …/access-log, and /v1/me."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from renkei.actions import access, access_log
from renkei.api.documents import problems
from renkei.api.door import Asking, Door, answer, listing
from renkei.schemas.paging import Page
from renkei.vocabulary import Permission

router = APIRouter(prefix="/v1", tags=["access 閲覧権限"], route_class=Door)


@router.get("/patients/{patient_id}/access", name=Permission.access_read, responses=problems(403, 404))
async def read_access(call: Asking, patient_id: UUID) -> Response:
    """誰に何が見えるか。 Who can see what now, and on what basis."""
    return answer(await access.read_access(call.tx, call.asked, patient_id))


@router.get("/patients/{patient_id}/access-log", name=Permission.access_log_read, responses=problems(403, 404, 422))
async def read_access_log(call: Asking, patient_id: UUID, query: Annotated[Page, Query()]) -> Response:
    """閲覧記録。 Who looked or was refused, when, at which groups, on what basis."""
    return listing(call, await access_log.read_access_log(call.tx, call.asked, patient_id, query))


@router.get("/me", name="me.read", responses=problems())
async def read_me(call: Asking) -> Response:
    """ここでの自分。 Who I am here: organization, user, profession, rights."""
    return answer(await access.read_me(call.tx, call.actor))
