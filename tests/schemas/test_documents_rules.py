"""Rules between values, each at its edge, and told beside whatever else is wrong."""

from datetime import UTC, datetime

import pytest
from document_bodies import CARE, CATALOGUE, FACE, faults, report, sheet

from renkei.schemas.documents import read_document


def test_always_items() -> None:
    start = {"coverage": "complete", "reason": "start"}
    five = {f"/items/person/{name}": "required" for name in ("name", "name_kana", "sex", "birth_date", "address")}
    assert faults(FACE, sheet({"person": {"wish": "x"}}, **start)) == five
    assert faults(FACE, sheet({"medical": {"weight": 50}}, **start)) == five
    absent = {"person.sex": "unknown"}  # does not replace it
    assert faults(FACE, sheet({"medical": {"weight": 50}}, absent=absent, **start)) == five
    # Given but wrong is told as wrong, not as missing too.
    assert faults(FACE, sheet({"person": {"sex": "女"}}, **start)) == five | {"/items/person/sex": "code"}
    assert faults(FACE, sheet({"person": {}, "medical": {"weight": 5}}, **start)) == {"/items/person": "empty"}
    for other in ({"coverage": "partial", "reason": "start"}, {"coverage": "complete", "reason": "correction"}):
        assert faults(FACE, sheet({"medical": {"weight": 50}}, **other)) == {}


def test_a_care_report_needs_its_four() -> None:
    body = report()
    body["items"] = {"medical": {"weight": 5}}
    four = {f"/items/care_report/{name}": "required" for name in ("observed_at", "author", "body", "urgency")}
    assert faults(CARE, body) == four | {"/items/medical": "unknown"}


@pytest.mark.parametrize("member", ["reason", "as_of", "author", "coverage", "absent"])
def test_a_care_report_has_only_source_and_items(member: str) -> None:
    assert faults(CARE, report() | {member: "x"}) == {f"/{member}": "unknown"}


def test_periods_of_times_compare_instants() -> None:
    later = {"start": "2026-06-01T10:00:00+09:00", "end": "2026-06-01T01:30:00Z"}  # 10:30 in Japan
    assert faults(CARE, report(visit_period=later)) == {}
    reversed_ = {"start": "2026-06-01T10:00:00+09:00", "end": "2026-06-01T09:30:00+09:00"}
    assert faults(CARE, report(visit_period=reversed_)) == {"/items/care_report/visit_period": "reversed"}
    assert faults(CARE, report(visit_period={"end": "2026-06-01T09:30:00+09:00"})) == {}


def test_reversed_periods_in_lists_and_members() -> None:
    backwards = {"start": "2026-02-01", "end": "2026-01-31"}
    expense = [
        {"kind": "54", "valid": {"start": "2026-01-01", "end": "2026-01-01"}},
        {"kind": "54", "valid": backwards},
    ]
    goal = [{"need": "歩きたい", "short_term_period": backwards, "long_term_period": backwards}]
    assert faults(FACE, sheet({"person": {"public_expense": expense}, "living": {"care_plan_goal": goal}})) == {
        "/items/person/public_expense/1/valid": "reversed",
        "/items/living/care_plan_goal/0/short_term_period": "reversed",
        "/items/living/care_plan_goal/0/long_term_period": "reversed",
    }


def test_order_within_an_entry() -> None:
    medication = {"drug_name": "x", "dose": "1錠", "usage": "朝食後"}
    entries = [
        medication | {"start": "2026-02-01", "end": "2026-02-01"},
        medication | {"start": "2026-02-02", "end": "2026-02-01"},
        medication | {"start": "2026-02-02"},
    ]
    week = [{"weekday": "mon", "start_time": "10:00", "end_time": "24:00"}]
    week += [{"weekday": "mon", "start_time": "10:00", "end_time": "09:59"}]
    assert faults(FACE, sheet({"medical": {"medication": entries}, "living": {"weekly_schedule": week}})) == {
        "/items/medical/medication/1": "order",
        "/items/living/weekly_schedule/1": "order",
    }


def test_rules_are_told_beside_other_faults_of_the_same_object() -> None:
    period = {"start": "2026-02-01", "end": "2026-01-31", "until": "x"}
    entry = {"institution": 1, "reason": "肺炎", "admitted_on": "2026-02-02", "discharged_on": "2026-02-01"}
    items = {"person": {"certification_period": period}, "medical": {"hospitalization": [entry]}}
    assert faults(FACE, sheet(items)) == {
        "/items/person/certification_period/until": "unknown",
        "/items/person/certification_period": "reversed",
        "/items/medical/hospitalization/0/institution": "type",
        "/items/medical/hospitalization/0": "order",
    }


def test_rules_wait_for_valid_parts() -> None:
    entry = {"institution": "x", "reason": "肺炎", "admitted_on": "2026-02-30", "discharged_on": "2026-02-01"}
    assert faults(FACE, sheet({"medical": {"hospitalization": [entry, "x"]}})) == {
        "/items/medical/hospitalization/0/admitted_on": "format",
        "/items/medical/hospitalization/1": "type",
    }
    assert faults(CARE, report(systolic_bp=999, diastolic_bp=120)) == {"/items/care_report/systolic_bp": "bounds"}


def test_blood_pressures_must_differ() -> None:
    assert faults(CARE, report(systolic_bp=100, diastolic_bp=100)) == {"/items/care_report/diastolic_bp": "order"}
    assert faults(CARE, report(systolic_bp=100, diastolic_bp=99.9)) == {}


def test_coded_lists() -> None:
    pointer = "/items/medical/special_treatment"
    for codes, expected in (
        (["none"], {}),
        (["1", "8"], {}),
        (["1", "8", "1", "1"], {f"{pointer}/2": "repeated", f"{pointer}/3": "repeated"}),
        (["8", "none"], {pointer: "none_alone"}),
        (["none", "x"], {f"{pointer}/1": "code"}),
    ):
        assert faults(FACE, sheet({"medical": {"special_treatment": codes}})) == expected


def test_presence_lists() -> None:
    none, some = {"presence": "none"}, {"presence": "present", "substance": "卵"}
    for entries, expected in (
        ([none], {}),
        ([some, some], {}),
        ([some, none], {"/items/medical/allergy": "none_alone"}),
        ([none, {"substance": "卵"}], {"/items/medical/allergy/1/presence": "required"}),
        ([none, "卵"], {"/items/medical/allergy/1": "type"}),
    ):
        assert faults(FACE, sheet({"medical": {"allergy": entries}})) == expected


def test_birth_is_not_in_the_future_of_japan() -> None:
    evening = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)  # already the 23rd there
    body = sheet({"person": {"birth_date": "2026-11-23"}})
    assert read_document(FACE, body, CATALOGUE, evening).items == {"person.birth_date": "2026-11-23"}
    assert faults(FACE, body) == {"/items/person/birth_date": "future"}


def test_absent() -> None:
    items = {"medical": {"weight": 50}, "family": {"member": [{"relationship": "?"}]}}
    absent = {
        "medical.weight": "unknown",
        "family.member": "declined",
        "medical.allergy": "none",
        "medical.device": "none",
        "medical.height": "",
        "care_report.body": "unknown",
        "a/b~": "unknown",
        "medical.prognosis": None,
    }
    assert faults(FACE, sheet(items, absent=absent)) == {
        "/items/family/member/0/relationship": "code",
        "/absent/medical.weight": "given",
        "/absent/family.member": "given",
        "/absent/medical.allergy": "none",
        "/absent/medical.height": "code",
        "/absent/care_report.body": "unknown",
        "/absent/a~1b~0": "unknown",
        "/absent/medical.prognosis": "type",
    }
