"""Naming what is wrong in a face sheet or a care report: pydantic's errors say where and which link failed, and the shape there says
what the message names."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails, SchemaValidator

from renkei.catalogue import Catalogue
from renkei.catalogue.characters import visible
from renkei.catalogue.envelope import document_shape
from renkei.catalogue.models import CODE_OF_PATTERN, LONGEST_LIST, document_validator
from renkei.catalogue.rules import Finding, Path
from renkei.catalogue.shapes import Coded, Flag, ListOf, Moment, Number, Record, Shape, Text, shape_at
from renkei.errors import Fault
from renkei.vocabulary import RecordKind

MOST_FAULTS = 200
"""How many faults one answer tells. A body of a hundred thousand unknown members must not make an answer of that size."""
MANY_ERRORS = 1000
"""Beyond this, a list is told by its first wrong entry only."""


def wrong_values(
    kind: RecordKind, body: dict[str, Any], catalogue: Catalogue, error: ValidationError
) -> tuple[list[Finding], dict[str, Any] | None]:
    """Every value that is wrong in itself, and the body without them: None where they are too many to be told all."""
    shape, brief = document_shape(kind, catalogue), error.error_count() > MANY_ERRORS
    validator = document_validator(kind, catalogue, brief=brief)
    body = _without_surplus_members(body, shape, iter(range(MOST_FAULTS)))
    errors = _errors(validator, body)
    unencodable: list[Path] = []
    # A member name with a lone surrogate stops pydantic at its object, hiding all else in it: take it out, look again.
    while found := [name for detail in errors for name in _unencodable_names(detail, body)]:
        unencodable += found
        body = _without(body, found)
        errors = _errors(validator, body)
    # By path: the members missing from one empty object are told as one.
    findings = {finding.path: finding for finding in (_finding(detail, shape) for detail in errors)}
    told = [*(Finding(path, "unknown") for path in unencodable), *findings.values()]
    return told, None if brief else _without(body, findings)


def _errors(validator: SchemaValidator, body: object) -> list[ErrorDetails]:
    try:
        validator.validate_python(body)
    except ValidationError as error:
        return error.errors(include_url=False)
    return []


def _without_surplus_members(value: Any, shape: Shape, spare: Iterator[int]) -> Any:
    """A copy with only as many unknown members as ``spare`` yields: to name them all would cost more than to find them."""
    if isinstance(shape, ListOf) and isinstance(value, list):
        return [_without_surplus_members(entry, shape.element, spare) for entry in value]
    if isinstance(shape, Record) and isinstance(value, dict):
        members = shape.members
        return {
            name: _without_surplus_members(member, members[name].shape, spare) if name in members else member
            for name, member in value.items()
            if name in members or next(spare, None) is not None
        }
    return value


def _unencodable_names(detail: ErrorDetails, body: Any) -> list[Path]:
    if detail["type"] != "string_unicode":
        return []
    for step in detail["loc"]:
        body = body[step]
    # For a value pydantic points at the text itself, for a name at the object around it.
    return [(*detail["loc"], name) for name in body if not _is_encodable(name)] if isinstance(body, dict) else []


def _is_encodable(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _without(value: Any, paths: Collection[Path]) -> Any:
    """A copy without the values at those paths: members are gone, list elements are None. Shares what is untouched."""
    tree: dict[int | str, Any] = {}
    for path in paths:
        node = tree
        for step in path:
            node = node.setdefault(step, {})
    return _prune(value, tree)


def _prune(value: Any, tree: Mapping[int | str, Any]) -> Any:
    if not tree:
        return None
    if isinstance(value, dict):
        return {k: _prune(v, tree[k]) if k in tree else v for k, v in value.items() if tree.get(k, True)}
    return [_prune(v, tree[i]) if i in tree else v for i, v in enumerate(value)]


_CODE_OF_ERROR: Mapping[str, str] = {
    "missing": "required",
    "extra_forbidden": "unknown",
    "string_unicode": "character",
    "string_too_long": "length",
    "too_long": "length",
    "literal_error": "code",
    "greater_than_equal": "bounds",
    "less_than_equal": "bounds",
    "finite_number": "bounds",
    "bounds": "bounds",
    "multiple_of": "step",
    "too_short": "empty",
    "empty": "empty",
    "check_digit": "check_digit",
}
"""pydantic's error types as fault codes. Patterns are told apart by CODE_OF_PATTERN; every other is a wrong type."""


def _finding(detail: ErrorDetails, shape: Shape) -> Finding:
    kind, path, value = detail["type"], detail["loc"], detail["input"]
    code = _CODE_OF_ERROR.get(kind, "type")
    if kind == "string_pattern_mismatch":
        code = CODE_OF_PATTERN.get(detail["ctx"]["pattern"], "pattern")
    elif kind == "missing" and not value and len(path) > 1:
        path, code = path[:-1], "empty"
    elif kind == "literal_error" and path[0] == "absent" and value == "none":
        code = "none"
    elif kind == "float_type" and isinstance(value, int) and not isinstance(value, bool):
        code = "bounds"  # an integer no float can hold
    return Finding(path, code, _params(code, shape_at(shape, path)))


_JSON_TYPES: Mapping[type, str] = {
    Text: "string",
    Moment: "string",
    Coded: "string",
    Flag: "boolean",
    Record: "object",
    ListOf: "array",
}


def _params(code: str, shape: Shape | None) -> dict[str, object]:
    """What the message of such a fault names."""
    match code, shape:
        case "type", Number():
            return {"expected": "integer" if shape.integer else "number"}
        case "type", _:
            return {"expected": _JSON_TYPES[type(shape)]}
        case "format", Moment():
            return {"expected": "YYYY-MM-DDThh:mm:ss±hh:mm" if shape.timed else "YYYY-MM-DD"}
        case "code", Coded():
            return {"value_set": shape.value_set.name}
        case "pattern", Text():
            return {"expected": shape.form}
        case "length", Text():
            return {"max": shape.max_length}
        case "length", ListOf():
            return {"max": LONGEST_LIST}
        case "bounds", Number():
            return {"min": shape.minimum, "max": shape.maximum}
        case "bounds", Moment():
            return {"min": shape.minimum}
        case "step", Number():
            return {"step": shape.step}
    return {}


def as_fault(finding: Finding, kind: RecordKind, catalogue: Catalogue) -> Fault:
    pointer = "".join(f"/{visible(str(step)).replace('~', '~0').replace('/', '~1')}" for step in finding.path)
    return Fault(pointer, _item_at(finding.path, kind, catalogue), finding.code, finding.params)


def _item_at(path: Path, kind: RecordKind, catalogue: Catalogue) -> str | None:
    match path:
        case ("items", group, name, *_):
            code = f"{group}.{name}"
        case ("absent", name):
            code = str(name)
        case _:
            return None
    item = catalogue.items.get(code)
    return code if item is not None and item.group in kind.groups else None
