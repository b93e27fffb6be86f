"""Sealing: every committed event of both ledgers, once, in an order that cannot be changed, whoever else works."""

import asyncio
import json
import stat
from datetime import date, timedelta
from pathlib import Path

import psycopg
from tests.http.inside import as_owner
from tests.ledger.inside import act, engines, lines, seal_all, sealer, verified

from renkei.access import seals
from renkei.access.tokens import Keys, verify_seal
from renkei.actions.audit_export import Days
from renkei.ids import new_id
from renkei.settings import Settings
from renkei.worker import often, work

UNSEALED = """
SELECT count(*) FROM (SELECT id, at FROM audit_events UNION ALL SELECT id, at FROM service_events) e
WHERE NOT EXISTS (SELECT FROM audit_leaves l WHERE l.event_id = e.id)
"""
SEALS = "SELECT position, count, (SELECT count(*) FROM audit_leaves l WHERE l.seal_position = s.position) FROM audit_seals s ORDER BY 1"


async def test_what_is_committed_is_sealed_once_and_verifies(ledger: Settings) -> None:
    act(ledger, 5, 2)
    by = sealer(ledger)
    async with engines(ledger) as (worker, service):
        await seal_all(worker, by)
        assert as_owner(ledger, UNSEALED) == [(0,)]
        act(ledger, 1, 1)
        await seal_all(worker, by)
        found = await lines(service)
    positions = as_owner(ledger, SEALS)
    assert [row[0] for row in positions] == list(range(1, len(positions) + 1))
    assert all(stated == kept > 0 for _, stated, kept in positions)
    result = verified(found, by.keys)
    assert result.found == []
    assert result.counts["leaves"] == sum(row[1] for row in positions)
    kinds = {line["event"][0] is None for line in found if "leaf" in line}
    assert kinds == {True, False}  # of both ledgers


async def test_each_seal_names_the_one_before_and_is_signed_letter_for_letter(ledger: Settings) -> None:
    by = sealer(ledger)
    async with engines(ledger) as (worker, service):
        for _ in range(2):
            act(ledger, 2, 2)
            await seal_all(worker, by)
        found = [line["seal"] for line in await lines(service) if "seal" in line]
    previous = None
    for seal in found:
        stated = seals.statement(seal)
        assert verify_seal(by.keys.public_pem, seal["signature"]) == stated
        assert seal["previous"] == previous
        previous = seals.digest(stated).hex()


async def test_in_small_steps(ledger: Settings) -> None:
    by = sealer(ledger)
    async with engines(ledger) as (worker, service):
        act(ledger, 8, 5)
        while await by.seal(worker, 3):
            pass
        assert [row[1] for row in as_owner(ledger, SEALS)] == [3, 3, 3, 3, 1]
        assert as_owner(ledger, UNSEALED) == [(0,)]
        assert verified(await lines(service), by.keys).found == []


async def test_what_commits_late_is_sealed_all_the_same(ledger: Settings) -> None:
    """An event bears its transaction's beginning; others that began later may be sealed before it is seen."""
    by, event = sealer(ledger), new_id()
    url = ledger.owner_database_url
    assert url is not None
    async with engines(ledger) as (worker, service):
        with psycopg.connect(url.get_secret_value()) as slow:
            slow.execute(
                "INSERT INTO service_events (id, request_id, action, outcome, actor_kind, detail) "
                "VALUES (%s, %s, 'slow', 'allowed', 'worker', '{}')",
                [event, new_id()],
            )
            act(ledger, 2, 2)
            await seal_all(worker, by)
        await seal_all(worker, by)
        assert as_owner(ledger, "SELECT count(*) FROM audit_leaves WHERE event_id = %s", event) == [(1,)]
        assert verified(await lines(service), by.keys).found == []


async def test_one_seals_and_the_others_wait(ledger: Settings) -> None:
    by = sealer(ledger)
    url = ledger.owner_database_url
    assert url is not None
    async with engines(ledger) as (worker, _):
        await seal_all(worker, by)
        act(ledger)
        with psycopg.connect(url.get_secret_value()) as other:
            other.execute("SELECT pg_advisory_xact_lock(%s)", [0x7365616C])
            assert await by.seal(worker) == 0
        assert await by.seal(worker) > 0


async def test_workers_at_once_while_offices_write(ledger: Settings) -> None:
    stop = asyncio.Event()
    async with engines(ledger) as (worker, service):
        working = [asyncio.create_task(work(worker, stop, [often(sealer(ledger).work, 0.05)])) for _ in range(3)]
        for _ in range(40):
            act(ledger)
            await asyncio.sleep(0.01)
        for _ in range(200):
            if as_owner(ledger, UNSEALED) == [(0,)]:
                break
            await asyncio.sleep(0.05)
        stop.set()
        await asyncio.gather(*working)
        result = verified(await lines(service), Keys.load(ledger.seal_keys_dir))
    assert (result.found, result.counts["awaiting"]) == ([], 0)


async def test_every_seal_is_noted_outside_the_database(ledger: Settings, tmp_path: Path) -> None:
    act(ledger)
    by = sealer(ledger, tmp_path)
    async with engines(ledger) as (worker, service):
        await seal_all(worker, by)
        noted = [json.loads(line) for line in by.journal.file.read_bytes().splitlines()]
        found = await lines(service)
        assert noted == [line["seal"] for line in found if "seal" in line]  # the earlier ones, too
        assert stat.S_IMODE(by.journal.file.stat().st_mode) == 0o600
        assert verified(found, by.keys, noted).found == []
        # A crash in the middle of a line: what was cut off is noted again, whole.
        whole = by.journal.file.read_bytes()
        by.journal.file.write_bytes(whole[:-20])
        again = sealer(ledger, tmp_path)
        await again.work(worker)
        assert by.journal.file.read_bytes()[: len(whole)] == whole


async def test_a_journal_that_cannot_be_written_stops_nothing(ledger: Settings, tmp_path: Path) -> None:
    by, stop = sealer(ledger, tmp_path), asyncio.Event()
    by.journal.file.mkdir()
    async with engines(ledger) as (worker, _):
        act(ledger)
        working = asyncio.create_task(work(worker, stop, [often(by.work, by.seconds)]))
        for _ in range(200):
            if as_owner(ledger, UNSEALED) == [(0,)]:
                break
            await asyncio.sleep(0.05)
        assert as_owner(ledger, UNSEALED) == [(0,)]
        by.journal.file.rmdir()
        stop.set()
        await working
        await by.work(worker)
    assert by.journal.last_position() == len(as_owner(ledger, SEALS))


async def test_a_part_of_the_ledger_by_days(ledger: Settings) -> None:
    """The chain is taken up where the part begins, and what the journal has before or after is none of its business."""
    by = sealer(ledger)
    async with engines(ledger) as (worker, service):
        for _ in range(3):
            act(ledger)
            await seal_all(worker, by)
        noted = [json.loads(line) for line in by.journal.file.read_bytes().splitlines()]
        today, second = date.fromisoformat(noted[0]["sealed_at"][:10]), noted[1]
        for days, seals_ in (
            (Days(today, None), 3),
            (Days(None, today), 3),
            (Days(today, today), 3),
            (Days(None, today - timedelta(days=1)), 0),
            (Days(today + timedelta(days=1), None), 0),
        ):
            result = verified(await lines(service, days), by.keys, noted)
            assert (result.found, result.counts["seals"]) == ([], seals_), days
        part = await lines(service, Days(today, None))
        begins = next(place for place, line in enumerate(part) if line.get("seal") == second)
        part[1:begins], part[0]["first"] = [], 2
        part[-1]["end"] |= {"seals": 2, "leaves": part[-1]["end"]["leaves"] - noted[0]["count"]}
        assert verified(part, by.keys, noted).found == []
        assert [
            kind for kind, _ in verified(part, by.keys, noted[::2]).found
        ] == []  # what the journal lacks is no fault
        part[0]["from"] = None
        assert {kind for kind, _ in verified(part, by.keys, noted).found} == {"chain", "journal"}
