"""Consents (同意): recorded, never changed; a withdrawal is a row of its own and counts from its instant."""

from collections.abc import Sequence
from uuid import UUID

from psycopg.types.json import Jsonb

from renkei.access.gate import Grant
from renkei.database import Row, Transaction
from renkei.ids import new_id
from renkei.schemas.consents import ConsentIn
from renkei.store import lock_patient

INSERT = """
INSERT INTO consents (patient_id, id, about, valid_from, valid_until, care_team, professions, groups, tiers, restricted,
  except_organizations, body, recorded_by, audit_event_id)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
INSERT_ORGANIZATION = """
INSERT INTO consent_organizations (patient_id, consent_id, organization_id, audit_event_id) VALUES (%s, %s, %s, %s)
"""
COLUMNS = """
SELECT c.id, c.body, c.recorded_by, c.recorded_at, w.withdrawn_at, w.reason AS withdrawal_reason
FROM consents c LEFT JOIN consent_withdrawals w ON w.patient_id = c.patient_id AND w.consent_id = c.id
"""
ONE = COLUMNS + "WHERE c.patient_id = %s AND c.id = %s"
PAGE = (
    COLUMNS
    + """
WHERE c.patient_id = %(patient)s
  AND (%(time)s::timestamptz IS NULL OR (c.recorded_at, c.id) < (%(time)s::timestamptz, %(id)s::uuid))
ORDER BY c.recorded_at DESC, c.id DESC LIMIT %(limit)s
"""
)
WITHDRAW = """
INSERT INTO consent_withdrawals (patient_id, id, consent_id, reason, audit_event_id) VALUES (%s, %s, %s, %s, %s)
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


async def load_consent(tx: Transaction, grant: Grant, consent_id: UUID) -> Row | None:
    """One consent with its withdrawal, if any."""
    return await tx.row(ONE, [grant.patient_id, consent_id])


async def load_page(tx: Transaction, grant: Grant, after: Sequence[str] | None, limit: int) -> list[Row]:
    """One page, newest first; one row more tells of a next page."""
    time, id_ = after or (None, None)
    return await tx.rows(PAGE, {"patient": grant.patient_id, "time": time, "id": id_, "limit": limit + 1})


async def withdraw_consent(tx: Transaction, grant: Grant, consent_id: UUID, reason: str) -> tuple[Row | None, bool]:
    """Note that a consent is withdrawn. The consent as it then stands, and whether this is new."""
    lock_patient(tx, grant)
    row = await load_consent(tx, grant, consent_id)
    if row is None or row.withdrawn_at is not None:
        return row, False
    tx.later(WITHDRAW, [grant.patient_id, new_id(), consent_id, reason, grant.event_id])
    return await load_consent(tx, grant, consent_id), True
