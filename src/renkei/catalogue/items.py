"""What the catalogue is made of: frozen objects, one per row of its data files."""

from collections.abc import Mapping
from dataclasses import dataclass

from renkei.vocabulary import Group, Tier

TYPES = frozenset(
    {"string", "text", "code", "integer", "decimal", "boolean", "date", "datetime", "phone", "email", "postal_code"}
    | {"address", "person_name", "identifier", "period", "quantity", "object"}
)
"""Every ``type`` an item or a sub-field may have (型)."""

Bound = int | float | str
"""A bound of a number, or of a date as ``YYYY-MM-DD``."""


@dataclass(frozen=True, slots=True)
class Code:
    """A code of a value set with its words (コードと表示名)."""

    code: str
    ja: str
    en: str


@dataclass(frozen=True, slots=True)
class ValueSet:
    """値集合. ``system`` is the official identifier, where it is certain."""

    name: str
    title_ja: str
    title_en: str
    source: str
    system: str | None
    codes: Mapping[str, Code]


@dataclass(frozen=True, slots=True)
class Field:
    """A sub-field of an object (小項目). ``value_set`` goes with type code, and only there."""

    name: str
    type: str
    value_set: str | None
    optional: bool


@dataclass(frozen=True, slots=True)
class FieldRule:
    """Bounds and form of every sub-field of this name and type, in any item. ``unit`` is UCUM."""

    name: str
    type: str
    pattern: str | None
    check: str | None
    minimum: int | float | None
    maximum: int | float | None
    step: int | None
    max_length: int | None
    unit: str | None


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule between values. ``kind`` says how the rest is read:

    not_future  items[0] is not later than now
    below       items[0] is less than items[1]
    order       within items[0], fields[0] is not later than fields[1]
    sum         within items[0], total equals the sum of fields
    """

    kind: str
    items: tuple[str, ...]
    fields: tuple[str, ...] = ()
    total: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One of the 237 shared items (項目). Members are the columns of items.csv; empty columns are None.

    name: the code after the dot, its name inside a group. minimum, maximum: hard bounds in ``unit`` (UCUM); outside
    them is a typing error, not an alarm. review_days: after how many days somebody should look again, 0 = its own end
    decides, None = never (care reports are events, not standing values).
    """

    code: str
    name: str
    group: Group
    tier: Tier
    name_ja: str
    name_en: str
    type: str
    repeats: bool
    fields: tuple[Field, ...]
    value_set: str | None
    unit: str | None
    minimum: Bound | None
    maximum: Bound | None
    max_length: int | None
    pattern: str | None
    check: str | None
    sensitivity: str
    required: str
    loinc: str | None
    fhir: str | None
    source: str | None
    note: str | None
    review_days: int | None
    may_be_none: bool
    """Whether ``absent`` may say ``none``: a repeating item without a ``presence`` field and without a ``none`` code of
    its own, since those say none themselves (design: "none" and "not asked" are different facts)."""

    @property
    def restricted(self) -> bool:
        """要配慮項目: readable only under a consent that names it."""
        return self.sensitivity == "restricted"


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """One version of the item catalogue. Compared and hashed by identity: there is one object per version."""

    version: str
    items: Mapping[str, Item]
    """By code, in the order of items.csv."""
    value_sets: Mapping[str, ValueSet]
    composites: Mapping[str, tuple[Field, ...]]
    """The sub-fields of the composite types person_name, address and period."""
    field_rules: Mapping[str, FieldRule]
    default_lengths: Mapping[str, int]
    """The longest string and text of a sub-field without a rule, in code points."""
    rules: tuple[Rule, ...]
    restricted: frozenset[str]
    """The codes of the restricted items."""

    def group(self, group: Group, tier: Tier | None = None) -> tuple[Item, ...]:
        """The items of a group, or of one tier of it, in catalogue order."""
        return tuple(item for item in self.items.values() if item.group is group and tier in (None, item.tier))
