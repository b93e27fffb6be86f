"""Valid documents, made from the catalogue by Hypothesis: every item can occur, every rule between values holds."""

import functools
import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from hypothesis import strategies as st

from renkei.catalogue import Catalogue, Item, load_catalogue
from renkei.catalogue.envelope import document_items, document_shape
from renkei.catalogue.shapes import Coded, Flag, ListOf, Member, Moment, Number, Record, Shape, Text
from renkei.vocabulary import RecordKind

# Rare kanji, a compatibility ideograph, a variation selector, a combining mark, an emoji, what CSV and HTML stumble over.
_LETTERS = "亜髙﨑\ufa19\U000e0100𠮷が\u3099ｱａAz09 \u3000-'\"<&=,;\\/~😀"
_ALPHABET = st.sampled_from(_LETTERS) | st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Mn"))
_NUMBERS_WITH_CHECK = {
    "insurer_check_digit": ["435073", "131045"],
    "health_insurer_check_digit": ["33120015", "138040"],
    "public_expense_check_digit": ["12131009"],
}
"""Published examples: the strategies must not use the rule they help to test."""


@st.composite
def documents(draw: st.DrawFn, kind: RecordKind, catalogue: Catalogue | None = None) -> dict[str, Any]:
    """A valid body of that kind: up to a dozen items and all the always-items, some others declared absent."""
    catalogue = catalogue or load_catalogue()
    items = document_items(kind, catalogue)
    always = [item for item in items if item.required == "always"]
    chosen = draw(st.lists(st.sampled_from(items), max_size=12, unique=True))
    given = {item.code: draw(values(item, catalogue)) for item in dict.fromkeys([*always, *chosen])}
    _order_blood_pressure(given)
    shape = document_shape(kind, catalogue)
    envelope = {name: member for name, member in shape.members.items() if name not in ("items", "absent")}
    body: dict[str, Any] = draw(_members(envelope))
    body["items"] = {}
    for code, value in given.items():
        group, _, name = code.partition(".")
        body["items"].setdefault(group, {})[name] = value
    if kind is RecordKind.face_sheet:
        rest = [item for item in items if item.code not in given]
        missing = draw(st.lists(st.sampled_from(rest), max_size=4, unique=True))
        if missing:
            body["absent"] = {item.code: draw(_absence(item)) for item in missing}
    return body


@functools.cache
def values(item: Item, catalogue: Catalogue) -> st.SearchStrategy[Any]:
    """A valid value of the item."""
    shape = document_shape(_kind(item), catalogue).members["items"].shape
    assert isinstance(shape, Record)
    group = shape.members[item.group.value].shape
    assert isinstance(group, Record)
    return _values(group.members[item.name].shape).map(lambda value: _keep_rules(item, value))


def _kind(item: Item) -> RecordKind:
    return next(kind for kind in RecordKind if item.group in kind.groups)


def _absence(item: Item) -> st.SearchStrategy[str]:
    return st.sampled_from(["unknown", "not_asked", "declined", *(["none"] if item.may_be_none else [])])


@functools.cache
def _values(shape: Shape) -> st.SearchStrategy[Any]:
    match shape:
        case Text():
            return _texts(shape)
        case Moment():
            return _moments(shape)
        case Number(integer=True):
            step = shape.step or 1
            return st.integers(int(shape.minimum) // step, int(shape.maximum) // step).map(lambda n: n * step)
        case Number():
            whole = st.integers(math.ceil(shape.minimum), math.floor(shape.maximum))
            return whole | st.floats(shape.minimum, shape.maximum)
        case Flag():
            return st.booleans()
        case Coded():
            return st.sampled_from(list(shape.value_set.codes))
        case ListOf():
            unique = isinstance(shape.element, Coded)
            return st.lists(_values(shape.element), min_size=1, max_size=3, unique=unique)
        case Record():
            return _members(shape.members).map(
                lambda entry: _in_order(entry, "start", "end") if shape.period else entry
            )


def _members(members: Mapping[str, Member]) -> st.SearchStrategy[dict[str, Any]]:
    required = {name: _values(member.shape) for name, member in members.items() if member.required}
    optional = {name: _values(member.shape) for name, member in members.items() if not member.required}
    return st.fixed_dictionaries(required, optional=optional).filter(bool)


def _texts(shape: Text) -> st.SearchStrategy[str]:
    if shape.check is not None:
        return st.sampled_from(_NUMBERS_WITH_CHECK[shape.check])
    if shape.form is not None and "@" in shape.form:
        return st.from_regex(r"[a-z0-9.]{1,20}@[a-z]{1,10}\.jp", fullmatch=True)
    if shape.form is not None:
        return st.from_regex(shape.form, fullmatch=True).filter(lambda s: s.strip() == s and len(s) <= shape.max_length)
    more = st.text(_ALPHABET | st.sampled_from("\t\n") if shape.multiline else _ALPHABET, max_size=8)
    return st.tuples(st.sampled_from("亜髙あA0"), more).map("".join)


def _moments(shape: Moment) -> st.SearchStrategy[str]:
    days = st.dates(date(2000, 1, 1), date(2026, 1, 1)).map(str)
    if not shape.timed:
        return days
    clock = st.sampled_from(["T00:00:00", "T23:59:59", "T12:34:56.789"])
    return st.tuples(days, clock, st.sampled_from(["Z", "+09:00", "-11:30"])).map("".join)


def _in_order(entry: dict[str, Any], first: str, second: str) -> dict[str, Any]:
    if first in entry and second in entry:
        entry[first], entry[second] = sorted((entry[first], entry[second]), key=_moment)
    return entry


def _moment(text: str) -> Any:
    return datetime.fromisoformat(text) if "-" in text else text


def _keep_rules(item: Item, value: Any) -> Any:
    """The value changed so that the rules between values hold, written out here once more."""
    match item.code:
        case "medical.medication":
            return [_in_order(entry, "start", "end") for entry in value]
        case "medical.hospitalization":
            return [_in_order(entry, "admitted_on", "discharged_on") for entry in value]
        case "living.weekly_schedule":
            return [_in_order(entry, "start_time", "end_time") for entry in value]
        case "living.barthel_index":
            value["bi_total"] = sum(n for name, n in value.items() if name.startswith("bi_") and name != "bi_total")
            return value
    if item.type == "code" and item.repeats:
        return ["none"] if "none" in value else value
    if item.repeats and "presence" in value[0] and len(value) > 1:
        return [entry | {"presence": "present"} for entry in value]
    return value


def _order_blood_pressure(given: dict[str, Any]) -> None:
    low, high = "care_report.diastolic_bp", "care_report.systolic_bp"
    if low in given and high in given and given[low] >= given[high]:
        del given[low]
