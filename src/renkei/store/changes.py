"""The feed's rows: something happened to this patient's records. Positions are given by the worker, after commit."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from renkei.access.gate import Grant
from renkei.database import Row, Transaction
from renkei.ids import new_id

INSERT = """
INSERT INTO changes (patient_id, id, kind, record_id, organization_id, audit_event_id) VALUES (%s, %s, %s, %s, %s, %s)
"""

QUEUE = "INSERT INTO unpublished_changes (patient_id, change_id) VALUES (%s, %s)"

# A queue, because looking among all changes for those without a position would take longer with every change. Taken up to its
# n-th line, not line by line: planned while the queue is empty, as it mostly is, a join compares each of its lines with each.
PUBLISH = """
WITH last AS (
  SELECT at, change_id FROM (SELECT at, change_id FROM unpublished_changes ORDER BY at, change_id LIMIT %(limit)s) next
  ORDER BY at DESC, change_id DESC LIMIT 1
), taken AS (
  DELETE FROM unpublished_changes u USING last WHERE (u.at, u.change_id) <= (last.at, last.change_id)
  RETURNING u.patient_id, u.change_id, u.at
)
INSERT INTO change_positions (position, patient_id, change_id)
SELECT coalesce((SELECT max(position) FROM change_positions), 0) + row_number() OVER (ORDER BY at, change_id),
       patient_id, change_id
FROM taken
RETURNING position
"""
PUBLISHER_LOCK = 0x72656E6B6569  # "renkei"

END = "SELECT renkei_feed_end() AS position"
NEXT = """
SELECT * FROM renkei_feed(%(organization)s::uuid, %(kinds)s::text[], %(patient)s::uuid, %(after)s::bigint, %(upto)s::bigint,
  %(largest)s::integer)
"""
NEXT_OF_OFFICE = """
SELECT * FROM renkei_office_feed(%(kinds)s::text[], %(patient)s::uuid, %(after)s::bigint, %(upto)s::bigint,
  %(largest)s::integer)
"""
LOAD = """
SELECT c.id, c.kind, c.patient_id, c.record_id, c.organization_id, c.at
FROM unnest(%(patients)s::uuid[], %(ids)s::uuid[]) AS wanted (patient_id, id)
JOIN changes c ON c.patient_id = wanted.patient_id AND c.id = wanted.id
"""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of the feed: after one position, up to another one; of it, the first ``largest`` lines that are wanted.

    kinds, patient: None for any.
    """

    after: int
    upto: int
    largest: int
    kinds: Sequence[str] | None = None
    patient: UUID | None = None


def announce(tx: Transaction, grant: Grant, record_id: UUID | None = None) -> None:
    """Write the change row of what this grant does; it commits or vanishes with it."""
    organization = grant.asked.actor.organization
    change_id = new_id()
    about = [grant.patient_id, change_id, grant.permission.value, record_id]
    tx.later(INSERT, [*about, organization.id if organization else None, grant.event_id])
    tx.later(QUEUE, [grant.patient_id, change_id])


async def publish(tx: Transaction, limit: int = 1000) -> int:
    """Give committed changes their positions; how many. The worker's only: a vendor's actor has no right to it."""
    locked: Row = await tx.row("SELECT pg_try_advisory_xact_lock(%s) AS mine", [PUBLISHER_LOCK])
    if not locked.mine:
        return 0
    return len(await tx.rows(PUBLISH, {"limit": limit}))


async def feed_end(tx: Transaction) -> int:
    """The position of the newest line, 0 before the first: a number, about nobody."""
    row: Row = await tx.row(END)
    return int(row.position)


async def next_lines(tx: Transaction, organization_id: UUID | None, stretch: Stretch) -> list[Row]:
    """Lines of a stretch about patients an organization may be tied to, or for the platform's offices (None): position,
    patient_id, change_id, kind and organization_id, oldest first. Whether it is tied, reach then tells."""
    parameters = {
        "organization": organization_id,
        "kinds": stretch.kinds if stretch.kinds is None else list(stretch.kinds),
        "patient": stretch.patient,
        "after": stretch.after,
        "upto": stretch.upto,
        "largest": stretch.largest,
    }
    return await tx.rows(NEXT_OF_OFFICE if organization_id is None else NEXT, parameters)


async def load_changes(tx: Transaction, grants: Sequence[Grant], lines: Sequence[Row]) -> list[Row]:
    """What these lines tell, in their order, of the patients granted."""
    granted = {grant.patient_id for grant in grants}
    wanted = [line for line in lines if line.patient_id in granted]
    parameters = {"patients": [line.patient_id for line in wanted], "ids": [line.change_id for line in wanted]}
    found = {row.id: row for row in await tx.rows(LOAD, parameters)}
    return [found[line.change_id] for line in wanted]
