"""Reading documents: the cases, each rule at its edge, and what a reader gets."""

import copy
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from renkei.catalogue import CURRENT, load_catalogue
from renkei.catalogue.models import LONGEST_LIST
from renkei.errors import InvalidItems
from renkei.schemas.documents import MOST_FAULTS, Document, read_document
from renkei.vocabulary import Language, RecordKind

CATALOGUE = load_catalogue()
CASES = Path(__file__).parents[1] / "cases"
NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
FACE, CARE = RecordKind.face_sheet, RecordKind.care_report


def read(kind: RecordKind, body: object) -> Document:
    return read_document(kind, body, CATALOGUE, NOW)


def faults(kind: RecordKind, body: object) -> dict[str, str]:
    """Codes by pointer; empty when accepted. No pointer is told twice."""
    try:
        read(kind, body)
    except InvalidItems as error:
        assert len({fault.pointer for fault in error.faults}) == len(error.faults)
        return {fault.pointer: fault.code for fault in error.faults}
    return {}


def sheet(items: dict[str, Any], /, **envelope: Any) -> dict[str, Any]:
    body = {
        "source": {"document_id": "FS-1", "version": 1},
        "reason": "watch_over",
        "as_of": "2026-11-20T09:30:00+09:00",
        "author": {"name": "佐藤 恵", "profession": "nurse"},
        "coverage": "partial",
        "items": items,
    }
    return body | envelope


def report(**items: Any) -> dict[str, Any]:
    author = {"name": {"family": "岸本", "given": "絵里"}, "profession": "nurse", "organization": "こもれび"}
    basic = {"observed_at": "2026-06-01T10:00:00+09:00", "author": author, "body": "変わりなし。", "urgency": "routine"}
    return {"source": {"document_id": "CR-1", "version": 1}, "items": {"care_report": basic | items}}


def load(path: Path) -> dict[str, Any]:
    case: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return case


# --- the cases


@pytest.mark.parametrize("path", sorted((CASES / "valid").glob("*.json")), ids=lambda path: path.stem)
def test_valid_cases_are_accepted_unchanged(path: Path) -> None:
    case = load(path)
    document = read(RecordKind(case["kind"]), copy.deepcopy(case["body"]))
    assert repr(document.body) == repr(case["body"])


@pytest.mark.parametrize("path", sorted((CASES / "invalid").glob("*.json")), ids=lambda path: path.stem)
def test_invalid_cases_are_refused_with_exactly_their_faults(path: Path) -> None:
    case = load(path)
    with pytest.raises(InvalidItems) as refused:
        read(RecordKind(case["kind"]), case["body"])
    told = [(fault.pointer, fault.item) for fault in refused.value.faults]
    assert sorted(told, key=str) == sorted(((e["pointer"], e["item"]) for e in case["expect"]), key=str)


def test_all_the_cases_are_here() -> None:
    assert len(list((CASES / "valid").glob("*.json"))) == 18 and len(list((CASES / "invalid").glob("*.json"))) == 28


# --- what a reader gets


def test_a_face_sheet_is_read() -> None:
    body = sheet({"medical": {"weight": 36}}, absent={"medical.vaccination": "none"})
    body["source"] = {"document_id": "FS-1", "version": 3, "system": "CareSoft 5.2"}
    document = read(FACE, body)
    assert (document.kind, document.document_id, document.version, document.system) == (FACE, "FS-1", 3, "CareSoft 5.2")
    assert (document.reason, document.coverage, document.catalogue) == ("watch_over", "partial", CURRENT)
    assert (document.author_name, document.author_profession) == ("佐藤 恵", "nurse")
    assert document.as_of == datetime(2026, 11, 20, 0, 30, tzinfo=UTC)
    assert document.as_of_text == "2026-11-20T09:30:00+09:00"
    assert document.absent == {"medical.vaccination": "none"}
    assert repr(dict(document.items)) == "{'medical.weight': 36}"  # not 36.0


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ({"family": "岸本", "given": "絵里"}, "岸本 絵里"),
        ({"family": "岸本"}, "岸本"),
        ({"text": "サントス・ジュリア"}, "サントス・ジュリア"),
        ({"given": "絵里", "text": "絵里さん"}, "絵里"),
    ],
)
def test_a_care_report_is_read(name: dict[str, str], shown: str) -> None:
    body = report()
    body["items"]["care_report"]["author"]["name"] = name
    document = read(CARE, body)
    assert (document.author_name, document.author_profession) == (shown, "nurse")
    assert document.as_of_text == "2026-06-01T10:00:00+09:00" and document.as_of.utcoffset() == timedelta(hours=9)
    assert (document.reason, document.coverage, document.system, document.absent) == (None, None, None, {})


def test_messages_are_in_both_languages() -> None:
    with pytest.raises(InvalidItems) as refused:
        read(CARE, report(body_temperature=365))
    (fault,) = refused.value.faults
    assert fault.message(Language.ja) == "範囲外です(25〜45)"
    assert fault.message(Language.en) == "is out of bounds (25 to 45)"


# --- the envelope


@pytest.mark.parametrize("body", [None, 1, "x", [], [{}], True])
def test_a_body_that_is_no_object_is_one_fault(body: object) -> None:
    assert faults(FACE, body) == {"": "type"}


def test_an_empty_body_lacks_its_members() -> None:
    assert faults(CARE, {}) == {"/source": "required", "/items": "required"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"source": {"document_id": "", "version": 1}}, {"/source/document_id": "blank"}),
        ({"source": {"document_id": "x" * 101, "version": 1}}, {"/source/document_id": "length"}),
        ({"source": {"document_id": "𠮷" * 100, "version": 2**31 - 1}}, {}),
        ({"source": {"document_id": "x", "version": 2**31}}, {"/source/version": "bounds"}),
        ({"source": {"document_id": "x", "version": 10**400}}, {"/source/version": "bounds"}),
        ({"source": {"document_id": "x", "version": 1.0}}, {"/source/version": "type"}),
        ({"source": {"document_id": "x", "version": True}}, {"/source/version": "type"}),
        ({"source": {"document_id": "x", "version": 1, "system": "x" * 101}}, {"/source/system": "length"}),
        ({"source": {}}, {"/source": "empty"}),
        ({"source": None}, {"/source": "type"}),
        (
            {"author": {"name": "\u3000", "profession": "system"}},
            {"/author/name": "blank", "/author/profession": "code"},
        ),
        ({"coverage": "whole"}, {"/coverage": "code"}),
        ({"reason": "correction"}, {}),
        ({"absent": {}}, {"/absent": "empty"}),
        ({"items": {}}, {"/items": "empty"}),
        ({"items": []}, {"/items": "type"}),
    ],
)
def test_the_envelope(change: dict[str, Any], expected: dict[str, str]) -> None:
    assert faults(FACE, sheet({"person": {"wish": "家にいたい"}}, **change)) == expected


@pytest.mark.parametrize(
    ("as_of", "code"),
    [
        ("2026-11-22T12:05:00+09:00", None),  # five minutes ahead: a clock may be
        ("2026-11-22T12:05:01+09:00", "future"),
        ("2026-11-22T03:00:00Z", None),
        ("2026-11-22T03:00:00.123456789Z", None),
        ("1000-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-14:00", "future"),
        ("2026-11-22T03:00:00", "format"),
        ("2026-11-22 03:00:00Z", "format"),
        ("2026-11-22T03:00Z", "format"),
        ("2026-11-22T24:00:00Z", "format"),
        ("2026-11-22T23:59:60Z", "format"),
        ("2026-02-29T00:00:00Z", "format"),
        ("2024-02-29T00:00:00Z", None),
        ("0000-01-01T00:00:00Z", "format"),
        ("２０２６-11-22T03:00:00Z", "format"),
        ("2026-11-22T03:00:00+24:00", "format"),
        ("2026-11-22T03:00:00Z\n", "character"),
        ("", "format"),
        (1763780400, "type"),
    ],
)
def test_times(as_of: object, code: str | None) -> None:
    assert faults(FACE, sheet({"person": {"wish": "x"}}, as_of=as_of)) == ({"/as_of": code} if code else {})


def test_every_day_of_four_centuries_and_no_other() -> None:
    for year in (1900, 1999, 2000, 2023, 2024):
        for month in range(14):
            for day in range(33):
                text = f"{year:04}-{month:02}-{day:02}"
                try:
                    datetime.fromisoformat(text)
                except ValueError:
                    expected = {"/items/person/current_status/since": "format"}
                else:
                    expected = {}
                status = {"status": "home", "since": text}
                assert faults(FACE, sheet({"person": {"current_status": status}})) == expected, text


# --- values


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("家にいたい\n\t庭の花", None),
        ("家に\r\nいたい", "character"),
        ("\ud800", "character"),
        ("\x00", "character"),
        ("\u202e01", "character"),
        ("\ufffe", "character"),
        ("\U0010fffd", "character"),
        ("\x00" * 3000, "character"),  # one fault: the first of character, form, length
        (" \u3000\n", "blank"),
        ("\u200b", "blank"),
        ("", "blank"),
        ("𠮷" * 2000, None),
        ("𠮷" * 2001, "length"),
        ("葛\U000e0100城 \ufa19 髙 ☎", None),
        (None, "type"),
        (1, "type"),
        (["x"], "type"),
    ],
)
def test_text(value: object, code: str | None) -> None:
    assert faults(FACE, sheet({"person": {"wish": value}})) == ({"/items/person/wish": code} if code else {})


def test_newlines_only_in_text() -> None:
    assert faults(FACE, sheet({"person": {"preferred_name": "ト\nヨ"}})) == {
        "/items/person/preferred_name": "character"
    }


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (25, None),
        (45.0, None),
        (24.99, "bounds"),
        (45.001, "bounds"),
        (10**400, "bounds"),
        (-(10**30), "bounds"),
        (float("inf"), "bounds"),
        (float("nan"), "bounds"),
        (True, "type"),
        ("36.5", "type"),
        (None, "type"),
        ([], "type"),
    ],
)
def test_decimals(value: object, code: str | None) -> None:
    assert faults(CARE, report(body_temperature=value)) == (
        {"/items/care_report/body_temperature": code} if code else {}
    )


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (0, None),
        (200, None),
        (201, "bounds"),
        (-1, "bounds"),
        (3.0, "type"),
        (3.5, "type"),
        (True, "type"),
        ("3", "type"),
    ],
)
def test_integers(value: object, code: str | None) -> None:
    pointer = "/items/care_report/respiratory_state/suction_count"
    assert faults(CARE, report(respiratory_state={"suction_count": value})) == ({pointer: code} if code else {})


def test_codes_and_flags_are_strict() -> None:
    oral = {"done": 1, "cleanliness": "good\x00"}
    expected = {"/items/care_report/oral_care/done": "type", "/items/care_report/oral_care/cleanliness": "character"}
    assert faults(CARE, report(oral_care=oral)) == expected


def test_email_form_and_length() -> None:
    manager = {"name": {"family": "井坂"}, "organization": "つむぎ", "phone": "0470-00-0000", "email": "a b@c.jp"}
    pointer = "/items/living/care_manager/email"
    assert faults(FACE, sheet({"living": {"care_manager": manager}})) == {pointer: "pattern"}
    manager["email"] = "a" * 250 + "@c.jp"
    assert faults(FACE, sheet({"living": {"care_manager": manager}})) == {pointer: "length"}
    manager["email"] = "a@c.jp"
    assert faults(FACE, sheet({"living": {"care_manager": manager}})) == {}


def test_first_days_are_bounds() -> None:
    assert faults(FACE, sheet({"person": {"birth_date": "1899-12-31"}})) == {"/items/person/birth_date": "bounds"}
    observed = "/items/care_report/observed_at"
    assert faults(CARE, report(observed_at="1999-12-31T14:59:59Z")) == {observed: "bounds"}
    assert faults(CARE, report(observed_at="1999-12-31T15:00:00Z")) == {}  # 2000-01-01 in Japan


def test_lists() -> None:
    pointer = "/items/person/phone"
    assert faults(FACE, sheet({"person": {"phone": []}})) == {pointer: "empty"}
    assert faults(FACE, sheet({"person": {"phone": ["0470-00-0000"] * LONGEST_LIST}})) == {}
    assert faults(FACE, sheet({"person": {"phone": ["0470-00-0000"] * (LONGEST_LIST + 1)}})) == {pointer: "length"}
    assert faults(FACE, sheet({"person": {"phone": [None]}})) == {f"{pointer}/0": "type"}


def test_an_empty_object_is_one_fault() -> None:
    assert faults(FACE, sheet({"medical": {"pharmacy": [{}], "attending_physician": {}}})) == {
        "/items/medical/pharmacy/0": "empty",
        "/items/medical/attending_physician": "empty",
    }
    assert faults(FACE, sheet({"person": {"certification_period": {}}})) == {
        "/items/person/certification_period": "empty"
    }


# --- rules between values


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


# --- hostile bodies


def test_unknown_members_are_capped() -> None:
    body = sheet({"person": {"wish": "x"}}) | {f"k{n}": {"deep": [n]} for n in range(100_000)}
    found = faults(FACE, body)
    assert len(found) == MOST_FAULTS and set(found.values()) == {"unknown"}


def test_a_flood_of_wrong_entries_is_told_by_the_first_of_each_list() -> None:
    stays = [{"institution": 1, "reason": "x", "admitted_on": None, "discharged_on": "2026-01-01"}] * 300
    items = {"person": {"phone": ["x"] * 900, "wish": "\x00"}, "medical": {"hospitalization": stays}}
    assert faults(FACE, sheet(items)) == {
        "/items/person/phone/0": "pattern",
        "/items/person/wish": "character",
        "/items/medical/hospitalization/0/institution": "type",
        "/items/medical/hospitalization/0/admitted_on": "type",
    }


def test_a_name_that_cannot_be_encoded_may_be_the_only_fault() -> None:
    assert faults(FACE, sheet({"person": {"wish": "x"}}) | {"\udfff": 1}) == {"/\\udfff": "unknown"}


def test_names_that_cannot_be_encoded_hide_nothing() -> None:
    items = {"person": {"\ud800": 1, "\udfff/": 2, "sex": "女"}, "\ud800": {}}
    body = sheet(items) | {"x" * 1000: 1}
    assert faults(FACE, body) == {
        "/items/person/\\ud800": "unknown",
        "/items/person/\\udfff~1": "unknown",
        "/items/person/sex": "code",
        "/items/\\ud800": "unknown",
        f"/{'x' * 100}…": "unknown",
    }


def test_a_long_text_of_wrong_letters_is_told_fast() -> None:
    assert faults(FACE, sheet({"person": {"name_kana": {"family": "ア" * 300_000}}})) == {
        "/items/person/name_kana/family": "length"
    }
