"""Which items of a document its sender may write, and which go without saying: refused whole, each item named."""

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from renkei.access.actor import Actor
from renkei.access.audit import Asked
from renkei.access.gate import _GATE, Grant
from renkei.access.policy import COLUMNS, Rights, Tie, View
from renkei.access.writing import replaces_what_is_barred, require_team, require_writable
from renkei.catalogue import load_catalogue
from renkei.errors import Forbidden
from renkei.ids import new_id
from renkei.vocabulary import ActorKind, Group, Permission, Profession, RecordKind, Tier

LIVING = (Group.living, Tier.basic)
ALL, BUT_LIVING = frozenset(COLUMNS), frozenset(COLUMNS) - {LIVING}
PERSON = {"name": {"family": "山田", "given": "花子"}, "sex": "female"}


def grant(write: frozenset[tuple[Group, Tier]] = BUT_LIVING, **tie: bool) -> Grant:
    asked = Asked(
        new_id(), Actor(ActorKind.client, new_id(), None, (Profession.nurse,), "1", "花子"), "face_sheet.submit"
    )
    patient = new_id()
    bound = Tie(patient, new_id(), **tie) if tie else None
    rights = Rights(ALL, write, False)
    return Grant(asked, patient, (patient,), Permission.face_sheet_submit, bound, rights, View(), new_id(), _GATE)


def document(*items: str, absent: tuple[str, ...] = (), **said: Any) -> Any:
    registered = {"person.sex": PERSON["sex"], "person.name": {"family": "佐藤"}}
    values = {code: registered.get(code, "x") for code in items}
    told = {"kind": RecordKind.face_sheet, "coverage": "partial", "reason": "update", **said}
    return SimpleNamespace(items=values, absent=dict.fromkeys(absent, "unknown"), **told)


def refused(by: Grant, sent: Any, standing: tuple[str, ...] = ()) -> list[str]:
    """The pointers of what is refused."""
    try:
        require_writable(by, sent, PERSON, standing, load_catalogue())
    except Forbidden as error:
        return [fault.pointer for fault in error.faults]
    return []


LIVES, MEDICAL = (
    next(code for code, item in load_catalogue().items.items() if (item.group, item.tier) == column)
    for column in (LIVING, (Group.medical, Tier.basic))
)
POINTED = LIVES.replace(".", "/")


@pytest.mark.parametrize(
    ("write", "sent", "standing", "faults"),
    [
        (ALL, document(LIVES), (), []),
        (BUT_LIVING, document(MEDICAL), (), []),
        (BUT_LIVING, document(MEDICAL, LIVES), (), [f"/items/{POINTED}"]),
        (BUT_LIVING, document(absent=(LIVES,)), (), [f"/absent/{LIVES}"]),
        (BUT_LIVING, document(absent=(LIVES,)), (LIVES,), [f"/absent/{LIVES}"]),
        (BUT_LIVING, document(MEDICAL), (LIVES,), [f"/items/{POINTED}"]),
        (BUT_LIVING, document(), (MEDICAL,), []),
        (BUT_LIVING, document(), ("no.more",), []),
        (ALL, document(), (LIVES,), []),
        (frozenset(), document("person.sex"), (), []),
        (frozenset(), document("person.sex", LIVES), (), [f"/items/{POINTED}"]),
        (frozenset(), document("person.name"), (), ["/items/person/name"]),
    ],
)
def test_each_item_that_may_not_be_written_is_named(
    write: frozenset[tuple[Group, Tier]], sent: Any, standing: tuple[str, ...], faults: list[str]
) -> None:
    assert refused(grant(write), sent, standing) == faults


@pytest.mark.parametrize(
    ("write", "coverage", "kind", "asks"),
    [
        (BUT_LIVING, "complete", RecordKind.face_sheet, True),
        (ALL - frozenset(COLUMNS[-2:]), "complete", RecordKind.face_sheet, False),
        (BUT_LIVING, "partial", RecordKind.face_sheet, False),
        (BUT_LIVING, "complete", RecordKind.care_report, False),
        (ALL, "complete", RecordKind.face_sheet, False),
    ],
)
def test_what_stands_is_asked_for_where_it_may_be_dropped(
    write: frozenset[tuple[Group, Tier]], coverage: str, kind: RecordKind, asks: bool
) -> None:
    assert replaces_what_is_barred(grant(write), document(coverage=coverage, kind=kind)) is asks


@pytest.mark.parametrize(
    ("tie", "let_in"),
    [({"in_team": True}, True), ({"requested": True}, True), ({}, True), ({"own": True, "was_in_team": True}, False)],
)
def test_a_new_document_needs_a_place_or_the_leave_that_goes_with_asking(tie: dict[str, bool], let_in: bool) -> None:
    with nullcontext() if let_in else pytest.raises(Forbidden):
        require_team(grant(**tie))
