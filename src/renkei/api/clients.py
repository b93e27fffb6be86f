"""/v1/clients and /v1/delegations."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response

from renkei.actions import administration, clients, delegations
from renkei.api.documents import BODY, REPEATED, problems
from renkei.api.door import Asking, Door, answer, listing
from renkei.errors import Fault, Invalid
from renkei.schemas.administration import ClientIn, DelegationFor
from renkei.schemas.client_keys import Because, ClientQuery, DelegationQuery, Keys, KeysIn
from renkei.targets import RefusedTarget, require_target
from renkei.vocabulary import Permission

router = APIRouter(prefix="/v1", tags=["administration 管理"], route_class=Door)
ONCE = {"Cache-Control": "no-store"}
Named = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,64}$", description="client_id または id / or its id")]
"""A system in a path; what is no name names nothing (404)."""


@router.post("/clients", name=Permission.client_register, status_code=201, responses=problems(*BODY, 403))
async def register_client(request: Request, call: Asking, client: ClientIn) -> Response:
    """連携システムを登録する(基盤の管理者)。秘密は一度だけ表示。 Register a system, by its keys or with a secret shown once."""
    _require_askable(request, client)
    return answer(await administration.register_client(call.tx, call.asked, client), 201, ONCE)


@router.get("/clients", name=Permission.client_read, responses=problems(403, 422))
async def list_clients(call: Asking, query: Annotated[ClientQuery, Query()]) -> Response:
    """連携システムの一覧。 Registered systems, without secrets."""
    return listing(call, await clients.list_clients(call.tx, call.asked, query))


@router.put("/clients/{client_id}/keys", name=Permission.client_replace_keys, responses=problems(*BODY, 403, 404))
async def replace_keys(request: Request, call: Asking, client_id: Named, keys: KeysIn) -> Response:
    """公開鍵を差し替える。直ちに効く。 Replace its keys, at once; tokens given before end too."""
    _require_askable(request, keys)
    return answer(await clients.replace_keys(call.tx, call.asked, client_id, keys))


@router.post(
    "/clients/{client_id}/secret",
    name=Permission.client_renew,
    status_code=201,
    responses=problems(*BODY, 403, 404, 409),
)
async def renew_client(call: Asking, client_id: Named, why: Because) -> Response:
    """秘密を作り直す。古い秘密は直ちに使えなくなる。 Another secret, shown once; the old one ends at once."""
    return answer(await clients.renew_client(call.tx, call.asked, client_id, why.reason), 201, ONCE)


@router.post(
    "/clients/{client_id}/suspension",
    name=Permission.client_suspend,
    status_code=201,
    responses={**REPEATED, **problems(*BODY, 403, 404)},
)
async def suspend_client(call: Asking, client_id: Named, why: Because) -> Response:
    """連携システムの利用を止める。一秒以内に効く。 Stop a system; its tokens end within a second."""
    status, client = await clients.suspend_client(call.tx, call.asked, client_id, why.reason)
    return answer(client, status)


@router.delete(
    "/clients/{client_id}/suspension", name=Permission.client_resume, status_code=204, responses=problems(403, 404)
)
async def resume_client(call: Asking, client_id: Named) -> Response:
    """連携システムの利用を再開する。 Let a system act again."""
    await clients.resume_client(call.tx, call.asked, client_id)
    return Response(status_code=204)


@router.get("/delegations", name=Permission.delegation_read, responses=problems(403, 422))
async def list_delegations(call: Asking, query: Annotated[DelegationQuery, Query()]) -> Response:
    """委任の一覧。終わったものも含む。 Which systems may act for which organizations, ended ones too."""
    return listing(call, await delegations.list_delegations(call.tx, call.asked, query))


@router.post("/delegations", name=Permission.delegation_register, status_code=201, responses=problems(*BODY, 403))
async def register_delegation(call: Asking, delegation: DelegationFor) -> Response:
    """委任を登録する(事業所または基盤の管理者)。 Let a system act for an organization."""
    return answer(await delegations.register_delegation(call.tx, call.asked, delegation), 201)


@router.post(
    "/delegations/{delegation_id}/end",
    name=Permission.delegation_end,
    status_code=201,
    responses={**REPEATED, **problems(*BODY, 403, 404)},
)
async def end_delegation(call: Asking, delegation_id: UUID, why: Because) -> Response:
    """委任を終える。一秒以内に効く。 End a delegation; its tokens end within a second."""
    status, ended = await delegations.end_delegation(call.tx, call.asked, delegation_id, why.reason)
    return answer(ended, status)


def _require_askable(request: Request, keys: Keys) -> None:
    """Whether an address is public is told to who registers it, not found out when the first token is asked for."""
    try:
        if keys.jwks_uri is not None:
            allowed = request.app.state.service.settings.allow_private_targets
            require_target(keys.jwks_uri, allow_private=allowed)
    except RefusedTarget:
        raise Invalid([Fault("/jwks_uri", None, "format", {"expected": "https://…, a public host"})]) from None
