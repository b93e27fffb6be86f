"""The pure parts of the bench. The bench itself takes minutes and is run by ``make bench``."""

import ast
import re
from typing import Any

import pytest
from bench.generator import percentile
from bench.limit import REPEATS, Script
from bench.load import Message
from bench.mutants import decides, within
from bench.paths import DOCUMENT, REPORT_ITEMS, SHEET_BYTES, compact, report, sheet, unique
from bench.recording import Parameter, Recorded, Sent

from renkei.catalogue import load_catalogue
from renkei.ids import now
from renkei.schemas.documents import read_document
from renkei.vocabulary import RecordKind

PATIENT = "01900000-0000-7000-8000-000000000001"
OFFICE = "01900000-0000-7000-8000-000000000002"
EVENT = "01900000-0000-7000-8000-000000000003"
OTHER_EVENT = "01900000-0000-7000-8000-000000000004"


@pytest.mark.parametrize(("share", "expected"), [(0.5, 2.0), (0.99, 4.0), (0.25, 1.0), (0.0, 1.0)])
def test_a_percentile_is_one_of_the_values(share: float, expected: float) -> None:
    assert percentile([1.0, 2.0, 3.0, 4.0], share) == expected


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_message_is_whole_when_its_body_is(size: int) -> None:
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nabcdefghijkl"
    message = Message()
    whole = [message.feed(raw[at : at + size]) for at in range(0, len(raw), size)]
    assert whole == [*([False] * (len(whole) - 1)), True]


def test_a_message_without_length_ends_with_its_head() -> None:
    assert Message().feed(b"HTTP/1.1 304 Not Modified\r\netag: x\r\n\r\n")


@pytest.mark.parametrize(("kind", "body"), [(RecordKind.face_sheet, sheet()), (RecordKind.care_report, report())])
def test_what_is_posted_is_valid_and_unique(kind: RecordKind, body: dict[str, Any]) -> None:
    assert read_document(kind, body, load_catalogue(), now()).document_id == DOCUMENT
    first, second = unique(compact(body)), unique(compact(body))
    assert first != second
    assert len(first) == len(second) == len(compact(body))


def test_what_is_posted_has_the_size_that_is_told() -> None:
    assert 0.95 * SHEET_BYTES < len(compact(sheet()).encode()) <= 1.02 * SHEET_BYTES
    assert len(report()["items"]["care_report"]) == REPORT_ITEMS


def script() -> str:
    """The script of a transaction with everything that is replaced."""
    trips = [
        [
            Sent("BEGIN", ()),
            Sent(f"SET LOCAL renkei.asked = '{PATIENT},{OFFICE}'", ()),
            Sent("INSERT INTO a VALUES ($1, $2, $3)", (*map(uuid, (PATIENT, OFFICE, EVENT)),)),
        ],
        [
            Sent("INSERT INTO b VALUES ($2, $1, $3)", (uuid(EVENT), Parameter(None, "text"), uuid(OTHER_EVENT))),
            Sent("COMMIT", ()),
        ],
    ]
    return Script(Recorded(PATIENT, "bench-x", trips), "", {OFFICE}).text(200)


def test_a_list_of_new_ids_is_made_and_one_of_known_ids_stays() -> None:
    lists = [
        Parameter(f"{{{first},{second}}}", "uuid[]") for first, second in ((PATIENT, OFFICE), (EVENT, OTHER_EVENT))
    ]
    trips = [[Sent("BEGIN", ()), Sent("INSERT INTO a VALUES ($1, $2)", tuple(lists))]]
    made = Script(Recorded("none", "bench-x", trips), "", {OFFICE}, {PATIENT})
    text = made.text(200)
    assert "ARRAY(SELECT uuidv7() FROM generate_series(1, 2))::text" in text
    assert list(made.constants) == [f"{{{PATIENT},{OFFICE}}}"]


def uuid(text: str) -> Parameter:
    """A parameter of this type."""
    return Parameter(text, "uuid")


def test_the_script_keeps_statements_round_trips_and_types() -> None:
    blocks = script().split("\\startpipeline\n")[1:]
    assert len(blocks) == 2 * REPEATS
    assert blocks[0].startswith("BEGIN;\nSELECT set_config('renkei.asked', :v0_0::text, true);\nINSERT INTO a VALUES (")
    assert blocks[1].endswith("COMMIT;\n\\endpipeline\n")
    assert "NULL::text" in blocks[1]


def test_the_script_makes_new_ids_once_for_each_transaction() -> None:
    text = script()
    first, second = re.findall(r"INSERT INTO a VALUES \((.*), (.*), (.*)\)", text)[:2]
    used = re.findall(r"INSERT INTO b VALUES \((.*), (.*), (.*)\)", text)[0]
    assert first[2] == used[1] != used[2]  # the event, and another id
    assert first[1] == second[1]  # the office stays
    assert first[2] != second[2]
    assert text.count("uuidv7()") == 2 * REPEATS


CHANGES = [
    ("a == b", "a != b", True),
    ("n < 1", "n < 2", True),
    ("a and b", "a or b", True),
    ("not a", "a", True),
    ("f(True)", "f(False)", True),
    ("x if a else y", "x if a and False else y", True),
    ("[x for x in y if f(x)]", "[x for x in y if f(None)]", True),
    ("lambda n=1: n", "lambda n=2: n", True),
    ("f(a, b)", "f(a)", False),
    ("f(a, b)", "f(None, b)", False),
    ("'word'", "'WORD'", False),
    ("n + 1", "n - 1", False),
    ("f(a)", "f(a)", None),
]


@pytest.mark.parametrize(("sound", "changed", "expected"), CHANGES)
def test_which_mutants_change_a_decision(sound: str, changed: str, expected: bool | None) -> None:
    assert decides(ast.parse(sound), ast.parse(changed)) is expected


def test_the_quickest_tests_and_one_in_any_case() -> None:
    tests = [(1.0, "a"), (1.5, "b"), (2.0, "c")]
    assert [within(seconds, tests) for seconds in (0.5, 2.5, 9.0)] == [["a"], ["a", "b"], ["a", "b", "c"]]
