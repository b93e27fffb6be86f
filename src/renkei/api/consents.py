"""/v1/patients/{id}/consents."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from renkei.actions import consents
from renkei.api.documents import BODY, REPEATED, problems
from renkei.api.door import Asking, Door, answer, listing
from renkei.api.retries import Retrying
from renkei.schemas.consents import ConsentIn
from renkei.schemas.paging import Page
from renkei.schemas.withdrawals import ConsentWithdrawal, WithdrawalPreview
from renkei.vocabulary import Permission

router = APIRouter(prefix="/v1/patients/{patient_id}/consents", tags=["consents 同意"], route_class=Door)


@router.post("", name=Permission.consent_record, status_code=201, responses=problems(*BODY, 403, 404, 409))
async def record_consent(call: Retrying, patient_id: UUID, consent: ConsentIn) -> Response:
    """同意を記録する。その時点から効力を持つ。 Record a consent; it decides from this moment."""
    recorded = await consents.record_consent(call.tx, call.asked, patient_id, consent)
    return answer(recorded, 201)


@router.get("", name=Permission.consent_read, responses=problems(403, 404, 422))
async def list_consents(call: Asking, patient_id: UUID, query: Annotated[Page, Query()]) -> Response:
    """同意の一覧。撤回されたものも含む。 All consents, newest first, withdrawn ones too."""
    return listing(call, await consents.list_consents(call.tx, call.asked, patient_id, query))


@router.post("/preview", name=Permission.consent_preview, responses=problems(*BODY, 403, 404, 409))
async def preview_consent(call: Asking, patient_id: UUID, consent: ConsentIn) -> Response:
    """記録したら誰に何が見えるか。何も残さない。 Who would see what, before and after; nothing is kept."""
    return answer(await consents.preview_consent(call.tx, call.asked, patient_id, consent))


@router.post(
    "/{consent_id}/withdrawal",
    name=Permission.consent_withdraw,
    status_code=201,
    responses={**REPEATED, **problems(*BODY, 403, 404, 409)},
)
async def withdraw_consent(call: Asking, patient_id: UUID, consent_id: UUID, withdrawal: ConsentWithdrawal) -> Response:
    """同意の撤回(全部または一部)を記録する。直ちに効力を失う。 Withdraw a consent or a part of it; effective at once."""
    status, consent = await consents.withdraw_consent(call.tx, call.asked, patient_id, consent_id, withdrawal)
    return answer(consent, status)


@router.post(
    "/{consent_id}/withdrawal/preview", name=Permission.consent_preview, responses=problems(*BODY, 403, 404, 409)
)
async def preview_consent_withdrawal(
    call: Asking, patient_id: UUID, consent_id: UUID, withdrawal: WithdrawalPreview
) -> Response:
    """撤回したら誰に何が見えなくなるか。何も残さない。 Who would no longer see what; nothing is kept."""
    return answer(await consents.preview_consent_withdrawal(call.tx, call.asked, patient_id, consent_id, withdrawal))
