"""/v1/organizations/{organization_id}/login-provider."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from renkei.access.service import Service
from renkei.actions import login_providers
from renkei.api.documents import BODY, problems
from renkei.api.door import Asking, Door, answer
from renkei.errors import Fault, Invalid
from renkei.schemas.login_providers import LoginProviderIn
from renkei.targets import RefusedTarget, require_target
from renkei.vocabulary import Permission

router = APIRouter(
    prefix="/v1/organizations/{organization_id}/login-provider", tags=["administration 管理"], route_class=Door
)


@router.get("", name=Permission.login_provider_read, responses=problems(403, 404))
async def read_login_provider(request: Request, call: Asking, organization_id: UUID) -> Response:
    """事業所のログインの設定。秘密は出さない。 By which OpenID provider its staff sign in; no secret is shown."""
    issuer = request.app.state.service.identity.issuer
    return answer(await login_providers.read_login_provider(call.tx, call.asked, organization_id, issuer))


@router.put(
    "",
    name=Permission.login_provider_set,
    status_code=201,
    responses={200: {"description": "前の設定を置き換えた / in place of the one before"}, **problems(*BODY, 403, 404)},
)
async def set_login_provider(
    request: Request, call: Asking, organization_id: UUID, provider: LoginProviderIn
) -> Response:
    """事業所のログインを設定する(事業所または基盤の管理者)。直ちに効く。 Let its staff sign in by a provider of its own, at once."""
    service: Service = request.app.state.service
    try:
        require_target(provider.issuer, allow_private=service.settings.allow_private_targets)
    except RefusedTarget:
        raise Invalid([Fault("/issuer", None, "format", {"expected": "https://…, a public host"})]) from None
    status, shown = await login_providers.set_login_provider(
        call.tx, call.asked, organization_id, provider, service.box, service.identity.issuer
    )
    return answer(shown, status)


@router.delete("", name=Permission.login_provider_remove, status_code=204, responses=problems(403, 404))
async def remove_login_provider(call: Asking, organization_id: UUID) -> Response:
    """事業所のログインの設定を外す。 Nobody signs in by it from here on."""
    await login_providers.remove_login_provider(call.tx, call.asked, organization_id)
    return Response(status_code=204)
