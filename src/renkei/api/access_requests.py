"""/v1/access-requests and /v1/patients/{id}/access-requests."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from renkei.actions import access_requests
from renkei.api.documents import BODY, REPEATED, problems
from renkei.api.door import Asking, Door, answer, listing
from renkei.api.retries import Retrying
from renkei.schemas.access_requests import AccessRequestIn, Approval, Refusal, RequestQuery
from renkei.schemas.paging import Page
from renkei.vocabulary import Permission

router = APIRouter(prefix="/v1", tags=["access requests 閲覧・参加の申請"], route_class=Door)
OF_PATIENT = "/patients/{patient_id}/access-requests"


@router.get("/access-requests", name=Permission.access_request_read, responses=problems(403, 422))
async def queue_access_requests(call: Asking, query: Annotated[RequestQuery, Query()]) -> Response:
    """回答を待つ申請。 What waits for an answer: about one's own teams' patients, or all by office."""
    return listing(call, await access_requests.queue_access_requests(call.tx, call.asked, query))


@router.post(
    OF_PATIENT,
    name=Permission.access_request_submit,
    status_code=201,
    responses={**REPEATED, **problems(*BODY, 403, 404)},
)
async def submit_access_request(call: Retrying, patient_id: UUID, request: AccessRequestIn) -> Response:
    """閲覧や参加を申請する。 Ask those responsible for what was refused."""
    status, asked = await access_requests.submit_access_request(call.tx, call.asked, patient_id, request)
    return answer(asked, status)


@router.get(OF_PATIENT, name=Permission.access_request_read, responses=problems(403, 404, 422))
async def list_access_requests(call: Asking, patient_id: UUID, query: Annotated[Page, Query()]) -> Response:
    """申請と回答の一覧。申請した事業所には自機関のものだけ。 Requests and answers; who may only ask sees its own."""
    return listing(call, await access_requests.list_access_requests(call.tx, call.asked, patient_id, query))


@router.post(
    f"{OF_PATIENT}/{{request_id}}/approval",
    name=Permission.access_request_approve,
    status_code=201,
    responses={**REPEATED, **problems(*BODY, 403, 404, 409)},
)
async def approve_access_request(call: Asking, patient_id: UUID, request_id: UUID, approval: Approval) -> Response:
    """申請を承認し、所属または同意を記録する。 Approve by granting: the place or the consent comes with it."""
    status, approved = await access_requests.approve_access_request(
        call.tx, call.asked, patient_id, request_id, approval
    )
    return answer(approved, status)


@router.post(
    f"{OF_PATIENT}/{{request_id}}/refusal",
    name=Permission.access_request_refuse,
    status_code=201,
    responses={**REPEATED, **problems(*BODY, 403, 404, 409)},
)
async def refuse_access_request(call: Asking, patient_id: UUID, request_id: UUID, refusal: Refusal) -> Response:
    """申請を却下し、理由を伝える。 Refuse it, and say why."""
    status, refused = await access_requests.refuse_access_request(
        call.tx, call.asked, patient_id, request_id, refusal.comment
    )
    return answer(refused, status)
