"""Writing the two ledgers: acts on a patient (``audit_events``) and acts on no patient (``service_events``).

One event per request and patient shown or asked for, sharing the request's id. An allowed act's event is written in the
transaction of the act; a refusal has one of its own (design §3, rule 6).
"""

import time
from asyncio import sleep
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlalchemy.ext.asyncio import AsyncEngine

from renkei.access.actor import Actor
from renkei.access.refusals import until_next_grain
from renkei.database import Transaction, transaction
from renkei.errors import NotFound, RenkeiError
from renkei.ids import new_id
from renkei.schemas.retry_keys import RetryKey
from renkei.vocabulary import Basis, Group, Outcome, Reason

INSERT_EVENTS = """
INSERT INTO audit_events (patient_id, id, request_id, action, outcome, reason, actor_kind, client_id, organization_id,
  user_id, user_name, profession, basis, groups, record_id)
SELECT patient_id, id, %(request_id)s, %(action)s, %(outcome)s, %(reason)s, %(actor_kind)s, %(client_id)s,
  %(organization_id)s, %(user_id)s, %(user_name)s, %(profession)s, string_to_array(basis, ','), string_to_array(groups, ','),
  record_id
FROM unnest(%(patients)b::uuid[], %(ids)b::uuid[], %(bases)b::text[], %(groups)b::text[], %(records)b::uuid[])
  AS e (patient_id, id, basis, groups, record_id)
"""

INSERT_EVENT = """
INSERT INTO audit_events (patient_id, id, request_id, action, outcome, reason, actor_kind, client_id, organization_id,
  user_id, user_name, profession, basis, groups, record_id)
VALUES (%(patient_id)s, %(id)s, %(request_id)s, %(action)s, %(outcome)s, %(reason)s, %(actor_kind)s, %(client_id)s,
  %(organization_id)s, %(user_id)s, %(user_name)s, %(profession)s, %(basis)s, %(groups)s, %(record_id)s)
"""

INSERT_SERVICE_EVENT = """
INSERT INTO service_events (id, request_id, action, outcome, reason, actor_kind, client_id, organization_id, user_id,
  user_name, profession, detail)
VALUES (%(id)s, %(request_id)s, %(action)s, %(outcome)s, %(reason)s, %(actor_kind)s, %(client_id)s, %(organization_id)s,
  %(user_id)s, %(user_name)s, %(profession)s, %(detail)s)
"""


Told = Mapping[UUID, UUID] | None
"""patient → the event on record, of those who are told the same notice once more."""
RECORDED = {403, 404, 409, 412}
"""Refusals that are put on record (design §3, rule 6); 400, 401, 413, 422 go to the log only."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks what in which request: the part of an event that is known before anything is decided.

    action: the permission's string. record_id: the record concerned, where the request names one. key: by which the caller knows this act again
    when it retries, if it has given it one. also_about: patients named elsewhere than in the path, each of whom a refusal is about too.
    """

    request_id: UUID
    actor: Actor
    action: str
    record_id: UUID | None = None
    key: RetryKey | None = None
    also_about: set[UUID] = field(default_factory=set, compare=False)

    def _columns(self, outcome: Outcome, reason: Reason | str | None) -> dict[str, object]:
        actor = self.actor
        return {
            "request_id": self.request_id,
            "action": self.action,
            "outcome": outcome.value,
            "reason": reason,
            "actor_kind": actor.kind.value,
            "client_id": actor.client_id,
            "organization_id": actor.organization.id if actor.organization else None,
            "user_id": actor.user_id,
            "user_name": actor.user_name,
            "profession": actor.profession,
        }

    def allowed(self, tx: Transaction, patient_id: UUID, bases: Iterable[Basis], groups: Iterable[Group]) -> UUID:
        """Queue the event of one allowed act on one patient; it travels with the act's next statement."""
        event_id = new_id()
        columns = self._columns(Outcome.allowed, None)
        written = {"patient_id": patient_id, "id": event_id, "basis": sorted(bases), "groups": list(groups)}
        tx.later(INSERT_EVENT, {**columns, **written, "record_id": self.record_id})
        return event_id

    def allowed_all(
        self, tx: Transaction, patient_ids: Sequence[UUID], bases: Collection[Basis], groups: Collection[Group]
    ) -> UUID:
        """The same of a person with several ids, an event for each: parted again, each must tell who saw what stands under
        it. The first one's id."""
        first, *_ = [self.allowed(tx, id_, bases, groups) for id_ in patient_ids]
        return first

    def allowed_page(
        self, tx: Transaction, shown: Sequence[tuple[UUID, Iterable[Basis], Iterable[Group]]], told: Told = None
    ) -> list[UUID]:
        """Queue one event per patient shown on a page; for those told before the one that is on record."""
        events = dict(told or {})
        new = [one for one in shown if one[0] not in events]
        ids = {patient_id: new_id() for patient_id, _, _ in new}
        columns = self._columns(Outcome.allowed, None)
        lists = {
            "patients": list(ids),
            "ids": list(ids.values()),
            "bases": [",".join(sorted(bases)) for _, bases, _ in new],
            "groups": [",".join(groups) for _, _, groups in new],
        }
        if new:
            tx.later(INSERT_EVENTS, {**columns, **lists, "records": [None] * len(new)})
        events |= ids
        return [events[patient_id] for patient_id, _, _ in shown]

    def allowed_each(
        self,
        tx: Transaction,
        ids: Sequence[UUID],
        done: Sequence[tuple[UUID, Iterable[Basis], Iterable[Group]]],
        records: Sequence[UUID | None],
    ) -> None:
        """Queue one event for each of many documents, under ids that are known already; several may be about one patient, and
        are told apart by the record concerned."""
        lists = {
            "patients": [patient_id for patient_id, _, _ in done],
            "ids": list(ids),
            "bases": [",".join(sorted(bases)) for _, bases, _ in done],
            "groups": [",".join(groups) for _, _, groups in done],
            "records": list(records),
        }
        tx.later(INSERT_EVENTS, {**self._columns(Outcome.allowed, None), **lists})

    def refused(self, tx: Transaction, patient_id: UUID, reason: str) -> None:
        """Queue the event of a refusal, also for a patient that does not exist."""
        columns = self._columns(Outcome.refused, reason)
        tx.later(
            INSERT_EVENT,
            {
                **columns,
                "patient_id": patient_id,
                "id": new_id(),
                "basis": [],
                "groups": [],
                "record_id": self.record_id,
            },
        )

    def served(self, tx: Transaction, detail: Mapping[str, object], refused: str | None = None) -> UUID:
        """Queue the event of an act on no patient. detail: ids and names, never content."""
        event_id = new_id()
        outcome = Outcome.refused if refused else Outcome.allowed
        tx.later(
            INSERT_SERVICE_EVENT, {**self._columns(outcome, refused), "id": event_id, "detail": Jsonb(dict(detail))}
        )
        return event_id


async def refuse(engine: AsyncEngine, asked: Asked, patient_id: UUID | None, error: RenkeiError, began: float) -> None:
    """What every door owes a refusal, before it tells it: it is on record; and that nobody is there is told no sooner than the next
    grain of time, so that hidden and absent are alike. patient_id: the path's. began: by ``time.perf_counter``."""
    if error.status in RECORDED:
        await _record_refusal(engine, asked, patient_id, error)
    if isinstance(error, NotFound):
        await sleep(until_next_grain(time.perf_counter() - began))


async def _record_refusal(engine: AsyncEngine, asked: Asked, patient_id: UUID | None, error: RenkeiError) -> None:
    """Write a refusal in a transaction of its own: that of the request is rolled back. patient_id: the path's."""
    about = [*([patient_id] if patient_id is not None else []), *sorted(asked.also_about - {patient_id})]
    async with transaction(engine) as tx:
        for one in about:
            asked.refused(tx, one, reason_of(error))
        if not about:
            asked.served(tx, {}, refused=reason_of(error))


def reason_of(error: RenkeiError) -> str:
    """Why, as the ledgers name it."""
    return str(error.members.get("reason_code", error.kind))


@dataclass(frozen=True, slots=True)
class AskedAtOnce(Asked):
    """The same for work that reads a patient by several acts: one event of it for each patient, written by the first act.

    told: the events that are on record, by patient.
    """

    told: dict[UUID, UUID] = field(default_factory=dict)

    def allowed(self, tx: Transaction, patient_id: UUID, bases: Iterable[Basis], groups: Iterable[Group]) -> UUID:
        if patient_id not in self.told:
            # Not super(): a dataclass with slots is another class than the one its methods were made in.
            self.told[patient_id] = Asked.allowed(self, tx, patient_id, bases, groups)
        return self.told[patient_id]
