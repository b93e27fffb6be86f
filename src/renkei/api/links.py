"""/v1/patients/{id}/links."""

from uuid import UUID

from fastapi import APIRouter, Response

from renkei.actions import links
from renkei.api.documents import BODY, REPEATED, problems
from renkei.api.door import Asking, Door, answer
from renkei.schemas.candidates import Distinction, Parting
from renkei.vocabulary import Permission

router = APIRouter(prefix="/v1/patients/{patient_id}/links", tags=["who is who 名寄せ"], route_class=Door)


@router.post(
    "", name=Permission.patient_link, status_code=201, responses={**REPEATED, **problems(*BODY, 403, 404, 409)}
)
async def link_patient(call: Asking, patient_id: UUID, link: Distinction) -> Response:
    """二つの登録を同一人物として結び付ける。 Link two registrations of one person."""
    status, linked = await links.link_patient(call.tx, call.asked, patient_id, link)
    return answer(linked, status)


@router.get("", name=Permission.link_read, responses=problems(403, 404))
async def list_links(call: Asking, patient_id: UUID) -> Response:
    """結び付きとその判断。 What makes this person's ids one."""
    return answer(await links.list_links(call.tx, call.asked, patient_id))


@router.post(
    "/{linked_id}/end",
    name=Permission.patient_unlink,
    status_code=201,
    responses={**REPEATED, **problems(*BODY, 403, 404, 409)},
)
async def unlink_patient(call: Asking, patient_id: UUID, linked_id: UUID, parting: Parting) -> Response:
    """結び付きを解く。 Part two that were linked."""
    status, left = await links.unlink_patient(call.tx, call.asked, patient_id, linked_id, parting.reason)
    return answer(left, status)
