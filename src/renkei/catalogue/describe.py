"""The catalogue as plain values: the answers of GET /v1/catalogue and /v1/catalogue/items/{code}."""

from typing import Any

from renkei.catalogue.envelope import GROUP_TITLES
from renkei.catalogue.items import Catalogue, Item, ValueSet
from renkei.vocabulary import Group, Tier


def describe(catalogue: Catalogue) -> dict[str, Any]:
    """``version``, the ten ``groups`` (one per group and tier), and the 237 ``items`` with the columns of items.csv."""
    return {
        "version": catalogue.version,
        "groups": [_group(group, tier, catalogue) for group in Group for tier in Tier],
        "items": [_columns(item) for item in catalogue.items.values()],
    }


def describe_item(item: Item, catalogue: Catalogue) -> dict[str, Any]:
    """The item's columns and, under ``value_sets``, every value set it or its sub-fields use, with codes and words."""
    names = dict.fromkeys(name for name in (item.value_set, *(f.value_set for f in item.fields)) if name is not None)
    return _columns(item) | {"value_sets": {name: _value_set(catalogue.value_sets[name]) for name in names}}


def _group(group: Group, tier: Tier, catalogue: Catalogue) -> dict[str, Any]:
    name_ja, name_en = GROUP_TITLES[group]
    count = len(catalogue.group(group, tier))
    return {"group": group.value, "tier": tier.value, "count": count, "name_ja": name_ja, "name_en": name_en}


def _columns(item: Item) -> dict[str, Any]:
    fields = [
        {"name": field.name, "type": field.type, "value_set": field.value_set, "optional": field.optional}
        for field in item.fields
    ]
    return {
        "code": item.code,
        "tier": item.tier.value,
        "group": item.group.value,
        "name_ja": item.name_ja,
        "name_en": item.name_en,
        "type": item.type,
        "repeats": item.repeats,
        "fields": fields or None,
        "value_set": item.value_set,
        "unit": item.unit,
        "min": item.minimum,
        "max": item.maximum,
        "max_length": item.max_length,
        "pattern": item.pattern,
        "check": item.check,
        "sensitivity": item.sensitivity,
        "required": item.required,
        "loinc": item.loinc,
        "fhir": item.fhir,
        "source": item.source,
        "note": item.note,
    }


def _value_set(value_set: ValueSet) -> dict[str, Any]:
    return {
        "title_ja": value_set.title_ja,
        "title_en": value_set.title_en,
        "source": value_set.source,
        "system": value_set.system,
        "codes": [{"code": c.code, "ja": c.ja, "en": c.en} for c in value_set.codes.values()],
    }
