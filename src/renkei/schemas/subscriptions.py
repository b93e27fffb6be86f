"""通知先: what a vendor's system asks for, and what it is told of its subscriptions and their deliveries."""

from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from renkei.errors import Invalid
from renkei.schemas.addresses import TargetUrl
from renkei.schemas.answers import rfc3339
from renkei.schemas.changes import feed_cursor, feed_position
from renkei.schemas.fields import Line, Strict, Unique, fault, faults
from renkei.schemas.ledger import Moment
from renkei.schemas.paging import Page
from renkei.schemas.webhook_messages import message_id
from renkei.vocabulary import Permission

OVERLAP_HOURS = 24
LATE = timedelta(minutes=2)
"""Positions follow the instants of the changes but for what commits late: no transaction lasts longer."""


def _cursor(text: str) -> str:
    try:
        feed_position(text)
    except Invalid:
        raise fault("format", expected="cursor") from None
    return text


FeedCursor = Annotated[str, Field(max_length=200), AfterValidator(_cursor)]
"""A cursor of the feed."""


class SubscriptionIn(Strict):
    """``POST /v1/subscriptions``, ``PUT …/{id}``. kinds: of change; all where none are named."""

    url: TargetUrl
    kinds: (
        Annotated[list[Annotated[Permission, Field(strict=False)]], Field(min_length=1, max_length=100), Unique] | None
    ) = None
    description: Line | None = None


class RotationIn(Strict):
    """``POST …/{id}/secret``: how long the old secret signs beside the new one."""

    overlap_hours: Annotated[int, Field(ge=0, le=168)] = OVERLAP_HOURS


class Nothing(Strict):
    """A body that says nothing: ``{}``."""


class RedeliveryIn(Strict):
    """``POST …/{id}/redelivery``: a stretch of the feed by its cursors, or by the instants of its entries."""

    after: FeedCursor | None = None
    upto: FeedCursor | None = None
    from_: Annotated[Moment | None, Field(alias="from")] = None
    to: Moment | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.after is None and self.from_ is None:
            raise faults([("/after", "required", {})])
        if self.after is not None and self.from_ is not None:
            raise faults([("/from", "none_alone", {})])
        if self.upto is not None and self.after is None:
            raise faults([("/upto", "none_alone", {})])
        if self.to is not None and self.from_ is None:
            raise faults([("/to", "none_alone", {})])
        return self


class SubscriptionQuery(Page):
    """``GET /v1/subscriptions``. state: those in this state only."""

    state: Literal["on", "failing", "off"] | None = None


class DeliveryQuery(Page):
    """``GET …/{id}/deliveries``. outcome ``dead``: what was given up."""

    outcome: Literal["delivered", "failed", "dead", "withheld"] | None = None


def subscription_shown(row: Any) -> dict[str, Any]:
    """A subscription, without its secret. row: as ``store.subscriptions`` loads it."""
    state = "off" if row.off_at else "failing" if row.failing_since else "on"
    return {
        "id": str(row.id),
        "client": {"client_id": row.client_name, "name": row.client_title},
        "organization": {"id": str(row.organization_id), "name": row.organization_name}
        if row.organization_id
        else None,
        "url": row.url,
        "kinds": row.kinds,
        "description": row.description,
        "state": state,
        "failing_since": rfc3339(row.failing_since) if row.failing_since else None,
        "off_at": rfc3339(row.off_at) if row.off_at else None,
        "off_reason": row.off_reason,
        "previous_secret_until": rfc3339(row.previous_until) if row.previous_until else None,
        "registered_at": rfc3339(row.registered_at),
    }


def delivery_shown(subscription: Any, row: Any) -> dict[str, Any]:
    """One attempt. It names no patient: the entry is read by its cursor from the feed, where reach is asked again."""
    return {
        "id": str(row.id),
        "webhook_id": message_id(subscription.id, row.change_id),
        "kind": row.kind,
        "attempt": row.attempt,
        "outcome": row.outcome,
        "status": row.status,
        "answer": row.answer,
        "error": row.error,
        "duration_ms": row.duration_ms,
        "at": rfc3339(row.at),
        "after": feed_cursor(row.position - 1),
    }
