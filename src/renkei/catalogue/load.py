"""Reads one version of the catalogue from its folder, once, and refuses data that contradicts itself."""

import csv
import functools
import io
from collections.abc import Iterable, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Any

import yaml

from renkei.catalogue.checks import CHECKS
from renkei.catalogue.items import TYPES, Bound, Catalogue, Code, Field, FieldRule, Item, Rule, ValueSet
from renkei.vocabulary import Group, Tier

CURRENT = "2026.1"
"""The version new records are checked against. Every record names its own, so a new version is one more folder."""


class UnsoundCatalogue(ValueError):
    """The data files contradict themselves or one another; says where."""


@functools.cache
def load_catalogue(version: str = CURRENT) -> Catalogue:
    """The catalogue of that version. Raises LookupError for an unknown version, UnsoundCatalogue for bad data."""
    folder = files("renkei.catalogue") / "data" / version
    if not version or not folder.joinpath("items.csv").is_file():
        raise LookupError(f"no catalogue version {version!r}")
    return read_catalogue(folder, version)


def read_catalogue(folder: Traversable, version: str) -> Catalogue:
    """The catalogue in ``folder``: items.csv, value_sets.yaml, types.yaml, freshness.yaml."""
    types, freshness = _yaml(folder, "types.yaml"), _yaml(folder, "freshness.yaml")
    value_sets = {name: _value_set(name, entry) for name, entry in _yaml(folder, "value_sets.yaml").items()}
    rows = csv.DictReader(io.StringIO(folder.joinpath("items.csv").read_text(encoding="utf-8"), newline=""))
    items = _unique("items.csv", ((row["code"], _item(row, freshness, value_sets)) for row in rows))
    composites = {name: _fields(entry["fields"]) for name, entry in types["composites"].items() if "fields" in entry}
    catalogue = Catalogue(
        version=version,
        items=MappingProxyType(items),
        value_sets=MappingProxyType(value_sets),
        composites=MappingProxyType(composites),
        field_rules=MappingProxyType({name: _field_rule(name, rule) for name, rule in types["subfields"].items()}),
        default_lengths=MappingProxyType(dict(types["defaults"])),
        rules=tuple(_rule(entry) for entry in types["rules"]),
        restricted=frozenset(code for code, item in items.items() if item.restricted),
    )
    _require_sound(catalogue)
    return catalogue


def _yaml(folder: Traversable, name: str) -> dict[str, Any]:
    # libyaml's safe loader: the Python one takes half a second for the value sets, at every start.
    content = yaml.load(folder.joinpath(name).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    if not isinstance(content, dict):
        raise UnsoundCatalogue(f"{name} is not a mapping")
    return content


def _unique(where: str, pairs: Iterable[tuple[str, Item]]) -> dict[str, Item]:
    found: dict[str, Item] = {}
    for key, value in pairs:
        if key in found:
            raise UnsoundCatalogue(f"{where}: {key!r} is used twice")
        found[key] = value
    return found


def _value_set(name: str, entry: Mapping[str, Any]) -> ValueSet:
    codes = {c["code"]: Code(c["code"], c["ja"], c["en"]) for c in entry["codes"]}
    if len(codes) != len(entry["codes"]) or not all(isinstance(code, str) and code for code in codes):
        raise UnsoundCatalogue(f"value_sets.yaml {name}: a code is used twice or is not a text")
    return ValueSet(
        name, entry["title_ja"], entry["title_en"], entry["source"], entry.get("system"), MappingProxyType(codes)
    )


def _item(row: Mapping[str, str], freshness: Mapping[str, Any], value_sets: Mapping[str, ValueSet]) -> Item:
    code, kind, repeats, fields = row["code"], row["type"], row["repeats"] == "true", _fields(row["fields"])
    group, _, name = code.partition(".")
    if group != row["group"] or row["repeats"] not in ("true", "false"):
        raise UnsoundCatalogue(f"items.csv {code}: group or repeats")
    value_set = row["value_set"]
    own_codes = value_sets[value_set].codes if value_set in value_sets else ()
    says_none = "none" in own_codes or any(field.name == "presence" for field in fields)
    return Item(
        code=code,
        name=name,
        group=Group(group),
        tier=Tier(row["tier"]),
        name_ja=row["name_ja"],
        name_en=row["name_en"],
        type=kind,
        repeats=repeats,
        fields=fields,
        value_set=value_set or None,
        unit=row["unit"] or None,
        minimum=_bound(row["min"], kind),
        maximum=_bound(row["max"], kind),
        max_length=int(row["max_length"]) if row["max_length"] else None,
        pattern=row["pattern"] or None,
        check=row["check"] or None,
        sensitivity=row["sensitivity"],
        required=row["required"],
        loinc=row["loinc"] or None,
        fhir=row["fhir"] or None,
        source=row["source"] or None,
        note=row["note"] or None,
        review_days=freshness["items"].get(code, freshness["groups"].get(group)),
        may_be_none=repeats and not says_none,
    )


def _fields(text: str) -> tuple[Field, ...]:
    """The column ``fields``: ``name:type[:value_set][?]; …``."""
    fields = []
    for part in filter(None, map(str.strip, text.split(";"))):
        name, kind, *value_set = part.removesuffix("?").split(":")
        fields.append(Field(name, kind, value_set[0] if value_set else None, part.endswith("?")))
    return tuple(fields)


def _bound(text: str, kind: str) -> Bound | None:
    if not text or kind in ("date", "datetime"):
        return text or None
    number = float(text)
    return int(number) if number.is_integer() else number


def _field_rule(name: str, rule: Mapping[str, Any]) -> FieldRule:
    return FieldRule(
        name=name,
        type=rule["type"],
        pattern=rule.get("pattern"),
        check=rule.get("check"),
        minimum=rule.get("min"),
        maximum=rule.get("max"),
        step=rule.get("step"),
        max_length=rule.get("max_length"),
        unit=rule.get("unit"),
    )


def _rule(entry: Mapping[str, Any]) -> Rule:
    items = entry["items"] if "items" in entry else [entry["item"]]
    return Rule(entry["kind"], tuple(items), tuple(entry.get("fields", ())), entry.get("total"))


def _require_sound(catalogue: Catalogue) -> None:
    """Every name that points elsewhere points at something; a typing error must not become a rule that never fires."""
    for item in catalogue.items.values():
        _require_type(item.code, item.type, item.value_set, catalogue)
        _require_check(item.code, item.check)
        for field in item.fields:
            _require_type(f"{item.code} {field.name}", field.type, field.value_set, catalogue)
        if (item.type == "object") != bool(item.fields) or len({f.name for f in item.fields}) != len(item.fields):
            raise UnsoundCatalogue(f"{item.code}: fields go with type object, each name once")
    for field_rule in catalogue.field_rules.values():
        _require_check(field_rule.name, field_rule.check)
    for rule in catalogue.rules:
        for code in rule.items:
            if code not in catalogue.items:
                raise UnsoundCatalogue(f"rule {rule.kind}: no item {code!r}")
            if not {*rule.fields, *filter(None, [rule.total])} <= {
                field.name for field in catalogue.items[code].fields
            }:
                raise UnsoundCatalogue(f"rule {rule.kind} of {code}: no such field")


def _require_type(where: str, kind: str, value_set: str | None, catalogue: Catalogue) -> None:
    if kind not in TYPES:
        raise UnsoundCatalogue(f"{where}: no type {kind!r}")
    if (kind == "code") != (value_set is not None):
        raise UnsoundCatalogue(f"{where}: a value set goes with type code, and only there")
    if value_set is not None and value_set not in catalogue.value_sets:
        raise UnsoundCatalogue(f"{where}: no value set {value_set!r}")


def _require_check(where: str, check: str | None) -> None:
    if check is not None and check not in CHECKS:
        raise UnsoundCatalogue(f"{where}: no check {check!r}")
