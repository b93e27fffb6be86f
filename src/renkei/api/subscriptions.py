"""/v1/subscriptions: webhooks, what became of them, and once more."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from renkei.access.service import Service
from renkei.actions import subscriptions
from renkei.api.documents import BODY, REPEATED, problems
from renkei.api.door import Asking, Door, answer, listing
from renkei.errors import Fault, Invalid
from renkei.schemas.subscriptions import (
    DeliveryQuery,
    Nothing,
    RedeliveryIn,
    RotationIn,
    SubscriptionIn,
    SubscriptionQuery,
)
from renkei.targets import RefusedTarget, require_target
from renkei.vocabulary import Permission

router = APIRouter(prefix="/v1/subscriptions", tags=["webhooks 通知"], route_class=Door)
ONE = "/{subscription_id}"
ONCE = {"Cache-Control": "no-store"}


@router.post("", name=Permission.subscription_register, status_code=201, responses=problems(*BODY, 403, 409))
async def register_subscription(request: Request, call: Asking, said: SubscriptionIn) -> Response:
    """通知先を登録する。署名鍵は一度だけ表示。 Have changes sent to an address of yours; the secret is shown once."""
    service = _askable(request, said)
    made = await subscriptions.register_subscription(call.tx, call.asked, service.box, said)
    return answer(made, 201, {**ONCE, "Location": f"/v1/subscriptions/{made['id']}"})


@router.get("", name=Permission.subscription_read, responses=problems(403, 422))
async def list_subscriptions(call: Asking, query: Annotated[SubscriptionQuery, Query()]) -> Response:
    """通知先の一覧。 Subscriptions and whether they work, without secrets."""
    return listing(call, await subscriptions.list_subscriptions(call.tx, call.asked, query))


@router.get(ONE, name=Permission.subscription_read, responses=problems(403, 404))
async def read_subscription(call: Asking, subscription_id: UUID) -> Response:
    """通知先。 One of them."""
    return answer(await subscriptions.read_subscription(call.tx, call.asked, subscription_id))


@router.put(ONE, name=Permission.subscription_edit, responses=problems(*BODY, 403, 404))
async def edit_subscription(request: Request, call: Asking, subscription_id: UUID, said: SubscriptionIn) -> Response:
    """通知先を変更する。 Another address, other kinds."""
    _askable(request, said)
    return answer(await subscriptions.edit_subscription(call.tx, call.asked, subscription_id, said))


@router.delete(ONE, name=Permission.subscription_end, status_code=204, responses=problems(403, 404))
async def end_subscription(call: Asking, subscription_id: UUID) -> Response:
    """通知を終える。待っている通知も送らない。 End it, at once."""
    await subscriptions.end_subscription(call.tx, call.asked, subscription_id)
    return Response(status_code=204)


@router.post(f"{ONE}/secret", name=Permission.subscription_renew, status_code=201, responses=problems(*BODY, 403, 404))
async def renew_subscription(request: Request, call: Asking, subscription_id: UUID, said: RotationIn) -> Response:
    """署名鍵を作り直す。しばらくは両方で署名する。 Another secret; for a while both sign."""
    box = request.app.state.service.box
    hours = said.overlap_hours
    return answer(await subscriptions.renew_subscription(call.tx, call.asked, box, subscription_id, hours), 201, ONCE)


@router.post(
    f"{ONE}/resumption",
    name=Permission.subscription_resume,
    status_code=201,
    responses={**REPEATED, **problems(*BODY, 403, 404)},
)
async def resume_subscription(call: Asking, subscription_id: UUID, said: Nothing) -> Response:
    """止まった通知を再開する。止まってからの分も送る。 Go on after it was switched off, from where that was."""
    status, found = await subscriptions.resume_subscription(call.tx, call.asked, subscription_id)
    return answer(found, status)


@router.get(f"{ONE}/deliveries", name=Permission.delivery_read, responses=problems(403, 404, 422))
async def list_deliveries(call: Asking, subscription_id: UUID, query: Annotated[DeliveryQuery, Query()]) -> Response:
    """配信の記録。一回の試みごとに一件。 Every attempt; `outcome=dead`: what was given up."""
    return listing(call, await subscriptions.list_deliveries(call.tx, call.asked, subscription_id, query))


@router.post(
    f"{ONE}/deliveries/{{delivery_id}}/redelivery",
    name=Permission.delivery_repeat,
    status_code=201,
    responses=problems(*BODY, 403, 404),
)
async def repeat_delivery(call: Asking, subscription_id: UUID, delivery_id: UUID, said: Nothing) -> Response:
    """一件を再配信する。 The same once more."""
    return answer(await subscriptions.repeat_delivery(call.tx, call.asked, subscription_id, delivery_id), 201)


@router.post(f"{ONE}/redelivery", name=Permission.delivery_repeat, status_code=201, responses=problems(*BODY, 403, 404))
async def repeat_stretch(call: Asking, subscription_id: UUID, said: RedeliveryIn) -> Response:
    """期間またはカーソルの範囲を再配信する。 A stretch of the feed once more, by cursors or by time."""
    return answer(await subscriptions.repeat_stretch(call.tx, call.asked, subscription_id, said), 201)


def _askable(request: Request, said: SubscriptionIn) -> Service:
    """Whether an address is public is told to who registers it, not found out when the first change is to be told."""
    service: Service = request.app.state.service
    try:
        require_target(said.url, allow_private=service.settings.allow_private_targets)
    except RefusedTarget:
        raise Invalid([Fault("/url", None, "format", {"expected": "https://…, a public host"})]) from None
    return service
