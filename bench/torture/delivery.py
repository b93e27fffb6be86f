"""Delivery: receivers that are down, refuse, hang, or lose what they have said; workers killed; writers that do not stop."""

import asyncio
import contextlib
import random
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from tests.factories import Vendor, report, shared_patient, submit
from tests.http.feed import read
from tests.webhooks.receiver import Received, Receiver, Reply, attempts, subscribe

from bench.torture.rows import Row, row
from bench.torture.victim import Victim, until
from renkei.schemas.webhook_messages import Patience

PATIENTS, WRITERS, KINDS = 6, 3, ["care_report.submit"]
HEARD = 10
"""Entries that each receiver hears between two kills."""
ANSWER_SECONDS = 1.0
SETTLING_SECONDS = 240.0
PENDING = "SELECT count(*) FROM pending_deliveries"
UNQUEUED = """
SELECT (SELECT count(*) FROM unpublished_changes) + (SELECT count(*) FROM redeliveries)
  + (SELECT max(position) FROM change_positions) - (SELECT position FROM delivery_progress)
"""
WITHOUT_EVENT = """
SELECT count(*) FROM deliveries d WHERE NOT EXISTS (SELECT FROM audit_events e WHERE e.patient_id = d.patient_id
  AND e.id = d.audit_event_id AND e.action = 'change.notify' AND e.organization_id IS NOT NULL)
"""
LASTED = """
SELECT count(*) AS attempts, extract(epoch FROM max(at) - min(at))::float8 AS seconds
FROM deliveries GROUP BY subscription_id, change_id
"""


class _Lost(Exception):
    """The answer never leaves: whoever asked does not know that it was heard."""


@dataclass
class Endpoint:
    """One subscription's receiver, on a port that it keeps while it goes down and comes back; and what it has heard."""

    manner: Callable[[Received], Reply]
    server: Receiver = field(default_factory=Receiver)
    heard: list[tuple[str, str]] = field(default_factory=list)
    """(patient, record) in the order they were acknowledged, as the receiver sees it: perhaps more than once."""
    ids: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _up: threading.Thread | None = None

    def answer(self, one: Received) -> Reply:
        """What the manner says; what it acknowledges is heard, also when the answer is lost on its way."""
        self.ids[one.entry["record_id"]].add(one.id)
        try:
            reply = self.manner(one)
        except _Lost:
            self.heard.append((one.entry["patient_id"], one.entry["record_id"]))
            raise
        if 200 <= reply[0] < 300:
            self.heard.append((one.entry["patient_id"], one.entry["record_id"]))
        return reply

    def rise(self) -> None:
        """Listen, on the same port as before."""
        if self.server.socket.fileno() < 0:
            port, old = self.server.server_port, self.server
            self.server = Receiver(port)
            self.server.received = old.received
        self.server.reply = self.answer
        self._up = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self._up.start()

    def fall(self) -> None:
        """Stop listening: connections are refused."""
        self.server.shutdown()
        assert self._up is not None
        self._up.join()
        self.server.server_close()


def sound(_: Received) -> Reply:
    """Acknowledges everything."""
    return 204, {}, b""


def moody(_: Received) -> Reply:
    """Refuses, hangs, loses its answer, or acknowledges."""
    what = random.choices(["yes", "500", "503", "hang", "lost"], [5, 2, 1, 1, 2])[0]
    if what == "hang":
        time.sleep(ANSWER_SECONDS * random.uniform(1.2, 2))
    if what == "lost":
        raise _Lost
    return {"500": (500, {}, b"x" * 5000), "503": (503, {"Retry-After": "1"}, b"")}.get(what, (200, {}, b"ok"))


async def delivery(on: Victim, kills: int, retry_seconds: int) -> Row:
    """Writers write, receivers misbehave, and of two `renkei work` one after the other is killed; then all is well again."""
    began = time.monotonic()
    on.place.more = {
        "RENKEI_ALLOW_PRIVATE_TARGETS": "true",
        "RENKEI_WEBHOOK_TIMEOUT_SECONDS": str(ANSWER_SECONDS),
        "RENKEI_WEBHOOK_RETRY_SECONDS": str(retry_seconds),
    }
    async with on.serving("serve"):
        clinic, nurses = await on.region.found(), await on.region.found("visiting_nursing")
        patients = [await shared_patient(clinic, nurses) for _ in range(PATIENTS)]
        endpoints = {
            name: Endpoint(manner) for name, manner in (("sound", sound), ("moody", moody), ("falling", sound))
        }
        async with _listening(endpoints):
            owners = {"sound": clinic, "moody": nurses, "falling": nurses}
            made = {name: await subscribe(owners[name], e.server.url(), kinds=KINDS) for name, e in endpoints.items()}
            written = await _chaos(on, (clinic, nurses), patients, endpoints, kills)
            for endpoint in endpoints.values():
                endpoint.manner = sound
            off = await _settle(on, owners, made)
            longest, most = _budget(on)
            dead = await _redeliver(on, owners, made)
        order = {patient: await _order(clinic, patient) for patient in patients}
        events = on.ask(WITHOUT_EVENT)[0][0]
    bound = _most_attempts(retry_seconds) + kills
    figures = {
        "lost": (sum(len(written - {record for _, record in e.heard}) for e in endpoints.values()), 0),
        "told before an earlier one of the same patient": (
            sum(_overtaken(e, order, dead[name]) for name, e in endpoints.items()),
            0,
        ),
        "entries under more than one webhook-id": (
            sum(len(ids) > 1 for e in endpoints.values() for ids in e.ids.values()),
            0,
        ),
        "tried longer than the budget": (sum(one > retry_seconds * 1.1 + 10 for one in longest), 0),
        "tried oftener than the budget": (int(most > bound), 0),
        "attempts without their audit event": (events, 0),
    }
    repeated = sum(len(e.heard) - len(set(e.heard)) for e in endpoints.values())
    told = (
        f"{len(written)} written by {WRITERS}, {kills} workers killed, 3 receivers asked "
        f"{sum(len(e.server.received) for e in endpoints.values())} times, heard {repeated} twice, at most {most} attempts of {bound}, "
        f"{sum(map(len, dead.values()))} given up and asked for again, {off} switched off and resumed, "
        f"in {time.monotonic() - began:.0f} s"
    )
    return row("delivery", told, figures)


@contextlib.asynccontextmanager
async def _listening(endpoints: dict[str, Endpoint]) -> AsyncIterator[None]:
    for endpoint in endpoints.values():
        endpoint.rise()
    try:
        yield
    finally:
        for endpoint in endpoints.values():
            await asyncio.to_thread(endpoint.fall)


async def _more_heard(endpoints: dict[str, Endpoint]) -> None:
    enough = {name: len(endpoint.heard) + HEARD for name, endpoint in endpoints.items()}
    await until(lambda: all(len(endpoint.heard) >= enough[name] for name, endpoint in endpoints.items()))


async def _chaos(
    on: Victim, vendors: tuple[Vendor, Vendor], patients: list[str], endpoints: dict[str, Endpoint], kills: int
) -> set[str]:
    stop, names = asyncio.Event(), ["work 0", "work 1"]
    writers = [asyncio.create_task(_write(vendors[n % 2], patients, n, stop)) for n in range(WRITERS)]
    ups = asyncio.create_task(_up_and_down(endpoints["falling"], stop))
    for turn in range(kills):
        for name in names:
            if name not in on.running:
                on.running[name] = on.place.start("work")
        await _more_heard(endpoints)
        await asyncio.sleep(random.uniform(0, 0.5))
        await on.kill(names[turn % 2])
    stop.set()
    await ups
    return {id_ for ids in await asyncio.gather(*writers) for id_ in ids}


async def _write(vendor: Vendor, patients: list[str], turn: int, stop: asyncio.Event) -> list[str]:
    ids: list[str] = []
    while not stop.is_set():
        turn += 1
        ids.append((await submit(vendor, patients[turn % len(patients)], report()))["id"])
        await asyncio.sleep(0.5 * random.random())
    return ids


async def _up_and_down(endpoint: Endpoint, stop: asyncio.Event) -> None:
    while not stop.is_set():
        await asyncio.sleep(random.uniform(0.5, 2))
        await asyncio.to_thread(endpoint.fall)
        await asyncio.sleep(random.uniform(0.5, 2))
        endpoint.rise()


async def _settle(on: Victim, owners: dict[str, Vendor], made: dict[str, Any]) -> int:
    """Until nothing waits any more; what was switched off is resumed, as its owner would. How many were."""
    if not any(name.startswith("work") for name in on.running):
        await on.start("work")
    deadline, off = time.monotonic() + SETTLING_SECONDS, 0
    while True:
        for name, subscription in made.items():
            path = f"/v1/subscriptions/{subscription['id']}"
            if (await owners[name].get(path)).json()["state"] == "off":
                off += (await owners[name].post(f"{path}/resumption", {})).status_code == 201
        waiting = on.ask(UNQUEUED)[0][0] + on.ask(PENDING)[0][0]
        if not waiting:
            return off
        if time.monotonic() > deadline:
            raise TimeoutError(f"{waiting} still wait")
        await asyncio.sleep(0.2)


async def _redeliver(on: Victim, owners: dict[str, Vendor], made: dict[str, Any]) -> dict[str, set[str]]:
    """Ask again for what was given up, as docs/vendors.md says; the webhook-ids of it."""
    found = {name: await attempts(owners[name], subscription, outcome="dead") for name, subscription in made.items()}
    for name, letters in found.items():
        for letter in letters:
            path = f"/v1/subscriptions/{made[name]['id']}/deliveries/{letter['id']}/redelivery"
            assert (await owners[name].post(path, {})).status_code == 201
    await _settle(on, owners, made)
    return {name: {letter["webhook_id"] for letter in letters} for name, letters in found.items()}


async def _order(vendor: Vendor, patient: str) -> list[str]:
    return [entry["record_id"] for entry in await read(vendor, patient=patient, kind=KINDS[0], limit=1000)]


def _overtaken(endpoint: Endpoint, order: dict[str, list[str]], dead: set[str]) -> int:
    """Entries heard for the first time although an earlier one of the same patient, not given up, had not been."""
    found, heard = 0, set[str]()
    given_up = {record for record, ids in endpoint.ids.items() if ids & dead}
    place = {record: n for records in order.values() for n, record in enumerate(records)}
    for patient, record in endpoint.heard:
        if record not in heard and record not in given_up:
            found += any(one not in heard and one not in given_up for one in order[patient][: place[record]])
        heard.add(record)
    return found


def _budget(on: Victim) -> tuple[list[float], int]:
    """How long each entry was tried, and how often the one that was tried most."""
    rows = on.ask(LASTED)
    return [float(seconds) for _, seconds in rows], max((int(count) for count, _ in rows), default=0)


def _most_attempts(retry_seconds: int) -> int:
    """With the shortest pauses chance allows."""
    patience, total, number = Patience(retry_seconds), 0.0, 1
    while total < retry_seconds:
        total += patience.pause(number, None, 0.0)
        number += 1
    return number
