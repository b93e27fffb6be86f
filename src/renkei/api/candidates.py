"""/v1/patients/{id}/candidates, distinctions; /v1/possible-duplicates."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from renkei.actions import candidates
from renkei.api.documents import BODY, REPEATED, problems
from renkei.api.door import Asking, Door, answer, listing
from renkei.schemas.candidates import Distinction, DuplicateQuery
from renkei.vocabulary import Permission

router = APIRouter(prefix="/v1", tags=["who is who 名寄せ"], route_class=Door)
OF_PATIENT = "/patients/{patient_id}"


@router.get(f"{OF_PATIENT}/candidates", name=Permission.candidate_read, responses=problems(403, 404))
async def list_candidates(call: Asking, patient_id: UUID) -> Response:
    """同一人物の候補。点数と理由。 Who among one's own patients might be the same person, with a score and its reasons."""
    return answer(await candidates.list_candidates(call.tx, call.asked, patient_id))


@router.post(
    f"{OF_PATIENT}/distinctions",
    name=Permission.patient_distinguish,
    status_code=201,
    responses={**REPEATED, **problems(*BODY, 403, 404)},
)
async def distinguish_patient(call: Asking, patient_id: UUID, distinction: Distinction) -> Response:
    """同一人物でないことを記録する。 Remember that two are not the same person."""
    status, decided = await candidates.distinguish_patient(call.tx, call.asked, patient_id, distinction)
    return answer(decided, status)


@router.get("/possible-duplicates", name=Permission.possible_duplicate_read, responses=problems(403, 422))
async def list_possible_duplicates(call: Asking, query: Annotated[DuplicateQuery, Query()]) -> Response:
    """可能性のある重複(基盤の管理者)。中身は示さない。 Pairs that share a number, for the administrator: ids and reasons only."""
    return listing(call, await candidates.list_possible_duplicates(call.tx, call.asked, query))
