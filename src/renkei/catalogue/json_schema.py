"""Shapes → JSON Schema 2020-12, with what a programmer needs beside it: names in both languages, units, words of codes.

What a schema cannot say stays out: check digits, sums, order, the present moment, and the difference of 3 and 3.0.
"""

from collections.abc import Iterable
from typing import Any

from renkei.catalogue.characters import LINE, MULTILINE, VISIBLE
from renkei.catalogue.envelope import KIND_TITLES, document_items, document_shape
from renkei.catalogue.items import Catalogue, Item, ValueSet
from renkei.catalogue.models import DATE, DATETIME, LONGEST_LIST
from renkei.catalogue.shapes import Coded, Flag, ListOf, Member, Moment, Number, Record, Shape, Text
from renkei.vocabulary import RecordKind

DIALECT = "https://json-schema.org/draft/2020-12/schema"
LOCAL = "#/$defs/"

Schema = dict[str, Any]


def json_schema(kind: RecordKind, catalogue: Catalogue) -> Schema:
    """The schema of such a document, standing alone."""
    schema, definitions = schema_parts(kind, catalogue)
    name = kind.value.replace("_", "-")
    return (
        {"$schema": DIALECT, "$id": f"urn:renkei:schema:{name}:{catalogue.version}"} | schema | {"$defs": definitions}
    )


def schema_parts(kind: RecordKind, catalogue: Catalogue, refs: str = LOCAL) -> tuple[Schema, dict[str, Schema]]:
    """The schema, and the definitions its references point at: under ``refs`` in the document they are put into."""
    shape = document_shape(kind, catalogue)
    title_ja, title_en = KIND_TITLES[kind]
    schema = {"title": f"{title_ja} / {title_en}", **_schema(shape, refs)}
    always = _always(document_items(kind, catalogue))
    if kind is RecordKind.care_report:
        schema["allOf"] = [always]
    else:
        starts = {"coverage": {"const": "complete"}, "reason": {"const": "start"}}
        schema["allOf"] = [{"if": {"properties": starts, "required": list(starts)}, "then": always}]
    return schema, _definitions(shape)


def _always(items: Iterable[Item]) -> Schema:
    """The always-items are there."""
    groups: dict[str, list[str]] = {}
    for item in items:
        if item.required == "always":
            groups.setdefault(item.group.value, []).append(item.name)
    needed = {group: {"required": names} for group, names in groups.items()}
    return {"properties": {"items": {"required": list(groups), "properties": needed}}}


def _schema(shape: Shape, refs: str) -> Schema:
    match shape:
        case Text():
            kind = "text" if shape.multiline else "line"
            form = {"pattern": shape.form} if shape.form else {}
            return {"$ref": f"{refs}{kind}", "maxLength": shape.max_length, **form}
        case Moment():
            first = {"x-minimum": shape.minimum} if shape.minimum else {}
            return {"$ref": f"{refs}{'datetime' if shape.timed else 'date'}", **first}
        case Number():
            return _number(shape)
        case Flag():
            return {"type": "boolean"}
        case Coded():
            return {"$ref": refs + _name(shape.value_set)}
        case ListOf():
            return _list(shape, refs)
        case Record():
            return {
                "type": "object",
                "properties": {name: _member(member, refs) for name, member in shape.members.items()},
                "required": [name for name, member in shape.members.items() if member.required],
                "additionalProperties": False,
                "minProperties": 1,
            }


def _number(shape: Number) -> Schema:
    step = {"multipleOf": shape.step} if shape.step else {}
    unit = {"x-unit": shape.unit} if shape.unit else {}
    kind = "integer" if shape.integer else "number"
    return {"type": kind, "minimum": shape.minimum, "maximum": shape.maximum, **step, **unit}


def _list(shape: ListOf, refs: str) -> Schema:
    entries = {"type": "array", "items": _schema(shape.element, refs), "minItems": 1, "maxItems": LONGEST_LIST}
    if not isinstance(shape.element, Coded):
        return entries
    none_alone = {"if": {"contains": {"const": "none"}}, "then": {"maxItems": 1}}
    return {**entries, "uniqueItems": True, **(none_alone if "none" in shape.element.value_set.codes else {})}


def _member(member: Member, refs: str) -> Schema:
    schema = _schema(member.shape, refs)
    if member.title is not None:
        schema = {"title": " / ".join(member.title), **schema}
    if member.item is not None:
        item = member.item
        notes = {
            "description": item.note,
            "x-loinc": item.loinc,
            "x-fhir": item.fhir,
            "x-review-days": item.review_days,
        }
        schema |= {"x-item": item.code, "x-tier": item.tier.value, "x-sensitivity": item.sensitivity}
        schema |= {key: note for key, note in notes.items() if note is not None}
    return schema


def _definitions(shape: Shape) -> dict[str, Schema]:
    texts: dict[str, Schema] = {
        "line": {"title": "1行の文字列 / One line of text", "type": "string", "allOf": _patterns(LINE, VISIBLE)},
        "text": {"title": "文章 / Text", "type": "string", "allOf": _patterns(MULTILINE, VISIBLE)},
        "date": {"title": "年月日 / Date", "type": "string", "format": "date", "pattern": DATE},
        "datetime": {"title": "日時 / Date and time", "type": "string", "format": "date-time", "pattern": DATETIME},
    }
    return texts | {_name(value_set): _value_set(value_set) for value_set in _value_sets(shape)}


def _patterns(*patterns: str) -> list[Schema]:
    return [{"pattern": pattern} for pattern in patterns]


def _value_sets(shape: Shape) -> Iterable[ValueSet]:
    match shape:
        case Coded():
            yield shape.value_set
        case ListOf():
            yield from _value_sets(shape.element)
        case Record():
            for member in shape.members.values():
                yield from _value_sets(member.shape)


def _name(value_set: ValueSet) -> str:
    # `absent` has two sizes: only repeating items that do not say "none" themselves may be declared none.
    return f"{value_set.name}_or_none" if value_set.name == "absent" and "none" in value_set.codes else value_set.name


def _value_set(value_set: ValueSet) -> Schema:
    words = [{"const": c.code, "title": f"{c.ja} / {c.en}"} for c in value_set.codes.values()]
    system = {"x-system": value_set.system} if value_set.system else {}
    title = f"{value_set.title_ja} / {value_set.title_en}"
    return {"title": title, "description": value_set.source, "type": "string", "oneOf": words, **system}
