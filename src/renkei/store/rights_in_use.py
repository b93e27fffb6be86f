"""Which rights are used, read from the ledger: before the permission table is changed, and at the yearly review (棚卸).

Only what clients did counts: administrators who look at a right do not use it. Being listed among one's own patients is no
use of a place or a consent either, or a system that lists them every morning would hide every right it does not need.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from renkei.access.gate import LedgerGrant
from renkei.database import Row, Transaction
from renkei.vocabulary import Group, Permission, Profession

USE_DAYS = 90
"""How far back a preview looks."""

LISTING = [Permission.patient_search.value, Permission.change_read.value]
READING = [
    Permission.patient_read.value,
    Permission.face_sheet_read.value,
    Permission.care_report_read.value,
    Permission.summary_read.value,
]
WRITING = [
    Permission.face_sheet_submit.value,
    Permission.face_sheet_withdraw.value,
    Permission.care_report_submit.value,
    Permission.care_report_withdraw.value,
]

# Some go through the ledger of a whole period: more than a request's statement may take otherwise.
PATIENCE = "SET LOCAL statement_timeout = '50s'"

DELEGATIONS = """
SELECT d.id, d.client_id, c.name AS client_name, d.organization_id, o.name AS organization_name, d.professions, d.valid_from
FROM delegations d
JOIN clients c ON c.id = d.client_id
JOIN organizations o ON o.id = d.organization_id
CROSS JOIN (SELECT (now() AT TIME ZONE 'Asia/Tokyo')::date AS day) today
WHERE d.ended_at IS NULL AND c.disabled_at IS NULL AND o.suspended_at IS NULL
  AND d.valid_from <= today.day AND (d.valid_until IS NULL OR d.valid_until >= today.day)
  AND (%(organization)s::uuid IS NULL OR d.organization_id = %(organization)s)
ORDER BY d.id DESC
"""
# Posts that have not been accepted yet are rights too. An administrator's post has no profession.
POSTS = """
SELECT m.id, m.account_id, m.name, m.organization_id, o.name AS organization_name, m.office, m.profession, m.valid_from
FROM members m
JOIN organizations o ON o.id = m.organization_id
CROSS JOIN (SELECT (now() AT TIME ZONE 'Asia/Tokyo')::date AS day) today
WHERE m.ended_at IS NULL AND o.suspended_at IS NULL
  AND m.valid_from <= today.day AND (m.valid_until IS NULL OR m.valid_until >= today.day)
  AND (%(organization)s::uuid IS NULL OR m.organization_id = %(organization)s)
ORDER BY m.id DESC
"""
USE = """
SELECT organization_id, profession, count(DISTINCT patient_id) AS patients,
  count(DISTINCT (client_id, user_id)) FILTER (WHERE user_id IS NOT NULL) AS users
FROM (
  SELECT DISTINCT t.organization_id, t.profession, e.patient_id, e.client_id, e.user_id
  FROM unnest(%(organizations)s::uuid[], %(professions)s::text[], %(reads)s::text[], %(writes)s::text[])
    AS t (organization_id, profession, reads, writes)
  JOIN audit_events e ON e.organization_id = t.organization_id AND e.profession = t.profession
    AND e.groups && string_to_array(CASE WHEN e.action = ANY (%(writing)s) THEN t.writes ELSE t.reads END, ',')
  WHERE e.at >= now() - make_interval(days => %(days)s) AND e.outcome = 'allowed' AND e.actor_kind IN ('client', 'member')
) used
GROUP BY organization_id, profession
"""
USED_DELEGATIONS = """
SELECT DISTINCT client_id, organization_id, profession FROM audit_events
WHERE at >= %(since)s::date::timestamp AT TIME ZONE 'Asia/Tokyo' AND outcome = 'allowed' AND actor_kind IN ('client', 'member')
  AND (%(organization)s::uuid IS NULL OR organization_id = %(organization)s)
"""
# What an administrator of an organization does is about no patient, or its office is named in the event of each.
USED_POSTS = """
SELECT user_id, organization_id, profession FROM audit_events
WHERE at >= %(since)s::date::timestamp AT TIME ZONE 'Asia/Tokyo' AND outcome = 'allowed' AND actor_kind IN ('member', 'organization_admin')
  AND user_id IS NOT NULL AND (%(organization)s::uuid IS NULL OR organization_id = %(organization)s)
UNION
SELECT user_id, organization_id, profession FROM service_events
WHERE at >= %(since)s::date::timestamp AT TIME ZONE 'Asia/Tokyo' AND outcome = 'allowed' AND actor_kind = 'organization_admin'
  AND user_id IS NOT NULL AND (%(organization)s::uuid IS NULL OR organization_id = %(organization)s)
"""
# The last use stops at the first event found from the newest on, in the index (patient_id, at).
UNUSED_PLACES = """
SELECT t.patient_id, t.id, t.organization_id, o.name AS organization_name, t.part, t.valid_from, used.at AS last_used_at
FROM care_team_places t
JOIN organizations o ON o.id = t.organization_id
CROSS JOIN (SELECT (now() AT TIME ZONE 'Asia/Tokyo')::date AS day) today
LEFT JOIN LATERAL (
  SELECT e.at FROM audit_events e
  WHERE e.patient_id = t.patient_id AND e.organization_id = t.organization_id
    AND e.outcome = 'allowed' AND e.actor_kind IN ('client', 'member') AND e.action <> ALL (%(listing)s)
  ORDER BY e.at DESC LIMIT 1
) used ON true
WHERE NOT t.ended AND t.valid_from <= %(since)s AND (t.valid_until IS NULL OR t.valid_until >= today.day)
  AND NOT EXISTS (SELECT FROM care_team_places n
                  WHERE n.patient_id = t.patient_id AND n.organization_id = t.organization_id
                    AND (n.recorded_at, n.id) > (t.recorded_at, t.id))
  AND (used.at IS NULL OR used.at < %(since)s::date::timestamp AT TIME ZONE 'Asia/Tokyo')
  AND (%(organization)s::uuid IS NULL OR t.organization_id = %(organization)s)
  AND (t.patient_id, t.id) < (%(patient)s, %(id)s)
ORDER BY t.patient_id DESC, t.id DESC LIMIT %(limit)s
"""
UNUSED_CONSENTS = """
SELECT n.patient_id, c.id, n.organization_id, o.name AS organization_name, c.about, c.valid_from, used.at AS last_used_at
FROM consent_organizations n
JOIN consents c ON c.patient_id = n.patient_id AND c.id = n.consent_id
JOIN organizations o ON o.id = n.organization_id
CROSS JOIN (SELECT (now() AT TIME ZONE 'Asia/Tokyo')::date AS day) today
LEFT JOIN LATERAL (
  SELECT e.at FROM audit_events e
  WHERE e.patient_id = n.patient_id AND e.organization_id = n.organization_id
    AND e.outcome = 'allowed' AND e.actor_kind IN ('client', 'member') AND e.action = ANY (%(reading)s)
  ORDER BY e.at DESC LIMIT 1
) used ON true
WHERE c.valid_from <= %(since)s AND (c.valid_until IS NULL OR c.valid_until >= today.day)
  AND NOT EXISTS (SELECT FROM consent_withdrawals w WHERE w.patient_id = c.patient_id AND w.consent_id = c.id)
  AND (used.at IS NULL OR used.at < %(since)s::date::timestamp AT TIME ZONE 'Asia/Tokyo')
  AND (%(organization)s::uuid IS NULL OR n.organization_id = %(organization)s)
  AND (n.patient_id, c.id, n.organization_id) < (%(patient)s, %(id)s, %(named)s)
ORDER BY n.patient_id DESC, c.id DESC, n.organization_id DESC LIMIT %(limit)s
"""
USED_CELLS = """
SELECT DISTINCT e.profession, used.group_name FROM audit_events e CROSS JOIN unnest(e.groups) AS used (group_name)
WHERE e.at >= %(since)s::date::timestamp AT TIME ZONE 'Asia/Tokyo' AND e.outcome = 'allowed' AND e.actor_kind IN ('client', 'member')
  AND (%(organization)s::uuid IS NULL OR e.organization_id = %(organization)s)
"""
LAST = UUID(int=2**128 - 1)
"""Comes after every id: where a list begins that runs backwards."""


@dataclass
class Touch:
    """What a change of the permission table does to one profession at one organization.

    clients: the systems that may assert it there. members: how many of its staff have it by their posts. reads, writes: the
    groups in which its reading or writing changes.
    """

    organization_id: UUID
    organization_name: str
    profession: Profession
    clients: set[UUID] = field(default_factory=set)
    members: int = 0
    reads: set[Group] = field(default_factory=set)
    writes: set[Group] = field(default_factory=set)


async def load_delegations(tx: Transaction, grant: LedgerGrant) -> list[Row]:
    """Delegations in force, newest first."""
    return await tx.rows(DELEGATIONS, {"organization": grant.organization_id})


async def load_posts(tx: Transaction, grant: LedgerGrant) -> list[Row]:
    """Posts of members in force, newest first."""
    return await tx.rows(POSTS, {"organization": grant.organization_id})


async def load_used_posts(tx: Transaction, grant: LedgerGrant, since: date) -> set[tuple[str, UUID, str | None]]:
    """(account, organization, profession) of whoever has done anything under a post since then."""
    tx.later(PATIENCE)
    rows = await tx.rows(USED_POSTS, {"organization": grant.organization_id, "since": since})
    return {(row.user_id, row.organization_id, row.profession) for row in rows}


async def load_use(
    tx: Transaction, _: LedgerGrant, touches: Sequence[Touch]
) -> dict[tuple[UUID, str], tuple[int, int]]:
    """(organization, profession) → how many users made use of what would change, and of how many patients, of late."""
    lists = {
        "organizations": [touch.organization_id for touch in touches],
        "professions": [touch.profession.value for touch in touches],
        "reads": [",".join(touch.reads) for touch in touches],
        "writes": [",".join(touch.writes) for touch in touches],
    }
    tx.later(PATIENCE)
    rows = await tx.rows(USE, {**lists, "writing": WRITING, "days": USE_DAYS})
    return {(row.organization_id, row.profession): (row.users, row.patients) for row in rows}


async def load_used_delegations(tx: Transaction, grant: LedgerGrant, since: date) -> set[tuple[UUID, UUID, str]]:
    """(client, organization, profession) of whoever has done anything since then."""
    tx.later(PATIENCE)
    rows = await tx.rows(USED_DELEGATIONS, {"organization": grant.organization_id, "since": since})
    return {(row.client_id, row.organization_id, row.profession) for row in rows}


async def load_unused_places(
    tx: Transaction, grant: LedgerGrant, since: date, after: Sequence[UUID] | None, limit: int
) -> list[Row]:
    """Places in force since then whose organization has done nothing with the patient since."""
    patient, id_ = after or (LAST, LAST)
    said = {"patient": patient, "id": id_, "listing": LISTING}
    return await tx.rows(UNUSED_PLACES, {**_asked(grant, since, limit), **said})


async def load_unused_consents(
    tx: Transaction, grant: LedgerGrant, since: date, after: Sequence[UUID] | None, limit: int
) -> list[Row]:
    """Consents in force since then, with each organization they name that has read nothing of the patient since."""
    patient, id_, named = after or (LAST, LAST, LAST)
    said = {"patient": patient, "id": id_, "named": named, "reading": READING}
    return await tx.rows(UNUSED_CONSENTS, {**_asked(grant, since, limit), **said})


async def load_used_cells(tx: Transaction, grant: LedgerGrant, since: date) -> set[tuple[str, str]]:
    """(profession, group) of what anybody has done since then."""
    tx.later(PATIENCE)
    parameters = {"organization": grant.organization_id, "since": since}
    return {(row.profession, row.group_name) for row in await tx.rows(USED_CELLS, parameters)}


def _asked(grant: LedgerGrant, since: date, limit: int) -> dict[str, object]:
    return {"organization": grant.organization_id, "since": since, "limit": limit + 1}
