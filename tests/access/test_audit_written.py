"""What the gate hands to the ledgers, column by column. That it is written, and once: test_audit_events.py."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from renkei.access.actor import Actor, Organization
from renkei.access.audit import INSERT_EVENT, INSERT_EVENTS, INSERT_SERVICE_EVENT, Asked, AskedAtOnce, reason_of
from renkei.errors import Forbidden, NotFound
from renkei.ids import new_id
from renkei.vocabulary import ActorKind, Basis, Group, OrganizationKind, Profession, Reason

CLINIC = Organization(new_id(), "c", "n", OrganizationKind.clinic)
NURSE = Actor(ActorKind.client, new_id(), CLINIC, (Profession.nurse,), "1", "花子")
ADMIN = Actor(ActorKind.admin, new_id(), None, ())
ONE, OTHER, RECORD = new_id(), new_id(), new_id()
BASES, GROUPS = {Basis.own, Basis.care_team}, [Group.medical, Group.living]


class Queue:
    """A transaction that keeps what is queued."""

    def __init__(self) -> None:
        self.queued: list[tuple[str, dict[str, Any]]] = []

    def later(self, statement: str, parameters: dict[str, Any]) -> None:
        self.queued.append((statement, parameters))


@pytest.fixture
def tx() -> Any:
    return Queue()


def columns(asked: Asked, outcome: str, reason: str | None = None) -> dict[str, Any]:
    actor = asked.actor
    return {
        "request_id": asked.request_id,
        "action": "act",
        "outcome": outcome,
        "reason": reason,
        "actor_kind": actor.kind.value,
        "client_id": actor.client_id,
        "organization_id": CLINIC.id if actor is NURSE else None,
        "user_id": actor.user_id,
        "user_name": actor.user_name,
        "profession": Profession.nurse if actor is NURSE else None,
    }


@pytest.mark.parametrize("actor", [NURSE, ADMIN])
def test_one_act_on_one_patient(tx: Any, actor: Actor) -> None:
    asked = Asked(new_id(), actor, "act", RECORD)
    id_ = asked.allowed(tx, ONE, BASES, GROUPS)
    written = {"patient_id": ONE, "id": id_, "basis": ["care_team", "own"], "groups": GROUPS, "record_id": RECORD}
    assert tx.queued == [(INSERT_EVENT, columns(asked, "allowed") | written)]


def test_a_person_with_two_ids_has_an_event_under_each(tx: Any) -> None:
    asked = Asked(new_id(), NURSE, "act")
    first = asked.allowed_all(tx, (ONE, OTHER), BASES, ())
    assert [(said["patient_id"], said["id"] == first) for _, said in tx.queued] == [(ONE, True), (OTHER, False)]


def test_a_page_has_an_event_for_each_who_is_not_told_of_again(tx: Any) -> None:
    asked, told = Asked(new_id(), NURSE, "act"), {ONE: new_id()}
    shown = [(ONE, BASES, GROUPS), (OTHER, BASES, GROUPS)]
    events = asked.allowed_page(tx, shown, told)
    assert events[0] == told[ONE] and set(told) == {ONE}
    lists = {"patients": [OTHER], "ids": [events[1]], "bases": ["care_team,own"], "groups": ["medical,living"]}
    assert tx.queued == [(INSERT_EVENTS, columns(asked, "allowed") | lists | {"records": [None]})]
    assert asked.allowed_page(tx, shown[:1], told) == [told[ONE]] and len(tx.queued) == 1
    assert len(set(asked.allowed_page(tx, shown))) == 2 and tx.queued[1][1]["patients"] == [ONE, OTHER]


def test_documents_of_a_batch_have_an_event_each(tx: Any) -> None:
    asked, ids = Asked(new_id(), NURSE, "act"), [new_id(), new_id()]
    asked.allowed_each(tx, ids, [(ONE, BASES, GROUPS), (ONE, [], [])], [RECORD, None])
    lists = {"patients": [ONE, ONE], "ids": ids, "bases": ["care_team,own", ""], "groups": ["medical,living", ""]}
    assert tx.queued == [(INSERT_EVENTS, columns(asked, "allowed") | lists | {"records": [RECORD, None]})]


def test_a_refusal_names_the_patient_and_why(tx: Any) -> None:
    asked = Asked(new_id(), NURSE, "act", RECORD)
    asked.refused(tx, ONE, "scope")
    ((statement, said),) = tx.queued
    written = {"patient_id": ONE, "id": said["id"], "basis": [], "groups": [], "record_id": RECORD}
    assert (statement, said) == (INSERT_EVENT, columns(asked, "refused", "scope") | written)
    assert isinstance(said["id"], UUID)


@pytest.mark.parametrize(("refused", "outcome"), [(None, "allowed"), ("scope", "refused")])
def test_an_act_on_no_patient(tx: Any, refused: str | None, outcome: str) -> None:
    asked = Asked(new_id(), ADMIN, "act")
    id_ = asked.served(tx, {"a": 1}, refused)
    ((statement, said),) = tx.queued
    assert (statement, said.pop("detail").obj) == (INSERT_SERVICE_EVENT, {"a": 1})
    assert said == columns(asked, outcome, refused) | {"id": id_}


def test_work_of_several_acts_has_one_event_of_each_patient(tx: Any) -> None:
    asked = AskedAtOnce(new_id(), NURSE, "act")
    first, again, other = (asked.allowed(tx, id_, BASES, GROUPS) for id_ in (ONE, ONE, OTHER))
    assert first == again != other and asked.told == {ONE: first, OTHER: other}
    assert [said["patient_id"] for _, said in tx.queued] == [ONE, OTHER]


def test_why() -> None:
    assert reason_of(Forbidden(Reason.scope, "scope.x", "organization")) == "scope"
    assert reason_of(NotFound()) == "not-found"


def test_patients_named_elsewhere_make_no_other_request() -> None:
    asked = Asked(new_id(), NURSE, "act")
    asked.also_about.add(ONE)
    assert asked == replace(asked, also_about=set())
