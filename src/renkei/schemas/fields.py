"""The field types request bodies are made of, and the translation of pydantic's errors into the contract's faults."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from renkei.catalogue.characters import LINE, MULTILINE, visible
from renkei.errors import Fault


class Strict(BaseModel):
    """A request body, or a part of one: unknown members are refused, nothing is converted silently."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


Found = tuple[str, str, dict[str, object]]
"""A fault a validator found: pointer below the validated value, code, parameters of its message."""


def faults(found: list[Found]) -> PydanticCustomError:
    """The error by which a validator names faults of the contract, all at once."""
    return PydanticCustomError("renkei_faults", "{faults}", {"faults": found})


def fault(code: str, **params: object) -> PydanticCustomError:
    """The same for the one fault of the value itself. code: a key of ``errors.FAULT_MESSAGES``."""
    return faults([("", code, params)])


def _day(value: object) -> date:
    if not isinstance(value, str):
        raise fault("type", expected="date")
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise fault("format", expected="YYYY-MM-DD") from None
    if day.isoformat() != value:  # Python also reads 20260401 and 2026-W14-3
        raise fault("format", expected="YYYY-MM-DD")
    return day


def _id(value: object) -> UUID:
    if not isinstance(value, str):
        raise fault("type", expected="id")
    try:
        found = UUID(value)
    except ValueError:
        raise fault("format", expected="UUID") from None
    if str(found) != value.lower():
        raise fault("format", expected="UUID")
    return found


def _unique(values: list[Any]) -> list[Any]:
    if len(set(values)) != len(values):
        raise fault("repeated")
    return values


def _visible(text: str) -> str:
    if not text.strip():
        raise fault("blank")
    return text


Day = Annotated[date, BeforeValidator(_day, json_schema_input_type=str), Field(json_schema_extra={"format": "date"})]
"""A calendar day, ``YYYY-MM-DD``, Asia/Tokyo."""
Id = Annotated[UUID, BeforeValidator(_id, json_schema_input_type=str), Field(json_schema_extra={"format": "uuid"})]
"""An id of this service."""
_shown = AfterValidator(_visible)
Line = Annotated[str, StringConstraints(max_length=200), Field(pattern=LINE), _shown]
"""One line of text without refused characters, 1–200 code points, not blank."""
ShortLine = Annotated[str, StringConstraints(max_length=100), Field(pattern=LINE), _shown]
"""The same, 1–100 code points."""
Text = Annotated[str, StringConstraints(max_length=2000), Field(pattern=MULTILINE), _shown]
"""Text of several lines, 1–2,000 code points, not blank."""
Unique = AfterValidator(_unique)

_CODES: Mapping[str, str] = {
    "missing": "required",
    "extra_forbidden": "unknown",
    "enum": "code",
    "literal_error": "code",
    "union_tag_invalid": "code",
    "union_tag_not_found": "required",
    "string_too_long": "length",
    "too_long": "length",
    "string_too_short": "blank",
    "too_short": "empty",
    "string_unicode": "character",
    "greater_than_equal": "bounds",
    "less_than_equal": "bounds",
    "greater_than": "bounds",
    "less_than": "bounds",
    "finite_number": "bounds",
}
_PATTERNS_OF_CHARACTERS = {LINE, MULTILINE}
LARGEST_ANSWER = 200
"""No more faults than this are listed: 100,000 unknown members must not make an answer of megabytes."""


def faults_of(errors: Iterable[Mapping[str, Any]], body: object, prefix: str = "") -> list[Fault]:
    """pydantic's errors about ``body`` as the contract's faults, with JSON pointers (RFC 6901) below ``prefix``."""
    found: list[Fault] = []
    for error in errors:
        pointer = prefix + "".join(f"/{_escape(part)}" for part in _path(error, body))
        context = error.get("ctx") or {}
        if error["type"] == "renkei_faults":
            found += [Fault(pointer + at, None, code, params) for at, code, params in context["faults"]]
        else:
            found.append(_fault(error["type"], context, pointer))
        if len(found) >= LARGEST_ANSWER:
            break
    return found[:LARGEST_ANSWER]


def _path(error: Mapping[str, Any], body: object) -> list[str | int]:
    """Where the error is in the body: pydantic's location without the tags of unions, which no body contains."""
    path: list[str | int] = []
    here, location = body, error["loc"]
    for place, part in enumerate(location):
        last = place == len(location) - 1
        if isinstance(here, dict) and part not in here and not (last and error["type"] == "missing"):
            continue
        path.append(part)
        if isinstance(here, dict):
            here = here.get(part)
        elif isinstance(here, list) and isinstance(part, int) and part < len(here):
            here = here[part]
    return path


def _fault(kind: str, context: Mapping[str, Any], pointer: str) -> Fault:
    if kind == "string_pattern_mismatch":
        refused = context.get("pattern") in _PATTERNS_OF_CHARACTERS
        return Fault(pointer, None, "character" if refused else "pattern", {"expected": context.get("pattern")})
    code = _CODES.get(kind, "type")
    params = {
        "max": context.get("max_length", context.get("le", context.get("lt"))),
        "min": context.get("ge", context.get("gt")),
        "expected": context.get("expected", kind.removesuffix("_type")),
        "value_set": context.get("expected"),
    }
    return Fault(pointer, None, code, {name: value for name, value in params.items() if value is not None})


def _escape(part: object) -> str:
    return visible(str(part)).replace("~", "~0").replace("/", "~1")
