"""What becomes of one row, and of one record that an import has made."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from renkei.access.audit import Asked, reason_of
from renkei.access.gate import authorize_registration
from renkei.actions.batches import Outcome
from renkei.actions.patients import register_patient
from renkei.actions.submissions import withdraw_care_report, withdraw_face_sheet
from renkei.database import Transaction, transaction
from renkei.errors import Conflict, Fault, Forbidden, Invalid, NotFound, RenkeiError
from renkei.schemas.bulk.mapping import Row as Said
from renkei.schemas.bulk.rows import fault_json
from renkei.schemas.bulk.targets import Sheet
from renkei.schemas.imports import ROW_REFUSALS
from renkei.schemas.patients import Registration
from renkei.vocabulary import Permission, RecordKind


def asking(asked: Asked, act: Permission) -> Asked:
    """The same who and which import, doing one of its acts."""
    return Asked(asked.request_id, asked.actor, act)


def runs(good: Sequence[tuple[Said, Any]]) -> Iterator[tuple[Sheet, list[tuple[Said, Any]]]]:
    """Neighbours of one kind together."""
    run: list[tuple[Said, Any]] = []
    for row, what in good:
        if run and run[0][0].sheet is not row.sheet:
            yield run[0][0].sheet, run
            run = []
        run.append((row, what))
    if run:
        yield run[0][0].sheet, run


async def register(tx: Transaction, asked: Asked, row: Said, registration: Registration, *, dry: bool) -> Outcome:
    """One person. A check looks nobody up: what it would tell is told by registering alone."""
    act = asking(asked, Permission.patient_register)
    try:
        if dry:
            await authorize_registration(tx, act)
            return Outcome(row.number, new=True)
        status, _ = await register_patient(tx, act, registration)
    except RenkeiError as error:
        # Raised before anything of it is written. On record with whom it is about, as if it had been sent alone.
        for patient_id in sorted(act.also_about):
            act.refused(tx, patient_id, reason_of(error))
        if not act.also_about:
            act.served(tx, {}, refused=reason_of(error))
        return Outcome(row.number, refused=error)
    return Outcome(row.number, new=status == 201)


async def withdraw(engine: AsyncEngine, asked: Asked, made: Any, reason: str) -> int:
    """1 where this record is withdrawn now, in a transaction of its own; one that may not be, or was for another reason, is left.

    Again after a crash it is withdrawn already, for this reason, and counts.
    """
    act = Asked(asked.request_id, asked.actor, f"{made.kind}.withdraw", made.record_id)
    do = withdraw_care_report if made.kind == RecordKind.care_report else withdraw_face_sheet
    try:
        async with transaction(engine) as tx:
            await do(tx, act, made.patient_id, made.record_id, reason)
    except (NotFound, Forbidden, Conflict) as error:
        async with transaction(engine) as tx:
            act.refused(tx, made.patient_id, reason_of(error))
        return 0
    return 1


def refusal(row: Said, error: RenkeiError, headings: Sequence[str]) -> list[dict[str, Any]]:
    """Why a row was refused, as an answer of its own would tell it."""
    if isinstance(error, Invalid):
        return [fault_json(row, fault, headings) for fault in error.faults]
    code = "not_found" if isinstance(error, NotFound) else str(error.members.get("reason_code", error.kind))
    message = list(ROW_REFUSALS.get(code) or error.detail or error.title)
    faults = error.faults if isinstance(error, Forbidden) and error.faults else (Fault("", None, code),)
    return [{**fault_json(row, Fault(one.pointer, one.item, code), headings), "message": message} for one in faults]
