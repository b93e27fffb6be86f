"""Rules between values: what a shape cannot say because it concerns more than one value, or the present moment.

They look only at valid values: whoever calls takes out first what is wrong in itself, so that a rule is told in the
same answer as the faults elsewhere, and never because of a fault already told. A wrong element of a list is None.
"""

import functools
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from renkei.catalogue.envelope import document_items
from renkei.catalogue.items import Catalogue, Item, Rule
from renkei.catalogue.models import JAPAN
from renkei.catalogue.shapes import ListOf, Record, item_shape
from renkei.vocabulary import RecordKind

Path = tuple[int | str, ...]
"""Where a value is, from the body or from the item down."""
Entry = Mapping[str, Any]

CLOCK_SKEW = timedelta(minutes=5)
"""How far a sender's clock may be ahead of ours."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken rule, or any other fault: where, its code (a key of errors.FAULT_MESSAGES), and what its message names."""

    path: Path
    code: str
    params: Mapping[str, object] = field(default_factory=dict)


ItemRule = Callable[[Any], Iterator[Finding]]


def broken_rules(
    kind: RecordKind,
    body: Mapping[str, Any],
    given: Mapping[str, Any],
    catalogue: Catalogue,
    now: datetime,
    wrong: Collection[Path] = (),
) -> Iterator[Finding]:
    """Every broken rule of a document without invalid values.

    given: its items by code. wrong: the paths that were taken out of body and given because they are wrong in themselves.
    """
    for code, rule in _item_rules(catalogue):
        if code in given:
            group, _, name = code.partition(".")
            for finding in rule(given[code]):
                yield Finding(("items", group, name, *finding.path), finding.code, finding.params)
    yield from _between_items(given, catalogue, now)
    yield from _in_the_future(kind, body, given, now)
    yield from _always_missing(kind, body, given, catalogue, wrong)
    for code in body.get("absent", ()):
        if code in given or _path(catalogue.items[code]) in wrong:
            yield Finding(("absent", code), "given")


def _path(item: Item) -> Path:
    return ("items", item.group.value, item.name)


# --- within one item


@functools.cache
def _item_rules(catalogue: Catalogue) -> tuple[tuple[str, ItemRule], ...]:
    rules: list[tuple[str, ItemRule]] = []
    for item in catalogue.items.values():
        rules += [(item.code, rule) for rule in _shape_rules(item, catalogue)]
    for rule in catalogue.rules:
        if rule.kind in _OF_ENTRY:
            item = catalogue.items[rule.items[0]]
            rules.append((item.code, _each(item, functools.partial(_OF_ENTRY[rule.kind], rule))))
    return tuple(rules)


def _shape_rules(item: Item, catalogue: Catalogue) -> Iterator[ItemRule]:
    """The rules that follow from the item's type alone."""
    shape = item_shape(item, catalogue)
    element = shape.element if isinstance(shape, ListOf) else shape
    if isinstance(element, Record):
        if element.period:
            yield _each(item, _reversed)
        for name, member in element.members.items():
            if isinstance(member.shape, Record) and member.shape.period:
                yield _each(item, functools.partial(_member_reversed, name))
    if item.repeats and item.type == "code":
        yield _repeated
        yield _none_alone
    if item.repeats and any(field.name == "presence" for field in item.fields):
        yield _presence_none_alone


def _each(item: Item, rule: Callable[[Entry], Iterator[Finding]]) -> ItemRule:
    """The rule for every entry of a repeating item."""
    if not item.repeats:
        return rule

    def each(entries: list[Entry | None]) -> Iterator[Finding]:
        for place, entry in enumerate(entries):
            if entry is not None:
                for finding in rule(entry):
                    yield Finding((place, *finding.path), finding.code, finding.params)

    return each


def _reversed(period: Entry) -> Iterator[Finding]:
    if "start" not in period or "end" not in period:
        return
    # Both are days, or both are times: these do not sort as text, their offsets may differ.
    if datetime.fromisoformat(period["start"]) > datetime.fromisoformat(period["end"]):
        yield Finding((), "reversed")


def _member_reversed(name: str, entry: Entry) -> Iterator[Finding]:
    for _ in _reversed(entry.get(name, {})):
        yield Finding((name,), "reversed")


def _order(rule: Rule, entry: Entry) -> Iterator[Finding]:
    first, second = rule.fields
    # Days and times of day: both sort as text.
    if first in entry and second in entry and entry[first] > entry[second]:
        yield Finding((), "order", {"expected": f"{first} ≤ {second}"})


def _sum(rule: Rule, entry: Entry) -> Iterator[Finding]:
    total = str(rule.total)
    if total in entry and all(name in entry for name in rule.fields):
        expected = sum(entry[name] for name in rule.fields)
        if entry[total] != expected:
            yield Finding((total,), "sum", {"expected": expected})


_OF_ENTRY: Mapping[str, Callable[[Rule, Entry], Iterator[Finding]]] = {"order": _order, "sum": _sum}


def _repeated(codes: list[str | None]) -> Iterator[Finding]:
    seen: set[str] = set()
    for place, code in enumerate(codes):
        if code in seen:
            yield Finding((place,), "repeated")
        elif code is not None:
            seen.add(code)


def _none_alone(codes: list[str | None]) -> Iterator[Finding]:
    # Told only where every code is valid: the wrong one beside it may be what was meant to be the only one.
    if len(codes) > 1 and "none" in codes and None not in codes:
        yield Finding((), "none_alone")


def _presence_none_alone(entries: list[Entry | None]) -> Iterator[Finding]:
    return _none_alone([entry.get("presence") if entry is not None else None for entry in entries])


# --- between items, and against the present moment


def _between_items(given: Mapping[str, Any], catalogue: Catalogue, now: datetime) -> Iterator[Finding]:
    for rule in catalogue.rules:
        if not all(code in given for code in rule.items):
            continue
        first = catalogue.items[rule.items[0]]
        if rule.kind == "below" and not given[rule.items[0]] < given[rule.items[1]]:
            yield Finding(_path(first), "order", {"expected": " < ".join(rule.items)})
        if rule.kind == "not_future" and given[first.code] > now.astimezone(JAPAN).date().isoformat():
            yield Finding(_path(first), "future")


def _in_the_future(
    kind: RecordKind, body: Mapping[str, Any], given: Mapping[str, Any], now: datetime
) -> Iterator[Finding]:
    """``as_of`` of a face sheet, ``observed_at`` of a care report: the moment that decides which value is the latest."""
    path: Path = ("as_of",)
    moment = body.get("as_of")
    if kind is RecordKind.care_report:
        path, moment = ("items", "care_report", "observed_at"), given.get("care_report.observed_at")
    if moment is not None and datetime.fromisoformat(moment) > now + CLOCK_SKEW:
        yield Finding(path, "future")


def _always_missing(
    kind: RecordKind,
    body: Mapping[str, Any],
    given: Mapping[str, Any],
    catalogue: Catalogue,
    wrong: Collection[Path],
) -> Iterator[Finding]:
    """The always-items: of every care report, and of the complete face sheet sent at the start of care."""
    starts = body.get("coverage") == "complete" and body.get("reason") == "start"
    if "items" not in body or not (starts or kind is RecordKind.care_report):
        return
    for item in document_items(kind, catalogue):
        # An item or group that is there but wrong, an empty one too, is told as what it is, once.
        if item.required == "always" and item.code not in given and not {_path(item), _path(item)[:2]} & set(wrong):
            yield Finding(_path(item), "required")
