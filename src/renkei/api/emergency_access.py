"""/v1/emergency-access and /v1/patients/{id}/emergency-access."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from renkei.access.service import Service
from renkei.actions import emergency_access
from renkei.api.documents import BODY, REPEATED, problems
from renkei.api.door import Asking, Door, answer, listing
from renkei.api.retries import Retrying
from renkei.schemas.care_teams import EmergencyIn
from renkei.schemas.emergencies import EmergencyQuery, EmergencySearch, Review
from renkei.schemas.paging import Page
from renkei.vocabulary import Permission

router = APIRouter(prefix="/v1", tags=["emergency access 緊急閲覧"], route_class=Door)
OF_PATIENT = "/patients/{patient_id}/emergency-access"


@router.post(
    "/emergency-access",
    name=Permission.emergency_access_open,
    status_code=201,
    responses=problems(*BODY, 403, 404, 429),
)
async def search_emergency_access(call: Retrying, request: Request, search: EmergencySearch) -> Response:
    """番号、またはフリガナ・生年月日・性別で一人に定まる利用者の緊急閲覧を開始する。 Break the glass without knowing the id."""
    service: Service = request.app.state.service
    most = service.settings.emergency_searches_per_hour
    return answer(await emergency_access.search_emergency_access(call.tx, call.asked, search, most), 201)


@router.get("/emergency-access", name=Permission.emergency_access_read, responses=problems(403, 422))
async def queue_emergency_access(call: Asking, query: Annotated[EmergencyQuery, Query()]) -> Response:
    """事後検証を待つ緊急閲覧。 What awaits review: of one's own teams' patients, or of all by office."""
    return listing(call, await emergency_access.queue_emergency_access(call.tx, call.asked, query))


@router.post(OF_PATIENT, name=Permission.emergency_access_open, status_code=201, responses=problems(*BODY, 403, 404))
async def open_emergency_access(call: Retrying, patient_id: UUID, emergency: EmergencyIn) -> Response:
    """緊急閲覧を開始する。 Read without consent to protect life: for hours, on record for ever."""
    opened = await emergency_access.open_emergency_access(call.tx, call.asked, patient_id, emergency)
    return answer(opened, 201)


@router.get(OF_PATIENT, name=Permission.emergency_access_read, responses=problems(403, 404, 422))
async def list_emergency_access(call: Asking, patient_id: UUID, query: Annotated[Page, Query()]) -> Response:
    """この利用者の緊急閲覧の一覧と検証結果。 Every emergency access, newest first, with its review."""
    return listing(call, await emergency_access.list_emergency_access(call.tx, call.asked, patient_id, query))


@router.delete(
    f"{OF_PATIENT}/{{emergency_id}}",
    name=Permission.emergency_access_close,
    status_code=204,
    responses=problems(403, 404),
)
async def close_emergency_access(call: Asking, patient_id: UUID, emergency_id: UUID) -> Response:
    """緊急閲覧を終える。 Close it before its time."""
    await emergency_access.close_emergency_access(call.tx, call.asked, patient_id, emergency_id)
    return Response(status_code=204)


@router.post(
    f"{OF_PATIENT}/{{emergency_id}}/review",
    name=Permission.emergency_access_review,
    status_code=201,
    responses={**REPEATED, **problems(*BODY, 403, 404, 409)},
)
async def review_emergency_access(call: Asking, patient_id: UUID, emergency_id: UUID, review: Review) -> Response:
    """緊急閲覧を検証し、結果を記録する。 Review it: once, and never by the organization that opened it."""
    status, reviewed = await emergency_access.review_emergency_access(
        call.tx, call.asked, patient_id, emergency_id, review
    )
    return answer(reviewed, status)
