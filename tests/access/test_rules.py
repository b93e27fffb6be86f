"""What a rule asks of the permission table, of a tie, of an office: its parts, and that nothing is left without one."""

import pytest

from renkei.access.actor import Actor
from renkei.access.policy import COLUMNS, Rights
from renkei.access.rules import CHANGE_READ_AS, RULES, Rule, _of, _reads, _writes, holds_office
from renkei.ids import new_id
from renkei.vocabulary import ActorKind, Basis, Group, Permission, RecordKind, Tier

PERSON, MEDICAL = (Group.person, Tier.basic), (Group.medical, Tier.basic)
NONE = Rights(frozenset(), frozenset(), False)


def test_reading_is_asked_of_what_may_be_read_and_writing_of_what_may_be_written() -> None:
    reader, writer = Rights(frozenset({MEDICAL}), frozenset(), False), Rights(frozenset(), frozenset({MEDICAL}), True)
    assert [_reads(PERSON, MEDICAL)(who) for who in (reader, writer, NONE)] == [True, False, False]
    assert [_writes(PERSON, MEDICAL)(who) for who in (reader, writer, NONE)] == [False, True, False]
    assert not _reads(PERSON)(reader)
    assert not _writes(PERSON)(writer)


def test_a_kind_of_record_has_the_columns_of_its_groups() -> None:
    report = {column for column in COLUMNS if column[0] is Group.care_report}
    assert set(_of(RecordKind.care_report)) == report
    assert set(_of(RecordKind.face_sheet)) == set(COLUMNS) - report
    assert len(COLUMNS) == 10


@pytest.mark.parametrize("kind", ActorKind)
def test_an_office_does_what_its_rule_says_and_nothing_else(kind: ActorKind) -> None:
    flags = {"admin": ActorKind.admin, "auditor": ActorKind.auditor, "organization_admin": ActorKind.organization_admin}
    actor = Actor(kind, new_id(), None, ())
    for name, office in flags.items():
        assert holds_office(Rule("x", lambda _: True, **{name: True}), actor) == (kind is office)
    assert not holds_office(Rule("x", lambda _: True), actor)


def test_every_act_has_a_rule_and_by_default_nobody_may() -> None:
    assert set(RULES) == set(Permission)
    by_right_alone = {name for name, rule in RULES.items() if rule.has_right(NONE)}
    assert by_right_alone == {
        Permission.access_request_submit,
        Permission.change_read,
        Permission.organization_read,
        Permission.permission_table_read,
        Permission.change_notify,
        *(name for name in Permission if name.startswith(("subscription.", "delivery."))),
    }


def test_whatever_the_table_is_edited_to_nobody_records_for_a_team_from_outside() -> None:
    team = {name for name, rule in RULES.items() if rule.ties == {Basis.care_team}}
    assert team == {
        Permission(f"{noun}.{verb}")
        for noun, verbs in {
            "patient": "change distinguish link unlink",
            "candidate": "read",
            "consent": "record read withdraw preview",
            "consent_evidence": "add read",
            "care_team": "place end",
            "access_request": "read approve refuse",
            "emergency_access": "read review",
            "access": "read",
            "access_log": "read",
        }.items()
        for verb in verbs.split()
    }


def test_every_change_that_is_announced_is_read_by_a_rule() -> None:
    assert {name.partition(".")[0] for name in CHANGE_READ_AS} == {
        "patient",
        "face_sheet",
        "care_report",
        "attachment",
        "consent",
        "consent_evidence",
        "care_team",
        "access_request",
        "emergency_access",
    }
