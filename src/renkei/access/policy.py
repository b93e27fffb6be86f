"""The table: what a profession may read and write, and what of a patient's record one actor sees. Pure, no SQL.

Terms: a *part* is what is granted as one: a (group, tier) such as ``medical.basic``, or one restricted item such as
``medical.infection``. Other organizations' statements need the permission table and a consent in force (or an emergency
access); one's own need only the permission table.
"""

import csv
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from typing import NamedTuple
from uuid import UUID

from renkei.access.actor import Actor
from renkei.catalogue import Catalogue, load_catalogue
from renkei.vocabulary import RESTRICTED_COLUMN, Basis, ConsentSubject, Group, Part, Profession, Reason, Tier

COLUMNS: tuple[tuple[Group, Tier], ...] = tuple(
    (group, tier)
    for group in (Group.person, Group.family, Group.medical, Group.living, Group.care_report)
    for tier in Tier
)

_MEMBERS = (Group.family, Tier.basic)
"""Where ``family.member`` lies: a member's consent to other columns does not open their row."""


@dataclass(frozen=True, slots=True)
class Rights:
    """What an actor's professions may do by the permission table, before any tie or consent is asked."""

    read: frozenset[tuple[Group, Tier]]
    write: frozenset[tuple[Group, Tier]]
    restricted: bool


@dataclass(frozen=True, slots=True)
class PermissionTable:
    """権限表: profession → column (``medical_basic`` … ``restricted``) → "", "r" or "rw". Every edit is a version."""

    version: int
    rows: Mapping[Profession, Mapping[str, str]]

    def of(self, profession: Profession) -> Rights:
        """The rights of one profession."""
        row = self.rows.get(profession, {})
        return Rights(
            frozenset(c for c in COLUMNS if "r" in row.get(f"{c[0]}_{c[1]}", "")),
            frozenset(c for c in COLUMNS if "w" in row.get(f"{c[0]}_{c[1]}", "")),
            "r" in row.get(RESTRICTED_COLUMN, ""),
        )

    def rights(self, actor: Actor) -> Rights:
        """The rights of an actor. A system has the union of its professions', within its own row, nothing restricted."""
        if not actor.is_system:
            return self.of(actor.professions[0]) if actor.professions else Rights(frozenset(), frozenset(), False)
        mine = self.of(Profession.system)
        each = [self.of(profession) for profession in actor.professions]
        return Rights(
            mine.read.intersection(frozenset().union(*(r.read for r in each))),
            mine.write.intersection(frozenset().union(*(r.write for r in each))),
            False,
        )


@cache
def default_rows() -> Mapping[Profession, Mapping[str, str]]:
    """The table a new installation starts with (``defaults.csv``)."""
    text = resources.files("renkei.access").joinpath("defaults.csv").read_text("utf-8")
    return {Profession(row.pop("profession")): row for row in csv.DictReader(text.splitlines())}


@dataclass(frozen=True, slots=True)
class Consent:
    """One consent that covers an organization now: by its place in the team or by name. Withdrawn ones explain.

    family_name: the folded name of the family member who gives it, where it is the family's.
    """

    about: ConsentSubject
    professions: frozenset[str]
    groups: frozenset[str]
    tiers: frozenset[str]
    restricted: frozenset[str]
    named: bool
    withdrawn: bool
    family_name: str | None = None

    def covers(self, actor_profession: Profession | None) -> bool:
        """Whether its narrowing by profession lets this one in. A system has no profession to be named by."""
        return not self.professions or (actor_profession is not None and actor_profession in self.professions)

    @property
    def columns(self) -> frozenset[tuple[str, str]]:
        """The (group, tier) pairs it opens."""
        return frozenset((group, tier) for group in self.groups for tier in self.tiers)


@dataclass(frozen=True, slots=True)
class Tie:
    """All that binds one organization to one patient now, as ``reach`` found it."""

    patient_id: UUID
    organization_id: UUID
    own: bool = False
    in_team: bool = False
    was_in_team: bool = False
    part: Part | None = None
    requested: bool = False
    consents: Sequence[Consent] = ()
    emergency: frozenset[str] = frozenset()
    each: tuple["Tie", ...] = ()  # of a linked person: the tie under each id, the addressed one's first

    @property
    def patient_ids(self) -> tuple[UUID, ...]:
        """All ids of the person."""
        return tuple(tie.patient_id for tie in self.each) or (self.patient_id,)

    def listed(self, profession: Profession | None) -> bool:
        """Whether a list shows the person under this id: the newest of those that the organization itself is tied to."""
        tied = [tie.patient_id for tie in self.each if tie.bases(profession)]
        return not tied or self.patient_id == max(tied)

    def bases(self, profession: Profession | None) -> frozenset[Basis]:
        """The ties that stand; none means the patient does not exist for this actor (404)."""
        # A family's consent alone lets nothing be read, and so must not make the patient known to whom it names.
        named = any(
            c.named and not c.withdrawn and c.about is ConsentSubject.patient and c.covers(profession)
            for c in self.consents
        )
        standing = {
            Basis.own: self.own,
            Basis.care_team: self.in_team,
            Basis.consent: named,
            Basis.emergency: bool(self.emergency),
            Basis.requested: self.requested,
        }
        return frozenset(basis for basis, stands in standing.items() if stands)

    def knows_person(self, profession: Profession | None) -> bool:
        """Whether the registered person may be shown. An organization that only matched a number sees what it sent."""
        return self.was_in_team or bool(self.bases(profession) & {Basis.consent, Basis.emergency})


def united(ties: Sequence[Tie]) -> Tie:
    """What binds one organization to a linked person: what binds it to any of the ids. A consent stands for the whole person,
    and covers whom it covers where it was given: its team, its exceptions."""
    return replace(
        ties[0],
        own=any(tie.own for tie in ties),
        in_team=any(tie.in_team for tie in ties),
        was_in_team=any(tie.was_in_team for tie in ties),
        part=next((tie.part for tie in ties if tie.in_team), ties[0].part),
        requested=any(tie.requested for tie in ties),
        consents=[consent for tie in ties for consent in tie.consents],
        emergency=frozenset().union(*(tie.emergency for tie in ties)),
        each=tuple(ties),
    )


class Withheld(NamedTuple):
    """One thing not shown: a (group, tier), or a restricted item, and why."""

    group: Group
    tier: Tier | None
    item: str | None
    reason: Reason

    @property
    def part(self) -> str:
        """The part withheld."""
        return self.item or f"{self.group}.{self.tier}"

    def as_json(self) -> dict[str, str]:
        """The contract's form: ``tier`` or ``item``, never both."""
        which = {"item": self.item} if self.item else {"tier": str(self.tier)}
        return {"group": self.group.value, **which, "reason": self.reason.value}


@dataclass(frozen=True, slots=True)
class View:
    """What one actor sees of one patient. Depends on rights, ties and consents only, never on what is recorded:
    ``withheld`` tells what one may not see, and nothing about whether there is anything.

    shared: parts in which every organization's statements may be read. own: parts of one's own statements.
    members: the folded names whose rows of ``family.member`` others state may be read; None: all of them.
    """

    shared: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()
    withheld: tuple[Withheld, ...] = field(default=())
    members: frozenset[str] | None = frozenset()

    def withheld_in(self, groups: Collection[Group], *, of_own: bool = False) -> list[dict[str, str]]:
        """``withheld`` of an answer that concerns these groups; of_own: of a record of one's own organization."""
        return [w.as_json() for w in self.withheld if w.group in groups and not (of_own and w.part in self.own)]

    def reason_in(self, groups: Collection[Group]) -> Reason:
        """Why others' statements in these groups cannot be read, when none can."""
        return next((w.reason for w in self.withheld if w.group in groups), Reason.no_consent)

    def shows(self, part: str, *, mine: bool) -> bool:
        """Whether something that lies whole in a part may be seen; mine: one's own organization's."""
        return part in (self.own if mine else self.shared)

    def withheld_of_own(self, parts: Collection[str]) -> list[dict[str, str]]:
        """Why of one's own statement these parts cannot be seen whole; empty where they can."""
        missing = frozenset(parts) - self.own
        items = load_catalogue().items
        columns = {f"{items[part].group}.{items[part].tier}" for part in missing if part in items}
        barred = missing | columns
        return [w.as_json() for w in self.withheld if w.reason is Reason.profession and w.part in barred]

    def shares(self, groups: Collection[Group]) -> bool:
        """Whether anything others state in these groups may be read."""
        return any(part.split(".")[0] in groups for part in self.shared)

    def readable_groups(self, groups: Iterable[Group]) -> list[Group]:
        """Those of the groups of which anything may be read, one's own included."""
        seen = {part.split(".")[0] for part in self.shared | self.own}
        return [group for group in groups if group in seen]


def view(rights: Rights, tie: Tie, profession: Profession | None, catalogue: Catalogue) -> View:
    """Decide, part by part, what may be seen and why the rest may not. The one place where consent decides."""
    covering = [c for c in tie.consents if c.covers(profession)]
    standing = [c for c in covering if not c.withdrawn and c.about is ConsentSubject.patient]
    family = [c for c in covering if not c.withdrawn and c.about is ConsentSubject.family]
    consented = _Consented(
        patient=_columns(standing),
        withdrawn=_columns(c for c in covering if c.withdrawn and c.about is ConsentSubject.patient),
        family=_columns(family),
    )
    shared, own, withheld = set[str](), set[str](), list[Withheld]()
    for column in COLUMNS:
        group, tier = column
        if column not in rights.read:
            withheld.append(Withheld(group, tier, None, Reason.profession))
            continue
        own.add(f"{group}.{tier}")
        by_consent = consented.lacks(column)
        missing = None if group in tie.emergency else by_consent
        if missing is None:
            shared.add(f"{group}.{tier}")
        else:
            withheld.append(Withheld(group, tier, None, missing))
        for code in _restricted(catalogue).get(column, ()):
            # Named by a consent that also covers its column: two consents do not add up to what neither of them says.
            named = any(code in c.restricted and column in c.columns for c in standing)
            if rights.restricted:
                own.add(code)
            if rights.restricted and by_consent is None and named:
                shared.add(code)
            elif missing is None or not rights.restricted:
                # Named also where all of others' is withheld: one's own statement on it is not shown either.
                why = Reason.restricted if rights.restricted else Reason.profession
                withheld.append(Withheld(group, None, code, why))
    named_members = frozenset(c.family_name for c in family if c.family_name and _MEMBERS in c.columns)
    # To protect life nobody is asked for their name first.
    members = None if Group.family in tie.emergency else named_members
    return View(frozenset(shared), frozenset(own), tuple(withheld), members)


class _Consented(NamedTuple):
    """The columns that consents cover: standing ones of the patient, withdrawn ones, standing ones of the family."""

    patient: frozenset[tuple[str, str]]
    withdrawn: frozenset[tuple[str, str]]
    family: frozenset[tuple[str, str]]

    def lacks(self, column: tuple[Group, Tier]) -> Reason | None:
        """What lacks for others' statements in this column, or None when nothing does."""
        if column not in self.patient:
            return Reason.consent_withdrawn if column in self.withdrawn else Reason.no_consent
        # Family items belong to the family too (design §4): their consent is one of its own.
        return Reason.family_consent_missing if column[0] is Group.family and column not in self.family else None


def _columns(consents: Iterable[Consent]) -> frozenset[tuple[str, str]]:
    return frozenset().union(*(c.columns for c in consents))


@cache
def _restricted(catalogue: Catalogue) -> Mapping[tuple[Group, Tier], Sequence[str]]:
    """The restricted items of each column; looked for once, as every request asks."""
    found: dict[tuple[Group, Tier], list[str]] = {}
    for code in sorted(catalogue.restricted):
        item = catalogue.items[code]
        found.setdefault((item.group, item.tier), []).append(code)
    return found
