"""/v1/patients/{id}/care-team."""

from uuid import UUID

from fastapi import APIRouter, Response

from renkei.actions import care_team
from renkei.api.documents import BODY, problems
from renkei.api.door import Asking, Door, answer
from renkei.schemas.care_teams import PlaceIn
from renkei.vocabulary import Permission

router = APIRouter(prefix="/v1/patients/{patient_id}", tags=["care team ケアチーム"], route_class=Door)


@router.put(
    "/care-team/{organization_id}",
    name=Permission.care_team_place,
    responses={201: {"description": "新しい所属 / a new place"}, **problems(*BODY, 403, 404)},
)
async def place_care_team(call: Asking, patient_id: UUID, organization_id: UUID, place: PlaceIn) -> Response:
    """事業所をケアチームに加える、または役割・期間を改める。 Give an organization a place, or change it."""
    status, placed = await care_team.place_care_team(call.tx, call.asked, patient_id, organization_id, place)
    return answer(placed, status)


@router.get("/care-team", name=Permission.care_team_read, responses=problems(403, 404))
async def read_care_team(call: Asking, patient_id: UUID) -> Response:
    """ケアチームの全期間と参加申請。 Every period, newest first, and requests to join."""
    return answer(await care_team.read_care_team(call.tx, call.asked, patient_id))


@router.delete(
    "/care-team/{organization_id}", name=Permission.care_team_end, status_code=204, responses=problems(403, 404)
)
async def end_care_team(call: Asking, patient_id: UUID, organization_id: UUID) -> Response:
    """事業所の所属を終える。直ちに効力を持つ。 End a place; effective at once."""
    await care_team.end_care_team(call.tx, call.asked, patient_id, organization_id)
    return Response(status_code=204)
