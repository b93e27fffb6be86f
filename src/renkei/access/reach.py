"""Who reaches whom, written once, as SQL. Single check, list, search and the table of ``access`` all come from here.

"In force" is decided by the database's ``now()`` in this transaction: dates are Asia/Tokyo days with both ends inclusive,
a withdrawal or closure counts from its instant (design §4).
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from renkei.access.policy import Consent, PermissionTable, Tie, united
from renkei.database import Row, Transaction
from renkei.schemas.search_keys import person_key
from renkei.vocabulary import ConsentSubject, Part, Profession

# A version of the permission table never changes once written, so it may be kept for as long as its database is.
_tables: WeakKeyDictionary[Any, dict[int, PermissionTable]] = WeakKeyDictionary()

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
  (SELECT max(version) FROM permission_tables) AS table_version,
  (SELECT l.members FROM linked_patients l WHERE l.patient_id = asked.patient_id) AS members
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
SELECT organization_id FROM author_organizations WHERE patient_id = ANY (%(patients)s)
UNION SELECT organization_id FROM care_team_places WHERE patient_id = ANY (%(patients)s)
UNION SELECT organization_id FROM consent_organizations WHERE patient_id = ANY (%(patients)s)
UNION SELECT organization_id FROM emergency_accesses WHERE patient_id = ANY (%(patients)s)
UNION SELECT organization_id FROM join_requests WHERE patient_id = ANY (%(patients)s)
"""

IDS = """
SELECT l.members FROM patients p LEFT JOIN linked_patients l ON l.patient_id = p.patient_id WHERE p.patient_id = %s
"""
LINKED = "SELECT patient_id, members FROM linked_patients WHERE patient_id = ANY (%s::uuid[])"


async def ties(tx: Transaction, pairs: Sequence[tuple[UUID, UUID]]) -> tuple[list[Tie], int]:
    """What binds each organization to each patient of these (patient, organization) pairs, in their order;
    and the version of the permission table in force in this transaction.

    A linked person is reached under any of their ids. Only for them a second round trip asks about the other ids: the
    policies open what is asked about, and who is linked is known only then.
    """
    rows = await _ties(tx, pairs, pairs)
    found = {(row.patient_id, row.organization_id): row for row in rows}
    beyond = [(id_, row.organization_id) for row in rows for id_ in row.members or ()]
    if beyond := [pair for pair in dict.fromkeys(beyond) if pair not in found]:
        more = await _ties(tx, beyond, [*pairs, *beyond])
        found |= {(row.patient_id, row.organization_id): row for row in more}
    each = {pair: _tie(row) for pair, row in found.items()}
    return [_person(found[pair], each) for pair in pairs], rows[0].table_version if rows else 0


async def _ties(tx: Transaction, pairs: Sequence[tuple[UUID, UUID]], about: Sequence[tuple[UUID, UUID]]) -> list[Row]:
    """The ties of these pairs; what follows in the transaction may ask about all the others, too."""
    tx.ask_about(dict.fromkeys(id_ for pair in about for id_ in pair))
    return await tx.rows(TIES, {"patients": [p for p, _ in pairs], "organizations": [o for _, o in pairs]})


def _person(row: Row, each: Mapping[tuple[UUID, UUID], Tie]) -> Tie:
    pair = (row.patient_id, row.organization_id)
    others = [(id_, row.organization_id) for id_ in row.members or () if id_ != row.patient_id]
    return united([each[pair], *(each[other] for other in others)]) if others else each[pair]


async def candidates(tx: Transaction, organization_id: UUID, before: UUID | None, limit: int) -> list[UUID]:
    """One page of patients an organization may be tied to, newest first."""
    tx.ask_about([organization_id])
    parameters = {"organization": organization_id, "before": before, "limit": limit}
    return [row.patient_id for row in await tx.rows(CANDIDATES, parameters)]


async def tied_organizations(tx: Transaction, patient_ids: Sequence[UUID]) -> list[UUID]:
    """The organizations with any tie to a person, under any of these ids, past ones included."""
    tx.ask_about(patient_ids)
    return sorted(row.organization_id for row in await tx.rows(TIED_ORGANIZATIONS, {"patients": list(patient_ids)}))


async def attachment_parts(tx: Transaction, of: Sequence[tuple[UUID, UUID]]) -> dict[UUID, str]:
    """In which part attachments lie, by the ids asked for: each a patient's, and an attachment's or of a line about one."""
    parameters = {"patients": [patient for patient, _ in of], "things": [thing for _, thing in of]}
    return {row.thing: row.part for row in await tx.rows(ATTACHMENT_PARTS, parameters)}


async def same_person(tx: Transaction, patient_id: UUID) -> tuple[UUID, ...]:
    """The ids of a person whom the gate has opened, this one first; none where there is no such patient. Asked only for
    acts that need no tie."""
    row = await tx.row(IDS, [patient_id])
    return (patient_id, *(id_ for id_ in row.members or () if id_ != patient_id)) if row else ()


async def persons(tx: Transaction, patient_ids: Sequence[UUID]) -> list[UUID]:
    """One id, the first to be registered, for each person that these ids are of."""
    tx.ask_about(patient_ids)
    linked = {row.patient_id: min(row.members) for row in await tx.rows(LINKED, [list(patient_ids)])}
    return sorted({linked.get(id_, id_) for id_ in patient_ids})


async def table_version(tx: Transaction) -> int:
    """The version of the permission table in force."""
    row = await tx.row("SELECT coalesce(max(version), 0) AS version FROM permission_tables")
    return int(row.version) if row else 0


async def stored_rights(tx: Transaction, version: int) -> dict[str, dict[str, str]]:
    """profession → column → rights, as stored under a version."""
    row = await tx.row("SELECT rights FROM permission_tables WHERE version = %s", [version])
    return dict(row.rights) if row else {}


async def permission_table(tx: Transaction, version: int) -> PermissionTable:
    """The permission table of a version, as stored."""
    known = _tables.setdefault(tx.engine, {})
    if version not in known:
        rows = await stored_rights(tx, version)
        known[version] = PermissionTable(version, {Profession(p): columns for p, columns in rows.items()})
    return known[version]


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
