"""/v1/patients: registering, finding, reading people."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response

from renkei.actions import patients
from renkei.api.documents import BODY, problems
from renkei.api.door import Asking, Door, answer, listing
from renkei.api.retries import Retrying
from renkei.schemas.answers import Patient
from renkei.schemas.patient_changes import PatientChange
from renkei.schemas.patients import PatientQuery, Registration
from renkei.vocabulary import Permission

router = APIRouter(prefix="/v1/patients", tags=["patients 利用者"], route_class=Door)


@router.post(
    "",
    name=Permission.patient_register,
    status_code=201,
    responses={200: {"model": Patient}, 201: {"model": Patient}, **problems(*BODY, 403, 404, 409)},
)
async def register_patient(call: Retrying, registration: Registration) -> Response:
    """利用者を登録する。番号が一致すれば既存の利用者を返す。 Register a person, or find the one a whole number proves."""
    status, patient = await patients.register_patient(call.tx, call.asked, registration)
    return answer(patient, status, {"Location": f"/v1/patients/{patient['id']}"})


@router.get("", name=Permission.patient_search, responses=problems(403, 422))
async def search_patient(call: Asking, query: Annotated[PatientQuery, Query()]) -> Response:
    """自機関の利用者を検索する。 Find among one's own patients; without a filter, all of them."""
    return listing(call, await patients.search_patient(call.tx, call.asked, query))


@router.get("/{patient_id}", name=Permission.patient_read, responses={200: {"model": Patient}, **problems(403, 404)})
async def read_patient(call: Asking, patient_id: UUID) -> Response:
    """利用者の基本属性。 The registered person."""
    return _answered(await patients.read_patient(call.tx, call.asked, patient_id))


@router.patch(
    "/{patient_id}",
    name=Permission.patient_change,
    responses={200: {"model": Patient}, **problems(*BODY, 403, 404, 412)},
)
async def change_patient(
    call: Asking, patient_id: UUID, change: PatientChange, if_match: Annotated[str | None, Header()] = None
) -> Response:
    """氏名・番号・転居・死亡などを改める。If-Match が要る。 Change what is registered; what stood is kept. Needs ``If-Match``."""
    return _answered(await patients.change_patient(call.tx, call.asked, patient_id, change, if_match))


def _answered(patient: Mapping[str, Any]) -> Response:
    return answer(patient, headers={"ETag": patients.etag(patient)})
