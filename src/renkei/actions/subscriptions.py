"""通知先: a system has the feed sent to an address of its own, instead of asking for it."""

import os
from typing import Any
from uuid import UUID

from renkei.access.audit import Asked
from renkei.access.gate import authorize_service
from renkei.access.rules import CHANGE_READ_AS
from renkei.database import Row, Transaction
from renkei.errors import Conflict, Fault, Forbidden, Invalid, NotFound
from renkei.ids import new_id
from renkei.schemas.changes import feed_position
from renkei.schemas.ledger import begin, end
from renkei.schemas.paging import decode_cursor, page_of
from renkei.schemas.subscriptions import (
    LATE,
    DeliveryQuery,
    RedeliveryIn,
    SubscriptionIn,
    SubscriptionQuery,
    delivery_shown,
    subscription_shown,
)
from renkei.schemas.webhook_messages import SECRET_BYTES, secret_purpose, secret_text
from renkei.secret_box import SecretBox
from renkei.store import changes, subscriptions
from renkei.store.subscriptions import Told, Whose
from renkei.targets import receiver_of
from renkei.vocabulary import ActorKind, Permission, Reason

MOST = 20
"""Of one client for one organization."""


async def register_subscription(tx: Transaction, asked: Asked, box: SecretBox, said: SubscriptionIn) -> dict[str, Any]:
    """From this answer on all is told that the feed tells the system itself. The secret is shown here and never again."""
    await authorize_service(tx, asked, Permission.subscription_register)
    told, whose = _told(said), _own(asked)
    client = _system(asked)
    if await subscriptions.count_standing(tx, client, whose.organization) >= MOST:
        raise Conflict("too_many_subscriptions", TOO_MANY)
    id_, secret = new_id(), os.urandom(SECRET_BYTES)
    event = asked.served(tx, {"subscription_id": str(id_), "url": told.url, "kinds": told.kinds})
    sealed = box.seal(secret, secret_purpose(id_))
    subscriptions.insert_subscription(tx, id_, client, whose.organization, told, sealed, event)
    return {**await _one(tx, whose, id_), "secret": secret_text(secret)}


async def list_subscriptions(tx: Transaction, asked: Asked, query: SubscriptionQuery) -> dict[str, Any]:
    """One's own, newest first; the platform's offices see all, an organization's administrator those of its organization."""
    await authorize_service(tx, asked, Permission.subscription_read)
    before = decode_cursor(query.after, UUID)
    found = await subscriptions.load_page(tx, _seen(asked), query.state, before, query.limit)
    return page_of(found, query.limit, subscription_shown, lambda row: (row.id,))


async def read_subscription(tx: Transaction, asked: Asked, id_: UUID) -> dict[str, Any]:
    """One of them, and whether it works."""
    await authorize_service(tx, asked, Permission.subscription_read)
    return await _one(tx, _seen(asked), id_)


async def edit_subscription(tx: Transaction, asked: Asked, id_: UUID, said: SubscriptionIn) -> dict[str, Any]:
    """Another address, other kinds, another description, in place of all three."""
    found, told = await _authorized(tx, asked, Permission.subscription_edit, id_), _told(said)
    event = asked.served(tx, {"subscription_id": str(id_), "url": told.url, "kinds": told.kinds})
    subscriptions.edit_subscription(tx, found.id, told, event)
    return await _one(tx, _own(asked), id_)


async def renew_subscription(tx: Transaction, asked: Asked, box: SecretBox, id_: UUID, hours: int) -> dict[str, Any]:
    """Another secret, shown in this answer; for so many hours the old one signs beside it."""
    found, secret = await _authorized(tx, asked, Permission.subscription_renew, id_), os.urandom(SECRET_BYTES)
    event = asked.served(tx, {"subscription_id": str(id_), "overlap_hours": hours})
    subscriptions.renew_secret(tx, found.id, box.seal(secret, secret_purpose(found.id)), hours, event)
    return {**await _one(tx, _own(asked), id_), "secret": secret_text(secret)}


async def resume_subscription(tx: Transaction, asked: Asked, id_: UUID) -> tuple[int, dict[str, Any]]:
    """After it was switched off: tell all since then, and go on. 200 where it was on."""
    found = await _authorized(tx, asked, Permission.subscription_resume, id_)
    event = asked.served(tx, {"subscription_id": str(id_)})
    subscriptions.resume_subscription(tx, found.id, found.off_position, event)
    return (200 if found.off_at is None else 201), await _one(tx, _own(asked), id_)


async def end_subscription(tx: Transaction, asked: Asked, id_: UUID) -> None:
    """End it; what still waits is dropped."""
    await authorize_service(tx, asked, Permission.subscription_end)
    whose = _own(asked) if asked.actor.kind is ActorKind.auditor else _seen(asked)
    found = await subscriptions.load_one(tx, whose, id_)
    if found is None:
        raise NotFound
    subscriptions.end_subscription(tx, found.id, asked.served(tx, {"subscription_id": str(id_), "url": found.url}))


async def list_deliveries(tx: Transaction, asked: Asked, id_: UUID, query: DeliveryQuery) -> dict[str, Any]:
    """Every attempt, newest first: what the receiver answered, how long it took. Names no patient."""
    found = await _authorized(tx, asked, Permission.delivery_read, id_)
    before = decode_cursor(query.after, UUID)
    rows = await subscriptions.load_deliveries(tx, found.id, query.outcome, before, query.limit)
    asked.served(tx, {"subscription_id": str(id_), "deliveries": len(rows[: query.limit])})
    return page_of(rows, query.limit, lambda row: delivery_shown(found, row), lambda row: (row.id,))


async def repeat_delivery(tx: Transaction, asked: Asked, id_: UUID, delivery_id: UUID) -> dict[str, Any]:
    """Tell once more what this delivery told or was to tell, if it may still be told; under the same ``webhook-id``."""
    found = await _authorized(tx, asked, Permission.delivery_repeat, id_)
    position = await subscriptions.load_position(tx, found.id, delivery_id)
    if position is None:
        raise NotFound
    event = asked.served(tx, {"subscription_id": str(id_), "delivery_id": str(delivery_id)})
    return {"id": str(subscriptions.redeliver(tx, found.id, position - 1, position, event))}


async def repeat_stretch(tx: Transaction, asked: Asked, id_: UUID, said: RedeliveryIn) -> dict[str, Any]:
    """Tell a stretch of the feed once more, from any position: what of it may be told now, of the kinds wanted now."""
    found, last = await _authorized(tx, asked, Permission.delivery_repeat, id_), await changes.feed_end(tx)
    if said.after is not None:
        after, upto = feed_position(said.after), feed_position(said.upto) if said.upto else last
        if beyond := [f"/{name}" for name, at in (("after", after), ("upto", upto)) if at > last]:
            raise Invalid([Fault(pointer, None, "future") for pointer in beyond])
    else:
        first, until = begin(said.from_), end(said.to)
        after = await subscriptions.position_before(tx, first - LATE) if first else 0
        upto = await subscriptions.position_before(tx, until + LATE) if until else last
    if upto < after:
        raise Invalid([Fault("/to" if said.after is None else "/upto", None, "reversed")])
    event = asked.served(tx, {"subscription_id": str(id_), "after": after, "upto": upto})
    return {"id": str(subscriptions.redeliver(tx, found.id, after, upto, event))}


async def _authorized(tx: Transaction, asked: Asked, permission: Permission, id_: UUID) -> Row:
    await authorize_service(tx, asked, permission)
    found = await subscriptions.load_one(tx, _own(asked), id_)
    if found is None:
        raise NotFound
    return found


async def _one(tx: Transaction, whose: Whose, id_: UUID) -> dict[str, Any]:
    found = await subscriptions.load_one(tx, whose, id_)
    if found is None:
        raise NotFound
    return subscription_shown(found)


def _system(asked: Asked) -> UUID:
    """The system that asks. Raises Forbidden for whoever has signed in here: no system of theirs could be told."""
    if asked.actor.client_id is None:
        raise Forbidden(Reason.not_administrator, "client", "platform_admin", NO_SYSTEM)
    return asked.actor.client_id


def _own(asked: Asked) -> Whose:
    organization = asked.actor.organization
    return Whose(_system(asked), organization.id if organization else None)


def _seen(asked: Asked) -> Whose:
    """Whose may be listed: an office sees the systems' of all, an organization's administrator those of its own."""
    if asked.actor.in_care:
        return _own(asked)
    organization = asked.actor.organization
    return Whose(None, organization.id if organization else None)


def _told(said: SubscriptionIn) -> Told:
    wrong = [n for n, kind in enumerate(said.kinds or ()) if kind not in CHANGE_READ_AS]
    if wrong:
        raise Invalid([Fault(f"/kinds/{n}", None, "code", {"value_set": "kind of change"}) for n in wrong])
    return Told(said.url, said.kinds, said.description, receiver_of(said.url))


NO_SYSTEM = ("通知先は連携システムが登録します", "Subscriptions are registered by vendors' systems")
TOO_MANY = (
    f"この事業所についての通知先は{MOST}件までです。使わないものを終えてください",
    f"A system has at most {MOST} subscriptions for one organization; end those that are not used",
)
