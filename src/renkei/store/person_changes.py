"""What is said anew of a registered person: appended to what stood, under the patient's lock (登録内容の変更)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from renkei.access.gate import Grant
from renkei.database import Statement, Transaction
from renkei.ids import new_id
from renkei.schemas.patient_changes import PARTICULARS, Number, NumberChange, newest_numbers
from renkei.schemas.patients import identity_key, number_key, search_identifier
from renkei.schemas.search_keys import person_kana_key, person_key
from renkei.store import lock_patient

# As a registration does: who registers by a number that is being given to somebody waits, and then finds them.
LOCK = "SELECT pg_advisory_xact_lock(k) FROM unnest(%s::bigint[]) AS k"
PARTICULARS_NOW = """
SELECT name, name_kana, birth_date, sex, moved_on, moved_to, died_on FROM patient_particulars
WHERE patient_id = %s ORDER BY recorded_at DESC, id DESC LIMIT 1
"""
NUMBERS = """
SELECT patient_id, organization_id, body, valid_from, valid_until, mistaken FROM patient_identifiers
WHERE patient_id = ANY (%s::uuid[]) AND (organization_id IS NULL OR organization_id = %s) ORDER BY recorded_at, id
"""
# The clock, not the transaction's beginning: who waited for the lock comes after whom it waited for.
INSERT_PARTICULARS = """
INSERT INTO patient_particulars (patient_id, id, name, name_kana, birth_date, sex, moved_on, moved_to, died_on, why,
  recorded_at, audit_event_id)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, clock_timestamp(), %s)
"""
INSERT_NUMBER = """
INSERT INTO patient_identifiers (patient_id, id, organization_id, body, valid_from, valid_until, mistaken, recorded_at,
  audit_event_id)
VALUES (%s, %s, %s, %s, %s, %s, %s, clock_timestamp(), %s)
"""
INSERT_IDENTITY = """
INSERT INTO identities (key, patient_id, body, organization_id, audit_event_id) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING
"""
INSERT_END = """
INSERT INTO identity_ends (patient_id, id, key, valid_until, mistaken, recorded_at, audit_event_id)
VALUES (%s, %s, %s, %s, %s, clock_timestamp(), %s)
"""
# The newest row of keys has every number, so that a search by the new name and an old number finds.
INSERT_SEARCH_KEY = """
INSERT INTO search_keys (patient_id, id, name_key, kana_key, birth_date, identifiers, mistaken, audit_event_id)
SELECT %(patient)s, %(id)s, %(name)s, %(kana)s, %(born)s, ARRAY(
  SELECT n FROM search_keys k CROSS JOIN unnest(k.identifiers) n WHERE k.patient_id = %(patient)s
  UNION SELECT unnest(%(numbers)s::text[]) EXCEPT SELECT unnest(%(mistaken)s::text[])), %(mistaken)s, %(event)s
"""
OTHERS = """
SELECT DISTINCT m.patient_id FROM renkei_match_identity(%(keys)s::bytea[], NULL, NULL) m
WHERE NOT m.ended AND m.patient_id <> %(patient)s AND NOT EXISTS (
  SELECT FROM possible_duplicates d WHERE d.patient_id = %(patient)s AND d.other_patient_id = m.patient_id)
"""
INSERT_DUPLICATE = """
INSERT INTO possible_duplicates (patient_id, id, other_patient_id, audit_event_id) VALUES (%s, %s, %s, %s)
"""


@dataclass(frozen=True, slots=True)
class Stood:
    """What stands before a change, read under the patient's lock: particulars by column, numbers' newest rows by key."""

    particulars: Mapping[str, Any]
    numbers: Mapping[bytes, Mapping[str, Any]]


def lock_person(tx: Transaction, grant: Grant, numbers: Sequence[Number]) -> None:
    """Hold these numbers and the patient until the transaction ends; what is read after this is what is committed."""
    keys = [identity_key(number, grant.organization_id) for number in numbers]
    tx.later(LOCK, [sorted(int.from_bytes(key[:8], "big", signed=True) for key in keys)])
    lock_patient(tx, grant)


async def load_standing(tx: Transaction, grant: Grant) -> Stood:
    """What stands, after ``lock_person``. Numbers: the insurers' and one's own organization's."""
    particulars, numbers = await tx.run(
        Statement(PARTICULARS_NOW, [grant.patient_id]),
        Statement(NUMBERS, [list(grant.patient_ids), grant.organization_id]),
    )
    return Stood({name: getattr(particulars[0], name) for name in PARTICULARS}, newest_numbers(numbers))


def change_person(
    tx: Transaction, grant: Grant, stood: Stood, after: Mapping[str, Any], numbers: Sequence[NumberChange], why: str
) -> None:
    """Append what is new: particulars, numbers, the keys they are found by, and who else has such a number now."""
    patient, event, owner = grant.patient_id, grant.event_id, grant.organization_id
    if after != stood.particulars:
        columns = [Jsonb(after[name]) if name in ("name", "name_kana") else after[name] for name in PARTICULARS]
        tx.later(INSERT_PARTICULARS, [patient, new_id(), *columns, why, event])
    for change in numbers:
        key, body = identity_key(change.number, owner), Jsonb(change.body)
        whose = owner if change.number.system == "local" else None
        period = (change.valid_from, change.valid_until, change.mistaken)
        there = change.patient_id or patient
        tx.later(INSERT_NUMBER, [there, new_id(), whose, body, *period, event])
        if change.new:
            tx.later(INSERT_IDENTITY, [key, patient, body, whose, event])
        if not change.new or change.valid_until:
            tx.later(INSERT_END, [there, new_id(), key, change.valid_until, change.mistaken, event])
    standing, mistaken = _numbers_after(stood, numbers, owner)
    keys = {"name": person_key(after["name"]), "kana": person_kana_key(after["name_kana"])}
    known = {"born": after["birth_date"], "numbers": standing, "mistaken": mistaken}
    tx.later(INSERT_SEARCH_KEY, {"patient": patient, "id": new_id(), **keys, **known, "event": event})


async def note_duplicates(tx: Transaction, grant: Grant, numbers: Sequence[NumberChange]) -> None:
    """Note who else has a number that is new to this person: to be looked at, and nothing told to whoever changed it."""
    keys = [identity_key(c.number, grant.organization_id) for c in numbers if c.new and c.number.system != "local"]
    for row in await tx.rows(OTHERS, {"keys": keys, "patient": grant.patient_id}) if keys else ():
        tx.later(INSERT_DUPLICATE, [grant.patient_id, new_id(), row.patient_id, grant.event_id])


def _numbers_after(stood: Stood, numbers: Sequence[NumberChange], owner: Any) -> tuple[list[str], list[str]]:
    """The searchable forms of the numbers that were ever right, and of those that were not."""
    rows = {**stood.numbers, **{number_key(c.body, owner): c._asdict() for c in numbers}}
    forms = [(search_identifier(r["body"]["system"], r["body"]["value"], owner), r["mistaken"]) for r in rows.values()]
    right = {form for form, mistaken in forms if not mistaken}
    return sorted(right), sorted({form for form, _ in forms} - right)
