"""/v1/patients/{id}/consents/{id}/evidence: files, as they are."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response

from renkei.actions import consent_evidence
from renkei.api.documents import BODY, REPEATED, problems
from renkei.api.door import Asking, UploadDoor, answer, listing
from renkei.blobs.answers import saved_as
from renkei.schemas.evidence import MEDIA_TYPES, EvidenceQuery
from renkei.schemas.paging import Page
from renkei.vocabulary import Permission

router = APIRouter(
    prefix="/v1/patients/{patient_id}/consents/{consent_id}/evidence", tags=["consents 同意"], route_class=UploadDoor
)

_FILE: dict[str, Any] = {media: {"schema": {"type": "string", "format": "binary"}} for media in sorted(MEDIA_TYPES)}


@router.post(
    "",
    name=Permission.consent_evidence_add,
    status_code=201,
    responses={**REPEATED, **problems(*BODY, 403, 404)},
    openapi_extra={"requestBody": {"required": True, "content": _FILE}},
)
async def add_consent_evidence(
    call: Asking, patient_id: UUID, consent_id: UUID, query: Annotated[EvidenceQuery, Query()]
) -> Response:
    """同意書の写しを添える。同じものの再送は最初の応答。 Keep a copy of what was signed; the body is the file itself."""
    status, kept = await consent_evidence.add_consent_evidence(
        call.tx, call.asked, patient_id, consent_id, call.body, query.title
    )
    return answer(kept, status, {"Location": f"{call.url.path}/{kept['id']}"})


@router.get("", name=Permission.consent_evidence_read, responses=problems(403, 404, 422))
async def list_consent_evidence(
    call: Asking, patient_id: UUID, consent_id: UUID, query: Annotated[Page, Query()]
) -> Response:
    """同意書の写しの一覧。 The copies kept of one consent, newest first."""
    return listing(
        call, await consent_evidence.list_consent_evidence(call.tx, call.asked, patient_id, consent_id, query)
    )


@router.get(
    "/{evidence_id}",
    name=Permission.consent_evidence_read,
    responses={200: {"description": "写しそのもの / the file", "content": _FILE}, **problems(403, 404)},
    response_class=Response,
)
async def read_consent_evidence(call: Asking, patient_id: UUID, consent_id: UUID, evidence_id: UUID) -> Response:
    """同意書の写し。 One copy, byte for byte, to be saved and not shown in place."""
    file = await consent_evidence.read_consent_evidence(call.tx, call.asked, patient_id, consent_id, evidence_id)
    headers = {**saved_as(file.name), "ETag": f'"{file.sha256}"'}
    return Response(file.content, 200, headers, file.media_type)
