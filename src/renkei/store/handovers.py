"""Handing over places in the care team when an office closes (廃止・休止): many patients at once, each period appended."""

from collections.abc import Sequence
from uuid import UUID

from renkei.access.gate import Grant
from renkei.database import Row, Transaction
from renkei.ids import new_id

# In the order of their ids, so that two who hand over at once wait for each other and neither for ever.
LOCK = "SELECT version FROM summaries WHERE patient_id = ANY (%s) ORDER BY patient_id FOR UPDATE"

# clock_timestamp(): what is written after the lock also sorts after what was written before it.
HAND_OVER = """
WITH held AS (
  SELECT DISTINCT ON (t.patient_id, t.organization_id) t.patient_id, t.organization_id, t.part, t.valid_from, t.valid_until,
    NOT t.ended AND t.valid_from <= today.day AND (t.valid_until IS NULL OR t.valid_until >= today.day) AS in_force
  FROM care_team_places t CROSS JOIN (SELECT (now() AT TIME ZONE 'Asia/Tokyo')::date AS day) today
  WHERE t.patient_id = ANY (%(patients)s) AND t.organization_id IN (%(closing)s, %(successor)s)
  ORDER BY t.patient_id, t.organization_id, t.recorded_at DESC, t.id DESC
), ending AS (
  SELECT g.*, h.part, h.valid_from, h.valid_until, (now() AT TIME ZONE 'Asia/Tokyo')::date AS today
  FROM unnest(%(patients)s::uuid[], %(ends)s::uuid[], %(places)s::uuid[], %(events)s::uuid[])
    AS g (patient_id, end_id, place_id, event_id)
  JOIN held h ON h.patient_id = g.patient_id AND h.organization_id = %(closing)s AND h.in_force
), ended AS (
  INSERT INTO care_team_places (patient_id, id, organization_id, part, valid_from, valid_until, ended, recorded_at, audit_event_id)
  SELECT patient_id, end_id, %(closing)s, part, valid_from, today, true, clock_timestamp(), event_id FROM ending
), placed AS (
  INSERT INTO care_team_places (patient_id, id, organization_id, part, valid_from, valid_until, ended, recorded_at, audit_event_id)
  SELECT patient_id, place_id, %(successor)s, part, today, valid_until, false, clock_timestamp(), event_id FROM ending
  WHERE patient_id NOT IN (SELECT patient_id FROM held WHERE organization_id = %(successor)s AND in_force)
)
SELECT patient_id FROM ending
"""
NAMING = """
SELECT c.patient_id, c.id FROM consent_organizations n
JOIN consents c ON c.patient_id = n.patient_id AND c.id = n.consent_id
WHERE n.patient_id = ANY (%s) AND n.organization_id = %s
  AND (c.valid_until IS NULL OR c.valid_until >= (now() AT TIME ZONE 'Asia/Tokyo')::date)
  AND NOT EXISTS (SELECT FROM consent_withdrawals w WHERE w.patient_id = c.patient_id AND w.consent_id = c.id)
ORDER BY c.patient_id DESC, c.id DESC
"""


async def hand_over(tx: Transaction, grants: Sequence[Grant], closing: UUID, successor: UUID) -> list[Grant]:
    """End one's places that are in force today and give the other the same part until the same day; where that was done.

    Where the successor has a place already it keeps that one.
    """
    patients = [grant.patient_id for grant in grants]
    tx.later(LOCK, [patients])
    new = {name: [new_id() for _ in grants] for name in ("ends", "places")}
    events = [grant.event_id for grant in grants]
    said = {"patients": patients, "events": events, "closing": closing, "successor": successor}
    done = {row.patient_id for row in await tx.rows(HAND_OVER, {**said, **new})}
    return [grant for grant in grants if grant.patient_id in done]


async def load_naming(tx: Transaction, grants: Sequence[Grant], organization_id: UUID) -> list[Row]:
    """Consents of these patients that name an organization and have not ended."""
    return await tx.rows(NAMING, [[grant.patient_id for grant in grants], organization_id])
