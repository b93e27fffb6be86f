"""Reading documents: the cases, what a reader gets, and the envelope."""

import copy
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from document_bodies import CARE, FACE, faults, read, report, sheet

from renkei.catalogue import CURRENT
from renkei.errors import InvalidItems
from renkei.vocabulary import Language, RecordKind

CASES = Path(__file__).parents[1] / "cases"


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


def test_every_day_of_the_calendar_and_no_other() -> None:
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
