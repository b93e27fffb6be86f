"""The load: offices' systems that do one act after the other, each again and again until it is answered, as vendors are told to."""

import asyncio
import contextlib
import random
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from tests.factories import Vendor, consent, person, register, report

from bench.torture.victim import PATIENCE_SECONDS, Victim, until

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
IMPATIENT, DOUBTFUL = 0.05, 0.25
"""Shares of requests given up on within milliseconds, and of acknowledged ones sent once more all the same."""
KEYED = {"person", "consent"}
DONE = (200, 201)


@dataclass
class Log:
    """What the callers were told. reader: a vendor who sees their patients."""

    reader: Vendor
    acknowledged: dict[tuple[str, str], str] = field(default_factory=dict)
    """(kind, name of the act) → the id it was acknowledged with."""
    homes: dict[str, list[str]] = field(default_factory=dict)
    """patient → the ids of its reports, oldest first."""
    statuses: Counter[int] = field(default_factory=Counter)
    unanswered: int = 0
    found_done: int = 0
    """Reports acknowledged as known already: the first answer was lost after its commit."""
    differing: int = 0
    """Repeats that were answered otherwise than the first time."""
    slowest: float = 0.0
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def wrong(self) -> int:
        """Answers other than done, done already, or 503."""
        return sum(count for status, count in self.statuses.items() if status not in (*DONE, 503))

    async def more(self, acts: int) -> None:
        """Wait until so many more acts are acknowledged. Raises what a caller has failed with."""
        enough = len(self.acknowledged) + acts
        await until(lambda: len(self.acknowledged) >= enough or any(task.done() for task in self.tasks))
        for task in self.tasks:
            if task.done():
                task.result()


@dataclass
class Caller:
    """One system with a patient of its own, so that its reports come in the order of their observation."""

    vendor: Vendor
    home: str
    log: Log
    hangs_up: bool = True

    async def work(self, stop: asyncio.Event) -> None:
        """Two reports, a person without a number, that person's consent; and so on."""
        turn = 0
        while not stop.is_set():
            for _ in range(2):
                turn += 1
                sent = report(items={"observed_at": (BEGAN + timedelta(minutes=turn)).isoformat()})
                path = f"/v1/patients/{self.home}/care-reports"
                if id_ := await self.act("report", sent["source"]["document_id"], path, sent):
                    self.log.homes[self.home].append(id_)
            name = f"検{secrets.token_hex(8)}"
            whole = person(identifiers=[], name={"family": name})
            patient = await self.act("person", name, "/v1/patients", whole)
            told = consent(form="oral", wording=name, recorded_by="検査 花子")
            await self.act("consent", name, f"/v1/patients/{patient}/consents", told)

    async def act(self, kind: str, name: str, path: str, body: dict[str, Any]) -> str | None:
        """Do it, once, however often that takes; its id. None when it was refused, which the log counts as wrong."""
        headers = {"Idempotency-Key": f"{kind}-{name[1:]}"} if kind in KEYED else {}
        answer = await self.insist(path, body, headers)
        if answer.status_code not in DONE:
            return None
        self.log.found_done += kind not in KEYED and answer.status_code == 200
        self.log.acknowledged[kind, name] = id_ = answer.json()["id"]
        if random.random() < DOUBTFUL:
            again = await self.insist(path, body, headers)
            expected = answer.status_code if kind in KEYED else 200
            self.log.differing += (again.status_code, again.json().get("id")) != (expected, id_)
        return str(id_)

    async def insist(self, path: str, body: dict[str, Any], headers: dict[str, str]) -> httpx.Response:
        """The first answer that is one, and not 503, however many tries it takes."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            if (answer := await self.once(path, body, headers)) is not None and answer.status_code != 503:
                return answer
            if time.monotonic() > deadline:
                raise TimeoutError(path, answer and answer.text)
            await asyncio.sleep(0.02)

    async def once(self, path: str, body: dict[str, Any], headers: dict[str, str]) -> httpx.Response | None:
        """One try; None when no answer came."""
        impatient = self.hangs_up and random.random() < IMPATIENT
        seconds = random.uniform(0.001, 0.03) if impatient else PATIENCE_SECONDS
        began = time.monotonic()
        try:
            answer = await asyncio.wait_for(self.vendor.post(path, body, by="physician", headers=headers), seconds)
        except (httpx.TransportError, TimeoutError):
            self.log.unanswered += 1
            return None
        self.log.slowest = max(self.log.slowest, time.monotonic() - began)
        self.log.statuses[answer.status_code] += 1
        return answer


@contextlib.asynccontextmanager
async def load(on: Victim, callers: int, hangs_up: bool = True) -> AsyncIterator[Log]:
    """So many callers at work until the block ends; then each finishes what it has begun."""
    clinic, stop = await on.region.found(), asyncio.Event()
    await clinic.token("physician")
    log = Log(clinic)
    for _ in range(callers):
        log.homes[await register(clinic)] = []
    log.tasks = [asyncio.create_task(Caller(clinic, home, log, hangs_up).work(stop)) for home in log.homes]
    try:
        yield log
        stop.set()
        await asyncio.wait_for(asyncio.gather(*log.tasks), PATIENCE_SECONDS)
    finally:
        for task in log.tasks:
            task.cancel()
        await asyncio.gather(*log.tasks, return_exceptions=True)
