"""What may be said anew of a registered person, and what it makes of what stood (登録内容の変更・訂正). Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Literal, NamedTuple, Self
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator

from renkei.errors import Fault, Invalid
from renkei.schemas.answers import rfc3339
from renkei.schemas.fields import Day, Line, Strict, fault, faults
from renkei.schemas.patients import (
    HealthInsuranceIdentifier,
    KanaName,
    LocalIdentifier,
    LtciIdentifier,
    Name,
    number_key,
)
from renkei.vocabulary import Sex

CHANGE, CORRECTION = "change", "correction"
PERIOD = ("valid_from", "valid_until", "mistaken")
PARTICULARS = ("name", "name_kana", "birth_date", "sex", "moved_on", "moved_to", "died_on")
"""What is kept of a person beside the numbers, by column."""


class Period(Strict):
    """How long a number is the person's (days, both included). mistaken: it never was, and was recorded in error."""

    valid_from: Day | None = None
    valid_until: Day | None = None
    mistaken: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_from and self.valid_until and self.valid_until < self.valid_from:
            raise faults([("/valid_until", "reversed", {})])
        return self


class LtciNumber(LtciIdentifier, Period):
    """介護保険の被保険者番号とその期間."""


class HealthInsuranceNumber(HealthInsuranceIdentifier, Period):
    """医療保険の被保険者番号とその期間."""


class LocalNumber(LocalIdentifier, Period):
    """自機関の利用者番号とその期間."""


Number = Annotated[LtciNumber | HealthInsuranceNumber | LocalNumber, Field(discriminator="system")]


class Moved(Strict):
    """転居: the day, and where to as far as it may be known to all who know the person."""

    on: Day
    to: Line | None = None


class Died(Strict):
    """死亡."""

    on: Day


def _each_once(numbers: list[Any]) -> list[Any]:
    if len({number_key(number.model_dump(mode="json"), UUID(int=0)) for number in numbers}) != len(numbers):
        raise fault("repeated")
    return numbers


class PatientChange(Strict):
    """``PATCH /v1/patients/{id}``: members left out stay as they are. reason: the person's life has changed, or what was
    registered was wrong; an earlier name is a former name (旧姓) only where it was right."""

    reason: Literal["change", "correction"]
    name: Name | None = None
    name_kana: KanaName | None = None
    birth_date: Day | None = None
    sex: Annotated[Sex, Field(strict=False)] | None = None
    identifiers: Annotated[list[Number], Field(min_length=1, max_length=20), AfterValidator(_each_once)] | None = None
    moved: Moved | None = None
    died: Died | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        given = self.model_fields_set - {"reason"}
        # null takes back that somebody moved or died; nobody is without a name.
        empty = [name for name in sorted(given - {"moved", "died"}) if getattr(self, name) is None]
        found: list[tuple[str, str, dict[str, object]]] = [(f"/{name}", "type", {"expected": name}) for name in empty]
        if not given:
            found.append(("", "empty", {}))
        if self.reason == CHANGE and self.name is not None and self.name_kana is None:
            found.append(("/name_kana", "required", {}))
        if found:
            raise faults(found)
        return self


def changed_particulars(change: PatientChange, stood: Mapping[str, Any], today: date) -> dict[str, Any]:
    """The person's particulars after a change, by column; stood: those before. Raises Invalid for days that cannot be."""
    said = {name: getattr(change, name) for name in change.model_fields_set & {"birth_date", "sex"}}
    for name in change.model_fields_set & {"name", "name_kana"}:
        said[name] = getattr(change, name).model_dump(exclude_unset=True)
    if "moved" in change.model_fields_set:
        said |= {"moved_on": change.moved.on, "moved_to": change.moved.to} if change.moved else _NOT_MOVED
    if "died" in change.model_fields_set:
        said["died_on"] = change.died.on if change.died else None
    after = {**{name: stood[name] for name in PARTICULARS}, **said}
    found = [Fault("/birth_date", None, "future")] if after["birth_date"] > today else []
    if after["died_on"] and after["died_on"] > today:
        found.append(Fault("/died/on", None, "future"))
    for pointer, day in (("/moved/on", after["moved_on"]), ("/died/on", after["died_on"])):
        if day and day < after["birth_date"]:
            found.append(Fault(pointer, None, "order", {"expected": "birth_date ≤ on"}))
    if found:
        raise Invalid(found)
    return after


_NOT_MOVED = {"moved_on": None, "moved_to": None}


class NumberChange(NamedTuple):
    """A number's next row. new: the person has not had it before. patient_id: of a linked person, where the number stands."""

    number: Number
    body: Mapping[str, Any]
    valid_from: date | None
    valid_until: date | None
    mistaken: bool
    new: bool
    patient_id: UUID | None


def changed_numbers(
    numbers: Sequence[Number], stood: Mapping[bytes, Mapping[str, Any]], organization_id: UUID
) -> list[NumberChange]:
    """The rows of those numbers that are new or of which something else is said. stood: the newest rows, by key.

    Raises Invalid for one that is taken back but was never there, or would end before it starts.
    """
    found, wrong = list[NumberChange](), list[Fault]()
    for place, number in enumerate(numbers):
        before, pointer = (
            stood.get(number_key(number.model_dump(mode="json"), organization_id)),
            f"/identifiers/{place}",
        )
        kept = before or {"valid_from": None, "valid_until": None}
        start, end = (
            getattr(number, name) if name in number.model_fields_set else kept[name]
            for name in ("valid_from", "valid_until")
        )
        body = before["body"] if before else number.model_dump(mode="json", exclude_unset=True, exclude=set(PERIOD))
        if before is None and number.mistaken:
            wrong.append(Fault(pointer, None, "unknown"))
        elif start and end and end < start:
            wrong.append(Fault(f"{pointer}/valid_until", None, "reversed"))
        elif before is None or (start, end, number.mistaken) != tuple(before[name] for name in PERIOD):
            found.append(
                NumberChange(
                    number, body, start, end, number.mistaken, before is None, before["patient_id"] if before else None
                )
            )
    if wrong:
        raise Invalid(wrong)
    return found


def newest_numbers(rows: Iterable[Any]) -> dict[bytes, dict[str, Any]]:
    """The newest row of each number, by its key, in the order in which they first came. rows: oldest first."""
    found: dict[bytes, dict[str, Any]] = {}
    for row in rows:
        columns = ("patient_id", "body", *PERIOD)
        found[number_key(row.body, row.organization_id)] = {name: getattr(row, name) for name in columns}
    return found


def shown_numbers(numbers: Iterable[Mapping[str, Any]], today: date) -> list[dict[str, Any]]:
    """Numbers as they are shown: as first sent, with the period and whether it is now where one has been said."""
    shown = []
    for number in numbers:
        if number["mistaken"]:
            continue
        period = {name: number[name].isoformat() for name in ("valid_from", "valid_until") if number[name]}
        if period:
            began = number["valid_from"] is None or number["valid_from"] <= today
            period["current"] = began and (number["valid_until"] is None or number["valid_until"] >= today)
        shown.append({**number["body"], **period})
    return shown


def former_names(rows: Iterable[Any]) -> list[dict[str, Any]]:
    """Names the person had before they changed (旧姓), the latest first. rows: all particulars, oldest first."""
    found, before = list[dict[str, Any]](), None
    for row in rows:
        name = (row.name, row.name_kana)
        if before is not None and row.why == CHANGE and name != before:
            found.insert(0, {"name": before[0], "name_kana": before[1], "changed_at": rfc3339(row.recorded_at)})
        before = name
    return found
