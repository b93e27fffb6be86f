"""Long polling: an answer as soon as there is one, nothing held while waiting, an end when the client or the server goes."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.access.world import figure
from tests.factories import Region, Vendor, register, report, submit
from tests.http.feed import end, page, publish_all, told, worker_engine
from tests.http.inside import as_owner

from renkei.api.feed_watch import FeedWatch
from renkei.database import SERVICE_ROLE, make_engine
from renkei.main import create_app
from renkei.settings import Settings
from renkei.worker import EVERY_SECONDS, often, publish_changes, work

WAITERS = 30
"""Three times as many as there are connections to the database."""


@pytest.fixture
async def engine(settings: Settings) -> AsyncIterator[AsyncEngine]:
    async with worker_engine(settings) as made:
        yield made


async def clinic_with_patient(region: Region, engine: AsyncEngine) -> tuple[Vendor, str, str]:
    """A clinic, its patient, and the cursor behind all that has happened."""
    clinic = await region.found()
    patient = await register(clinic)
    await publish_all(engine)
    return clinic, patient, await end(clinic)


async def test_many_wait_and_are_told_at_once(region: Region, engine: AsyncEngine) -> None:
    clinic, patient, cursor = await clinic_with_patient(region, engine)
    waiting = [asyncio.create_task(page(clinic, after=cursor, wait=20)) for _ in range(WAITERS)]
    await asyncio.sleep(0.6)
    assert not any(task.done() for task in waiting)
    kept = await submit(clinic, patient, report())  # there is a connection left for whoever works
    began = time.monotonic()
    await publish_all(engine)
    got = await asyncio.gather(*waiting)
    seconds = time.monotonic() - began
    figure(f"feed: {WAITERS} waiting readers told after {seconds:.2f} s")
    assert seconds < 2.0
    assert [told(one["changes"]) for one in got] == [[("care_report.submit", kept["id"])]] * WAITERS


async def test_an_entry_is_told_within_a_second_of_its_commit(region: Region, engine: AsyncEngine) -> None:
    clinic, patient, cursor = await clinic_with_patient(region, engine)
    stop, longest = asyncio.Event(), 0.0
    working = asyncio.create_task(work(engine, stop, [often(publish_changes, EVERY_SECONDS)]))
    for _ in range(4):
        waiting = asyncio.create_task(page(clinic, after=cursor, wait=20))
        await asyncio.sleep(0.2)
        await submit(clinic, patient, report())
        began = time.monotonic()
        cursor = (await waiting)["cursor"]
        longest = max(longest, time.monotonic() - began)
    stop.set()
    await working
    figure(f"feed: longest time from commit to answer {longest:.2f} s")
    assert longest < 1.0


async def test_others_acts_do_not_end_the_waiting(region: Region, engine: AsyncEngine) -> None:
    clinic, patient, cursor = await clinic_with_patient(region, engine)
    stranger, _, _ = await clinic_with_patient(region, engine)
    waiting = asyncio.create_task(page(clinic, after=cursor, wait=20))
    for _ in range(3):
        await register(stranger)
        await publish_all(engine)
        await asyncio.sleep(0.3)
    assert not waiting.done()
    await submit(clinic, patient, report())
    await publish_all(engine)
    assert [entry["patient_id"] for entry in (await waiting)["changes"]] == [patient]


async def test_when_the_time_is_over_the_page_is_empty(region: Region, settings: Settings, engine: AsyncEngine) -> None:
    clinic, _, cursor = await clinic_with_patient(region, engine)
    began = time.monotonic()
    answer = await clinic.get("/v1/changes", params={"after": cursor, "wait": 1})
    assert 0.9 < time.monotonic() - began < 2.0
    assert answer.json() == {"changes": [], "cursor": cursor}
    query = "SELECT count(*) FROM audit_events WHERE request_id = %s::uuid"
    assert as_owner(settings, query, answer.headers["x-request-id"]) == [(0,)]


async def test_whose_client_is_disabled_meanwhile_is_told_nothing(
    region: Region, settings: Settings, engine: AsyncEngine
) -> None:
    clinic, patient, cursor = await clinic_with_patient(region, engine)
    await clinic.token("nurse")
    waiting = asyncio.create_task(clinic.get("/v1/changes", params={"after": cursor, "wait": 20}))
    await submit(clinic, patient, report())
    as_owner(settings, "UPDATE clients SET disabled_at = now() WHERE client_id = %s", clinic.client_id)
    await asyncio.sleep(1.1)  # as long as a token may be remembered
    await publish_all(engine)
    assert (await waiting).status_code == 401


class Waiting:
    """A request as the watch sees it: only whether the client is still there."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[dict[str, str]] = asyncio.Queue()

    async def receive(self) -> dict[str, str]:
        """The next message of the connection."""
        return await self.messages.get()


async def test_a_client_that_hangs_up_ends_its_wait(settings: Settings) -> None:
    watch, request = await _watch(settings), Waiting()
    waiting = asyncio.create_task(watch.grown(2**62, 20, request))  # type: ignore[arg-type]  # all that is asked of one
    await asyncio.sleep(0.1)
    request.messages.put_nowait({"type": "http.request"})
    await asyncio.sleep(0.1)
    assert not waiting.done()
    request.messages.put_nowait({"type": "http.disconnect"})
    assert await asyncio.wait_for(waiting, 1) is False
    assert watch._waiting == {}
    await asyncio.sleep(0.6)
    assert watch._looking is not None and watch._looking.done()  # and nobody looks any more
    await watch._engine.dispose()


async def test_a_database_that_is_away_is_waited_for(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.database_url is not None
    url = settings.database_url.get_secret_value()
    away = make_engine("postgresql://nobody@127.0.0.1:1/nothing", SERVICE_ROLE, 1)
    watch, back = FeedWatch(away), make_engine(url, SERVICE_ROLE, 1)
    waiting = asyncio.create_task(watch.grown(-1, 20, Waiting()))  # type: ignore[arg-type]  # all that is asked of one
    await asyncio.sleep(0.6)
    assert not waiting.done()
    monkeypatch.setattr(watch, "_engine", back)
    assert await asyncio.wait_for(waiting, 5) is True
    await away.dispose()
    await back.dispose()


async def _watch(settings: Settings) -> FeedWatch:
    assert settings.database_url is not None
    return FeedWatch(make_engine(settings.database_url.get_secret_value(), SERVICE_ROLE, 1))


@pytest.fixture
def server(settings: Settings, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """``renkei serve`` with two processes, and where."""
    assert settings.database_url is not None
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "RENKEI_DATABASE_URL": settings.database_url.get_secret_value(),
        "RENKEI_DATA_DIR": str(settings.data_dir),
        "RENKEI_PORT": str(port),
        "RENKEI_WORKERS": "2",
        "PROMETHEUS_MULTIPROC_DIR": str(tmp_path),
    }
    command = [Path(sys.executable).parent / "renkei", "serve"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:  # noqa: S603 - our own program
        yield process, f"http://127.0.0.1:{port}"
        process.terminate()
        process.wait(20)


async def test_a_server_told_to_end_answers_who_waits(
    region: Region, engine: AsyncEngine, server: tuple[subprocess.Popen[bytes], str]
) -> None:
    clinic, _, cursor = await clinic_with_patient(region, engine)
    process, base = server
    headers = {"Authorization": f"Bearer {await clinic.token()}"}
    async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=30, headers=headers) as http:
        await _ready(http)
        query: dict[str, Any] = {"after": cursor, "wait": 25}
        waiting = asyncio.create_task(http.get("/v1/changes", params=query))
        await asyncio.sleep(1.0)
        assert not waiting.done()
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        answer = await waiting
        seconds = time.monotonic() - began
    figure(f"feed: a waiting reader answered {seconds:.2f} s after the server was told to end")
    assert (answer.status_code, answer.json()) == (200, {"changes": [], "cursor": cursor})
    assert seconds < 1.0


async def _ready(http: httpx.AsyncClient) -> None:
    for _ in range(300):
        try:
            if (await http.get("/readyz")).status_code == 200:
                return
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.1)
    raise TimeoutError


async def test_signals_are_as_before_when_the_service_has_ended(settings: Settings) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        pass
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
