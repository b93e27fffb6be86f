"""What the gate decides of a tie and a rule, and what a grant says, without a database. Through the doors: test_matrix.py."""

from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from renkei.access import gate, gate_batch
from renkei.access.actor import Actor, Organization
from renkei.access.audit import INSERT_EVENTS, Asked
from renkei.access.gate import _GATE, Grant, _decided
from renkei.access.policy import COLUMNS, Consent, PermissionTable, Rights, Tie, View, default_rows, united
from renkei.access.rules import Rule
from renkei.errors import Forbidden, NotFound
from renkei.ids import new_id
from renkei.vocabulary import ActorKind, Basis, ConsentSubject, Group, OrganizationKind, Permission, Profession, Tier

CLINIC = Organization(new_id(), "c", "n", OrganizationKind.clinic)
NURSE = Actor(ActorKind.client, new_id(), CLINIC, (Profession.nurse,), "1", "花子")
SYSTEM = Actor(ActorKind.client, new_id(), CLINIC, (Profession.nurse,))
ADMIN = Actor(ActorKind.admin, new_id(), None, ())
RIGHTS = Rights(frozenset(COLUMNS), frozenset({(Group.living, Tier.basic)}), False)
STRANGER = Tie(new_id(), CLINIC.id)
OWN, TEAM = replace(STRANGER, own=True), replace(STRANGER, in_team=True, was_in_team=True)
FOR_NURSES = Consent(
    ConsentSubject.patient, frozenset({"nurse"}), frozenset({"medical"}), frozenset({"basic"}), frozenset(), True, False
)
NAMED = replace(STRANGER, consents=[FOR_NURSES])
ANY, PLACE = Rule("any", lambda _: True), Rule("any", lambda _: True, frozenset({Basis.care_team}))
KNOWN, NOBODY = Rule("any", lambda _: True, knows_person=True), Rule("none", lambda _: False)
KNOWN_BY_OWN = KNOWN._replace(ties=frozenset({Basis.own}))


@pytest.mark.parametrize(
    ("rule", "tie", "profession", "found"),
    [
        (ANY, STRANGER, Profession.nurse, NotFound),
        (NOBODY, STRANGER, Profession.nurse, NotFound),
        (NOBODY, TEAM, Profession.nurse, Forbidden),
        (ANY, OWN, Profession.nurse, {Basis.own}),
        (PLACE, OWN, Profession.nurse, Forbidden),
        (PLACE, TEAM, Profession.nurse, {Basis.care_team}),
        (KNOWN, OWN, Profession.nurse, Forbidden),
        (KNOWN, TEAM, Profession.nurse, {Basis.care_team}),
        (KNOWN, NAMED, Profession.nurse, {Basis.consent}),
        (KNOWN, NAMED, Profession.physician, NotFound),
        (KNOWN_BY_OWN, OWN, Profession.nurse, Forbidden),
        (KNOWN_BY_OWN, TEAM, Profession.nurse, Forbidden),
    ],
)
def test_what_a_rule_asks_of_a_tie(rule: Rule, tie: Tie, profession: Profession, found: Any) -> None:
    raises = pytest.raises(found) if isinstance(found, type) else nullcontext()
    with raises:
        assert _decided(rule, profession, tie, RIGHTS) == found


def test_only_a_registration_is_of_somebody_without_a_tie() -> None:
    assert _decided(ANY, Profession.nurse, STRANGER, RIGHTS, registering=True) == frozenset()


def granted(actor: Actor, tie: Tie | None = TEAM) -> Grant:
    ids = tie.patient_ids if tie else (STRANGER.patient_id,)
    asked = Asked(new_id(), actor, "act")
    return Grant(asked, ids[0], ids, Permission.summary_read, tie, RIGHTS, View(), new_id(), _GATE)


def test_what_a_grant_says_of_who_acts() -> None:
    document: Any = SimpleNamespace(author_profession="physician")
    assert granted(SYSTEM).profession_of(document) == "physician"
    assert granted(NURSE).profession_of(document) == "nurse"
    assert (granted(NURSE).organization_id, granted(ADMIN, None).organization_id) == (CLINIC.id, UUID(int=0))
    assert [granted(NURSE, tie).knows_person for tie in (TEAM, OWN, NAMED)] == [True, False, True]
    assert not granted(ADMIN, None).knows_person
    columns = {"a": (Group.living, Tier.basic), "b": (Group.medical, Tier.basic)}
    assert granted(NURSE).unwritable(columns) == ["b"]
    with pytest.raises(ValueError, match=str(CLINIC.id)):
        granted(NURSE).under(CLINIC.id)


class Database:
    """A transaction that keeps what is queued and who is opened; reach answers with these ties."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *ties: Tie) -> None:
        self.queued: list[tuple[str, dict[str, Any]]] = []
        self.opened: list[UUID] = []
        known = {id_: tie for tie in ties for id_ in tie.patient_ids}

        async def found(tx: object, pairs: Any) -> tuple[list[Tie], int]:
            return [replace(known.get(id_, STRANGER), patient_id=id_) for id_, _ in pairs], 1

        async def table(tx: object, version: int) -> PermissionTable:
            return PermissionTable(version, default_rows())

        async def version(tx: object) -> int:
            return 1

        reach = SimpleNamespace(ties=found, permission_table=table, table_version=version)
        monkeypatch.setattr(gate, "reach", reach)
        monkeypatch.setattr(gate_batch, "reach", reach)

    def later(self, statement: str, parameters: dict[str, Any]) -> None:
        self.queued.append((statement, parameters))

    def open_patients(self, ids: Any) -> None:
        self.opened = list(ids)


async def test_whoever_has_no_tie_is_absent_but_where_they_are_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    tx: Any = Database(monkeypatch)
    asked = Asked(new_id(), NURSE, "summary.read")
    with pytest.raises(NotFound):
        await gate.authorize(tx, asked, Permission.summary_read, new_id())
    assert (tx.queued, tx.opened) == ([], [])
    rights = PermissionTable(1, default_rows()).rights(NURSE)
    assert gate.open_registered(tx, asked, STRANGER, rights).patient_ids == (STRANGER.patient_id,)


async def test_two_ids_of_one_person_are_reached_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    other = replace(TEAM, patient_id=new_id())
    tx: Any = Database(monkeypatch, united([TEAM, other]))
    asked = Asked(new_id(), NURSE, "patient.link")
    grants = await gate.authorize_two(tx, asked, Permission.patient_link, TEAM.patient_id, other.patient_id)
    assert [grant.patient_id for grant in grants] == [TEAM.patient_id, other.patient_id]
    assert [said["patient_id"] for _, said in tx.queued] == [TEAM.patient_id, other.patient_id] == tx.opened
    apart: Any = Database(monkeypatch, TEAM, other)
    await gate.authorize_two(apart, asked, Permission.patient_link, TEAM.patient_id, other.patient_id)
    assert [said["patient_id"] for _, said in apart.queued] == [TEAM.patient_id, other.patient_id] == apart.opened
    assert asked.also_about == {TEAM.patient_id, other.patient_id}


async def test_of_a_batch_each_is_granted_or_refused_by_its_own_tie(monkeypatch: pytest.MonkeyPatch) -> None:
    left, linked = replace(OWN, patient_id=new_id(), own=False, requested=False, consents=[FOR_NURSES]), new_id()
    tx: Any = Database(monkeypatch, united([TEAM, replace(OWN, patient_id=linked)]), left)
    asked, act = Asked(new_id(), NURSE, "face_sheet.submit"), Permission.face_sheet_submit
    hidden, ids = new_id(), [TEAM.patient_id, left.patient_id]
    found = await gate_batch.authorize_documents(tx, asked, act, [*ids, hidden, None, TEAM.patient_id])
    assert [type(one) for one in found] == [Grant, Forbidden, NotFound, NotFound, Grant]
    grants = [one for one in found if isinstance(one, Grant)]
    gate_batch.note_documents(tx, grants, [Group.living, Group.care_report], [linked, hidden])
    ((statement, said),) = tx.queued
    assert (statement, said["patients"]) == (INSERT_EVENTS, [TEAM.patient_id, linked] * 2)
    assert [said["ids"][place] for place in (0, 2)] == [grant.event_id for grant in grants]
    assert len(set(said["ids"])) == 4 and said["bases"] == ["care_team,own"] * 4
    assert said["records"] == [linked, linked, hidden, hidden] and said["groups"] == ["living,care_report"] * 4
    gate_batch.open_granted(tx, grants)
    assert tx.opened == [TEAM.patient_id, linked]
    gate_batch.note_documents(tx, [], [], [])
    assert len(tx.queued) == 1


@pytest.mark.parametrize("actor", [ADMIN, replace(SYSTEM, organization=None), replace(SYSTEM, professions=())])
async def test_long_work_is_an_organizations_and_a_professions(monkeypatch: pytest.MonkeyPatch, actor: Actor) -> None:
    tx: Any = Database(monkeypatch)
    rights = await gate_batch.authorize_work(tx, Asked(new_id(), NURSE, "import.submit"), Permission.import_submit)
    assert rights.write
    acts = [Permission.import_submit, Permission.possible_duplicate_read]
    assert await gate_batch.work_allowed(tx, NURSE, acts) == {Permission.import_submit}
    assert await gate_batch.work_allowed(tx, actor, acts) == frozenset()
    with pytest.raises(Forbidden) as refused:
        await gate_batch.authorize_work(tx, Asked(new_id(), actor, "import.submit"), Permission.import_submit)
    assert refused.value.rule == "organization"
