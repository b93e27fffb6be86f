"""配信: what waits to be told to whom, and what became of it. The worker's alone: none of it is shown to anybody but by the gate."""

from collections.abc import Mapping
from datetime import datetime
from typing import LiteralString, NamedTuple
from uuid import UUID

from renkei.access.gate import Grant
from renkei.database import Row, Transaction
from renkei.ids import new_id

QUEUE_LOCK, TURN_LOCK = 0x72656E6B6568, 0x72656E6B6574
LOCK = "SELECT pg_try_advisory_xact_lock(%s) AS mine"
LOCK_WAITING = "SELECT pg_advisory_xact_lock(%s)"

# What comes to a patient who waits already waits as long: of one patient's, the earliest is always due first.
_INSERT: LiteralString = """
  INSERT INTO pending_deliveries (patient_id, subscription_id, position, change_id, kind, organization_id, due_at)
  SELECT f.patient_id, f.subscription_id, f.position, f.change_id, f.kind, f.organization_id,
    greatest(now(), (SELECT max(e.due_at) FROM pending_deliveries e
      WHERE e.patient_id = f.patient_id AND e.subscription_id = f.subscription_id AND e.position < f.position))
  FROM found f ON CONFLICT DO NOTHING RETURNING subscription_id
"""
# A receiver that fails is left alone until its time, whatever comes meanwhile.
_WAKE: LiteralString = """
  UPDATE delivery_queues q SET next_at = CASE WHEN q.failures > 0 THEN coalesce(q.next_at, now()) ELSE now() END
  WHERE q.subscription_id IN (SELECT subscription_id FROM kept)
"""
FAN_OUT = f"""
WITH stretch AS (
  SELECT p.position AS after, least(p.position + %(largest)s, renkei_feed_end()) AS upto FROM delivery_progress p WHERE p.id = 1
), found AS (
  SELECT f.* FROM stretch s CROSS JOIN LATERAL renkei_fan_out(s.after, s.upto) f WHERE s.upto > s.after
), kept AS ({_INSERT}), woken AS ({_WAKE})
UPDATE delivery_progress p SET position = s.upto FROM stretch s WHERE p.id = 1 AND s.upto > s.after
RETURNING s.upto - s.after AS passed
"""  # noqa: S608 - composed of the literals above; what a request says is a parameter
NEXT_REDELIVERY = """
SELECT r.id, r.subscription_id, s.organization_id, s.kinds, r.position, coalesce(r.upto, p.position) AS upto
FROM redeliveries r JOIN subscriptions s ON s.id = r.subscription_id
JOIN delivery_queues q ON q.subscription_id = s.id CROSS JOIN delivery_progress p
WHERE s.ended_at IS NULL AND q.off_at IS NULL ORDER BY r.id LIMIT 1
"""
_REDELIVER: LiteralString = """
, found AS (SELECT %(subscription)s::uuid AS subscription_id, l.* FROM lines l), kept AS ("""
REDELIVER = f"""
WITH lines AS MATERIALIZED (SELECT * FROM renkei_feed(%(organization)s::uuid, %(kinds)s::text[], NULL, %(after)s::bigint,
  %(upto)s::bigint, %(largest)s::integer)){_REDELIVER}{_INSERT}), woken AS ({_WAKE})
SELECT count(*) AS number, max(position) AS last FROM lines
"""  # noqa: S608 - composed of the literals above; what a request says is a parameter
REDELIVER_TO_OFFICE = f"""
WITH lines AS MATERIALIZED (SELECT * FROM renkei_office_feed(%(kinds)s::text[], NULL, %(after)s::bigint, %(upto)s::bigint,
  %(largest)s::integer)){_REDELIVER}{_INSERT}), woken AS ({_WAKE})
SELECT count(*) AS number, max(position) AS last FROM lines
"""  # noqa: S608 - composed of the literals above; what a request says is a parameter
WALKED = "UPDATE redeliveries SET position = %s, upto = %s WHERE id = %s"
WALKED_THROUGH = "DELETE FROM redeliveries WHERE id = %s"
SWEEP = """
WITH over AS (
  SELECT q.subscription_id FROM delivery_queues q JOIN subscriptions s ON s.id = q.subscription_id
  WHERE q.next_at IS NOT NULL AND (q.off_at IS NOT NULL OR s.ended_at IS NOT NULL) ORDER BY q.next_at LIMIT 1
), dropped AS (
  DELETE FROM pending_deliveries d USING (
    SELECT p.patient_id, p.subscription_id, p.position FROM over o
    JOIN pending_deliveries p ON p.subscription_id = o.subscription_id LIMIT %(largest)s
  ) x WHERE d.patient_id = x.patient_id AND d.subscription_id = x.subscription_id AND d.position = x.position RETURNING 1
), unasked AS (
  DELETE FROM redeliveries r USING over o, subscriptions s
  WHERE r.subscription_id = o.subscription_id AND s.id = o.subscription_id AND s.ended_at IS NOT NULL
)
UPDATE delivery_queues q SET next_at = CASE WHEN (SELECT count(*) FROM dropped) = %(largest)s THEN now() END
FROM over o WHERE q.subscription_id = o.subscription_id RETURNING (SELECT count(*) FROM dropped) AS number
"""

TAKE_TURN = """
WITH taken AS MATERIALIZED (
  SELECT o.receiver, t.client_id FROM delivery_queues o JOIN subscriptions t ON t.id = o.subscription_id
  WHERE o.leased_until IS NOT NULL AND o.leased_until > now()
)
UPDATE delivery_queues SET leased_by = %(lease)s, leased_until = now() + make_interval(secs => %(seconds)s)
WHERE subscription_id = (
  SELECT q.subscription_id FROM delivery_queues q JOIN subscriptions s ON s.id = q.subscription_id AND s.ended_at IS NULL
  WHERE q.next_at <= now() AND q.off_at IS NULL AND (q.leased_until IS NULL OR q.leased_until < now())
    AND (SELECT count(*) FROM taken WHERE taken.receiver = q.receiver) < CASE WHEN q.failures > 0 THEN 1 ELSE %(of_receiver)s END
    AND (SELECT count(*) FROM taken WHERE taken.client_id = s.client_id) < %(of_client)s
  ORDER BY q.next_at LIMIT 1 FOR UPDATE OF q SKIP LOCKED
) RETURNING subscription_id
"""
# Locks the row, so that whoever wakes the queue waits until what is found here has been decided.
RENEW = """
UPDATE delivery_queues q SET leased_until = now() + make_interval(secs => %(seconds)s)
FROM subscriptions s LEFT JOIN organizations o ON o.id = s.organization_id
WHERE q.subscription_id = %(subscription)s AND q.leased_by = %(lease)s AND s.id = q.subscription_id
  AND s.ended_at IS NULL AND q.off_at IS NULL
RETURNING s.id, s.client_id, s.organization_id, o.code, o.name, o.kind, s.url, s.secret, s.audit_event_id,
  CASE WHEN s.previous_until > now() THEN s.previous_secret END AS previous_secret,
  now() AS at, q.failures, q.failing_since <= now() - make_interval(secs => %(budget)s) AS spent
"""
RELEASE = """
UPDATE delivery_queues q SET leased_by = NULL, leased_until = NULL,
  next_at = greatest((SELECT min(d.due_at) FROM pending_deliveries d WHERE d.subscription_id = q.subscription_id),
                     CASE WHEN %(rest)s::float8 > 0 THEN now() + make_interval(secs => %(rest)s::float8) END)
WHERE q.subscription_id = %(subscription)s AND q.leased_by = %(lease)s
"""
REACHED = "UPDATE delivery_queues SET failures = 0, failing_since = NULL WHERE subscription_id = %s"
FAILED = """
UPDATE delivery_queues SET failures = failures + 1, failing_since = coalesce(failing_since, %s, now()) WHERE subscription_id = %s
"""
SWITCH_OFF = """
UPDATE delivery_queues q SET off_at = now(), off_reason = %(reason)s, leased_by = NULL, leased_until = NULL, next_at = now(),
  off_position = coalesce((SELECT min(d.position) - 1 FROM pending_deliveries d WHERE d.subscription_id = q.subscription_id),
                          (SELECT p.position FROM delivery_progress p WHERE p.id = 1))
WHERE q.subscription_id = %(subscription)s
"""
HEADS = """
SELECT d.patient_id, d.position, d.change_id, d.kind, d.organization_id, d.attempts, d.shown_under FROM pending_deliveries d
WHERE d.subscription_id = %(subscription)s AND d.due_at <= now() AND NOT EXISTS (
  SELECT FROM pending_deliveries e
  WHERE e.patient_id = d.patient_id AND e.subscription_id = d.subscription_id AND e.position < d.position)
ORDER BY d.due_at, d.position LIMIT 8
"""  # The number stands there for the planner: it finds that few by the index, however many wait.
BEGIN = """
UPDATE pending_deliveries SET first_at = coalesce(first_at, now()), shown_under = %s, attempts = attempts + 1
WHERE patient_id = %s AND subscription_id = %s AND position = %s
"""
_COLUMNS: LiteralString = """
INSERT INTO deliveries (patient_id, id, subscription_id, position, change_id, kind, attempt, outcome, status, answer, error,
  duration_ms, audit_event_id)
"""
_ATTEMPT: LiteralString = """%(patient)s, %(id)s, %(subscription)s, %(position)s, %(change)s, %(kind)s, %(attempt)s"""
_SAID: LiteralString = "%(status)s, %(answer)s, %(error)s, %(duration_ms)s, %(event)s"
_THIS: LiteralString = "d.patient_id = %(patient)s AND d.subscription_id = %(subscription)s AND d.position"
DONE = f"""
WITH gone AS (DELETE FROM pending_deliveries d WHERE {_THIS} = %(position)s)
{_COLUMNS} VALUES ({_ATTEMPT}, %(outcome)s, {_SAID})
"""  # noqa: S608 - composed of the literals above; what a request says is a parameter
# The last attempt is made when the time is over, not before.
PUT_OFF = f"""
WITH late AS (
  SELECT d.first_at + make_interval(secs => %(budget)s) AS deadline FROM pending_deliveries d WHERE {_THIS} = %(position)s
), dead AS (
  DELETE FROM pending_deliveries d USING late l WHERE {_THIS} = %(position)s AND l.deadline <= now()
), later AS (
  UPDATE pending_deliveries d SET due_at = greatest(d.due_at, least(now() + make_interval(secs => %(pause)s), l.deadline))
  FROM late l WHERE {_THIS} >= %(position)s AND l.deadline > now()
)
{_COLUMNS} SELECT {_ATTEMPT}, CASE WHEN l.deadline <= now() THEN 'dead' ELSE 'failed' END, {_SAID} FROM late l
"""  # noqa: S608 - composed of the literals above; what a request says is a parameter
FORGET = """
DELETE FROM deliveries d USING (
  SELECT patient_id, id FROM deliveries WHERE at < now() - make_interval(days => %s) ORDER BY at LIMIT %s
) old WHERE d.patient_id = old.patient_id AND d.id = old.id RETURNING d.id
"""


class Turn(NamedTuple):
    """Leave to work on one subscription, alone, for a while. lease: by which it is renewed."""

    subscription_id: UUID
    lease: UUID


async def begin_queueing(tx: Transaction) -> bool:
    """Whether this worker fills the queues now; of several one does."""
    row: Row = await tx.row(LOCK, [QUEUE_LOCK])
    return bool(row.mine)


async def queue_new(tx: Transaction, largest: int) -> int:
    """Queue the next lines of the feed for whoever subscribed and may have a tie to their patient; how many lines."""
    row = await tx.row(FAN_OUT, {"largest": largest})
    return int(row.passed) if row else 0


async def queue_again(tx: Transaction, largest: int) -> bool:
    """One step of the oldest redelivery that was asked for; whether there was one."""
    asked = await tx.row(NEXT_REDELIVERY)
    if asked is None:
        return False
    wanted = {
        "subscription": asked.subscription_id,
        "organization": asked.organization_id,
        "kinds": asked.kinds,
        "after": asked.position,
        "upto": asked.upto,
        "largest": largest,
    }
    found: Row = await tx.row(REDELIVER if asked.organization_id else REDELIVER_TO_OFFICE, wanted)
    if found.number < largest:
        tx.later(WALKED_THROUGH, [asked.id])
    else:
        tx.later(WALKED, [found.last, asked.upto, asked.id])
    return True


async def sweep(tx: Transaction, largest: int) -> bool:
    """Drop what waits for a subscription that has ended or is switched off; whether there was any such."""
    return await tx.row(SWEEP, {"largest": largest}) is not None


async def take_turn(tx: Transaction, seconds: float, of_receiver: int, of_client: int) -> Turn | None:
    """The subscription most overdue that nobody works on. of_receiver, of_client: so many at once, one of a receiver that fails."""
    lease = new_id()
    tx.later(LOCK_WAITING, [TURN_LOCK])  # counted and taken by one at a time
    wanted = {"lease": lease, "seconds": seconds, "of_receiver": of_receiver, "of_client": of_client}
    row = await tx.row(TAKE_TURN, wanted)
    return Turn(row.subscription_id, lease) if row else None


async def renew(tx: Transaction, turn: Turn, seconds: float, budget: float) -> Row | None:
    """The subscription, for so many seconds more; None when the turn is over, or it has ended or been switched off.

    spent: whether nothing has been acknowledged for as long as ``budget``.
    """
    wanted = {"subscription": turn.subscription_id, "lease": turn.lease, "seconds": seconds, "budget": budget}
    return await tx.row(RENEW, wanted)


def release(tx: Transaction, turn: Turn, rest: float = 0.0) -> None:
    """End the turn. rest: seconds before which nobody takes the next."""
    tx.later(RELEASE, {"subscription": turn.subscription_id, "lease": turn.lease, "rest": rest})


def note_reached(tx: Transaction, turn: Turn) -> None:
    """The receiver has acknowledged something."""
    tx.later(REACHED, [turn.subscription_id])


def note_failed(tx: Transaction, turn: Turn, since: datetime | None = None) -> None:
    """It has acknowledged nothing of all that was tried at once, begun at ``since``; None: nothing was tried."""
    tx.later(FAILED, [since, turn.subscription_id])


def switch_off(tx: Transaction, turn: Turn, reason: str) -> None:
    """Try no more; remember from where to go on."""
    tx.later(SWITCH_OFF, {"subscription": turn.subscription_id, "reason": reason})


async def due(tx: Transaction, turn: Turn, largest: int) -> list[Row]:
    """What is to be tried now: of each patient the earliest that waits. largest: eight at most."""
    return (await tx.rows(HEADS, {"subscription": turn.subscription_id}))[:largest]


def begin_attempt(tx: Transaction, grant: Grant, turn: Turn, position: int) -> None:
    """Count an attempt before it is made, under the event that tells of it."""
    tx.later(BEGIN, [grant.event_id, grant.patient_id, turn.subscription_id, position])


def keep_done(tx: Transaction, attempt: Mapping[str, object], outcome: str) -> None:
    """Nothing waits any more: delivered, or withheld."""
    tx.later(DONE, {**attempt, "id": new_id(), "outcome": outcome})


def keep_failed(tx: Transaction, attempt: Mapping[str, object], pause: float, budget: float) -> None:
    """It waits, and the patient's later ones with it; or is given up when it has waited as long as ``budget``."""
    tx.later(PUT_OFF, {**attempt, "id": new_id(), "pause": pause, "budget": budget})


async def forget(tx: Transaction, days: int, largest: int) -> int:
    """Remove attempts older than so many days; how many."""
    return len(await tx.rows(FORGET, [days, largest]))
