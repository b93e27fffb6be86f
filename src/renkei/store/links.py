"""What has been decided of two registrations: one person, not one any more, or never one (名寄せの判断)."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from renkei.access.audit import Asked
from renkei.access.gate import Grant, LedgerGrant
from renkei.database import Row, Transaction
from renkei.ids import new_id
from renkei.schemas.candidates import Wanted
from renkei.store import signature

INSERT = """
INSERT INTO link_decisions (patient_id, id, other_patient_id, verdict, reason, decided_by, decided_at, audit_event_id)
VALUES (%s, %s, %s, %s, %s, %s, clock_timestamp(), %s)
"""
# In one order, whichever of the two was addressed.
LOCK = "SELECT FROM summaries WHERE patient_id = ANY (%s::uuid[]) ORDER BY patient_id FOR UPDATE"
DECISIONS = """
SELECT DISTINCT ON (other_patient_id) patient_id, other_patient_id, id, verdict, reason, decided_by, decided_at
FROM link_decisions WHERE patient_id = %s ORDER BY other_patient_id, decided_at DESC, id DESC
"""
PAIRS = """
SELECT patient_id, other_patient_id FROM (
  SELECT DISTINCT ON (patient_id, other_patient_id) patient_id, other_patient_id, verdict FROM link_decisions
  WHERE patient_id = ANY (%s::uuid[]) ORDER BY patient_id, other_patient_id, decided_at DESC, id DESC
) newest
WHERE verdict = 'linked'
"""
# A decision stands under both: told once, of the addressed id where it is one of the two.
HISTORY = """
SELECT patient_id, other_patient_id, verdict, reason, decided_by, decided_at FROM link_decisions
WHERE patient_id = ANY (%(ids)s::uuid[]) AND (%(everything)s OR (other_patient_id = ANY (%(ids)s::uuid[])))
  AND (patient_id = %(patient)s OR (other_patient_id <> ALL (%(ids)s::uuid[])
       OR (other_patient_id <> %(patient)s AND patient_id < other_patient_id)))
ORDER BY decided_at DESC, id DESC LIMIT 200
"""
MEMBERS = "SELECT patient_id, members FROM linked_patients WHERE patient_id = ANY (%s::uuid[])"
SAVE = """
INSERT INTO linked_patients (patient_id, members, audit_event_id) VALUES (%s, %s::uuid[], %s)
ON CONFLICT (patient_id) DO UPDATE SET members = excluded.members, audit_event_id = excluded.audit_event_id
"""
FIND = """
SELECT DISTINCT patient_id FROM search_keys
WHERE patient_id = ANY (%(patients)s::uuid[]) AND patient_id <> %(self)s
  AND (identifiers && %(numbers)s::text[]
       OR ((birth_date = %(born)s OR birth_date = ANY (%(almost)s::date[]))
           AND (kana_key = ANY (%(kana)s::text[]) OR name_key = ANY (%(name)s::text[]))))
"""
POSSIBLE_DUPLICATES = """
SELECT d.id, d.patient_id, d.other_patient_id, d.noticed_at, v.verdict, v.decided_at,
  ARRAY(SELECT DISTINCT t.organization_id FROM care_team_places t WHERE t.patient_id = d.patient_id) AS organizations,
  ARRAY(SELECT DISTINCT t.organization_id FROM care_team_places t
        WHERE t.patient_id = d.other_patient_id) AS other_organizations
FROM possible_duplicates d
LEFT JOIN LATERAL (
  SELECT verdict, decided_at FROM link_decisions l
  WHERE l.patient_id = d.patient_id AND l.other_patient_id = d.other_patient_id ORDER BY decided_at DESC, id DESC LIMIT 1
) v ON true
WHERE (v.verdict IS NOT NULL) = %(decided)s
  AND (%(time)s::timestamptz IS NULL OR (d.noticed_at, d.id) < (%(time)s::timestamptz, %(id)s::uuid))
ORDER BY d.noticed_at DESC, d.id DESC LIMIT %(limit)s
"""


def lock_all(tx: Transaction, grant: Grant, patient_ids: Sequence[UUID]) -> None:
    """Let one writer at a time at all of these; what is read after this is what is committed."""
    tx.later(LOCK, [list(patient_ids)])


async def load_members(tx: Transaction, grant: Grant, patient_ids: Sequence[UUID]) -> dict[UUID, set[UUID]]:
    """Each of these ids with all that are one with it by now, itself included."""
    known = {row.patient_id: set(row.members) for row in await tx.rows(MEMBERS, [list(patient_ids)])}
    return {id_: known.get(id_, {id_}) for id_ in patient_ids}


async def load_pairs(tx: Transaction, grant: Grant) -> set[frozenset[UUID]]:
    """The pairs whose links hold a person's ids together."""
    rows = await tx.rows(PAIRS, [list(grant.patient_ids)])
    return {frozenset({row.patient_id, row.other_patient_id}) for row in rows}


async def load_history(tx: Transaction, grant: Grant, *, everything: bool) -> list[Row]:
    """Decisions about a person's ids among themselves, newest first; everything: also about others."""
    named = {"ids": list(grant.patient_ids), "patient": grant.patient_id, "everything": everything}
    return await tx.rows(HISTORY, named)


def save_members(tx: Transaction, grant: Grant, groups: Collection[Collection[UUID]]) -> None:
    """Keep which ids are one person now: a plain state, made from the decisions, asked at every request."""
    for group in groups:
        for id_ in group:
            tx.later(SAVE, [id_, sorted(group), grant.event_id])


def insert_decision(tx: Transaction, one: Grant, other: Grant, verdict: str, reason: str) -> None:
    """Append a decision to both, so that each carries its own history."""
    for mine, theirs in ((one, other), (other, one)):
        said = (verdict, reason, Jsonb(signature(mine)), mine.event_id)
        tx.later(INSERT, [mine.patient_id, new_id(), theirs.patient_id, *said])


async def load_decisions(tx: Transaction, grant: Grant) -> dict[UUID, Row]:
    """What holds about this patient and others, by the other's id."""
    return {row.other_patient_id: row for row in await tx.rows(DECISIONS, [grant.patient_id])}


async def find_candidates(tx: Transaction, asked: Asked, patients: Sequence[UUID], wanted: Wanted) -> set[UUID]:
    """Which of the patients reach has picked share what is looked for."""
    parameters: dict[str, Any] = {
        "patients": list(patients),
        "self": wanted.patient_id,
        "numbers": list(wanted.numbers),
        "born": wanted.born,
        "almost": list(wanted.almost),
        "kana": list(wanted.kana),
        "name": list(wanted.name),
    }
    return {row.patient_id for row in await tx.rows(FIND, parameters)}


async def load_possible_duplicates(
    tx: Transaction, grant: LedgerGrant, decided: bool, after: Sequence[object] | None, limit: int
) -> list[Row]:
    """Pairs noted because they share a number, newest first; one row more tells of a next page."""
    time, id_ = after or (None, None)
    parameters: dict[str, Any] = {"decided": decided, "time": time, "id": id_, "limit": limit + 1}
    return await tx.rows(POSSIBLE_DUPLICATES, parameters)
