"""``python -m bench.verify``: how long it takes to seal and to verify a ledger of a million events, and with how much memory.

The events are made by SQL in a scratch database: three of four on patients, as a region's; then sealed as the worker does it.
"""

import argparse
import asyncio
import contextlib
import os
import resource
import sys
import time
from collections.abc import Iterator
from uuid import UUID

import psutil
import psycopg

from bench.measure import CpuTimes, Others
from bench.place import scratch
from renkei import migration
from renkei.access.actor import Actor
from renkei.access.audit import Asked
from renkei.access.verification import Verifier
from renkei.actions.audit_export import Days, export_lines
from renkei.database import SERVICE_ROLE, WORKER_ROLE, make_engine
from renkei.demo.run import DATABASE, with_embedded
from renkei.ids import new_id
from renkei.operator import migrate
from renkei.settings import Settings, required
from renkei.vocabulary import ActorKind
from renkei.worker.sealing import Sealer

EVENTS = """
INSERT INTO audit_events (patient_id, id, request_id, at, action, outcome, actor_kind, client_id, organization_id, user_id,
  user_name, profession, basis, groups)
SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), now() - %(events)s * interval '4 ms' + n * interval '4 ms',
  'summary.read', 'allowed', 'client', gen_random_uuid(), gen_random_uuid(), 'u-' || n, '検査 花子', 'nurse', '{care_team}',
  '{person,family,medical,living,care_report}'
FROM generate_series(1, %(events)s * 3 / 4) n
"""
OTHERS = """
INSERT INTO service_events (id, request_id, at, action, outcome, actor_kind, client_id, detail)
SELECT gen_random_uuid(), gen_random_uuid(), now() - n * interval '4 ms', 'token.issue', 'allowed', 'client', gen_random_uuid(),
  jsonb_build_object('client_id', 'rk-' || n)
FROM generate_series(1, %(events)s / 4) n
"""
LONGEST_SECONDS = 600.0
"""Sealing and verifying are each given up after this long: a ledger that takes longer is too large for this bench."""


def main() -> None:
    """Make, seal, verify, and print what it took."""
    parser = argparse.ArgumentParser(prog="python -m bench.verify")
    parser.add_argument("--events", type=int, default=1_000_000)
    events = parser.parse_args().events
    with scratch({}) as (folder, embedded):
        migration.make_database(embedded.url("postgres", "postgres"), DATABASE, afresh=True)
        settings = with_embedded(Settings(data_dir=folder), embedded)
        migrate(settings)
        with psycopg.connect(required(settings.owner_database_url), autocommit=True) as connection:
            for statement in (EVENTS, OTHERS):
                connection.execute(statement, {"events": events})
            connection.execute("VACUUM ANALYZE")
        asyncio.run(_measure(settings))


async def _measure(settings: Settings) -> None:
    sealer, database = Sealer.of(settings), _database(settings)
    with _told("sealed", database):
        async with asyncio.timeout(LONGEST_SECONDS):
            await _seal(settings, sealer)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with _told("verified", database):
        async with asyncio.timeout(LONGEST_SECONDS):
            verifier = await _verify(settings, sealer)
    counts, grown = verifier.counts, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(
        f"{counts['leaves']:,} events under {counts['seals']} seals; memory grown by {grown / 1024:.0f} MB while verifying"
    )
    if verifier.found:
        sys.exit(f"violations: {verifier.found[:5]}")


@contextlib.contextmanager
def _told(what: str, database: int) -> Iterator[None]:
    """Seconds on the clock, and of processor: the first depend on what else the machine is doing."""
    ours, theirs, others = CpuTimes.of(os.getpid()), CpuTimes.of(database), Others(CpuTimes.of(database))
    began = time.perf_counter()
    yield
    took = time.perf_counter() - began
    used = f"processor {ours.since():.1f} s here, {theirs.since():.1f} s in the database"
    print(f"{what}: {took:.1f} s ({used}; other programs took {others.share():.0%} of the machine)", flush=True)


def _database(settings: Settings) -> int:
    """The parent of all the database's processes."""
    with psycopg.connect(required(settings.owner_database_url)) as connection:
        return int(psutil.Process(connection.info.backend_pid).ppid())


async def _seal(settings: Settings, sealer: Sealer) -> None:
    engine = make_engine(required(settings.worker_database_url), WORKER_ROLE, 2)
    while await sealer.work(engine):
        pass
    await engine.dispose()


async def _verify(settings: Settings, sealer: Sealer) -> Verifier:
    engine = make_engine(required(settings.database_url), SERVICE_ROLE, 1)
    verifier = Verifier(sealer.keys.public_pem)
    asked = Asked(new_id(), Actor(ActorKind.auditor, UUID(int=0), None, ()), "audit.read")
    async for line in export_lines(engine, asked, Days()):
        verifier.take(line)
    verifier.finish()
    await engine.dispose()
    return verifier


if __name__ == "__main__":
    main()
