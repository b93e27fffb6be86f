"""The gate: asks reach and policy, writes the audit event, opens the patient, and hands out a Grant.

Every function that touches patient data takes a Grant, and only this module makes one. Row-level security opens a
patient's rows only after ``authorize`` has decided, so a function that forgets to ask finds nothing.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from renkei.access import reach
from renkei.access.actor import Organization
from renkei.access.audit import Asked, Told
from renkei.access.policy import Rights, Tie, View, view
from renkei.access.refusals import NO_CONTENT, NO_OFFICE, NO_ORGANIZATION, NO_RIGHT, NOT_IN_TEAM
from renkei.access.rules import RULES, Rule, holds_office
from renkei.access.step_up import require_leave
from renkei.catalogue import load_catalogue
from renkei.database import LEDGER_ROLE, SERVICE_ROLE, Transaction
from renkei.errors import Forbidden, NotFound
from renkei.schemas.documents import Document
from renkei.vocabulary import Basis, Group, Permission, Profession, Reason, Tier

_GATE = object()
NO_RIGHTS = Rights(frozenset(), frozenset(), False)


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to do one thing with one patient's records in this transaction.

    patient_id: the id addressed, to which what is new is written. patient_ids: all ids of the person, this one first: what
    is read is read of all of them. tie: what binds the organization to the patient (None for administrators). rights: what
    the permission table allows. view: what may be read. event_id: the audit event every row written under this grant names.
    """

    asked: Asked
    patient_id: UUID
    patient_ids: tuple[UUID, ...]
    permission: Permission
    tie: Tie | None
    rights: Rights
    view: View
    event_id: UUID
    _made_by: object

    def __post_init__(self) -> None:
        if self._made_by is not _GATE:
            raise TypeError("only the gate makes a Grant")

    def under(self, patient_id: UUID) -> "Grant":
        """The same leave, to write where a thing of this person stands."""
        if patient_id not in self.patient_ids:
            raise ValueError(patient_id)
        return replace(self, patient_id=patient_id)

    @property
    def organization_id(self) -> UUID:
        """The organization that acts; administrators have none and get the nil id, which no row carries."""
        organization = self.asked.actor.organization
        return organization.id if organization else UUID(int=0)

    @property
    def knows_person(self) -> bool:
        """Whether the registered person may be shown in full."""
        return self.tie is not None and self.tie.knows_person(self.asked.actor.profession)

    def profession_of(self, document: Document) -> str:
        """The origin's profession: the user's of the token; for a system acting as itself, whom its document names."""
        actor = self.asked.actor
        return document.author_profession if actor.is_system else str(actor.profession)

    def unwritable(self, columns: Mapping[str, tuple[Group, Tier]]) -> list[str]:
        """Of these items (code → its group and tier) those the permission table does not let this actor write."""
        return [code for code, column in columns.items() if column not in self.rights.write]


@dataclass(frozen=True, slots=True)
class LedgerGrant:
    """Leave to read, in this transaction and as the ledger's role, who did what and who is tied to whom.

    organization_id: the one whose part of it may be read; None: all of it.
    """

    asked: Asked
    permission: Permission
    organization_id: UUID | None
    _made_by: object

    def __post_init__(self) -> None:
        if self._made_by is not _GATE:
            raise TypeError("only the gate makes a LedgerGrant")


async def authorize(
    tx: Transaction, asked: Asked, permission: Permission, patient_id: UUID, groups: Collection[Group] = ()
) -> Grant:
    """Decide whether the actor may do this with this patient; the event is queued and the patient's rows opened.

    groups: the columns the request concerns; the audit names those of them that the actor may read.
    Raises NotFound when the patient is absent or hidden, Forbidden when a tie stands without the right.
    """
    actor, rule = asked.actor, _rule(asked, permission)
    if not actor.in_care or actor.organization is None:
        return await _authorize_office(tx, asked, permission, rule, patient_id)
    found, version = await reach.ties(tx, [(patient_id, actor.organization.id)])
    table = await reach.permission_table(tx, version)
    return _open(tx, asked, permission, found[0], table.rights(actor), groups)


async def authorize_two(
    tx: Transaction, asked: Asked, permission: Permission, one: UUID, other: UUID
) -> tuple[Grant, Grant]:
    """The same for an act about two patients, each of whom the actor must reach; both are opened."""
    asked.also_about.update((one, other))
    first = await authorize(tx, asked, permission, one)
    # Two ids of one linked person: reached as one, and on record once.
    second = first.under(other) if other in first.patient_ids else await authorize(tx, asked, permission, other)
    grants = (first, second)
    tx.open_patients(dict.fromkeys(id_ for grant in grants for id_ in grant.patient_ids))
    return grants


async def authorize_page(
    tx: Transaction,
    asked: Asked,
    permission: Permission,
    ties: Sequence[Tie],
    version: int,
    groups: Collection[Group] = (Group.person,),
    told: Told = None,
) -> list[Grant]:
    """Grants for one page of patients that reach has picked (at most 1,000), with one audit event for each.

    groups: the columns the page shows something of. Its grants have no view: a page shows who there is, not what is stated of them.
    """
    table = await reach.permission_table(tx, version)
    rights, profession = table.rights(asked.actor), asked.actor.profession
    require(_rule(asked, permission), rights)
    shown = {id_: (id_, tie.bases(profession), groups) for tie in ties for id_ in tie.patient_ids}
    events = dict(zip(shown, asked.allowed_page(tx, list(shown.values()), told), strict=True))
    tx.open_patients(shown)
    return [
        Grant(asked, tie.patient_id, tie.patient_ids, permission, tie, rights, View(), events[tie.patient_id], _GATE)
        for tie in ties
    ]


async def authorize_registration(tx: Transaction, asked: Asked) -> Rights:
    """Whether the actor may register people at all, before anybody is looked up."""
    table = await reach.permission_table(tx, await reach.table_version(tx))
    rights = table.rights(asked.actor)
    if not asked.actor.in_care:
        raise Forbidden(Reason.not_in_care_team, "organization", "organization", NO_ORGANIZATION)
    require(_rule(asked, Permission.patient_register), rights)
    return rights


def open_registered(tx: Transaction, asked: Asked, tie: Tie, rights: Rights) -> Grant:
    """The grant under which a registration writes: the patient it has just made or matched, opened first."""
    return _open(tx, asked, Permission.patient_register, tie, rights, (Group.person,), registering=True)


async def authorize_emergency(tx: Transaction, asked: Asked, patient_id: UUID) -> Grant:
    """Breaking the glass needs a profession that reads the basic medical items, and no tie."""
    organization, rights = await may_break_glass(tx, asked)
    found, _ = await reach.ties(tx, [(patient_id, organization.id)])
    await _require_patient(tx, patient_id)
    bases = found[0].bases(asked.actor.profession) | {Basis.emergency}
    return _grant(tx, asked, Permission.emergency_access_open, found[0], rights, bases, ())


async def may_break_glass(tx: Transaction, asked: Asked) -> tuple[Organization, Rights]:
    """Whose emergency it would be, and by what rights; decided before anybody is looked for."""
    actor, rule = asked.actor, _rule(asked, Permission.emergency_access_open)
    if not actor.in_care or actor.organization is None:
        raise Forbidden(Reason.profession, rule.right, "platform_admin", NO_ORGANIZATION)
    rights = (await reach.permission_table(tx, await reach.table_version(tx))).rights(actor)
    require(rule, rights)
    return actor.organization, rights


async def authorize_service(tx: Transaction, asked: Asked, permission: Permission) -> None:
    """An act on no patient: allowed by office or to every client, as its rule says."""
    rule = _rule(asked, permission)
    if not holds_office(rule, asked.actor) and not (asked.actor.in_care and rule.has_right(NO_RIGHTS)):
        raise Forbidden(Reason.not_administrator, rule.right, "platform_admin")


async def authorize_ledger(tx: Transaction, asked: Asked, permission: Permission) -> LedgerGrant:
    """Leave to read the ledger, by office only. From here to ``show_ledger`` the transaction works as the ledger's role."""
    rule, actor = _rule(asked, permission), asked.actor
    if not holds_office(rule, actor):
        raise Forbidden(Reason.not_administrator, f"office.{rule.right}", "platform_admin", NO_OFFICE)
    tx.become(LEDGER_ROLE)
    return LedgerGrant(asked, permission, actor.organization.id if actor.organization else None, _GATE)


def show_ledger(
    tx: Transaction, grant: LedgerGrant, patients: Iterable[UUID], detail: Mapping[str, object]
) -> list[UUID]:
    """Put on record what was read: one event for each patient it tells of, one of the act itself where there is none."""
    tx.become(SERVICE_ROLE)
    shown = [(patient_id, {Basis.administration}, ()) for patient_id in dict.fromkeys(patients)]
    if not shown:
        return [grant.asked.served(tx, detail)]
    return grant.asked.allowed_page(tx, shown)


def authorize_office_page(
    tx: Transaction, asked: Asked, permission: Permission, patient_ids: Sequence[UUID], told: Told = None
) -> list[Grant]:
    """Grants for an act of the platform's administration on many patients (at most 1,000), an event for each.

    patient_ids: as the ledger or reach has told them, so that all of them exist.
    """
    rule = _rule(asked, permission)
    if not holds_office(rule, asked.actor):
        raise Forbidden(Reason.not_administrator, f"office.{rule.right}", "platform_admin", NO_OFFICE)
    if not patient_ids:
        return []
    events = asked.allowed_page(tx, [(id_, {Basis.administration}, ()) for id_ in patient_ids], told)
    tx.open_patients(patient_ids)
    return [
        Grant(asked, patient_id, (patient_id,), permission, None, NO_RIGHTS, View(), event, _GATE)
        for patient_id, event in zip(patient_ids, events, strict=True)
    ]


def _rule(asked: Asked, permission: Permission) -> Rule:
    """The rule of an act that the actor's scopes include. Every way through the gate begins here, before any patient is known."""
    require_leave(asked.actor, permission)
    return RULES[permission]


def require(rule: Rule, rights: Rights) -> None:
    """Raise Forbidden when the permission table does not give what the rule asks."""
    if not rule.has_right(rights):
        raise Forbidden(Reason.profession, f"permission_table.{rule.right}", "platform_admin", NO_RIGHT)


def _open(
    tx: Transaction,
    asked: Asked,
    permission: Permission,
    tie: Tie,
    rights: Rights,
    groups: Iterable[Group],
    registering: bool = False,
) -> Grant:
    bases = _decided(_rule(asked, permission), asked.actor.profession, tie, rights, registering)
    return _grant(tx, asked, permission, tie, rights, bases, groups)


def _decided(
    rule: Rule, profession: Profession | None, tie: Tie, rights: Rights, registering: bool = False
) -> frozenset[Basis]:
    bases = tie.bases(profession)
    if not bases and not registering:
        raise NotFound
    require(rule, rights)
    unknown = rule.knows_person and not tie.knows_person(profession)
    if unknown or (rule.ties is not None and not bases & rule.ties):
        raise Forbidden(Reason.not_in_care_team, "tie.care_team", "care_team", NOT_IN_TEAM)
    return bases


def _grant(
    tx: Transaction,
    asked: Asked,
    permission: Permission,
    tie: Tie,
    rights: Rights,
    bases: Collection[Basis],
    groups: Iterable[Group],
) -> Grant:
    seen = view(rights, tie, asked.actor.profession, load_catalogue())
    event_id = asked.allowed_all(tx, tie.patient_ids, bases, seen.readable_groups(groups))
    tx.open_patients(tie.patient_ids)
    return Grant(asked, tie.patient_id, tie.patient_ids, permission, tie, rights, seen, event_id, _GATE)


async def _authorize_office(
    tx: Transaction, asked: Asked, permission: Permission, rule: Rule, patient_id: UUID
) -> Grant:
    if not holds_office(rule, asked.actor):
        raise Forbidden(Reason.profession, f"office.{rule.right}", "platform_admin", NO_CONTENT)
    ids = await _require_patient(tx, patient_id)
    event_id = asked.allowed_all(tx, ids, {Basis.administration}, ())
    tx.open_patients(ids)
    return Grant(asked, patient_id, ids, permission, None, NO_RIGHTS, View(), event_id, _GATE)


async def _require_patient(tx: Transaction, patient_id: UUID) -> tuple[UUID, ...]:
    tx.open_patients([patient_id])
    if not (ids := await reach.same_person(tx, patient_id)):
        raise NotFound
    return ids
