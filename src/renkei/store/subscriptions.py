"""通知先, and what is told of their deliveries: ids, kinds and answers of the receiver, nobody's data, so no grant."""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString, NamedTuple
from uuid import UUID

from renkei.database import Row, Transaction
from renkei.ids import new_id

INSERT = """
INSERT INTO subscriptions (id, client_id, organization_id, url, kinds, description, secret, audit_event_id)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""
INSERT_QUEUE = "INSERT INTO delivery_queues (subscription_id, receiver) VALUES (%s, %s)"
COUNT = """
SELECT count(*) AS number FROM subscriptions
WHERE client_id = %s AND organization_id IS NOT DISTINCT FROM %s::uuid AND ended_at IS NULL
"""
SHOWN: LiteralString = """
SELECT s.id, s.client_id, s.organization_id, s.url, s.kinds, s.description, s.registered_at, s.secret,
  CASE WHEN s.previous_until > now() THEN s.previous_until END AS previous_until,
  q.failing_since, q.off_at, q.off_reason, q.off_position,
  c.client_id AS client_name, c.name AS client_title, o.name AS organization_name
FROM subscriptions s
JOIN delivery_queues q ON q.subscription_id = s.id
JOIN clients c ON c.id = s.client_id
LEFT JOIN organizations o ON o.id = s.organization_id
WHERE s.ended_at IS NULL
  AND (%(client)s::uuid IS NULL
       OR (s.client_id = %(client)s AND s.organization_id IS NOT DISTINCT FROM %(organization)s::uuid))
  AND (%(client)s::uuid IS NOT NULL OR %(organization)s::uuid IS NULL OR s.organization_id = %(organization)s)
"""
PAGE = (
    SHOWN
    + """
  AND (%(state)s::text IS NULL
       OR %(state)s = CASE WHEN q.off_at IS NOT NULL THEN 'off' WHEN q.failing_since IS NOT NULL THEN 'failing' ELSE 'on' END)
  AND (%(before)s::uuid IS NULL OR s.id < %(before)s)
ORDER BY s.id DESC LIMIT %(limit)s
"""
)
ONE = SHOWN + "AND s.id = %(id)s"
EDIT = "UPDATE subscriptions SET url = %s, kinds = %s, description = %s, audit_event_id = %s WHERE id = %s"
LEAD = "UPDATE delivery_queues SET receiver = %s WHERE subscription_id = %s"
# What waits is tried at once.
WAKE = "UPDATE delivery_queues SET next_at = least(next_at, now()), failures = 0 WHERE subscription_id = %s"
RENEW = """
UPDATE subscriptions SET previous_secret = CASE WHEN %(hours)s > 0 THEN secret END,
  previous_until = CASE WHEN %(hours)s > 0 THEN now() + make_interval(hours => %(hours)s) END,
  secret = %(secret)s, audit_event_id = %(event)s
WHERE id = %(id)s
"""
RESUME = """
UPDATE delivery_queues SET off_at = NULL, off_reason = NULL, off_position = NULL, failing_since = NULL, failures = 0
WHERE subscription_id = %s AND off_at IS NOT NULL
"""
END = "UPDATE subscriptions SET ended_at = now(), audit_event_id = %s WHERE id = %s AND ended_at IS NULL"
# The worker comes by and removes what waits.
EMPTY = "UPDATE delivery_queues SET next_at = now() WHERE subscription_id = %s"
REDELIVER = "INSERT INTO redeliveries (id, subscription_id, position, upto, audit_event_id) VALUES (%s, %s, %s, %s, %s)"
DELIVERIES = "SELECT * FROM renkei_deliveries(%s::uuid, %s::text, %s::uuid, %s::integer)"
DELIVERY = "SELECT renkei_delivery(%s::uuid, %s::uuid) AS position"
POSITION = "SELECT renkei_feed_position(%s::timestamptz) AS position"
DEPTH = "SELECT * FROM renkei_delivery_depth()"


class Whose(NamedTuple):
    """Which of them may be seen: one client's for one organization (none: an office's); or all, of one organization perhaps."""

    client: UUID | None
    organization: UUID | None


class Told(NamedTuple):
    """What its owner says of it, and the host and port it leads to."""

    url: str
    kinds: Sequence[str] | None
    description: str | None
    receiver: str

    @property
    def columns(self) -> list[object]:
        """As the table keeps it."""
        return [self.url, self.kinds if self.kinds is None else list(self.kinds), self.description]


def insert_subscription(
    tx: Transaction, id_: UUID, client: UUID, organization: UUID | None, told: Told, secret: bytes, event_id: UUID
) -> None:
    """Keep it with its queue. secret: sealed."""
    tx.later(INSERT, [id_, client, organization, *told.columns, secret, event_id])
    tx.later(INSERT_QUEUE, [id_, told.receiver])


async def count_standing(tx: Transaction, client: UUID, organization: UUID | None) -> int:
    """How many a client has for an organization."""
    row: Row = await tx.row(COUNT, [client, organization])
    return int(row.number)


async def load_page(
    tx: Transaction, whose: Whose, state: str | None, before: Sequence[UUID] | None, limit: int
) -> list[Row]:
    """One page, newest first, and one more."""
    last = before[0] if before else None
    return await tx.rows(PAGE, {**whose._asdict(), "state": state, "before": last, "limit": limit + 1})


async def load_one(tx: Transaction, whose: Whose, id_: UUID) -> Row | None:
    """One that stands, if it is whose."""
    return await tx.row(ONE, {**whose._asdict(), "id": id_})


def edit_subscription(tx: Transaction, id_: UUID, told: Told, event_id: UUID) -> None:
    """Lead it elsewhere; what waits is tried there at once."""
    tx.later(EDIT, [*told.columns, event_id, id_])
    tx.later(LEAD, [told.receiver, id_])
    tx.later(WAKE, [id_])


def renew_secret(tx: Transaction, id_: UUID, secret: bytes, hours: int, event_id: UUID) -> None:
    """Another secret, sealed; the one before signs too for so many hours."""
    tx.later(RENEW, {"id": id_, "secret": secret, "hours": hours, "event": event_id})


def resume_subscription(tx: Transaction, id_: UUID, position: int | None, event_id: UUID) -> None:
    """Switch on again, and tell all since it was switched off. position: after which; None where it was not."""
    tx.later(RESUME, [id_])
    tx.later(WAKE, [id_])
    if position is not None:
        redeliver(tx, id_, position, None, event_id)


def end_subscription(tx: Transaction, id_: UUID, event_id: UUID) -> None:
    """Tell it nothing more."""
    tx.later(END, [event_id, id_])
    tx.later(EMPTY, [id_])


def redeliver(tx: Transaction, id_: UUID, after: int, upto: int | None, event_id: UUID) -> UUID:
    """Have a stretch of the feed told again; upto: None for all there is when the worker begins with it."""
    made = new_id()
    tx.later(REDELIVER, [made, id_, after, upto, event_id])
    return made


async def load_deliveries(
    tx: Transaction, id_: UUID, outcome: str | None, before: Sequence[UUID] | None, limit: int
) -> list[Row]:
    """One page of attempts, newest first, and one more."""
    return await tx.rows(DELIVERIES, [id_, outcome, before[0] if before else None, limit + 1])


async def load_position(tx: Transaction, id_: UUID, delivery_id: UUID) -> int | None:
    """Where in the feed the change stands that a delivery was about."""
    row: Row = await tx.row(DELIVERY, [id_, delivery_id])
    return None if row.position is None else int(row.position)


async def position_before(tx: Transaction, moment: datetime) -> int:
    """The last position of the feed before an instant."""
    row: Row = await tx.row(POSITION, [moment])
    return int(row.position)


async def depth(tx: Transaction) -> Row:
    """waiting (counted up to 100,000), oldest_seconds (how long the one most overdue is overdue), off."""
    return await tx.row(DEPTH)
