"""Who reaches whom, written once, as SQL. Single check, list, search and the table of ``access`` all come from here.

"In force" is decided by the database's ``now()`` in this transaction: dates are Asia/Tokyo days with both ends inclusive,
a withdrawal or closure counts from its instant (design §4).
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from renkei.access.policy import Consent, Tie
from renkei.database import Row, Transaction
from renkei.schemas.search_keys import person_key
from renkei.vocabulary import ConsentSubject, Part

TIES = """
SELECT asked.patient_id, asked.organization_id,
  EXISTS (SELECT FROM author_organizations a
          WHERE a.patient_id = asked.patient_id AND a.organization_id = asked.organization_id) AS own,
  coalesce(team.in_force, false) AS in_team, team.part,
  EXISTS (SELECT FROM care_team_places t
          WHERE t.patient_id = asked.patient_id AND t.organization_id = asked.organization_id) AS was_in_team,
  EXISTS (SELECT FROM join_requests j
          WHERE j.patient_id = asked.patient_id AND j.organization_id = asked.organization_id
            AND NOT EXISTS (SELECT FROM care_team_places t
                            WHERE t.patient_id = j.patient_id AND t.organization_id = j.organization_id
                              AND t.recorded_at >= j.requested_at)
            AND NOT EXISTS (SELECT FROM request_decisions d
                            WHERE d.patient_id = j.patient_id AND d.request_id = j.id AND NOT d.approved)) AS requested,
  consent.rows AS consents,
  ARRAY(SELECT DISTINCT unnest(e.groups) FROM emergency_accesses e
        WHERE e.patient_id = asked.patient_id AND e.organization_id = asked.organization_id AND e.expires_at > now()
          AND NOT EXISTS (SELECT FROM emergency_closures x
                          WHERE x.patient_id = e.patient_id AND x.emergency_access_id = e.id)) AS emergency,
  (SELECT max(version) FROM permission_tables) AS table_version
FROM unnest(%(patients)s::uuid[], %(organizations)s::uuid[]) AS asked (patient_id, organization_id)
CROSS JOIN (SELECT (now() AT TIME ZONE 'Asia/Tokyo')::date AS day) today
LEFT JOIN LATERAL (
  SELECT t.part, NOT t.ended AND t.valid_from <= today.day AND (t.valid_until IS NULL OR t.valid_until >= today.day) AS in_force
  FROM care_team_places t
  WHERE t.patient_id = asked.patient_id AND t.organization_id = asked.organization_id
  ORDER BY t.recorded_at DESC, t.id DESC LIMIT 1
) team ON true
CROSS JOIN LATERAL (
  SELECT coalesce(jsonb_agg(jsonb_build_array(
           c.about, c.professions, c.groups, c.tiers, c.restricted, named.yes, w.id IS NOT NULL,
           CASE WHEN c.about = 'family' THEN c.body -> 'family_name' END)), '[]') AS rows
  FROM consents c
  CROSS JOIN LATERAL (SELECT EXISTS (
    SELECT FROM consent_organizations o
    WHERE o.patient_id = c.patient_id AND o.consent_id = c.id AND o.organization_id = asked.organization_id) AS yes) named
  LEFT JOIN consent_withdrawals w ON w.patient_id = c.patient_id AND w.consent_id = c.id
  WHERE c.patient_id = asked.patient_id
    AND c.valid_from <= today.day AND (c.valid_until IS NULL OR c.valid_until >= today.day)
    AND (named.yes OR (c.care_team AND team.in_force AND asked.organization_id <> ALL (c.except_organizations)))
) consent
"""

CANDIDATES = """
SELECT patient_id FROM (
  SELECT patient_id FROM author_organizations WHERE organization_id = %(organization)s
  UNION SELECT patient_id FROM care_team_places WHERE organization_id = %(organization)s
  UNION SELECT patient_id FROM consent_organizations WHERE organization_id = %(organization)s
  UNION SELECT patient_id FROM emergency_accesses WHERE organization_id = %(organization)s
  UNION SELECT patient_id FROM join_requests WHERE organization_id = %(organization)s
) candidates
WHERE %(before)s::uuid IS NULL OR patient_id < %(before)s
ORDER BY patient_id DESC LIMIT %(limit)s
"""
"""Patients that may be tied to an organization, newest first; TIES then tells which are, now."""

ATTACHMENT_PARTS = "SELECT thing, part FROM renkei_attachment_parts(%(patients)s::uuid[], %(things)s::uuid[])"
"""Asked before the patient's rows are open: the gate notes which group is looked at, and a line of the feed is as hidden as
what it tells of."""

TIED_ORGANIZATIONS = """
SELECT organization_id FROM author_organizations WHERE patient_id = %(patient)s
UNION SELECT organization_id FROM care_team_places WHERE patient_id = %(patient)s
UNION SELECT organization_id FROM consent_organizations WHERE patient_id = %(patient)s
UNION SELECT organization_id FROM emergency_accesses WHERE patient_id = %(patient)s
UNION SELECT organization_id FROM join_requests WHERE patient_id = %(patient)s
"""


async def ties(tx: Transaction, pairs: Sequence[tuple[UUID, UUID]]) -> tuple[list[Tie], int]:
    """What binds each organization to each patient of these (patient, organization) pairs, in their order;
    and the version of the permission table in force in this transaction."""
    tx.ask_about(dict.fromkeys(id_ for pair in pairs for id_ in pair))
    parameters = {"patients": [p for p, _ in pairs], "organizations": [o for _, o in pairs]}
    rows = await tx.rows(TIES, parameters)
    found = {(row.patient_id, row.organization_id): _tie(row) for row in rows}
    return [found[pair] for pair in pairs], rows[0].table_version if rows else 0


async def candidates(tx: Transaction, organization_id: UUID, before: UUID | None, limit: int) -> list[UUID]:
    """One page of patients an organization may be tied to, newest first."""
    tx.ask_about([organization_id])
    parameters = {"organization": organization_id, "before": before, "limit": limit}
    return [row.patient_id for row in await tx.rows(CANDIDATES, parameters)]


async def tied_organizations(tx: Transaction, patient_id: UUID) -> list[UUID]:
    """The organizations with any tie to a patient, past ones included."""
    tx.ask_about([patient_id])
    return sorted(row.organization_id for row in await tx.rows(TIED_ORGANIZATIONS, {"patient": patient_id}))


async def attachment_parts(tx: Transaction, of: Sequence[tuple[UUID, UUID]]) -> dict[UUID, str]:
    """In which part attachments lie, by the ids asked for: each a patient's, and an attachment's or of a line about one."""
    parameters = {"patients": [patient for patient, _ in of], "things": [thing for _, thing in of]}
    return {row.thing: row.part for row in await tx.rows(ATTACHMENT_PARTS, parameters)}


async def patient_exists(tx: Transaction, patient_id: UUID) -> bool:
    """Whether a patient the gate has opened exists; asked only for acts that need no tie."""
    return await tx.row("SELECT 1 FROM patients WHERE patient_id = %s", [patient_id]) is not None


async def table_version(tx: Transaction) -> int:
    """The version of the permission table in force."""
    row = await tx.row("SELECT coalesce(max(version), 0) AS version FROM permission_tables")
    return int(row.version) if row else 0


async def stored_rights(tx: Transaction, version: int) -> dict[str, dict[str, str]]:
    """profession → column → rights, as stored under a version."""
    row = await tx.row("SELECT rights FROM permission_tables WHERE version = %s", [version])
    return dict(row.rights) if row else {}


def _tie(row: Row) -> Tie:
    return Tie(
        patient_id=row.patient_id,
        organization_id=row.organization_id,
        own=row.own,
        in_team=row.in_team,
        was_in_team=row.was_in_team,
        part=Part(row.part) if row.part else None,
        requested=row.requested,
        consents=[_consent(*consent) for consent in row.consents],
        emergency=frozenset(row.emergency),
    )


def _consent(
    about: str,
    professions: list[str],
    groups: list[str],
    tiers: list[str],
    items: list[str],
    named: bool,
    withdrawn: bool,
    family_name: Any,
) -> Consent:
    return Consent(
        ConsentSubject(about),
        frozenset(professions),
        frozenset(groups),
        frozenset(tiers),
        frozenset(items),
        named,
        withdrawn,
        person_key(family_name) if family_name else None,
    )
