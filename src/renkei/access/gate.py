"""The gate: asks reach and policy, writes the audit event, opens the patient, and hands out a Grant.

Every function that touches patient data takes a Grant, and only this module makes one. Row-level security opens a
patient's rows only after ``authorize`` has decided, so a function that forgets to ask finds nothing.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from renkei.access import reach
from renkei.access.audit import Asked
from renkei.access.policy import PermissionTable, Rights, Tie, View, view
from renkei.access.rules import RULES, Rule, holds_office
from renkei.catalogue import load_catalogue
from renkei.database import Transaction
from renkei.errors import Forbidden, NotFound
from renkei.vocabulary import ActorKind, Basis, Group, Permission, Profession, Reason, Tier

_GATE = object()

# A version of the permission table never changes once written, so it may be kept for as long as its database is.
_tables: WeakKeyDictionary[Any, dict[int, PermissionTable]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to do one thing with one patient's records in this transaction.

    tie: what binds the organization to the patient (None for administrators). rights: what the permission table allows.
    view: what may be read. event_id: the audit event every row written under this grant names.
    """

    asked: Asked
    patient_id: UUID
    permission: Permission
    tie: Tie | None
    rights: Rights
    view: View
    event_id: UUID
    _made_by: object

    def __post_init__(self) -> None:
        if self._made_by is not _GATE:
            raise TypeError("only the gate makes a Grant")

    @property
    def organization_id(self) -> UUID:
        """The organization that acts; administrators have none and get the nil id, which no row carries."""
        organization = self.asked.actor.organization
        return organization.id if organization else UUID(int=0)

    @property
    def knows_person(self) -> bool:
        """Whether the registered person may be shown in full."""
        return self.tie is None or self.tie.knows_person(self.asked.actor.profession)

    def unwritable(self, columns: Mapping[str, tuple[Group, Tier]]) -> list[str]:
        """Of these items (code → its group and tier) those the permission table does not let this actor write."""
        return [code for code, column in columns.items() if column not in self.rights.write]


async def authorize(
    tx: Transaction, asked: Asked, permission: Permission, patient_id: UUID, groups: Collection[Group] = ()
) -> Grant:
    """Decide whether the actor may do this with this patient; the event is queued and the patient's rows opened.

    groups: the columns the request concerns; the audit names those of them that the actor may read.
    Raises NotFound when the patient is absent or hidden, Forbidden when a tie stands without the right.
    """
    actor, rule = asked.actor, RULES[permission]
    if actor.organization is None:
        return await _authorize_office(tx, asked, permission, rule, patient_id)
    found, version = await reach.ties(tx, [(patient_id, actor.organization.id)])
    table = await permission_table(tx, version)
    return _open(tx, asked, permission, found[0], table.rights(actor), groups)


async def authorize_page(
    tx: Transaction, asked: Asked, permission: Permission, ties: Sequence[Tie], version: int
) -> list[Grant]:
    """Grants for one page of patients that reach has picked (at most 1,000), with one audit event for each."""
    table = await permission_table(tx, version)
    rights, profession = table.rights(asked.actor), asked.actor.profession
    require(RULES[permission], rights)
    shown = [(tie.patient_id, tie.bases(profession), (Group.person,)) for tie in ties]
    events = asked.allowed_page(tx, shown) if shown else []
    tx.open_patients(tie.patient_id for tie in ties)
    catalogue = load_catalogue()
    return [
        Grant(asked, tie.patient_id, permission, tie, rights, view(rights, tie, profession, catalogue), event, _GATE)
        for tie, event in zip(ties, events, strict=True)
    ]


async def authorize_registration(tx: Transaction, asked: Asked) -> Rights:
    """Whether the actor may register people at all, before anybody is looked up."""
    table = await permission_table(tx, await reach.table_version(tx))
    rights = table.rights(asked.actor)
    if asked.actor.organization is None:
        raise Forbidden(Reason.not_in_care_team, "organization", "organization", NO_ORGANIZATION)
    require(RULES[Permission.patient_register], rights)
    return rights


def open_registered(tx: Transaction, asked: Asked, tie: Tie, rights: Rights) -> Grant:
    """The grant under which a registration writes: the patient it has just made or matched, opened first."""
    return _open(tx, asked, Permission.patient_register, tie, rights, (Group.person,), registering=True)


async def authorize_emergency(tx: Transaction, asked: Asked, patient_id: UUID) -> Grant:
    """Breaking the glass needs a profession that reads the basic medical items, and no tie."""
    actor, permission = asked.actor, Permission.emergency_access_open
    if actor.organization is None:
        raise Forbidden(Reason.profession, RULES[permission].right, "platform_admin", NO_ORGANIZATION)
    found, version = await reach.ties(tx, [(patient_id, actor.organization.id)])
    rights = (await permission_table(tx, version)).rights(actor)
    require(RULES[permission], rights)
    await _require_patient(tx, patient_id)
    bases = found[0].bases(actor.profession) | {Basis.emergency}
    return _grant(tx, asked, permission, found[0], rights, bases, ())


async def authorize_service(tx: Transaction, asked: Asked, permission: Permission) -> None:
    """An act on no patient: allowed by office or to every client, as its rule says."""
    rule = RULES[permission]
    if not holds_office(rule, asked.actor) and not (
        asked.actor.kind is ActorKind.client and rule.has_right(Rights(frozenset(), frozenset(), False))
    ):
        raise Forbidden(Reason.not_administrator, rule.right, "platform_admin")


async def permission_table(tx: Transaction, version: int) -> PermissionTable:
    """The permission table of a version, as stored."""
    known = _tables.setdefault(tx.engine, {})
    if version not in known:
        rows = await reach.stored_rights(tx, version)
        known[version] = PermissionTable(version, {Profession(p): columns for p, columns in rows.items()})
    return known[version]


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
    rule, profession = RULES[permission], asked.actor.profession
    bases = tie.bases(profession)
    if not bases and not registering:
        raise NotFound
    require(rule, rights)
    unknown = rule.knows_person and not tie.knows_person(profession)
    if unknown or (rule.ties is not None and not bases & rule.ties):
        raise Forbidden(Reason.not_in_care_team, "tie.care_team", "care_team", NOT_IN_TEAM)
    return _grant(tx, asked, permission, tie, rights, bases, groups)


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
    event_id = asked.allowed(tx, tie.patient_id, bases, seen.readable_groups(groups))
    tx.open_patients([tie.patient_id])
    return Grant(asked, tie.patient_id, permission, tie, rights, seen, event_id, _GATE)


async def _authorize_office(
    tx: Transaction, asked: Asked, permission: Permission, rule: Rule, patient_id: UUID
) -> Grant:
    if not holds_office(rule, asked.actor):
        raise Forbidden(Reason.profession, f"office.{rule.right}", "platform_admin", NO_CONTENT)
    await _require_patient(tx, patient_id)
    event_id = asked.allowed(tx, patient_id, {Basis.administration}, ())
    nothing = Rights(frozenset(), frozenset(), False)
    return Grant(asked, patient_id, permission, None, nothing, View(), event_id, _GATE)


async def _require_patient(tx: Transaction, patient_id: UUID) -> None:
    tx.open_patients([patient_id])
    if not await reach.patient_exists(tx, patient_id):
        raise NotFound


def require_team(grant: Grant) -> None:
    """A new document needs a place in the team, or the leave to write that goes with asking for one."""
    if grant.tie is not None and not (grant.tie.in_team or grant.tie.requested):
        raise Forbidden(Reason.not_in_care_team, "tie.care_team", "care_team", NOT_IN_TEAM)


NO_RIGHT = (
    "この職種には権限表でこの操作が許されていません",
    "The permission table does not allow this profession to do this",
)
NOT_IN_TEAM = (
    "貴機関はこの利用者のケアチームに登録されていません",
    "Your organization has no place in this patient's care team",
)
NO_ORGANIZATION = ("事業所として働く資格情報が必要です", "A token that acts for an organization is required")
NO_CONTENT = (
    "管理者・監査人は記録の内容を扱えません",
    "Administrators and auditors do not handle the content of records",
)


def not_own_record() -> Forbidden:
    """A record of another organization may be read, never corrected or withdrawn."""
    detail = (
        "他機関の記録は訂正・取下げできません",
        "Only the organization that sent a record may correct or withdraw it",
    )
    return Forbidden(Reason.not_own_record, "record.organization", "organization", detail)


_WHY: Mapping[Reason, tuple[str, str]] = {
    Reason.no_consent: ("この項目群の提供について同意がありません", "No consent in force covers these items for you"),
    Reason.consent_withdrawn: ("同意が撤回されています", "The consent has been withdrawn"),
    Reason.family_consent_missing: ("家族の同意がありません", "The family's own consent is missing"),
    Reason.profession: NO_RIGHT,
    Reason.restricted: ("同意で名指しされていない要配慮項目です", "A restricted item that no consent names"),
}


def unreadable(reason: Reason) -> Forbidden:
    """A record of which nothing may be read, for this reason."""
    by = "platform_admin" if reason is Reason.profession else "patient"
    rule = "permission_table" if reason is Reason.profession else "consent"
    return Forbidden(reason, rule, by, _WHY[reason])
