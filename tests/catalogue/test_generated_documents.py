"""Thousands of documents nobody thought of: valid ones come back unchanged, damaged ones name the damage."""

import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from strategies import documents, values

from renkei.catalogue import Item, load_catalogue
from renkei.catalogue.json_schema import json_schema
from renkei.errors import FAULT_MESSAGES, Fault, InvalidItems
from renkei.schemas.completeness import completeness
from renkei.schemas.document_faults import MOST_FAULTS
from renkei.schemas.documents import read_document
from renkei.schemas.json_body import digest, parse_json
from renkei.vocabulary import Group, Language, RecordKind

CATALOGUE = load_catalogue()
NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
SCHEMAS = {kind: Draft202012Validator(json_schema(kind, CATALOGUE)) for kind in RecordKind}
LEAST: dict[RecordKind, dict[str, Any]] = {
    RecordKind.face_sheet: {
        "source": {"document_id": "1", "version": 1},
        "reason": "watch_over",
        "as_of": "2026-06-01T10:00:00+09:00",
        "author": {"name": "佐藤 恵", "profession": "nurse"},
        "coverage": "partial",
        "items": {},
    },
    RecordKind.care_report: {
        "source": {"document_id": "1", "version": 1},
        "items": {
            "care_report": {
                "observed_at": "2026-06-01T10:00:00Z",
                "author": {"name": {"text": "佐藤 恵"}, "profession": "nurse", "organization": "こもれび"},
                "body": "変わりなし",
                "urgency": "routine",
            }
        },
    },
}
MANY = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)

KINDS = st.sampled_from(RecordKind)
BODIES = st.one_of([st.tuples(st.just(kind), documents(kind)) for kind in RecordKind])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(), max_size=20), inner, max_size=4)
    ),
    max_leaves=12,
)


def faults(kind: RecordKind, body: object) -> dict[str, Fault]:
    """The faults by pointer; every one has a message in both languages, can be sent, and none is told twice."""
    try:
        read_document(kind, body, CATALOGUE, NOW)
    except InvalidItems as error:
        assert 0 < len(error.faults) <= MOST_FAULTS
        by_pointer = {fault.pointer: fault for fault in error.faults}
        assert len(by_pointer) == len(error.faults)
        for fault in error.faults:
            assert fault.code in FAULT_MESSAGES and fault.item in {None, *CATALOGUE.items}
            assert all("-)" not in fault.message(language) for language in Language)
            json.dumps([fault.pointer, dict(fault.params)], allow_nan=False, ensure_ascii=False).encode()
        return by_pointer
    return {}


def places(value: Any, path: tuple[int | str, ...] = ()) -> list[tuple[int | str, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*([path] if path else []), *(place for step, v in inner for place in places(v, (*path, step)))]


def replaced(body: Any, path: tuple[int | str, ...], value: object) -> Any:
    body = copy.deepcopy(body)
    node = body
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    return body


def at(body: Any, path: tuple[int | str, ...]) -> Any:
    for step in path:
        body = body[step]
    return body


def pointer(path: tuple[int | str, ...]) -> str:
    return "".join(f"/{step}" for step in path)


@MANY
@given(BODIES)
def test_a_valid_document_comes_back_as_it_was_sent(made: tuple[RecordKind, dict[str, Any]]) -> None:
    kind, body = made
    sent = parse_json(json.dumps(body).encode())
    document = read_document(kind, sent, CATALOGUE, NOW)
    kept = {f"{group}.{name}": value for group, items in body["items"].items() for name, value in items.items()}
    assert repr(document.items) == repr(kept)  # repr, since 36 == 36.0 and True == 1
    assert repr(document.body) == repr(body)
    assert document.absent == body.get("absent", {})
    assert document.as_of.tzinfo is not None and document.as_of <= NOW
    assert digest(sent) == digest(parse_json(json.dumps(body, indent=1, ensure_ascii=False, sort_keys=True).encode()))
    full = completeness(document, CATALOGUE)
    assert full["basic"]["given"] + full["optional"]["given"] == len(kept)
    assert not set(full["missing"]) & (set(kept) | set(document.absent))


@settings(MANY, max_examples=25)
@given(BODIES)
def test_a_valid_document_passes_the_json_schema(made: tuple[RecordKind, dict[str, Any]]) -> None:
    kind, body = made
    assert SCHEMAS[kind].is_valid(body)


@MANY
@given(BODIES, st.data())
def test_a_damaged_value_is_named_where_it_is(made: tuple[RecordKind, dict[str, Any]], data: st.DataObject) -> None:
    kind, body = made
    path = data.draw(st.sampled_from(places(body)))
    value = at(body, path)
    damages: list[tuple[object, str]] = [(None, "type"), (b"", "type")]
    if isinstance(value, str):
        damages += [
            (f"{value}\x00", "character"),
            (f"\ue000{value}", "character"),
            (f"{value}\ud800", "character"),
            (1, "type"),
        ]
    elif isinstance(value, dict | list):
        damages += [(type(value)(), "empty"), ("x", "type")]
    else:
        damages += [(str(value), "type"), ([value], "type")]
    damage, code = data.draw(st.sampled_from(damages))
    found = faults(kind, replaced(body, path, damage))
    assert found[pointer(path)].code == code
    assert set(found) == {pointer(path)}


@MANY
@given(BODIES, st.data())
def test_an_unknown_member_is_named_and_hides_nothing(
    made: tuple[RecordKind, dict[str, Any]], data: st.DataObject
) -> None:
    kind, body = made
    objects = [path for path in [(), *places(body)] if isinstance(at(body, path), dict)]
    path = data.draw(st.sampled_from(objects))
    name = data.draw(st.sampled_from(["Unknown", "a/b~c", "\x00", "\ud800", "名"]))
    shown = {"a/b~c": "a~1b~0c", "\x00": "\\u0000", "\ud800": "\\ud800"}.get(name, name)
    broken = replaced(body, (*path, name), {"inside": None})
    broken["source"] = broken["source"] | {"version": 0}
    assert set(faults(kind, broken)) == {pointer(path) + f"/{shown}", "/source/version"}


@MANY
@given(KINDS, JSON)
def test_any_json_is_refused_in_order(kind: RecordKind, body: object) -> None:
    assert faults(kind, body)


@MANY
@given(BODIES, JSON, st.data())
def test_any_json_in_any_place_raises_nothing_else(
    made: tuple[RecordKind, dict[str, Any]], junk: object, data: Any
) -> None:
    kind, body = made
    places_and_junk = st.lists(st.sampled_from(places(body)), min_size=1, max_size=3)
    for path in sorted(data.draw(places_and_junk), key=len, reverse=True):
        body = replaced(body, path, junk)
    faults(kind, body)


@pytest.mark.parametrize("item", CATALOGUE.items.values(), ids=lambda item: item.code)
def test_every_item_alone(item: Item) -> None:
    """Every one of the 237, whatever the generator above happened to choose."""

    @settings(MANY, max_examples=2)
    @given(values(item, CATALOGUE))
    def is_accepted(value: Any) -> None:
        kind = RecordKind.care_report if item.group is Group.care_report else RecordKind.face_sheet
        body = copy.deepcopy(LEAST[kind])
        body["items"].setdefault(item.group.value, {})[item.name] = value
        assert item.code in read_document(kind, body, CATALOGUE, NOW).items

    is_accepted()
