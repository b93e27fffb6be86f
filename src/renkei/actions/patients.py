"""Registering people and finding them again (利用者の登録・検索)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from hashlib import sha256
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from renkei.access import reach
from renkei.access.audit import Asked
from renkei.access.gate import Grant, authorize, authorize_registration, open_registered
from renkei.access.policy import Tie
from renkei.access.scan import reach_page
from renkei.database import Transaction
from renkei.errors import Conflict, Fault, Invalid, NotFound, PreconditionFailed
from renkei.ids import new_id, now
from renkei.schemas.dates import parse_birth_date, tokyo_day
from renkei.schemas.paging import decode_cursor, encode_cursor, page
from renkei.schemas.patient_changes import PatientChange, changed_numbers, changed_particulars
from renkei.schemas.patients import PatientQuery, Registration, search_identifier
from renkei.schemas.search_keys import kana_key, name_key, person_kana_key, person_key
from renkei.store import care_teams, changes, patients, person_changes, retries
from renkei.vocabulary import Basis, Group, Part, Permission


async def register_patient(tx: Transaction, asked: Asked, registration: Registration) -> tuple[int, dict[str, Any]]:
    """201 and the new person, or 200 and the one who already is: whole number + birth date + sex, or one's own number.

    Who has no tie to a matched person gets ``id`` and what it sent, and the team is asked to let it in. Retried: the first
    status, and the person as the caller may see them now.
    """
    if registration.birth_date > tokyo_day(now()):
        raise Invalid([Fault("/birth_date", None, "future")])
    if done := await retries.find_done(tx, asked):
        grant = await authorize(tx, asked, Permission.patient_register, done.patient_id, (Group.person,))
        return done.status, await _person(tx, grant, grant.tie.bases(asked.actor.profession) if grant.tie else set())
    organization = asked.actor.organization
    rights = await authorize_registration(tx, asked)
    if organization is None:
        raise NotFound
    found = await patients.match(tx, asked, registration, organization.id)
    same = found.same or found.local
    if found.local and not found.local & same:
        # Two ids of one linked person do not disagree.
        if len(await reach.persons(tx, [*found.local, *same])) > 1:
            asked.also_about.update(found.local, same)
            raise Conflict("identifiers_disagree", IDENTIFIERS_DISAGREE)
        same = found.local
    part = Part.of(organization.kind)
    if not same:
        grant = open_registered(tx, asked, Tie(new_id(), organization.id, was_in_team=True, part=part), rights)
        patients.insert_patient(tx, grant, registration, found.other)
        care_teams.insert_founding_place(tx, grant, part)
        changes.announce(tx, grant)
        retries.note_done(tx, grant, 201)
        return 201, await _person(tx, grant, {Basis.care_team})
    patient_id = min((found.local & same) or same)
    (tie,), _ = await reach.ties(tx, [(patient_id, organization.id)])
    grant = open_registered(tx, asked, tie, rights)
    if not found.local:
        patients.insert_identifiers(tx, grant, registration, local_only=True)
    if not (bases := tie.bases(asked.actor.profession)):
        patients.insert_join_request(tx, grant, part, registration.as_json())
        changes.announce(tx, grant)
        grant, bases = replace(grant, tie=replace(tie, requested=True)), frozenset({Basis.requested})
    retries.note_done(tx, grant, 200)
    return 200, await _person(tx, grant, bases)


async def read_patient(tx: Transaction, asked: Asked, patient_id: UUID) -> dict[str, Any]:
    """The registered person, or, after a match by number, what one's organization sent."""
    grant = await authorize(tx, asked, Permission.patient_read, patient_id, (Group.person,))
    return await _person(tx, grant, grant.tie.bases(asked.actor.profession) if grant.tie else set())


async def change_patient(
    tx: Transaction, asked: Asked, patient_id: UUID, change: PatientChange, if_match: str | None
) -> dict[str, Any]:
    """Say something anew of the registered person; what stood is kept. The same again changes nothing.

    Raises PreconditionFailed unless if_match names what the caller would be shown now.
    """
    grant = await authorize(tx, asked, Permission.patient_change, patient_id, (Group.person,))
    bases, numbers = grant.tie.bases(asked.actor.profession) if grant.tie else (), change.identifiers or []
    person_changes.lock_person(tx, grant, numbers)
    stood = await person_changes.load_standing(tx, grant)
    if if_match != (tag := etag(await _person(tx, grant, bases))):
        raise PreconditionFailed(tag)
    rows = changed_numbers(numbers, stood.numbers, grant.organization_id)
    after = changed_particulars(change, stood.particulars, tokyo_day(now()))
    if rows or after != stood.particulars:
        person_changes.change_person(tx, grant, stood, after, rows, change.reason)
        await person_changes.note_duplicates(tx, grant, rows)
        changes.announce(tx, grant)
    return await _person(tx, grant, bases)


def etag(person: Mapping[str, Any]) -> str:
    """The strong validator of a person as shown to one organization."""
    return f'"{sha256(to_json(person)).hexdigest()[:32]}"'


async def search_patient(tx: Transaction, asked: Asked, query: PatientQuery) -> dict[str, Any]:
    """One's own patients, newest registration first; one audit event for each shown."""
    organization, profession = asked.actor.organization, asked.actor.profession
    wanted = _wanted(query, organization.id) if organization else patients.Find()

    async def pick(tied: Sequence[Tie]) -> Sequence[Tie]:
        if wanted == patients.Find():
            return tied
        hits = await patients.find(tx, asked, [id_ for tie in tied for id_ in tie.patient_ids], wanted)
        # Who only matched a number must not learn a name by searching for it.
        return [tie for tie in tied if hits.intersection(tie.patient_ids) and tie.knows_person(profession)]

    last = decode_cursor(query.after, UUID)
    grants, following = await reach_page(
        tx, asked, Permission.patient_search, last[0] if last else None, query.limit, pick
    )
    persons = await patients.load_persons(tx, grants)
    items = [
        _shown(grant, persons[grant.patient_id], grant.tie.bases(profession) if grant.tie else ()) for grant in grants
    ]
    for item in items:
        if _by_another_name(item, query):
            item["found_by"] = "earlier_name"
    return page(items, encode_cursor(following) if following else None)


def _by_another_name(person: Mapping[str, Any], query: PatientQuery) -> bool:
    """Whether a search has found somebody by a name that is not, or is no longer, the registered one (旧姓 and others)."""
    kana, name = kana_key(query.kana or ""), name_key(query.name or "")
    known = person_kana_key(person.get("name_kana", {})), person_key(person.get("name", {}))
    return not (known[0].startswith(kana) and known[1].startswith(name))


def _wanted(query: PatientQuery, organization_id: UUID) -> patients.Find:
    faults: list[Fault] = []
    birth_date: date | None = None
    if query.birth_date is not None:
        try:
            birth_date = parse_birth_date(query.birth_date)
        except ValueError:
            faults.append(Fault("?birth_date", None, "format", {"expected": "YYYY-MM-DD, 昭和13年4月2日"}))
    # Text without a letter folds to the empty key, which would begin every name.
    for name, value, key in (("kana", query.kana, kana_key), ("name", query.name, name_key)):
        if value is not None and not key(value):
            faults.append(Fault(f"?{name}", None, "blank"))
    if faults:
        raise Invalid(faults)
    system, _, number = (query.identifier or "").partition("|")
    identifier = search_identifier(system, number, organization_id) if query.identifier else None
    return patients.Find(query.kana, query.name, birth_date, identifier)


async def _person(tx: Transaction, grant: Grant, bases: Any) -> dict[str, Any]:
    persons = await patients.load_persons(tx, [grant])
    if grant.patient_id not in persons:
        raise NotFound
    return _shown(grant, persons[grant.patient_id], bases)


def _shown(grant: Grant, person: dict[str, Any], bases: Any) -> dict[str, Any]:
    order = (Basis.care_team, Basis.consent, Basis.emergency, Basis.own, Basis.requested)
    tie = next((basis for basis in order if basis in bases), Basis.administration)
    if not grant.knows_person:
        return {"id": str(grant.patient_id), **person, "tie": Basis.requested.value}
    part = {"part": grant.tie.part.value} if grant.tie and grant.tie.part and tie is Basis.care_team else {}
    return {"id": str(grant.patient_id), **person, "tie": tie.value, **part}


IDENTIFIERS_DISAGREE = (
    "送られた番号が別々の利用者を指しています",
    "The identifiers sent belong to different people",
)
