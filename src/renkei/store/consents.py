"""Consents (同意): recorded, never changed; a withdrawal is a row of its own and counts from its instant."""

from collections.abc import Collection, Sequence
from uuid import UUID

from psycopg.types.json import Jsonb

from renkei.access.gate import Grant
from renkei.database import Row, Transaction
from renkei.ids import new_id
from renkei.schemas.consents import ConsentIn
from renkei.store import about, lock_patient, whose

INSERT = """
INSERT INTO consents (patient_id, id, about, valid_from, valid_until, care_team, professions, groups, tiers, restricted,
  except_organizations, body, recorded_by, audit_event_id)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
INSERT_ORGANIZATION = """
INSERT INTO consent_organizations (patient_id, consent_id, organization_id, audit_event_id) VALUES (%s, %s, %s, %s)
"""
COLUMNS = """
SELECT c.patient_id, c.id, c.body, c.recorded_by, c.recorded_at, w.withdrawn_at, w.reason AS withdrawal_reason, w.replaced_by,
  (SELECT count(*) FROM consent_evidence e WHERE e.patient_id = c.patient_id AND e.consent_id = c.id) AS evidence
FROM consents c LEFT JOIN consent_withdrawals w ON w.patient_id = c.patient_id AND w.consent_id = c.id
"""
SOME = COLUMNS + "WHERE c.patient_id = %(patient)s AND c.id = ANY (%(ids)s::uuid[])"
PAGE = (
    COLUMNS
    + """
WHERE c.patient_id = %(patient)s
  AND (%(time)s::timestamptz IS NULL OR (c.recorded_at, c.id) < (%(time)s::timestamptz, %(id)s::uuid))
ORDER BY c.recorded_at DESC, c.id DESC LIMIT %(limit)s
"""
)
WITHDRAW = """
INSERT INTO consent_withdrawals (patient_id, id, consent_id, reason, replaced_by, audit_event_id)
VALUES (%s, %s, %s, %s, %s, %s)
"""


def insert_consent(tx: Transaction, grant: Grant, consent: ConsentIn) -> UUID:
    """Keep a consent; its id."""
    consent_id, to = new_id(), consent.recipients
    tx.later(
        INSERT,
        [
            *(grant.patient_id, consent_id, consent.about, consent.valid_from, consent.valid_until, to.care_team),
            *(list(to.professions), list(consent.groups), list(consent.tiers), consent.restricted),
            *(to.except_organizations, Jsonb(consent.as_json()), grant.organization_id, grant.event_id),
        ],
    )
    for organization in to.organizations:
        tx.later(INSERT_ORGANIZATION, [grant.patient_id, consent_id, organization, grant.event_id])
    return consent_id


def withdraw_consent(
    tx: Transaction, grant: Grant, consent_id: UUID, reason: str, replaced_by: UUID | None = None
) -> None:
    """Note that a consent, one that stands and was read under the patient's lock, ends now. replaced_by: what follows it."""
    tx.later(WITHDRAW, [grant.patient_id, new_id(), consent_id, reason, replaced_by, grant.event_id])


async def load_consent(tx: Transaction, grant: Grant, consent_id: UUID) -> Row | None:
    """One consent with its withdrawal, if any."""
    return await tx.row(whose(SOME, grant), {**about(grant), "ids": [consent_id]})


async def load_locked(tx: Transaction, grant: Grant, ids: Collection[UUID]) -> dict[UUID, Row]:
    """Those of these consents that exist, with their withdrawals; nobody else changes them until this transaction ends."""
    lock_patient(tx, grant)
    return {row.id: row for row in await tx.rows(whose(SOME, grant), {**about(grant), "ids": list(ids)})}


async def load_page(tx: Transaction, grant: Grant, after: Sequence[str] | None, limit: int) -> list[Row]:
    """One page, newest first; one row more tells of a next page."""
    time, id_ = after or (None, None)
    return await tx.rows(whose(PAGE, grant), {**about(grant), "time": time, "id": id_, "limit": limit + 1})
