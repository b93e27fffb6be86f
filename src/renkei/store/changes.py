"""The feed's rows: something happened to this patient's records. Positions are given by the worker, after commit."""

from uuid import UUID

from renkei.access.gate import Grant
from renkei.database import Row, Transaction
from renkei.ids import new_id

INSERT = """
INSERT INTO changes (patient_id, id, kind, record_id, organization_id, audit_event_id) VALUES (%s, %s, %s, %s, %s, %s)
"""

QUEUE = "INSERT INTO unpublished_changes (patient_id, change_id) VALUES (%s, %s)"

# A queue, because looking among all changes for those without a position would take longer with every change.
PUBLISH = """
WITH next AS (
  SELECT patient_id, change_id FROM unpublished_changes ORDER BY at, change_id LIMIT %(limit)s
), taken AS (
  DELETE FROM unpublished_changes u USING next n WHERE u.patient_id = n.patient_id AND u.change_id = n.change_id
  RETURNING u.patient_id, u.change_id, u.at
)
INSERT INTO change_positions (position, patient_id, change_id)
SELECT coalesce((SELECT max(position) FROM change_positions), 0) + row_number() OVER (ORDER BY at, change_id),
       patient_id, change_id
FROM taken
RETURNING position
"""
PUBLISHER_LOCK = 0x72656E6B6569  # "renkei"


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
