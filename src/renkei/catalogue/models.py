"""Shapes → pydantic: strict, no unknown member, finite numbers, values left as they were parsed.

The core schema is built directly and keeps plain dict, list, str and number: what costs in validation is objects, not
rules. Each link of a chain may fail in one way only, so that the first failing link is the one fault a value has:
type, refused character, blank, form, length, check digit (design: "What a document must be").
"""

import functools
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

from pydantic import GetCoreSchemaHandler, RootModel
from pydantic_core import CoreSchema, PydanticCustomError, SchemaValidator, core_schema

from renkei.catalogue.characters import LINE, MULTILINE, VISIBLE
from renkei.catalogue.checks import CHECKS
from renkei.catalogue.envelope import document_shape
from renkei.catalogue.items import Catalogue
from renkei.catalogue.shapes import Coded, Flag, ListOf, Moment, Number, Record, Shape, Text
from renkei.vocabulary import RecordKind

JAPAN = timezone(timedelta(hours=9))
"""Asia/Tokyo, which has had no summer time since 1951: the days of this service are its days."""

# The calendar is in the pattern, so that 2026-02-30 fails in JSON Schema too. Four-digit years from 1000 on.
_MONTH_DAY = "(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8])"
_LEAP_YEAR = "[1-9][0-9](0[48]|[2468][048]|[13579][26])|([2468][048]|[13579][26])00"
_DAY = f"([1-9][0-9]{{3}}-({_MONTH_DAY})|({_LEAP_YEAR})-02-29)"
DATE = f"^{_DAY}$"
DATETIME = f"^{_DAY}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{{1,9}})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"

CODE_OF_PATTERN: Mapping[str, str] = MappingProxyType(
    {LINE: "character", MULTILINE: "character", VISIBLE: "blank", DATE: "format", DATETIME: "format"}
)
"""Which fault a failed pattern is; any other pattern is the form of an item: ``pattern``."""


LONGEST_LIST = 1000
"""Entries of one item: far beyond any record, and keeps a body of nothing but wrong entries from being told one by one."""


@functools.cache
def document_model(kind: RecordKind, catalogue: Catalogue) -> type[RootModel[dict[str, Any]]]:
    """The strict model of a document under that catalogue; its ``root`` is the body as plain values.

    Rules between values are not in it, they are in rules.py: they must be told even where another value is wrong.
    """
    body = _core(document_shape(kind, catalogue))

    class Document(RootModel[dict[str, Any]]):
        @classmethod
        def __get_pydantic_core_schema__(cls, source: type[Any], handler: GetCoreSchemaHandler) -> CoreSchema:
            return core_schema.model_schema(cls, body, root_model=True)

    Document.__name__ = Document.__qualname__ = "FaceSheet" if kind is RecordKind.face_sheet else "CareReport"
    return Document


@functools.cache
def document_validator(kind: RecordKind, catalogue: Catalogue, *, brief: bool = False) -> SchemaValidator:
    """The model's validator alone. brief: tells only the first wrong entry of each list."""
    return SchemaValidator(_core(document_shape(kind, catalogue), brief))


def _core(shape: Shape, brief: bool = False) -> CoreSchema:
    match shape:
        case Text():
            return _text(shape)
        case Moment():
            return _moment(shape)
        case Number():
            return _number(shape)
        case Flag():
            return core_schema.bool_schema(strict=True)
        case Coded():
            return core_schema.chain_schema([_clean(LINE), core_schema.literal_schema(list(shape.value_set.codes))])
        case ListOf():
            entry = _core(shape.element, brief)
            return core_schema.list_schema(entry, min_length=1, max_length=LONGEST_LIST, strict=True, fail_fast=brief)
        case Record():
            return _record(shape, brief)


def _clean(pattern: str) -> CoreSchema:
    return core_schema.str_schema(strict=True, pattern=pattern)


def _text(shape: Text) -> CoreSchema:
    links = [_clean(MULTILINE if shape.multiline else LINE), core_schema.str_schema(pattern=VISIBLE)]
    if shape.form is not None:
        links.append(core_schema.str_schema(pattern=shape.form))
    links.append(core_schema.str_schema(max_length=shape.max_length))
    if shape.check is not None:
        links.append(core_schema.no_info_plain_validator_function(_check_digit(CHECKS[shape.check])))
    return core_schema.chain_schema(links)


def _check_digit(holds: Callable[[str], bool]) -> Callable[[str], str]:
    def check_digit(number: str) -> str:
        if not holds(number):
            raise PydanticCustomError("check_digit", "wrong check digit")
        return number

    return check_digit


def _moment(shape: Moment) -> CoreSchema:
    links = [_clean(LINE), core_schema.str_schema(pattern=DATETIME if shape.timed else DATE)]
    if shape.minimum is not None:
        links.append(core_schema.no_info_plain_validator_function(_not_before(shape.minimum, shape.timed)))
    return core_schema.chain_schema(links)


def _not_before(first_day: str, timed: bool) -> Callable[[str], str]:
    first = datetime.fromisoformat(first_day).replace(tzinfo=JAPAN)

    def not_before(moment: str) -> str:
        # Days in this form sort as text.
        if (datetime.fromisoformat(moment) < first) if timed else (moment < first_day):
            raise PydanticCustomError("bounds", "before the first day allowed")
        return moment

    return not_before


def _number(shape: Number) -> CoreSchema:
    if shape.integer:
        return core_schema.int_schema(strict=True, ge=int(shape.minimum), le=int(shape.maximum), multiple_of=shape.step)
    return core_schema.float_schema(strict=True, allow_inf_nan=False, ge=shape.minimum, le=shape.maximum)


def _record(shape: Record, brief: bool) -> CoreSchema:
    fields = {
        name: core_schema.typed_dict_field(_core(member.shape, brief), required=member.required)
        for name, member in shape.members.items()
    }
    members = core_schema.typed_dict_schema(fields, strict=True, extra_behavior="forbid")
    if any(member.required for member in shape.members.values()):
        return members  # an empty one already fails, and is told as empty (schemas/documents.py)
    return core_schema.no_info_after_validator_function(_not_empty, members)


def _not_empty(members: dict[str, Any]) -> dict[str, Any]:
    if not members:
        raise PydanticCustomError("empty", "at least one member")
    return members
