"""配信: what is sent next to a subscription, decided as the feed decides it; and what is kept of how it went."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from renkei.access.actor import Actor, Organization
from renkei.access.audit import Asked
from renkei.access.feed import FeedReader
from renkei.access.gate import authorize_office_page
from renkei.access.standing import standing_system
from renkei.database import Row, Transaction
from renkei.ids import new_id
from renkei.schemas.changes import change_shown
from renkei.schemas.webhook_messages import Patience, message_body, message_id, secret_purpose
from renkei.secret_box import SecretBox
from renkei.store import changes, deliveries
from renkei.store.deliveries import Turn
from renkei.vocabulary import ActorKind, OrganizationKind, Permission, Scope

AT_ONCE = 8
"""Messages to one subscription at once."""
FOR_EVER = 1e9
GONE = 410
NOBODY = UUID(int=0)
ROUNDS = 20
"""Times that nothing of what is due may be told any more, before another transaction goes on."""


class Message(NamedTuple):
    """One attempt to be made. attempt: the columns it will be kept under; begun: the instant it counts from."""

    url: str
    id: str
    body: bytes
    secrets: Sequence[bytes]
    attempt: Mapping[str, object]
    begun: datetime


class Result(NamedTuple):
    """How it went. status: None where none was answered, and then error says why; chance: 0 to 1, for the pause."""

    message: Message
    status: int | None
    answer: str | None
    error: str | None
    duration_ms: int
    asked_to_wait: float | None
    chance: float

    @property
    def acknowledged(self) -> bool:
        """Any 2xx."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def columns(self) -> dict[str, object]:
        """As it is kept."""
        said = {"status": self.status, "answer": self.answer, "error": self.error, "duration_ms": self.duration_ms}
        return {**self.message.attempt, **said}


class Limits(NamedTuple):
    """lease: seconds a turn stands without being renewed; patience: how long an entry and a subscription are tried."""

    lease: float
    patience: Patience


async def next_messages(
    tx: Transaction, box: SecretBox, turn: Turn, results: Sequence[Result], limits: Limits, *, last: bool = False
) -> tuple[list[Message], str | None]:
    """Keep how the last ones went, and what to send next; none ends the turn. And why it was switched off, if it was.

    last: end the turn whatever waits.
    """
    found = await deliveries.renew(tx, turn, limits.lease, limits.patience.seconds)
    reached, off = any(result.acknowledged for result in results), _over(found, results)
    for result in results:
        _keep(tx, result, limits.patience, off)
    if found is None or off is not None:
        return [], _switch_off(tx, turn, found, off)
    if reached:
        deliveries.note_reached(tx, turn)
    elif results:
        # From the instant the entry itself counts from: else it would be given up before the receiver is switched off.
        deliveries.note_failed(tx, turn, results[0].message.begun)
    failures = 0 if reached else found.failures + bool(results)
    if last or (results and not reached):
        deliveries.release(tx, turn, limits.patience.rest(failures) if failures else 0.0)
        return [], None
    actor = await standing_system(tx, found.client_id, found.organization_id, Scope.changes)
    if actor is None:
        if found.spent:
            return [], _switch_off(tx, turn, found, "not_allowed")
        deliveries.note_failed(tx, turn)
        deliveries.release(tx, turn, limits.patience.rest(failures + 1))
        return [], None
    messages = await _readable(tx, box, turn, found, actor, 1 if failures else AT_ONCE)
    if not messages:
        deliveries.release(tx, turn)
    return messages, None


def _over(found: Row | None, results: Sequence[Result]) -> str | None:
    """Why a subscription is to be switched off after these."""
    if found is None or any(result.acknowledged for result in results):
        return None
    if any(result.status == GONE for result in results):
        return "gone"
    return "failed" if results and found.spent else None


def _keep(tx: Transaction, result: Result, patience: Patience, off: str | None) -> None:
    if result.acknowledged:
        deliveries.keep_done(tx, result.columns, "delivered")
        return
    attempts = int(str(result.message.attempt["attempt"]))
    pause = patience.pause(attempts, result.asked_to_wait, result.chance)
    # What is not acknowledged when a subscription is switched off is told when it is resumed: it is not given up.
    deliveries.keep_failed(tx, result.columns, pause, FOR_EVER if off else patience.seconds)


def _switch_off(tx: Transaction, turn: Turn, found: Row | None, reason: str | None) -> str | None:
    """On record for the platform's administrator, and the organization's whose subscription it is."""
    if found is None or reason is None:
        return None
    deliveries.switch_off(tx, turn, reason)
    of = found.organization_id and Organization(
        found.organization_id, found.code, found.name, OrganizationKind(found.kind)
    )
    asked = Asked(new_id(), Actor(ActorKind.worker, NOBODY, of or None, ()), "subscription.switch_off")
    asked.served(tx, {"subscription_id": str(found.id), "url": found.url, "reason": reason})
    return reason


async def _readable(
    tx: Transaction, box: SecretBox, turn: Turn, found: Row, actor: Actor, largest: int
) -> list[Message]:
    """The next messages. What may not be told any more is taken away, and kept as that."""
    asked = Asked(new_id(), actor, Permission.change_notify)
    reader = FeedReader(tx, asked, actor.organization) if actor.organization else None
    for _ in range(ROUNDS):
        heads = await deliveries.due(tx, turn, largest)
        readable = await reader.readable(heads) if reader else heads
        for head in heads:
            if head not in readable:
                deliveries.keep_done(tx, {**_withheld(turn, head), "event": found.audit_event_id}, "withheld")
        if readable or not heads:
            return await _messages(tx, box, turn, found, readable, reader or asked) if readable else []
    return []


async def _messages(
    tx: Transaction, box: SecretBox, turn: Turn, found: Row, heads: Sequence[Row], by: FeedReader | Asked
) -> list[Message]:
    """Put on record before they are sent; what is only tried again is on record already."""
    patient_ids = [head.patient_id for head in heads]
    told = {head.patient_id: head.shown_under for head in heads if head.shown_under is not None}
    if isinstance(by, FeedReader):
        grants = await by.open(patient_ids, told)
    else:
        grants = authorize_office_page(tx, by, Permission.change_notify, patient_ids, told)
    secrets = [box.open(sealed, secret_purpose(found.id)) for sealed in (found.secret, found.previous_secret) if sealed]
    for grant, head in zip(grants, heads, strict=True):
        deliveries.begin_attempt(tx, grant, turn, head.position)
    lines = await changes.load_changes(tx, grants, heads)
    return [
        Message(
            found.url,
            message_id(found.id, head.change_id),
            message_body(change_shown(line)),
            secrets,
            {**_attempt(turn, head), "event": grant.event_id},
            found.at,
        )
        for line, head, grant in zip(lines, heads, grants, strict=True)
    ]


def _attempt(turn: Turn, head: Row) -> dict[str, object]:
    return {
        "patient": head.patient_id,
        "subscription": turn.subscription_id,
        "position": head.position,
        "change": head.change_id,
        "kind": head.kind,
        "attempt": head.attempts + 1,
    }


def _withheld(turn: Turn, head: Row) -> dict[str, object]:
    nothing = {"status": None, "answer": None, "error": None, "duration_ms": 0}
    return {**_attempt(turn, head), **nothing}
