"""A row's body held against the contract's own rules: those of the POST that takes it, no others."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from pydantic import ValidationError

from renkei.catalogue import load_catalogue
from renkei.errors import Fault, InvalidItems
from renkei.schemas.bulk.mapping import Row, letter, with_document_id
from renkei.schemas.documents import Document, read_document
from renkei.schemas.fields import faults_of
from renkei.schemas.patients import Registration

Checked = Document | Registration


def check_row(row: Row, now: datetime) -> tuple[Checked | None, list[Fault]]:
    """What the row is, or every fault in it: cells that could not be read, and values that break a rule."""
    found: Checked | None = None
    broken: Sequence[Fault] = ()
    try:
        if row.sheet.kind is None:
            found = Registration.model_validate(row.body)
        else:
            found = read_document(row.sheet.kind, row.body, load_catalogue(), now)
    except ValidationError as error:
        broken = faults_of([{**one} for one in error.errors(include_url=False)], row.body)
    except InvalidItems as error:
        broken = error.faults
    # A cell that could not be read is missing from the body: it is told once, as what it is.
    told = [fault.pointer for fault in row.faults]
    rest = [fault for fault in broken if not any(_overlap(fault.pointer, pointer) for pointer in told)]
    faults = [*row.faults, *rest]
    return (None, faults) if faults else (found, [])


def with_key(row: Row) -> Row:
    """The row with what makes it known again when it is sent again: a document's number, or, of a person, one of theirs."""
    if row.sheet.kind is not None:
        return replace(row, body=with_document_id(row)) if row.where else row
    if not row.body.get("identifiers") and not row.faults:
        return replace(row, faults=[Fault("/identifiers", None, "required")])
    return row


def _overlap(one: str, other: str) -> bool:
    shorter, longer = sorted((f"{one}/", f"{other}/"), key=len)
    return longer.startswith(shorter)


def fault_json(row: Row, fault: Fault, headings: Sequence[str]) -> dict[str, object]:
    """A fault as it is kept until it is shown: where, in which column, and what its message names. Never the value."""
    place = row.column_of(fault.pointer)
    column = {} if place is None else {"column": letter(place), "heading": _heading(headings, place)}
    return {"pointer": fault.pointer, "item": fault.item, "code": fault.code, "params": dict(fault.params), **column}


def _heading(headings: Sequence[str], place: int) -> str | None:
    return headings[place] if place < len(headings) else None
