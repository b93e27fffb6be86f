"""Writers race, publishers are killed, readers go on from everywhere: nothing is lost, told twice, or told in another order."""

import asyncio
import multiprocessing
import random
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.access.world import figure
from tests.factories import Region, Vendor, agree, join, register, report, submit
from tests.http.feed import end, page, publish_all, read, worker_engine

from renkei.database import WORKER_ROLE, make_engine
from renkei.settings import Settings
from renkei.worker import EVERY_SECONDS, often, publish_changes, work

WRITERS, WRITTEN, READERS, KILLS = 6, 16, 4, 6
SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
async def engine(settings: Settings) -> AsyncIterator[AsyncEngine]:
    async with worker_engine(settings) as made:
        yield made


def publisher(url: str) -> None:
    """A worker as a process of its own, to be killed."""

    async def run() -> None:
        await work(make_engine(url, WORKER_ROLE, 2), asyncio.Event(), [often(publish_changes, EVERY_SECONDS)])

    asyncio.run(run())


async def follow(reader: Vendor, cursor: str, settled: asyncio.Event, limit: int) -> list[dict[str, Any]]:
    """What one reader is told, going on from its cursor until nothing comes any more."""
    found: list[dict[str, Any]] = []
    while True:
        last = settled.is_set()
        got = await page(reader, "nurse", after=cursor, limit=limit, wait=1)
        found += got["changes"]
        cursor = got["cursor"]
        if last and not got["changes"]:
            return found


async def kill_again_and_again(url: str, stop: asyncio.Event) -> int:
    """Publishers one after the other, two at a time, each killed in the middle of its work; how many."""
    killed = 0
    while not stop.is_set() or killed < KILLS:
        processes = [SPAWN.Process(target=publisher, args=[url]) for _ in range(2)]
        for process in processes:
            process.start()
        await asyncio.sleep(1.0 + random.random())  # noqa: S311 - when to strike, no secret
        for process in processes:
            process.kill()
            await asyncio.to_thread(process.join)
            killed += 1
    return killed


async def test_nothing_is_lost_or_repeated_or_in_another_order(
    region: Region, settings: Settings, engine: AsyncEngine
) -> None:
    clinic, nurses = await region.found(), await region.found("visiting_nursing")
    patients = [await register(clinic) for _ in range(3)]
    for patient in patients:
        await join(clinic, nurses, patient)
        await agree(clinic, patient)
    await publish_all(engine)
    start, stop, settled = await end(clinic), asyncio.Event(), asyncio.Event()
    assert settings.worker_database_url is not None
    killing = asyncio.create_task(kill_again_and_again(settings.worker_database_url.get_secret_value(), stop))

    async def write(number: int) -> list[str]:
        ids = []
        for turn in range(WRITTEN):
            ids.append((await submit((clinic, nurses)[number % 2], patients[turn % 3], report()))["id"])
            await asyncio.sleep(0.1 * random.random())  # noqa: S311 - an uneven pace, no secret
        return ids

    readers = [asyncio.create_task(follow((clinic, nurses)[n % 2], start, settled, 3 + n)) for n in range(READERS)]
    written = {id_ for ids in await asyncio.gather(*(write(n) for n in range(WRITERS))) for id_ in ids}
    stop.set()
    killed = await killing
    await publish_all(engine)
    settled.set()
    began = time.monotonic()
    told = [[entry["record_id"] for entry in entries] for entries in await asyncio.gather(*readers)]
    whole = [entry["record_id"] for entry in await read(clinic, "nurse", after=start, limit=1000)]
    lost = sum(len(written - set(one)) for one in told)
    repeated = sum(len(one) - len(set(one)) for one in told)
    differing = sum(a != b for a, b in pairwise([*told, whole]))
    figure(
        f"feed: {len(written)} written by {WRITERS}, {killed} publishers killed, {READERS} readers: lost {lost}, "
        f"repeated {repeated}, orders that differ {differing} ({time.monotonic() - began:.1f} s to catch up)"
    )
    assert (lost, repeated, differing) == (0, 0, 0) and len(whole) == len(written)
