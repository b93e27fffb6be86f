"""/v1/organizations and /v1/clients."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from renkei.actions import administration
from renkei.api.documents import BODY, problems
from renkei.api.door import Asking, Door, answer, listing
from renkei.schemas.administration import ClientIn, OrganizationIn, OrganizationQuery
from renkei.vocabulary import Permission

router = APIRouter(prefix="/v1", tags=["administration 管理"], route_class=Door)


@router.get("/organizations", name=Permission.organization_read, responses=problems(422))
async def list_organizations(call: Asking, query: Annotated[OrganizationQuery, Query()]) -> Response:
    """事業所一覧。 Organizations, for the care team."""
    return listing(call, await administration.list_organizations(call.tx, call.asked, query))


@router.post(
    "/organizations", name=Permission.organization_register, status_code=201, responses=problems(*BODY, 403, 409)
)
async def register_organization(call: Asking, organization: OrganizationIn) -> Response:
    """事業所を登録する(基盤の管理者)。 Register an organization (platform admin)."""
    return answer(await administration.register_organization(call.tx, call.asked, organization), 201)


@router.post("/clients", name=Permission.client_register, status_code=201, responses=problems(*BODY, 403))
async def register_client(call: Asking, client: ClientIn) -> Response:
    """連携システムを登録する(基盤の管理者)。秘密は一度だけ表示。 Register a system; its secret is shown once."""
    registered = await administration.register_client(call.tx, call.asked, client)
    return answer(registered, 201, {"Cache-Control": "no-store"})
