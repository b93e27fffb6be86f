"""Requests to join the team or to read more (閲覧・参加の申請), also those a match by number has made, and the answers."""

from collections.abc import Sequence
from uuid import UUID

from psycopg.types.json import Jsonb

from renkei.access.audit import Asked
from renkei.access.gate import Grant, LedgerGrant
from renkei.database import Row, Transaction
from renkei.ids import new_id
from renkei.schemas.access_requests import AccessRequestIn
from renkei.store import about, lock_patient, signature, whose

INSERT = """
INSERT INTO access_requests (patient_id, id, organization_id, wants, groups, restricted, reason, requested_by, audit_event_id)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
DECIDE = """
INSERT INTO request_decisions (patient_id, id, request_id, approved, comment, decided_by, audit_event_id)
VALUES (%s, %s, %s, %s, %s, %s, %s)
"""
# Giving a place answers every request for one that was open, as reach has it for requests by registration (TIES).
FROM = """
FROM (
  SELECT patient_id, id, organization_id, wants, groups, restricted, reason, requested_by, requested_at, NULL AS part
  FROM access_requests
  UNION ALL
  SELECT patient_id, id, organization_id, 'care_team', '{}', '{}', NULL, NULL, requested_at, part FROM join_requests
) r
JOIN organizations o ON o.id = r.organization_id
LEFT JOIN request_decisions d ON d.patient_id = r.patient_id AND d.request_id = r.id
CROSS JOIN LATERAL (
  SELECT CASE WHEN d.approved THEN 'approved' WHEN NOT d.approved THEN 'refused'
    WHEN r.wants = 'care_team' AND EXISTS (
      SELECT FROM care_team_places t
      WHERE t.patient_id = r.patient_id AND t.organization_id = r.organization_id
        AND t.recorded_at >= r.requested_at AND NOT t.ended) THEN 'approved'
    ELSE 'open' END AS state
) s
"""
REQUESTS = (
    "SELECT r.*, o.code, o.name, o.kind, d.comment, d.decided_by, d.decided_at, d.id IS NOT NULL AS decided, s.state"
    + FROM
)
ONE = REQUESTS + "WHERE r.patient_id = %(patient)s AND r.id = %(request)s"
PAGE = (
    REQUESTS
    + """
WHERE r.patient_id = %(patient)s AND (%(organization)s::uuid IS NULL OR r.organization_id = %(organization)s)
  AND (%(time)s::timestamptz IS NULL OR (r.requested_at, r.id) < (%(time)s::timestamptz, %(id)s::uuid))
ORDER BY r.requested_at DESC, r.id DESC LIMIT %(limit)s
"""
)
OF_PATIENTS = (
    REQUESTS
    + """
WHERE r.patient_id = ANY (%(patients)s::uuid[]) AND s.state = %(state)s
ORDER BY r.patient_id DESC, r.requested_at DESC, r.id DESC
"""
)
WHO = "SELECT DISTINCT r.patient_id"
PATIENTS = (
    WHO
    + FROM
    + """
WHERE (%(patients)s::uuid[] IS NULL OR r.patient_id = ANY (%(patients)s::uuid[]))
  AND (%(before)s::uuid IS NULL OR r.patient_id < %(before)s) AND s.state = %(state)s
ORDER BY r.patient_id DESC LIMIT %(limit)s
"""
)
ALIKE = (
    REQUESTS
    + """
WHERE r.patient_id = %(patient)s AND r.organization_id = %(own)s AND r.wants = %(wants)s AND r.groups = %(groups)s::text[]
  AND r.restricted = %(restricted)s::text[]
  AND s.state = 'open'
ORDER BY r.requested_at DESC, r.id DESC LIMIT 1
"""
)


async def submit_request(tx: Transaction, grant: Grant, request: AccessRequestIn) -> tuple[Row, bool]:
    """The request, or the one that stands open for the same; and whether it is new."""
    lock_patient(tx, grant)
    wanted = (request.wants, sorted(request.groups), sorted(request.restricted))
    alike = dict(zip(("own", "wants", "groups", "restricted"), (grant.organization_id, *wanted), strict=True))
    if row := await tx.row(whose(ALIKE, grant), {**about(grant), **alike}):
        return row, False
    request_id, by = new_id(), Jsonb(signature(grant))
    tx.later(INSERT, [grant.patient_id, request_id, grant.organization_id, *wanted, request.reason, by, grant.event_id])
    return await tx.row(ONE, {**about(grant), "request": request_id}), True


async def load_request(tx: Transaction, grant: Grant, request_id: UUID) -> Row | None:
    """One request of this patient; nobody else decides on it until this transaction ends."""
    lock_patient(tx, grant)
    return await tx.row(whose(ONE, grant), {**about(grant), "request": request_id})


async def decide(tx: Transaction, grant: Grant, request: Row, approved: bool, comment: str | None) -> Row:
    """Keep the answer to an open request; the request as it then stands."""
    said = (request.id, approved, comment, Jsonb(signature(grant)), grant.event_id)
    tx.later(DECIDE, [request.patient_id, new_id(), *said])
    return await tx.row(ONE, {"patient": request.patient_id, "request": request.id})


async def load_page(
    tx: Transaction, grant: Grant, organization_id: UUID | None, after: Sequence[object] | None, limit: int
) -> list[Row]:
    """One page, newest first; one row more tells of a next page. organization_id: whose only; None: all."""
    time, id_ = after or (None, None)
    page = {**about(grant), "organization": organization_id, "time": time, "id": id_, "limit": limit + 1}
    return await tx.rows(whose(PAGE, grant), page)


async def patients_with(tx: Transaction, asked: Asked, patients: Sequence[UUID], state: str) -> set[UUID]:
    """Which of the patients reach has picked have a request in this state."""
    every = {"patients": list(patients), "state": state, "before": None, "limit": None}
    return {row.patient_id for row in await tx.rows(PATIENTS, every)}


async def all_patients_with(
    tx: Transaction, grant: LedgerGrant, state: str, before: UUID | None, limit: int
) -> list[UUID]:
    """The same of all patients, newest registration first; one more tells of a next page."""
    page = {"patients": None, "state": state, "before": before, "limit": limit + 1}
    return [row.patient_id for row in await tx.rows(PATIENTS, page)]


async def load_of(
    tx: Transaction, grant: Sequence[Grant] | LedgerGrant, patients: Sequence[UUID], state: str
) -> list[Row]:
    """The requests about these patients in this state; patient by patient, newest first."""
    return await tx.rows(OF_PATIENTS, {"patients": list(patients), "state": state})
