"""Places in the care team (ケアチーム): each change appends a period, the newest of an organization holds."""

from uuid import UUID

from renkei.access.gate import Grant
from renkei.database import Row, Transaction
from renkei.ids import new_id
from renkei.schemas.care_teams import PlaceIn
from renkei.store import about, lock_patient, whose

# clock_timestamp(), not now(): of two writers the one that got the lock later must also sort later.
INSERT = """
INSERT INTO care_team_places (patient_id, id, organization_id, part, valid_from, valid_until, ended, recorded_at, audit_event_id)
VALUES (%s, %s, %s, %s, %s, %s, false, clock_timestamp(), %s)
"""
NEWEST = """
SELECT DISTINCT ON (patient_id) patient_id, id, part, valid_from, valid_until, ended FROM care_team_places
WHERE patient_id = ANY (%s::uuid[]) AND organization_id = %s ORDER BY patient_id, recorded_at DESC, id DESC
"""
END = """
INSERT INTO care_team_places (patient_id, id, organization_id, part, valid_from, valid_until, ended, recorded_at, audit_event_id)
VALUES (%s, %s, %s, %s, %s, (now() AT TIME ZONE 'Asia/Tokyo')::date, true, clock_timestamp(), %s)
"""
ALL = """
SELECT p.id, p.organization_id, o.code, o.name, o.kind, p.part, p.valid_from, p.valid_until, p.ended, p.recorded_at,
  lead(p.recorded_at) OVER (PARTITION BY p.patient_id, p.organization_id ORDER BY p.recorded_at, p.id) AS replaced_at,
  p.valid_from <= today.day AND (p.valid_until IS NULL OR p.valid_until >= today.day) AS in_period
FROM care_team_places p
JOIN organizations o ON o.id = p.organization_id
CROSS JOIN (SELECT (now() AT TIME ZONE 'Asia/Tokyo')::date AS day) today
WHERE p.patient_id = %(patient)s ORDER BY p.recorded_at DESC, p.id DESC
"""
REQUESTS = """
SELECT j.id, j.organization_id, o.code, o.name, o.kind, j.part, j.requested_at
FROM join_requests j JOIN organizations o ON o.id = j.organization_id
WHERE j.patient_id = %(patient)s
  AND NOT EXISTS (SELECT FROM care_team_places t WHERE t.patient_id = %(patient)s
                  AND t.organization_id = j.organization_id AND t.recorded_at >= j.requested_at)
  AND NOT EXISTS (SELECT FROM request_decisions d WHERE d.patient_id = j.patient_id AND d.request_id = j.id)
ORDER BY j.requested_at DESC, j.id DESC
"""
INSERT_FOUNDING = """
INSERT INTO care_team_places (patient_id, id, organization_id, part, valid_from, ended, recorded_at, audit_event_id)
VALUES (%s, %s, %s, %s, (now() AT TIME ZONE 'Asia/Tokyo')::date, false, clock_timestamp(), %s)
"""


async def give_place(tx: Transaction, grant: Grant, organization_id: UUID, place: PlaceIn) -> tuple[list[Grant], bool]:
    """Append a period unless it is the one that holds. Where it is new, and whether it is the organization's first."""
    newest = await newest_places(tx, grant, organization_id)
    same = (place.part, place.valid_from, place.valid_until)
    standing = {row.patient_id: (row.part, row.valid_from, row.valid_until) for row in newest if not row.ended}
    # A linked person has one team: what is said of a place is said wherever the organization has one.
    apart = [id_ for id_ in dict.fromkeys((grant.patient_id, *standing)) if standing.get(id_) != same]
    for id_ in apart:
        tx.later(INSERT, [id_, new_id(), organization_id, *same, grant.event_id])
    return [grant.under(id_) for id_ in apart], not newest


def insert_founding_place(tx: Transaction, grant: Grant, part: str) -> None:
    """The organization that registers a person joins the team at once, from today."""
    tx.later(INSERT_FOUNDING, [grant.patient_id, new_id(), grant.organization_id, part, grant.event_id])


async def newest_places(tx: Transaction, grant: Grant, organization_id: UUID) -> list[Row]:
    """The place that holds for an organization under each id of the person, also where it has ended; the team is locked
    until the commit."""
    lock_patient(tx, grant)
    return await tx.rows(NEWEST, [list(grant.patient_ids), organization_id])


def end_place(tx: Transaction, grant: Grant, organization_id: UUID, place: Row) -> None:
    """Append the end of a place, effective at once."""
    tx.later(END, [place.patient_id, new_id(), organization_id, place.part, place.valid_from, grant.event_id])


async def load_places(tx: Transaction, grant: Grant) -> list[Row]:
    """All periods ever appended, newest first."""
    return await tx.rows(whose(ALL, grant), about(grant))


async def load_requests(tx: Transaction, grant: Grant) -> list[Row]:
    """Organizations that matched this person by number and wait to be added."""
    return await tx.rows(whose(REQUESTS, grant), about(grant))
