"""Emergency accesses (緊急閲覧): looked for, opened for hours, closed early or by time, reviewed."""

from collections.abc import Sequence
from uuid import UUID

from psycopg.types.json import Jsonb

from renkei.access.audit import Asked
from renkei.access.gate import Grant, LedgerGrant
from renkei.database import Row, Transaction
from renkei.ids import new_id
from renkei.schemas.care_teams import EmergencyIn
from renkei.schemas.emergencies import EmergencySearch, Review
from renkei.schemas.patients import identity_key
from renkei.schemas.search_keys import kana_key
from renkei.store import about, lock_patient, signature, whose

BY_NUMBER = "SELECT DISTINCT patient_id, ended FROM renkei_match_identity(%s::bytea[], NULL, NULL)"
BY_PERSON = "SELECT patient_id FROM renkei_find_person(%s, %s, %s)"
SEARCHED = """
SELECT renkei_emergency_refusals(%(organization)s, now() - interval '1 hour') + (
  SELECT count(*) FROM emergency_accesses
  WHERE organization_id = %(organization)s AND opened_at >= now() - interval '1 hour' AND opened_by ->> 'found_by' <> 'id'
) AS times
"""
INSERT = """
INSERT INTO emergency_accesses (patient_id, id, organization_id, groups, reason, opened_by, expires_at, audit_event_id)
VALUES (%s, %s, %s, %s, %s, %s, now() + make_interval(hours => %s), %s)
RETURNING id, opened_at, expires_at
"""
CLOSE = """
INSERT INTO emergency_closures (patient_id, id, emergency_access_id, audit_event_id) VALUES (%s, %s, %s, %s)
ON CONFLICT DO NOTHING
"""
REVIEW = """
INSERT INTO emergency_reviews (patient_id, id, emergency_access_id, finding, comment, reviewed_by, audit_event_id)
VALUES (%s, %s, %s, %s, %s, %s, %s)
"""
COLUMNS = """
SELECT e.patient_id, e.id, e.organization_id, o.code, o.name, o.kind, e.reason, e.groups, e.opened_by, e.opened_at,
  e.expires_at, x.closed_at, x.id IS NULL AND e.expires_at > now() AS open,
  r.id IS NOT NULL AS reviewed, r.finding, r.comment, r.reviewed_by, r.reviewed_at
FROM emergency_accesses e
JOIN organizations o ON o.id = e.organization_id
LEFT JOIN emergency_closures x ON x.patient_id = e.patient_id AND x.emergency_access_id = e.id
LEFT JOIN emergency_reviews r ON r.patient_id = e.patient_id AND r.emergency_access_id = e.id
"""
ONE = COLUMNS + "WHERE e.patient_id = %(patient)s AND e.id = %(emergency)s"
PAGE = (
    COLUMNS
    + """
WHERE e.patient_id = %(patient)s
  AND (%(time)s::timestamptz IS NULL OR (e.opened_at, e.id) < (%(time)s::timestamptz, %(id)s::uuid))
ORDER BY e.opened_at DESC, e.id DESC LIMIT %(limit)s
"""
)
OF_PATIENTS = (
    COLUMNS
    + """
WHERE e.patient_id = ANY (%(patients)s::uuid[]) AND (r.id IS NOT NULL) = %(reviewed)s
ORDER BY e.patient_id DESC, e.opened_at DESC, e.id DESC
"""
)
PATIENTS = """
SELECT DISTINCT e.patient_id FROM emergency_accesses e
WHERE (%(patients)s::uuid[] IS NULL OR e.patient_id = ANY (%(patients)s::uuid[]))
  AND EXISTS (SELECT FROM emergency_reviews r
              WHERE r.patient_id = e.patient_id AND r.emergency_access_id = e.id) = %(reviewed)s
  AND (%(before)s::uuid IS NULL OR e.patient_id < %(before)s)
ORDER BY e.patient_id DESC LIMIT %(limit)s
"""


async def find(tx: Transaction, asked: Asked, search: EmergencySearch) -> list[UUID]:
    """Everybody whom a whole number, or kana, birth date and sex together, point to. Tells ids only."""
    if search.identifier is not None:
        rows = await tx.rows(BY_NUMBER, [[identity_key(search.identifier, UUID(int=0))]])
        # A card of long ago still finds its holder, unless somebody has the number today.
        rows = [row for row in rows if not row.ended] or rows
    else:
        kana = search.name_kana
        key = kana_key(f"{kana.family}{kana.given or ''}") if kana else ""
        rows = await tx.rows(BY_PERSON, [key, search.birth_date, search.sex])
    return [row.patient_id for row in rows]


async def count_searches(tx: Transaction, asked: Asked, organization_id: UUID) -> int:
    """How often an organization has looked for somebody to break the glass in the last hour, in vain or not."""
    tx.ask_about([organization_id])
    row: Row = await tx.row(SEARCHED, {"organization": organization_id})
    return int(row.times)


async def insert_emergency(tx: Transaction, grant: Grant, emergency: EmergencyIn, found_by: str) -> Row:
    """Open it from now, for its hours; the database's clock decides the end. found_by: ``id``, ``identifier``, ``person``."""
    opened_by = Jsonb({**signature(grant), "found_by": found_by})
    said = (list(emergency.groups), emergency.reason, opened_by, emergency.hours, grant.event_id)
    rows = await tx.rows(INSERT, [grant.patient_id, new_id(), grant.organization_id, *said])
    return rows[0]


async def load_emergency(tx: Transaction, grant: Grant, emergency_id: UUID) -> Row | None:
    """One emergency access of this patient."""
    return await tx.row(whose(ONE, grant), {**about(grant), "emergency": emergency_id})


async def load_page(tx: Transaction, grant: Grant, after: Sequence[object] | None, limit: int) -> list[Row]:
    """One page of this patient's, newest first; one row more tells of a next page."""
    time, id_ = after or (None, None)
    return await tx.rows(whose(PAGE, grant), {**about(grant), "time": time, "id": id_, "limit": limit + 1})


def close_emergency(tx: Transaction, grant: Grant, emergency_id: UUID) -> None:
    """End it now."""
    tx.later(CLOSE, [grant.patient_id, new_id(), emergency_id, grant.event_id])


async def review_emergency(
    tx: Transaction, grant: Grant, emergency_id: UUID, review: Review
) -> tuple[Row | None, bool]:
    """Note what was found, once. The emergency access as it then stands, and whether this is new."""
    lock_patient(tx, grant)
    row = await load_emergency(tx, grant, emergency_id)
    if row is None or row.reviewed:
        return row, False
    said = (review.finding, review.comment, Jsonb(signature(grant)), grant.event_id)
    tx.later(REVIEW, [row.patient_id, new_id(), emergency_id, *said])
    return await load_emergency(tx, grant, emergency_id), True


async def patients_with(tx: Transaction, asked: Asked, patients: Sequence[UUID], reviewed: bool) -> set[UUID]:
    """Which of the patients reach has picked have an emergency access whose review awaits, or is done."""
    every = {"patients": list(patients), "reviewed": reviewed, "before": None, "limit": None}
    return {row.patient_id for row in await tx.rows(PATIENTS, every)}


async def all_patients_with(
    tx: Transaction, grant: LedgerGrant, reviewed: bool, before: UUID | None, limit: int
) -> list[UUID]:
    """The same of all patients, newest registration first; one more tells of a next page."""
    page = {"patients": None, "reviewed": reviewed, "before": before, "limit": limit + 1}
    return [row.patient_id for row in await tx.rows(PATIENTS, page)]


async def load_of(
    tx: Transaction, grant: Sequence[Grant] | LedgerGrant, patients: Sequence[UUID], reviewed: bool
) -> list[Row]:
    """The emergency accesses of these patients, reviewed or not; patient by patient, newest first."""
    return await tx.rows(OF_PATIENTS, {"patients": list(patients), "reviewed": reviewed})
