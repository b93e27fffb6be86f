"""/v1/patients/{id}/face-sheets and …/care-reports. Submitting is a hot path: plain routes, bodies read by the door."""

import hashlib
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from renkei.actions import records, submissions
from renkei.api.documents import BODY, REPEATED, document_body, problems
from renkei.api.door import Asking, Call, Door, answer, listing, patient_of
from renkei.schemas.answers import Record, Submitted
from renkei.schemas.consents import Withdrawal
from renkei.schemas.paging import Page, ReportQuery
from renkei.schemas.submitted import Kept
from renkei.vocabulary import Permission, RecordKind

router = APIRouter(prefix="/v1/patients/{patient_id}", tags=["records 記録"], route_class=Door)

_SUBMITTED: dict[int | str, dict[str, Any]] = {
    200: {"model": Submitted, **REPEATED[200]},
    201: {"model": Submitted},
    **problems(*BODY, 403, 404, 409),
}
_RECORD: dict[int | str, dict[str, Any]] = {200: {"model": Record}, **problems(403, 404)}
_WITHDRAWN = {**REPEATED, **problems(*BODY, 403, 404, 409)}
_LISTED = problems(403, 404, 422)


def _kept(kept: Kept, patient_id: UUID, collection: str) -> Response:
    location = f"/v1/patients/{patient_id}/{collection}/{kept.record_id}"
    return answer(kept.answer, kept.status, {"Location": location, "ETag": f'"{kept.record_id}"'})


@router.post(
    "/face-sheets",
    name=Permission.face_sheet_submit,
    status_code=201,
    responses=_SUBMITTED,
    openapi_extra=document_body(RecordKind.face_sheet),
)
async def submit_face_sheet(request: Request) -> Response:
    """フェイスシートを提出する。 Submit a face sheet; the same again is answered as the first time."""
    call: Call = request.state.call
    patient_id = patient_of(request)
    kept = await submissions.submit_face_sheet(call.tx, call.asked, patient_id, call.body)
    return _kept(kept, patient_id, "face-sheets")


@router.post(
    "/care-reports",
    name=Permission.care_report_submit,
    status_code=201,
    responses=_SUBMITTED,
    openapi_extra=document_body(RecordKind.care_report),
)
async def submit_care_report(request: Request) -> Response:
    """ケアレポートを提出する。 Submit a care report; the same again is answered as the first time."""
    call: Call = request.state.call
    patient_id = patient_of(request)
    kept = await submissions.submit_care_report(call.tx, call.asked, patient_id, call.body)
    return _kept(kept, patient_id, "care-reports")


@router.get("/face-sheets", name=Permission.face_sheet_read, responses=_LISTED)
async def list_face_sheets(call: Asking, patient_id: UUID, query: Annotated[Page, Query()]) -> Response:
    """フェイスシートの一覧。 What this actor may see of the patient's face sheets, latest first."""
    wanted = ReportQuery(after=query.after, limit=query.limit)
    return listing(call, await records.list_face_sheets(call.tx, call.asked, patient_id, wanted))


@router.get("/care-reports", name=Permission.care_report_read, responses=_LISTED)
async def list_care_reports(call: Asking, patient_id: UUID, query: Annotated[ReportQuery, Query()]) -> Response:
    """ケアレポートの一覧。 Care reports, latest observation first; from and to are Tokyo days, inclusive."""
    return listing(call, await records.list_care_reports(call.tx, call.asked, patient_id, query))


@router.get("/face-sheets/{record_id}", name=Permission.face_sheet_read, responses=_RECORD)
async def read_face_sheet(call: Asking, patient_id: UUID, record_id: UUID) -> Response:
    """フェイスシート。 One face sheet, without what this actor may not read."""
    return _record(await records.read_face_sheet(call.tx, call.asked, patient_id, record_id))


@router.get("/care-reports/{record_id}", name=Permission.care_report_read, responses=_RECORD)
async def read_care_report(call: Asking, patient_id: UUID, record_id: UUID) -> Response:
    """ケアレポート。 One care report, without what this actor may not read."""
    return _record(await records.read_care_report(call.tx, call.asked, patient_id, record_id))


@router.get("/face-sheets/{record_id}/versions", name=Permission.face_sheet_read, responses=problems(403, 404))
async def list_face_sheet_versions(call: Asking, patient_id: UUID, record_id: UUID) -> Response:
    """フェイスシートの版。 Every version of one document, newest first, each with its mark."""
    return answer(await records.list_face_sheet_versions(call.tx, call.asked, patient_id, record_id))


@router.get("/care-reports/{record_id}/versions", name=Permission.care_report_read, responses=problems(403, 404))
async def list_care_report_versions(call: Asking, patient_id: UUID, record_id: UUID) -> Response:
    """ケアレポートの版。 Every version of one document, newest first, each with its mark."""
    return answer(await records.list_care_report_versions(call.tx, call.asked, patient_id, record_id))


@router.post(
    "/face-sheets/{record_id}/withdrawal", name=Permission.face_sheet_withdraw, status_code=201, responses=_WITHDRAWN
)
async def withdraw_face_sheet(call: Asking, patient_id: UUID, record_id: UUID, withdrawal: Withdrawal) -> Response:
    """フェイスシートを取り下げる。 Mark one's own face sheet as sent in error."""
    found = await submissions.withdraw_face_sheet(call.tx, call.asked, patient_id, record_id, withdrawal.reason)
    return answer(found[1], found[0])


@router.post(
    "/care-reports/{record_id}/withdrawal", name=Permission.care_report_withdraw, status_code=201, responses=_WITHDRAWN
)
async def withdraw_care_report(call: Asking, patient_id: UUID, record_id: UUID, withdrawal: Withdrawal) -> Response:
    """ケアレポートを取り下げる。 Mark one's own care report as sent in error."""
    found = await submissions.withdraw_care_report(call.tx, call.asked, patient_id, record_id, withdrawal.reason)
    return answer(found[1], found[0])


def _record(record: dict[str, object]) -> Response:
    response = answer(record)
    # Strong, and of these very bytes: what one actor is shown differs from what another is.
    response.headers["ETag"] = f'"{hashlib.sha256(response.body).hexdigest()}"'
    return response
