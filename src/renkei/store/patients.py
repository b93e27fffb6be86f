"""People: looked up by number, registered, found again by name."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from renkei.access.audit import Asked
from renkei.access.gate import Grant
from renkei.database import Row, Statement, Transaction
from renkei.ids import new_id, now
from renkei.schemas.dates import tokyo_day
from renkei.schemas.patient_changes import former_names, newest_numbers, shown_numbers
from renkei.schemas.patients import Registration, identity_key, search_identifier
from renkei.schemas.search_keys import kana_key, name_key, person_kana_key, person_key

# Two offices registering one person at once wait for each other here, number by number, in one order.
LOCK = "SELECT pg_advisory_xact_lock(k) FROM unnest(%s::bigint[]) AS k"
MATCH = "SELECT key, patient_id, same_person, ended FROM renkei_match_identity(%s::bytea[], %s, %s)"

INSERT_PATIENT = "INSERT INTO patients (patient_id, registered_by, audit_event_id) VALUES (%s, %s, %s)"
INSERT_PARTICULARS = """
INSERT INTO patient_particulars (patient_id, id, name, name_kana, birth_date, sex, audit_event_id)
VALUES (%s, %s, %s, %s, %s, %s, %s)
"""
INSERT_SUMMARY = "INSERT INTO summaries (patient_id, version, audit_event_id) VALUES (%s, 0, %s)"
INSERT_IDENTITY = """
INSERT INTO identities (key, patient_id, body, organization_id, audit_event_id) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING
"""
INSERT_IDENTIFIER = """
INSERT INTO patient_identifiers (patient_id, id, organization_id, body, audit_event_id) VALUES (%s, %s, %s, %s, %s)
"""
INSERT_SEARCH_KEY = """
INSERT INTO search_keys (patient_id, id, name_key, kana_key, birth_date, identifiers, audit_event_id)
VALUES (%s, %s, %s, %s, %s, %s, %s)
"""
INSERT_DUPLICATE = """
INSERT INTO possible_duplicates (patient_id, id, other_patient_id, audit_event_id) VALUES (%s, %s, %s, %s)
"""
INSERT_JOIN_REQUEST = """
INSERT INTO join_requests (patient_id, id, organization_id, part, sent, audit_event_id) VALUES (%s, %s, %s, %s, %s, %s)
"""
PERSONS = """
SELECT patient_id, name, name_kana, birth_date, sex, moved_on, moved_to, died_on, why, recorded_at
FROM patient_particulars WHERE patient_id = ANY (%s::uuid[]) ORDER BY recorded_at, id
"""
IDENTIFIERS = """
SELECT patient_id, id, organization_id, body, valid_from, valid_until, mistaken, recorded_at FROM patient_identifiers
WHERE patient_id = ANY (%s::uuid[]) AND (organization_id IS NULL OR organization_id = %s) ORDER BY recorded_at, id
"""
SENT = """
SELECT DISTINCT ON (patient_id) patient_id, sent FROM join_requests
WHERE patient_id = ANY (%s::uuid[]) AND organization_id = %s ORDER BY patient_id, requested_at DESC, id DESC
"""
FIND = """
SELECT DISTINCT patient_id FROM search_keys k
WHERE patient_id = ANY (%(patients)s::uuid[])
  AND (%(kana)s::text IS NULL OR starts_with(kana_key, %(kana)s))
  AND (%(name)s::text IS NULL OR starts_with(name_key, %(name)s))
  AND (%(birth_date)s::date IS NULL OR birth_date = %(birth_date)s)
  AND (%(identifier)s::text IS NULL OR (%(identifier)s = ANY (identifiers) AND NOT EXISTS (
    SELECT FROM search_keys l
    WHERE l.patient_id = k.patient_id AND l.id > k.id AND %(identifier)s = ANY (l.mistaken))))
"""


@dataclass(frozen=True, slots=True)
class Matches:
    """Whom the numbers in hand point to.

    local: by the caller's own number. same: by a whole insurance number with birth date and sex equal.
    other: by such a number, but born on another day or of another sex. A number that has ended is proof only beside birth
    date and sex, and only where nobody of theirs has it now: it may have passed on.
    """

    local: frozenset[UUID]
    same: frozenset[UUID]
    other: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Find:
    """What to search for among patients reach has picked; None: no such condition."""

    kana: str | None = None
    name: str | None = None
    birth_date: date | None = None
    identifier: str | None = None


async def match(tx: Transaction, asked: Asked, registration: Registration, organization_id: UUID) -> Matches:
    """Look the numbers up, holding them until the transaction ends. Tells ids only: nothing of the person."""
    if not registration.identifiers:
        return Matches(frozenset(), frozenset(), frozenset())
    keys = {identity_key(i, organization_id): i.system for i in registration.identifiers}
    locks = [int.from_bytes(key[:8], "big", signed=True) for key in keys]
    tx.later(LOCK, [sorted(locks)])
    rows = await tx.rows(MATCH, [list(keys), registration.birth_date, registration.sex])
    local = frozenset(r.patient_id for r in rows if keys[bytes(r.key)] == "local" and not r.ended)
    insured = [r for r in rows if keys[bytes(r.key)] != "local"]
    same = frozenset(r.patient_id for r in insured if r.same_person and not r.ended)
    same = same or frozenset(r.patient_id for r in insured if r.same_person)
    other = frozenset(r.patient_id for r in insured if not r.same_person and not r.ended)
    return Matches(local, same, other - local - same)


def insert_patient(tx: Transaction, grant: Grant, registration: Registration, duplicates: Collection[UUID]) -> None:
    """A new person, with numbers, search keys, an empty summary, and the possible duplicates to be looked at."""
    patient_id, event = grant.patient_id, grant.event_id
    tx.later(INSERT_PATIENT, [patient_id, grant.organization_id, event])
    names = (Jsonb(part.model_dump(exclude_unset=True)) for part in (registration.name, registration.name_kana))
    person = (registration.birth_date, registration.sex)
    tx.later(INSERT_PARTICULARS, [patient_id, new_id(), *names, *person, event])
    tx.later(INSERT_SUMMARY, [patient_id, event])
    insert_identifiers(tx, grant, registration, local_only=False)
    for other in duplicates:
        tx.later(INSERT_DUPLICATE, [patient_id, new_id(), other, event])


def insert_identifiers(tx: Transaction, grant: Grant, registration: Registration, *, local_only: bool) -> None:
    """The numbers a registration brings, and the keys it is searched by.

    local_only: for one who matched a person: its own number is its own affair, others would alter somebody's record.
    """
    owner = grant.organization_id
    kept = [i for i in registration.identifiers if i.system == "local" or not local_only]
    for identifier in kept:
        body = Jsonb(identifier.model_dump(mode="json", exclude_unset=True))
        whose = owner if identifier.system == "local" else None
        tx.later(INSERT_IDENTITY, [identity_key(identifier, owner), grant.patient_id, body, whose, grant.event_id])
        tx.later(INSERT_IDENTIFIER, [grant.patient_id, new_id(), whose, body, grant.event_id])
    if kept or not local_only:
        keys = (person_key(registration.name.model_dump()), person_kana_key(registration.name_kana.model_dump()))
        numbers = [search_identifier(i.system, i.value, owner) for i in kept]
        row = [grant.patient_id, new_id(), *keys, registration.birth_date, numbers, grant.event_id]
        tx.later(INSERT_SEARCH_KEY, row)


def insert_join_request(tx: Transaction, grant: Grant, part: str, sent: Mapping[str, Any]) -> None:
    """Ask to join the team of a person matched by number. sent: all that the organization will see of them."""
    row = [grant.patient_id, new_id(), grant.organization_id, part, Jsonb(dict(sent)), grant.event_id]
    tx.later(INSERT_JOIN_REQUEST, row)


async def load_persons(tx: Transaction, grants: Sequence[Grant]) -> dict[UUID, dict[str, Any]]:
    """Each patient as this actor may see them: in full, or only what its organization sent when it matched a number."""
    if not grants:
        return {}
    ids, organization = [id_ for g in grants for id_ in g.patient_ids], grants[0].organization_id
    persons, identifiers, sent = await tx.run(
        Statement(PERSONS, [ids]), Statement(IDENTIFIERS, [ids, organization]), Statement(SENT, [ids, organization])
    )
    said, today = {row.patient_id: row.sent for row in sent}, tokyo_day(now())
    told, numbers = defaultdict[UUID, list[Row]](list), defaultdict[UUID, list[Row]](list)
    for rows, found in ((persons, told), (identifiers, numbers)):
        for row in rows:
            found[row.patient_id].append(row)
    found_persons = dict[UUID, dict[str, Any]]()
    for g in grants:
        if g.patient_id in told and g.knows_person:
            rows = [row for id_ in g.patient_ids for row in numbers[id_]]
            known = newest_numbers(sorted(rows, key=lambda row: (row.recorded_at, row.id)))
            found_persons[g.patient_id] = _person(told[g.patient_id], shown_numbers(known.values(), today))
            if others := [{"id": str(id_), **_registered(told[id_])} for id_ in g.patient_ids[1:]]:
                found_persons[g.patient_id]["linked"] = others
        elif g.patient_id in told:
            found_persons[g.patient_id] = next((said[id_] for id_ in g.patient_ids if id_ in said), {})
    return found_persons


def _person(rows: Sequence[Row], numbers: list[dict[str, Any]]) -> dict[str, Any]:
    return {"identifiers": numbers, **_registered(rows)}


def _registered(rows: Sequence[Row]) -> dict[str, Any]:
    row, born = rows[-1], rows[-1].birth_date.isoformat()
    person = {"name": row.name, "name_kana": row.name_kana, "birth_date": born, "sex": row.sex}
    if former := former_names(rows):
        person["former_names"] = former
    if row.moved_on:
        person["moved"] = {"on": row.moved_on.isoformat(), **({"to": row.moved_to} if row.moved_to else {})}
    if row.died_on:
        person["died"] = {"on": row.died_on.isoformat()}
    return person


async def find(tx: Transaction, asked: Asked, candidates: Sequence[UUID], wanted: Find) -> set[UUID]:
    """Which of the patients reach has picked answer the search. Names are compared by their folded keys."""
    parameters = {
        "patients": list(candidates),
        "kana": kana_key(wanted.kana) if wanted.kana else None,
        "name": name_key(wanted.name) if wanted.name else None,
        "birth_date": wanted.birth_date,
        "identifier": wanted.identifier,
    }
    return {row.patient_id for row in await tx.rows(FIND, parameters)}
