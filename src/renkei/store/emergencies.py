"""Emergency accesses (緊急閲覧): opened for hours, closed early or by time."""

from uuid import UUID

from psycopg.types.json import Jsonb

from renkei.access.gate import Grant
from renkei.database import Row, Transaction
from renkei.ids import new_id
from renkei.schemas.care_teams import EmergencyIn

INSERT = """
INSERT INTO emergency_accesses (patient_id, id, organization_id, groups, reason, opened_by, expires_at, audit_event_id)
VALUES (%s, %s, %s, %s, %s, %s, now() + make_interval(hours => %s), %s)
RETURNING id, opened_at, expires_at
"""
ONE = """
SELECT e.id, e.organization_id, x.closed_at FROM emergency_accesses e
LEFT JOIN emergency_closures x ON x.patient_id = e.patient_id AND x.emergency_access_id = e.id
WHERE e.patient_id = %s AND e.id = %s
"""
CLOSE = """
INSERT INTO emergency_closures (patient_id, id, emergency_access_id, audit_event_id) VALUES (%s, %s, %s, %s)
ON CONFLICT DO NOTHING
"""


async def insert_emergency(tx: Transaction, grant: Grant, emergency: EmergencyIn) -> Row:
    """Open it from now, for its hours; the database's clock decides the end."""
    actor = grant.asked.actor
    opened_by = Jsonb({"user_id": actor.user_id, "user_name": actor.user_name, "profession": actor.profession})
    said = (list(emergency.groups), emergency.reason, opened_by, emergency.hours, grant.event_id)
    rows = await tx.rows(INSERT, [grant.patient_id, new_id(), grant.organization_id, *said])
    return rows[0]


async def load_emergency(tx: Transaction, grant: Grant, emergency_id: UUID) -> Row | None:
    """One emergency access of this patient."""
    return await tx.row(ONE, [grant.patient_id, emergency_id])


def close_emergency(tx: Transaction, grant: Grant, emergency_id: UUID) -> None:
    """End it now."""
    tx.later(CLOSE, [grant.patient_id, new_id(), emergency_id, grant.event_id])
