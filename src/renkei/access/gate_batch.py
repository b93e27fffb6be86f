"""The gate for many at once: an organization's own long work, and the documents of a batch, each decided by its own tie.

Part of the gate: the same rules in the same order, with one question to ``reach`` and one statement for all events.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from renkei.access import reach
from renkei.access.actor import Actor
from renkei.access.audit import Asked
from renkei.access.gate import _GATE, Grant, _decided, _rule, require
from renkei.access.policy import Consent, Rights, View, view
from renkei.access.refusals import NO_ORGANIZATION
from renkei.access.rules import RULES
from renkei.catalogue import load_catalogue
from renkei.database import Transaction
from renkei.errors import Forbidden, NotFound, RenkeiError
from renkei.ids import new_id
from renkei.vocabulary import Basis, Group, Permission, Reason


async def authorize_work(tx: Transaction, asked: Asked, permission: Permission) -> Rights:
    """An act on one's own organization's long work, on no patient: by the permission table, for organizations only."""
    rule = _rule(asked, permission)
    if (rights := await _work_rights(tx, asked.actor)) is None:
        raise Forbidden(Reason.not_in_care_team, "organization", "organization", NO_ORGANIZATION)
    require(rule, rights)
    return rights


async def work_allowed(tx: Transaction, actor: Actor, among: Iterable[Permission]) -> frozenset[Permission]:
    """Which of these acts on its organization's long work are this actor's by the permission table: for a page that says where
    one can go. It opens nothing, and each act decides for itself."""
    rights = await _work_rights(tx, actor)
    return frozenset(act for act in among if rights is not None and RULES[act].has_right(rights))


async def _work_rights(tx: Transaction, actor: Actor) -> Rights | None:
    """None for whoever acts for no organization, or under no profession."""
    if actor.organization is None or not actor.professions:
        return None
    return (await reach.permission_table(tx, await reach.table_version(tx))).rights(actor)


async def authorize_documents(
    tx: Transaction, asked: Asked, permission: Permission, patient_ids: Sequence[UUID | None]
) -> list[Grant | RenkeiError]:
    """For each document the grant under which it is kept, or why not. patient_ids: whom each is about; None: nobody found.

    Two things are left to whoever writes, once the rest of a document has been decided: its event (``note_documents``), and
    opening the patients of one stretch at a time (``open_granted``), since each row is compared with every patient open.
    """
    actor, catalogue = asked.actor, load_catalogue()
    try:
        rule = _rule(asked, permission)
    except Forbidden as error:  # outside the scope: all of them, whoever they are about
        return [error for _ in patient_ids]
    wanted = list(dict.fromkeys(one for one in patient_ids if one is not None))
    if actor.organization is None or not wanted:
        return [NotFound() for _ in patient_ids]
    ties, version = await reach.ties(tx, [(one, actor.organization.id) for one in wanted])
    rights = (await reach.permission_table(tx, version)).rights(actor)
    refused: dict[UUID, RenkeiError] = {}
    seen: dict[UUID, View] = {}
    views: dict[tuple[tuple[Consent, ...], frozenset[str]], View] = {}
    by_patient = {tie.patient_id: tie for tie in ties}
    for patient_id, tie in by_patient.items():
        try:
            _decided(rule, actor.profession, tie, rights)
        except RenkeiError as error:
            refused[patient_id] = error
        else:
            # Of a batch most people are tied alike, and a view depends on nothing else.
            alike = (tuple(tie.consents), tie.emergency)
            if alike not in views:
                views[alike] = view(rights, tie, actor.profession, catalogue)
            seen[patient_id] = views[alike]
    return [
        Grant(asked, one, by_patient[one].patient_ids, permission, by_patient[one], rights, seen[one], new_id(), _GATE)
        if one is not None and one in seen
        else (refused[one] if one is not None else NotFound())
        for one in patient_ids
    ]


def note_documents(
    tx: Transaction, grants: Sequence[Grant], groups: Sequence[Group], records: Sequence[UUID | None]
) -> None:
    """Queue the event of each of these documents: what has been decided for all of it. records: which each is kept as."""
    if grants:
        shown = [
            (grant, id_, record) for grant, record in zip(grants, records, strict=True) for id_ in grant.patient_ids
        ]
        events = [grant.event_id if id_ == grant.patient_id else new_id() for grant, id_, _ in shown]
        each = {grant.patient_id: grant for grant in grants}
        by_patient = {id_: (_bases(grant), _readable(grant, groups)) for id_, grant in each.items()}
        told = [(id_, *by_patient[grant.patient_id]) for grant, id_, _ in shown]
        grants[0].asked.allowed_each(tx, events, told, [record for _, _, record in shown])


def open_granted(tx: Transaction, grants: Iterable[Grant]) -> None:
    """Open the patients of these grants, and no others, to what follows."""
    tx.open_patients(dict.fromkeys(id_ for grant in grants for id_ in grant.patient_ids))


def _bases(grant: Grant) -> frozenset[Basis]:
    return grant.tie.bases(grant.asked.actor.profession) if grant.tie else frozenset()


def _readable(grant: Grant, groups: Sequence[Group]) -> list[Group]:
    return grant.view.readable_groups(groups)
