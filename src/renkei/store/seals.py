"""Seals (封印) over both ledgers: made by the worker from committed events, read back to be exported and verified."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg import sql

from renkei.access.gate import LedgerGrant
from renkei.database import Row, Transaction

SEALER_LOCK = 0x7365616C  # "seal"
LATE = "10 minutes"
"""An event bears the instant its transaction began. None of the service's lives this long: what commits later is not sealed."""

# The columns of access.seals.EVENT, in its order. jsonb's own text, not a number read and written again: it has every digit.
OF_PATIENTS = sql.SQL("""
SELECT e.patient_id::text, e.id::text, e.request_id::text, to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at,
  e.action, e.outcome, e.reason, e.actor_kind, e.client_id::text, e.organization_id::text, e.user_id, e.user_name, e.profession,
  e.basis, e.groups, e.record_id::text, NULL::text AS detail
FROM audit_events e
""")
OF_NONE = sql.SQL("""
SELECT NULL::text AS patient_id, e.id::text, e.request_id::text,
  to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at,
  e.action, e.outcome, e.reason, e.actor_kind, e.client_id::text, e.organization_id::text, e.user_id, e.user_name, e.profession,
  NULL::text[] AS basis, NULL::text[] AS groups, NULL::text AS record_id, e.detail::text
FROM service_events e
""")

LAST = """
SELECT s.position, s.id, s.count, encode(s.merkle_root, 'hex') AS merkle_root, encode(s.previous, 'hex') AS previous,
  s.sealed_at, s.signature,
  coalesce(e.at, v.at, s.sealed_at) - %(late)s::interval AS since
FROM audit_seals s
LEFT JOIN audit_leaves l ON l.seal_position = s.position AND l.leaf = s.count - 1
LEFT JOIN audit_events e ON e.patient_id = l.patient_id AND e.id = l.event_id
LEFT JOIN service_events v ON l.patient_id IS NULL AND v.id = l.event_id
ORDER BY s.position DESC LIMIT 1
"""
# OFFSET 0 keeps it a look into the index for each event: as a join it would read all leaves there are.
WAITING = sql.SQL("""
({patients} WHERE e.at >= %(since)s::timestamptz AND {bare} ORDER BY e.at, e.id LIMIT %(limit)s)
UNION ALL
({none} WHERE e.at >= %(since)s::timestamptz AND {bare} ORDER BY e.at, e.id LIMIT %(limit)s)
""").format(
    patients=OF_PATIENTS,
    none=OF_NONE,
    bare=sql.SQL("NOT EXISTS (SELECT FROM audit_leaves l WHERE l.event_id = e.id OFFSET 0)"),
)
CLOCK = "SELECT date_trunc('milliseconds', clock_timestamp()) AS sealed_at"
INSERT = """
INSERT INTO audit_seals (position, id, count, merkle_root, previous, sealed_at, signature)
VALUES (%(position)s, %(id)s, %(count)s, decode(%(merkle_root)s, 'hex'), decode(%(previous)s, 'hex'),
  %(sealed_at)s::timestamptz, %(signature)s)
"""
INSERT_LEAVES = """
INSERT INTO audit_leaves (seal_position, leaf, patient_id, event_id, digest)
SELECT %(position)s, place - 1, patient_id, event_id, digest
FROM unnest(%(patients)s::uuid[], %(events)s::uuid[], %(digests)s::bytea[])
  WITH ORDINALITY AS l (patient_id, event_id, digest, place)
"""
PAGE = """
SELECT position, id, count, encode(merkle_root, 'hex') AS merkle_root, encode(previous, 'hex') AS previous, sealed_at, signature,
  token, says
FROM audit_seals LEFT JOIN audit_time_stamps ON seal_position = position
"""
AFTER = PAGE + "WHERE position > %s ORDER BY position LIMIT %s"
BEFORE = PAGE + "WHERE %(before)s::bigint IS NULL OR position < %(before)s ORDER BY position DESC LIMIT %(limit)s"
LEAVES = sql.SQL("""
SELECT l.seal_position, l.leaf, l.patient_id::text AS leaf_patient, l.event_id::text AS leaf_event,
  encode(l.digest, 'hex') AS digest, f.*
FROM audit_leaves l
LEFT JOIN LATERAL (
  {} WHERE e.patient_id = l.patient_id AND e.id = l.event_id UNION ALL {} WHERE l.patient_id IS NULL AND e.id = l.event_id
) f ON true
WHERE l.seal_position BETWEEN %s AND %s ORDER BY l.seal_position, l.leaf
""").format(OF_PATIENTS, OF_NONE)
# A plan made while the leaves were few would read them all for each event, and is kept as long as the connection.
BY_INDEX = "SET LOCAL enable_seqscan = off"
# The lock is waited for: when it is had, no seal is on its way that the clock has already passed.
TURN = "SELECT pg_advisory_xact_lock(%s)"
NOW = """
SELECT date_trunc('milliseconds', clock_timestamp()) AS at, coalesce(max(position), 0) AS last,
  coalesce(min(position) FILTER (WHERE sealed_at >= %(from)s::timestamptz), max(position) + 1, 1) AS first,
  coalesce(max(position) FILTER (WHERE sealed_at < %(until)s::timestamptz), 0) AS until
FROM audit_seals
"""
_END_OF_PAGE: LiteralString = """
SELECT at, id FROM (
  SELECT e.at, e.id FROM {} e WHERE (e.at, e.id) > (%(time)s::timestamptz, %(id)s::uuid) ORDER BY e.at, e.id LIMIT %(look)s
) page ORDER BY at DESC, id DESC LIMIT 1
"""
END_OF_PAGE = {
    True: sql.SQL(_END_OF_PAGE).format(sql.Identifier("audit_events")),
    False: sql.SQL(_END_OF_PAGE).format(sql.Identifier("service_events")),
}
_UNSEALED: LiteralString = """
{} WHERE (e.at, e.id) > (%(time)s::timestamptz, %(id)s::uuid) AND (e.at, e.id) <= (%(end)s, %(end_id)s)
  AND NOT EXISTS (SELECT FROM audit_leaves l WHERE l.event_id = e.id AND l.seal_position BETWEEN %(first)s AND %(last)s
                  AND {} OFFSET 0)
ORDER BY e.at, e.id
"""
UNSEALED = {
    True: sql.SQL(_UNSEALED).format(OF_PATIENTS, sql.SQL("l.patient_id = e.patient_id")),
    False: sql.SQL(_UNSEALED).format(OF_NONE, sql.SQL("l.patient_id IS NULL")),
}
"""Events without a leaf, of those on patients (True) or on none; page by page, as a whole ledger takes too long at once."""


class Batch(NamedTuple):
    """What the next seal is to cover. last: the seal before it, if any. events: columns of ``EVENT``, oldest first."""

    last: Row | None
    events: list[Row]
    sealed_at: Any


async def next_batch(tx: Transaction, largest: int) -> Batch | None:
    """Committed events that no seal covers, at most so many; None while another worker is at it. The worker's only."""
    locked: Row = await tx.row("SELECT pg_try_advisory_xact_lock(%s) AS mine", [SEALER_LOCK])
    if not locked.mine:
        return None
    tx.later(BY_INDEX)
    last = await tx.row(LAST, {"late": LATE})
    rows = await tx.rows(WAITING, {"since": last.since if last else "-infinity", "limit": largest})
    # An id that stands twice was put there by hand: the second remains without a seal, and so is found.
    once = {row.id: row for row in sorted(rows, key=lambda row: (row.at, row.id), reverse=True)}
    events = sorted(once.values(), key=lambda row: (row.at, row.id))[:largest]
    clock: Row = await tx.row(CLOCK)
    return Batch(last, events, clock.sealed_at)


def insert_seal(tx: Transaction, seal: dict[str, Any], events: Sequence[Row], digests: Sequence[bytes]) -> None:
    """Keep a seal with its leaves, in the order of the events. The worker's only."""
    tx.later(INSERT, seal)
    leaves = {"patients": [e.patient_id for e in events], "events": [e.id for e in events], "digests": list(digests)}
    tx.later(INSERT_LEAVES, {"position": seal["position"], **leaves})


async def load_after(tx: Transaction, position: int, limit: int) -> list[Row]:
    """Seals beyond a position, in their order. They name no event and no patient."""
    return await tx.rows(AFTER, [position, limit])


async def load_page(tx: Transaction, grant: LedgerGrant, before: int | None, limit: int) -> list[Row]:
    """One page of seals, newest first; one more tells of a next page."""
    return await tx.rows(BEFORE, {"before": before, "limit": limit + 1})


class Range(NamedTuple):
    """What an export covers. first, last: positions of seals; since: events from then on; at: when it began."""

    first: int
    last: int
    since: datetime | None
    at: datetime


async def begin_export(tx: Transaction, grant: LedgerGrant, since: datetime | None, until: datetime | None) -> Range:
    """The seals made from ``since`` to before ``until``, as they are now."""
    tx.later(TURN, [SEALER_LOCK])
    bounds = {"from": since or "-infinity", "until": until or "infinity"}
    found: Row = await tx.row(NOW, bounds)
    return Range(found.first if since else 1, found.until, since, found.at)


async def load_leaves(tx: Transaction, grant: LedgerGrant, first: int, last: int) -> list[Row]:
    """The leaves of these seals with the events they stand for; an event that is gone has no columns."""
    tx.later(BY_INDEX)
    return await tx.rows(LEAVES, [first, last])


async def load_unsealed(
    tx: Transaction, grant: LedgerGrant, covered: Range, of_patients: bool, after: tuple[Any, UUID] | None, look: int
) -> tuple[list[Row], tuple[Any, UUID] | None]:
    """Among the next ``look`` events of one ledger those that no leaf of these seals names; where to go on, if at all."""
    time, id_ = after or (covered.since or "-infinity", UUID(int=0))
    bounds = {"time": time, "id": id_, "look": look, "first": covered.first, "last": covered.last}
    tx.later(BY_INDEX)
    end = await tx.row(END_OF_PAGE[of_patients], bounds)
    if end is None:
        return [], None
    rows = await tx.rows(UNSEALED[of_patients], {**bounds, "end": end.at, "end_id": end.id})
    return rows, (end.at, end.id)
