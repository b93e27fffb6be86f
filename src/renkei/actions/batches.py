"""Many documents of one kind taken in at once (一括提出), each by the same rules as one sent alone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from renkei.access.audit import Asked, reason_of
from renkei.access.gate import Grant
from renkei.access.gate_batch import authorize_documents, note_documents, open_granted
from renkei.access.writing import replaces_what_is_barred, require_team, require_writable
from renkei.catalogue import Catalogue, load_catalogue
from renkei.database import Transaction
from renkei.errors import RenkeiError
from renkei.ids import new_id
from renkei.schemas.patients import number_key
from renkei.schemas.persons import differing
from renkei.schemas.stored_records import report_line
from renkei.schemas.submitted import Ready, first_answer, repeat_of
from renkei.schemas.summary import Origin, ReportLine, Sheet
from renkei.store import batches, patients, summaries
from renkei.store.import_rows import patients_by_number
from renkei.vocabulary import Permission, RecordKind

STRETCH = 250
"""Patients read about at once, in as many statements as for one: row-level security compares each row with every one that is open."""
PIECE = 400
"""Documents written at once, while the next are decided: a tenth of a second of the database."""


class Row(NamedTuple):
    """One document, checked. about: whom it is about, by ``patient.id``, ``patient.local`` or ``patient.ltci_number``."""

    number: int
    ready: Ready
    about: Mapping[str, str]


class Granted(NamedTuple):
    """One document, and the leave to keep it."""

    number: int
    grant: Grant
    ready: Ready


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a row: kept anew, known already, or refused."""

    number: int
    new: bool = False
    refused: RenkeiError | None = None


async def submit_documents(
    tx: Transaction, asked: Asked, kind: RecordKind, rows: Sequence[Row], import_id: UUID, *, dry: bool = False
) -> list[Outcome]:
    """Keep what may be kept. dry: only tell what would become of each. Refusals are on record either way.

    A refused row leaves no trace but its refusal: nothing of it is written before all of it has been decided.
    """
    permission = Permission(f"{kind}.submit")
    about = await _about(tx, asked, rows)
    answers = await authorize_documents(tx, asked, permission, about)
    outcomes: dict[int, Outcome] = {}
    granted = list[Granted]()
    for row, answer in zip(rows, answers, strict=True):
        if isinstance(answer, RenkeiError):
            outcomes[row.number] = Outcome(row.number, refused=answer)
        else:
            granted.append(Granted(row.number, answer, row.ready))
    for stretch in _stretches(granted):
        for outcome in await _write(tx, kind, stretch, import_id, dry=dry):
            outcomes[outcome.number] = outcome
    for row, patient_id in zip(rows, about, strict=True):
        if (error := outcomes[row.number].refused) is not None:
            _note_refusal(tx, asked, permission, patient_id, error)
    return [outcomes[row.number] for row in rows]


def _note_refusal(
    tx: Transaction, asked: Asked, permission: Permission, patient_id: UUID | None, error: RenkeiError
) -> None:
    if patient_id is None:
        asked.served(tx, {}, refused=reason_of(error))
    else:
        asked.refused(tx, patient_id, reason_of(error))


async def _about(tx: Transaction, asked: Asked, rows: Sequence[Row]) -> list[UUID | None]:
    """Whom each row is about. A number that nobody bears and one of a hidden patient are answered alike, by the gate."""
    keys = {row.number: key for row in rows if (key := _key(asked, row.about)) is not None}
    found = await patients_by_number(tx, asked, set(keys.values()))
    return [
        UUID(row.about["patient.id"]) if "patient.id" in row.about else found.get(keys.get(row.number, b""))
        for row in rows
    ]


def _key(asked: Asked, about: Mapping[str, str]) -> bytes | None:
    organization = asked.actor.organization
    if "patient.id" in about or organization is None:
        return None
    if "patient.local" in about:
        return number_key({"system": "local", "value": about["patient.local"]}, organization.id)
    number = {"system": "ltci", "insurer": about.get("patient.ltci_insurer"), "value": about.get("patient.ltci_number")}
    return number_key(number, None)


def _stretches(granted: Sequence[Granted]) -> Iterator[list[Granted]]:
    """In stretches of few people; of one person in the order sent, as a version follows the one before it."""
    of_person: dict[UUID, list[Granted]] = {}
    for one in granted:
        of_person.setdefault(_person(one.grant), []).append(one)
    persons = sorted(of_person)
    for first in range(0, len(persons), STRETCH):
        yield [one for person in persons[first : first + STRETCH] for one in of_person[person]]


def _person(grant: Grant) -> UUID:
    """The same for each id of a linked person."""
    return min(grant.patient_ids)


async def _write(
    tx: Transaction, kind: RecordKind, stretch: list[Granted], import_id: UUID, *, dry: bool
) -> list[Outcome]:
    catalogue = load_catalogue()
    open_granted(tx, (one.grant for one in stretch))
    persons = await _persons(tx, kind, stretch)
    grants, documents = [one.grant for one in stretch], [one.ready for one in stretch]
    stands = await batches.standing(tx, grants, documents, kind)
    deciding, outcomes = _Deciding(persons, stands, catalogue), list[Outcome]()
    for piece in _pieces(stretch):
        decided = _Decided([], [])
        outcomes += [await deciding.decide(tx, len(outcomes) + n, one, decided) for n, one in enumerate(piece)]
        new = decided.new
        if not dry:
            noted = [*((one.grant, one.record_id) for one in new), *decided.repeats]
            note_documents(tx, [grant for grant, _ in noted], kind.groups, [record_id for _, record_id in noted])
            if new:
                batches.append_records(tx, new[0].grant, new, stands.now, import_id)
                await _restate(tx, kind, new, deciding, catalogue)
            await tx.send()
    return outcomes


def _pieces(stretch: list[Granted]) -> Iterator[list[Granted]]:
    """What is kept while the next is decided: all of some people's documents."""
    piece = list[Granted]()
    for _, documents in groupby(stretch, lambda one: _person(one.grant)):
        piece += documents
        if len(piece) >= PIECE:
            yield piece
            piece = []
    if piece:
        yield piece


class _Decided(NamedTuple):
    """Of one piece: what is to be kept, and what is kept already."""

    new: list[batches.New]
    repeats: list[tuple[Grant, UUID]]


class _Deciding:
    """One stretch: document by document, each seeing those before it."""

    def __init__(
        self, persons: Mapping[UUID, Mapping[str, Any]], stands: batches.Standing, catalogue: Catalogue
    ) -> None:
        self.persons, self.stands, self.catalogue = persons, stands, catalogue
        self.replaced: set[UUID] = set()
        self._versions: dict[tuple[UUID, str], list[Any]] = {}
        """Of each document, newest first, what is new in this stretch."""

    async def decide(self, tx: Transaction, n: int, one: Granted, decided: _Decided) -> Outcome:
        """What becomes of the n-th of the stretch; noted with what is decided of its piece."""
        grant, document = one.grant, one.ready.document
        person = self.persons.get(grant.patient_id, {})
        mine = self._versions.setdefault((_person(grant), document.document_id), [])
        versions = [*mine, *self.stands.versions.get(n, ())]
        try:
            stated = await summaries.standing_codes(tx, grant) if replaces_what_is_barred(grant, document) else ()
            require_writable(grant, document, person, stated, self.catalogue)
            if not versions:
                require_team(grant)
            kept = repeat_of(versions, document)
        except RenkeiError as error:
            return Outcome(one.number, refused=error)
        if kept is not None:
            decided.repeats.append((grant, kept.record_id))
            return Outcome(one.number)
        if versions:
            grant = grant.under(versions[0].patient_id)  # a correction goes where the document stands
            self.replaced.add(grant.patient_id)
        # A report says nothing of what is registered.
        warnings = differing(document.items, person) if document.kind is RecordKind.face_sheet else []
        record_id = new_id()
        answer = first_answer(document, grant.patient_id, record_id, self.stands.now, warnings, one.ready.full)
        decided.new.append(batches.New(one.number, grant, one.ready, record_id, answer))
        mine.insert(0, _Version(grant.patient_id, record_id, document.version, document.kind, answer, document.text))
        return Outcome(one.number, new=True)


class _Version(NamedTuple):
    """A document of the same batch, as one that stands."""

    patient_id: UUID
    id: UUID
    version: int
    kind: str
    answer: str
    body: str
    withdrawn_at: None = None


async def _persons(tx: Transaction, kind: RecordKind, stretch: Sequence[Granted]) -> Mapping[UUID, Mapping[str, Any]]:
    """The people as this organization knows them; asked only for sheets that say something of them."""
    if kind is RecordKind.care_report:
        return {}
    about = [one.grant for one in stretch if any(code.startswith("person.") for code in one.ready.document.items)]
    return await patients.load_persons(tx, list({grant.patient_id: grant for grant in about}.values()))


async def _restate(
    tx: Transaction, kind: RecordKind, kept: Sequence[batches.New], done: _Deciding, catalogue: Catalogue
) -> None:
    """Once for each patient, however many of their documents there are."""
    by_patient: dict[UUID, list[batches.New]] = {}
    for one in kept:
        by_patient.setdefault(one.grant.patient_id, []).append(one)
    lines = list[tuple[Grant, ReportLine]]()
    for patient_id, new in by_patient.items():
        last, newest = new[-1], done.stands.newest.get(patient_id)
        organization = last.grant.asked.actor.organization
        alone = len(new) == 1 and (newest is None or newest <= last.ready.document.as_of)
        linked = len(last.grant.patient_ids) > 1
        if (
            organization is None
            or linked
            or patient_id in done.replaced
            or (kind is RecordKind.face_sheet and not alone)
        ):
            await summaries.restate_all(tx, last.grant, kind, catalogue)
        elif kind is RecordKind.face_sheet:
            document = last.ready.document
            said = (document.coverage or "", document.items, document.absent)
            profession = last.grant.profession_of(document)
            origin = (last.record_id, organization.reference, profession, document.as_of, document.as_of_text)
            await summaries.restate_sheet(tx, last.grant, Sheet(*origin, *said), catalogue)
        else:
            lines += [(one.grant, _line(one, organization.reference)) for one in new]
    batches.restate_reports(tx, done.stands, lines)


def _line(new: batches.New, organization: Origin) -> ReportLine:
    return report_line(new.record_id, organization, new.grant.profession_of(new.ready.document), new.ready.report)
