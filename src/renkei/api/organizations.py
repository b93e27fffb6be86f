"""/v1/organizations: the list every client needs; suspending, resuming and handing over by the platform's admin."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from renkei.actions import handover, organizations
from renkei.api.documents import BODY, REPEATED, problems
from renkei.api.door import Asking, Door, answer, listing
from renkei.schemas.administration import HandoverIn, OrganizationIn, OrganizationQuery
from renkei.schemas.client_keys import Because
from renkei.vocabulary import Permission

router = APIRouter(prefix="/v1/organizations", tags=["administration 管理"], route_class=Door)


@router.get("", name=Permission.organization_read, responses=problems(403, 422))
async def list_organizations(call: Asking, query: Annotated[OrganizationQuery, Query()]) -> Response:
    """事業所一覧。 Organizations, for the care team."""
    return listing(call, await organizations.list_organizations(call.tx, call.asked, query))


@router.get("/{organization_id}", name=Permission.organization_read, responses=problems(404))
async def read_organization(call: Asking, organization_id: UUID) -> Response:
    """事業所。利用停止中のものは管理者・監査人だけに見える。 One organization; suspended ones for offices only."""
    return answer(await organizations.read_organization(call.tx, call.asked, organization_id))


@router.post("", name=Permission.organization_register, status_code=201, responses=problems(*BODY, 403, 409))
async def register_organization(call: Asking, organization: OrganizationIn) -> Response:
    """事業所を登録する(基盤の管理者)。 Register an organization (platform admin)."""
    return answer(await organizations.register_organization(call.tx, call.asked, organization), 201)


@router.post(
    "/{organization_id}/suspension",
    name=Permission.organization_suspend,
    status_code=201,
    responses={**REPEATED, **problems(*BODY, 403, 404)},
)
async def suspend_organization(call: Asking, organization_id: UUID, suspension: Because) -> Response:
    """事業所の利用を停止する。一秒以内に効く。 Suspend an organization; its tokens end within a second."""
    status, shown = await organizations.suspend_organization(call.tx, call.asked, organization_id, suspension.reason)
    return answer(shown, status)


@router.delete(
    "/{organization_id}/suspension",
    name=Permission.organization_resume,
    status_code=204,
    responses=problems(403, 404),
)
async def resume_organization(call: Asking, organization_id: UUID) -> Response:
    """利用停止を解く。 Let it act again, with what it had."""
    await organizations.resume_organization(call.tx, call.asked, organization_id)
    return Response(status_code=204)


@router.post(
    "/{organization_id}/handover", name=Permission.care_team_hand_over, responses=problems(*BODY, 403, 404, 409)
)
async def hand_over_care_team(call: Asking, organization_id: UUID, to: HandoverIn) -> Response:
    """廃止・休止する事業所の役割を引き継ぐ。 Another organization takes its places in the care teams, from today."""
    return answer(await handover.hand_over_care_team(call.tx, call.asked, organization_id, to))
