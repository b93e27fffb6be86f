"""Stamping: the newest seal, after its commit, by an authority that may be away, slow, or lie; and nothing ever waits for it."""

import asyncio
import logging
import threading
import time
from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.http.inside import as_owner
from tests.ledger.authority import Authority, Server, serving
from tests.ledger.inside import act, engines, lines, seal_all, sealer, verified

from renkei.access.time_stamps import Trust
from renkei.main import create_app
from renkei.settings import Settings
from renkei.worker import often, stamping, work
from renkei.worker.stamping import Stamper

OPEN = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'"
KEPT = "SELECT seal_position, token, says FROM audit_time_stamps ORDER BY 1"


@asynccontextmanager
async def sealed(settings: Settings, seals: int = 1) -> AsyncIterator[AsyncEngine]:
    """The worker's engine, after so many seals."""
    async with engines(settings) as (worker, _):
        for _ in range(seals):
            act(settings)
            await seal_all(worker, sealer(settings))
        yield worker


async def soon(seen: Callable[[], object]) -> bool:
    """Whether it is seen before long."""
    for _ in range(500):
        if seen():
            return True
        await asyncio.sleep(0.02)
    return False


async def test_the_newest_seal_gets_one_and_it_covers_those_before(stamped: Settings, server: Server) -> None:
    by, trust = Stamper.of(stamped), Trust.load(server.authority.roots(stamped.data_dir))
    async with sealed(stamped, 3) as worker, engines(stamped) as (_, service):
        await by.work(worker)
        await by.work(worker)  # it has one
        ((position, _, _),) = as_owner(stamped, KEPT)
        assert position == 3 and [kind for kind, _ in server.asked] == ["application/timestamp-query"]
        result = verified(await lines(service), sealer(stamped).keys, None, trust.moment)
    assert result.found == []
    assert (result.counts["seals"], result.counts["stamps"], result.counts["uncovered"]) == (3, 1, 0)
    assert result.longest.total_seconds() < 60


async def test_not_more_often_than_it_is_to_be(stamped: Settings, server: Server) -> None:
    async with sealed(stamped) as worker:
        await Stamper.of(stamped).work(worker)
        act(stamped)
        await seal_all(worker, sealer(stamped))
        await Stamper.of(stamped).work(worker)
        assert len(server.asked) == 1
        for _ in range(2):  # the second time the newest has one
            as_owner(stamped, "UPDATE audit_time_stamps SET kept_at = kept_at - interval '301 s'")
            await Stamper.of(stamped).work(worker)
            assert [row[0] for row in as_owner(stamped, KEPT)] == [1, 2] and len(server.asked) == 2


async def test_nothing_sealed_nothing_asked(stamped: Settings, server: Server) -> None:
    async with engines(stamped) as (worker, _):
        await Stamper.of(stamped).work(worker)
    assert server.asked == []


WRONG: dict[str, dict[str, Any]] = {
    "an error": {"tell": (500, {}, b"")},
    "an error with a good answer": {"status": 500},
    "a page": {"tell": (200, {"Content-Type": "text/html"}, b"<html>")},
    "a huge answer": {"tell": (200, {}, b"\x30" * 200_000)},
    "a huge answer that begins well": {"more": b" " * 100_000},
    "another length": {"tell": (200, {"Content-Length": "500"}, b"\x30\x03")},
    "more bytes": {"more": b"\0"},
    "drop by drop": {"drips": True},
}


@pytest.mark.parametrize("name", WRONG)
async def test_whatever_it_answers_sealing_goes_on_and_a_good_answer_is_taken_later(
    stamped: Settings, server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    monkeypatch.setattr(stamping, "ANSWER_SECONDS", 0.5)
    wrong = WRONG[name]

    def told(asked: bytes) -> tuple[int, dict[str, str], bytes]:
        status, headers, body = server.honest(asked)
        return wrong.get("tell") or (wrong.get("status", status), headers, body + wrong.get("more", b""))

    by = Stamper.of(stamped)
    server.tell, server.drips = told, wrong.get("drips", False)
    async with sealed(stamped) as worker:
        with caplog.at_level(logging.WARNING, "renkei.worker"):
            await asyncio.wait_for(by.work(worker), 20)
        assert as_owner(stamped, KEPT) == [] and "seal 1 has no time stamp" in caplog.text
        assert "defect" not in caplog.text
        await by.work(worker)  # too early
        assert len(server.asked) == 1
        act(stamped)
        await seal_all(worker, sealer(stamped))
        server.tell, server.drips, by._not_before = server.honest, False, 0.0
        await by.work(worker)
        assert [row[0] for row in as_owner(stamped, KEPT)] == [2] and by.failures == 0


async def test_a_redirect_is_not_followed(stamped: Settings, server: Server, authority: Authority) -> None:
    with serving(authority) as other:
        server.tell = lambda _: (307, {"Location": other.url}, b"")
        async with sealed(stamped) as worker:
            await Stamper.of(stamped).work(worker)
        assert as_owner(stamped, KEPT) == [] and len(server.asked) == 1 and other.asked == []


async def test_pauses_grow_to_a_bound(stamped: Settings, server: Server) -> None:
    server.server_close()  # away
    by, pauses = Stamper.of(stamped), []
    async with sealed(stamped) as worker:
        for _ in range(12):
            by._not_before = 0.0
            await by.work(worker)
            pauses.append(by._not_before - time.monotonic())
    assert 2 < pauses[0] <= 5 and 5 < pauses[3] <= 40 and 440 < pauses[11] <= 900


async def test_a_defect_of_ours_ends_nothing(
    stamped: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(stamping, "question", lambda _: 1 / 0)
    by = Stamper.of(stamped)
    async with sealed(stamped) as worker:
        await by.work(worker)
    assert by.failures == 1 and "ZeroDivisionError" in caplog.text


async def test_sealing_does_not_wait_for_an_authority_that_hangs(
    stamped: Settings, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the worker runs: seals go on while the question is open, and no transaction is held for it."""
    monkeypatch.setattr(stamping, "ANSWER_SECONDS", 60.0)
    stop, let = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def hang(asked: bytes) -> tuple[int, dict[str, str], bytes]:
        asyncio.run_coroutine_threadsafe(let.wait(), loop).result(60)
        return server.honest(asked)

    server.tell = hang
    by, stamper = sealer(stamped), Stamper.of(stamped)
    count = "SELECT count(*) FROM audit_seals"
    async with engines(stamped) as (worker, _):
        working = asyncio.create_task(work(worker, stop, [often(by.work, 0.02), often(stamper.work, 0.02)]))
        for number in range(1, 4):
            act(stamped)
            assert await soon(lambda expected=[(number,)]: as_owner(stamped, count) == expected)
            assert await soon(lambda: server.asked)  # of the first; it stays open
        assert as_owner(stamped, KEPT) == [] and len(server.asked) == 1
        assert await soon(lambda: as_owner(stamped, OPEN) == [(0,)])  # the sealer's end at once, this one's would not
        let.set()
        assert await soon(lambda: as_owner(stamped, KEPT))
        stop.set()
        await working
    assert [row[0] for row in as_owner(stamped, KEPT)] == [1]


async def test_two_workers_at_once_keep_one(stamped: Settings, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    both = threading.Barrier(2)

    def together(asked: bytes) -> tuple[int, dict[str, str], bytes]:
        both.wait(60)
        return server.honest(asked)

    server.tell = together
    monkeypatch.setattr(stamping, "ANSWER_SECONDS", 60.0)
    async with sealed(stamped) as worker:
        await asyncio.gather(*(Stamper.of(stamped).work(worker) for _ in range(2)))
        assert len(server.asked) == 2 and len(as_owner(stamped, KEPT)) == 1


@pytest.mark.parametrize("login", ["worker", "service"])
async def test_what_is_kept_is_never_changed_by_whoever_works_here(stamped: Settings, login: str) -> None:
    async with sealed(stamped) as worker:
        await Stamper.of(stamped).work(worker)
    kept = as_owner(stamped, KEPT)
    url = stamped.worker_database_url if login == "worker" else stamped.database_url
    assert kept and url is not None
    tried = ["UPDATE audit_time_stamps SET token = ''", "DELETE FROM audit_time_stamps", "TRUNCATE audit_time_stamps"]
    tried += ["UPDATE audit_time_stamps SET says = now()", "UPDATE audit_time_stamps SET seal_position = 2"]
    tried += ["DROP TABLE audit_time_stamps", "ALTER TABLE audit_time_stamps DROP COLUMN token"]
    if login == "service":
        tried += ["INSERT INTO audit_time_stamps VALUES (9, '', now())", "SELECT token FROM audit_time_stamps"]
    roles = ["renkei_worker"] if login == "worker" else ["renkei_service", "renkei_ledger"]
    with psycopg.connect(url.get_secret_value(), autocommit=True) as connection:
        for role in roles:
            connection.execute(f"SET ROLE {role}")  # type: ignore[arg-type]  # the names of our own roles
            for statement in tried[: -1 if role == "renkei_ledger" else None]:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement)  # type: ignore[arg-type]  # our own statements
    assert as_owner(stamped, KEPT) == kept


async def test_waiting_is_told_by_a_metric_where_it_is_switched_on(stamped: Settings, ledger: Settings) -> None:
    async with sealed(stamped) as worker:
        as_owner(stamped, "UPDATE audit_seals SET sealed_at = sealed_at - interval '1 hour'")
        assert 3600 <= float((await scraped(stamped))["renkei_seals_unstamped_seconds"]) < 4000
        as_owner(stamped, "UPDATE audit_seals SET sealed_at = sealed_at + interval '1 hour'")
        await Stamper.of(stamped).work(worker)
        assert float((await scraped(stamped))["renkei_seals_unstamped_seconds"]) == 0
    assert "renkei_seals_unstamped_seconds" not in await scraped(ledger)


async def scraped(settings: Settings) -> dict[str, str]:
    app = create_app(settings)
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        told = (await client.get("/metrics")).text
    return dict(line.rsplit(" ", 1) for line in told.splitlines() if line.startswith("renkei_seals"))


async def test_the_export_carries_what_the_authority_has_sent(stamped: Settings, server: Server) -> None:
    async with sealed(stamped, 2) as worker, engines(stamped) as (_, service):
        await Stamper.of(stamped).work(worker)
        first, second = (line for line in await lines(service) if "seal" in line)
    assert first.keys() == {"seal"} and second.keys() == {"seal", "time_stamp"}
    trust = Trust.load(server.authority.roots(stamped.data_dir))
    at = trust.moment(b64decode(second["time_stamp"]["token"]), second["seal"]["signature"])
    assert datetime.fromisoformat(second["time_stamp"]["time"]) == at
