"""What each value must look like, said once. Models, JSON Schema and the tests' generators are all made from shapes.

A shape is the catalogue with everything looked up: composites spelled out, sub-field rules and defaults applied.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from renkei.catalogue.items import Catalogue, Field, FieldRule, Item, ValueSet


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """One line of text, or several. max_length: code points. form: pattern of the whole. check: its check digit."""

    max_length: int
    multiline: bool = False
    form: str | None = None
    check: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """``YYYY-MM-DD``, or when timed RFC 3339 with seconds and offset. minimum: a day in Japan."""

    timed: bool
    minimum: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Number:
    """A number within bounds, both included, in the UCUM unit."""

    integer: bool
    minimum: int | float
    maximum: int | float
    step: int | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Flag:
    """true or false."""


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """A code of a value set."""

    value_set: ValueSet


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """An object with at least one member and no unknown one. period: ``start`` is not later than ``end``."""

    members: Mapping[str, "Member"]
    period: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class ListOf:
    """A list with at least one element."""

    element: "Shape"


Shape = Text | Moment | Number | Flag | Coded | Record | ListOf


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A member of a record. title: Japanese and English. item: where it is one of the 237."""

    shape: Shape
    required: bool
    title: tuple[str, str] | None = None
    item: Item | None = None


def record(members: Mapping[str, Member], *, period: bool = False) -> Record:
    """A record of these members."""
    return Record(MappingProxyType(dict(members)), period)


def item_shape(item: Item, catalogue: Catalogue) -> Shape:
    """What the item's value must look like, as a list where the item repeats."""
    shape = _one(item, catalogue)
    return ListOf(shape) if item.repeats else shape


def shape_at(shape: Shape, path: tuple[int | str, ...]) -> Shape | None:
    """The shape of the value at that path, None where the path leads to an unknown member."""
    for step in path:
        if isinstance(shape, ListOf):
            shape = shape.element
        elif isinstance(shape, Record) and step in shape.members:
            shape = shape.members[str(step)].shape
        else:
            return None
    return shape


def _one(item: Item, catalogue: Catalogue) -> Shape:
    if item.type == "object":
        return record({f.name: Member(_field(f, catalogue), not f.optional) for f in item.fields})
    rule = FieldRule(
        name=item.name,
        type=item.type,
        pattern=item.pattern,
        check=item.check,
        minimum=item.minimum if not isinstance(item.minimum, str) else None,
        maximum=item.maximum if not isinstance(item.maximum, str) else None,
        step=None,
        max_length=item.max_length,
        unit=item.unit,
    )
    first_day = item.minimum if isinstance(item.minimum, str) else None
    # The period of a visit is the one whose ends are times (types.yaml, composite `period`).
    ends = "datetime" if item.code == "care_report.visit_period" else "date"
    return _shape(item.type, item.value_set, rule, catalogue, first_day=first_day, ends=ends)


def _field(field: Field, catalogue: Catalogue, pattern: str | None = None) -> Shape:
    rule = catalogue.field_rules.get(field.name)
    if rule is None or rule.type != field.type:
        rule = FieldRule(field.name, field.type, pattern, *[None] * 6)
    return _shape(field.type, field.value_set, rule, catalogue)


def _shape(
    kind: str,
    value_set: str | None,
    rule: FieldRule,
    catalogue: Catalogue,
    first_day: str | None = None,
    ends: str = "date",
) -> Shape:
    match kind:
        case "code":
            return Coded(catalogue.value_sets[str(value_set)])
        case "boolean":
            return Flag()
        case "date" | "datetime":
            return Moment(kind == "datetime", first_day)
        case "integer" | "decimal" | "quantity":
            if rule.minimum is None or rule.maximum is None:
                raise LookupError(f"{rule.name}: a number without bounds")
            return Number(kind == "integer", rule.minimum, rule.maximum, rule.step, rule.unit)
        case "period":
            return record(
                {f.name: Member(Moment(ends == "datetime"), not f.optional) for f in catalogue.composites[kind]},
                period=True,
            )
        case "person_name" | "address":
            # The pattern of a person_name holds for each part; that of an address for the postal code, which has its rule.
            pattern = rule.pattern if kind == "person_name" else None
            parts = catalogue.composites[kind]
            return record({f.name: Member(_field(f, catalogue, pattern), not f.optional) for f in parts})
    multiline = kind == "text"
    length = rule.max_length or catalogue.default_lengths["text" if multiline else "string"]
    return Text(length, multiline, rule.pattern, rule.check)
