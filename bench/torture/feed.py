"""The feed: writers race, publishers are killed, readers go on from every cursor there ever was."""

import asyncio
import random
import time
from itertools import pairwise
from typing import Any

from tests.factories import Vendor, report, shared_patient, submit
from tests.http.feed import end, page, read

from bench.torture.rows import Row, row
from bench.torture.victim import Victim, until

WRITERS, READERS, PATIENTS = 6, 4, 3
CURSORS = 200
"""Cursors gone on from at the end, taken evenly from all that were given."""


async def feed(on: Victim, kills: int) -> Row:
    """Two real `renkei work`, each killed again and again in the middle of its work."""
    began = time.monotonic()
    async with on.serving("serve"):
        clinic, nurses = await on.region.found(), await on.region.found("visiting_nursing")
        patients = [await shared_patient(clinic, nurses) for _ in range(PATIENTS)]
        await on.start("work")
        await until(lambda: on.ask("SELECT count(*) FROM unpublished_changes") == [(0,)])
        await on.kill("work")
        start, stop, settled = await end(clinic), asyncio.Event(), asyncio.Event()
        cursors: list[tuple[str, int]] = []
        readers = [
            asyncio.create_task(_follow((clinic, nurses)[n % 2], start, settled, 3 + n, cursors))
            for n in range(READERS)
        ]
        writers = [asyncio.create_task(_write((clinic, nurses)[n % 2], patients, stop)) for n in range(WRITERS)]
        await _kill_publishers(on, kills)
        stop.set()
        written = {id_ for ids in await asyncio.gather(*writers) for id_ in ids}
        await on.start("work")
        await until(lambda: on.ask("SELECT count(*) FROM unpublished_changes") == [(0,)])
        settled.set()
        told = await asyncio.gather(*readers)
        whole = [entry["record_id"] for entry in await read(clinic, "nurse", after=start, limit=1000)]
        step = max(1, len(cursors) // CURSORS)
        later = [
            [entry["record_id"] for entry in await read(nurses, "nurse", after=cursor, limit=1000)] != whole[passed:]
            for cursor, passed in cursors[::step]
        ]
    figures = {
        "lost": (sum(len(written - set(one)) for one in told), 0),
        "repeated under one cursor": (sum(len(one) - len(set(one)) for one in told), 0),
        "order differences between readers": (sum(a != b for a, b in pairwise([*told, whole])), 0),
        "cursors that go on otherwise": (sum(later), 0),
    }
    told_ = (
        f"{len(written)} written by {WRITERS}, {kills} publishers killed, {READERS} readers, {len(later)} of {len(cursors)} "
        f"cursors gone on from, in {time.monotonic() - began:.0f} s"
    )
    return row("feed", told_, figures)


async def _write(vendor: Vendor, patients: list[str], stop: asyncio.Event) -> list[str]:
    ids: list[str] = []
    while not stop.is_set():
        ids.append((await submit(vendor, patients[len(ids) % PATIENTS], report()))["id"])
        await asyncio.sleep(0.2 * random.random())
    return ids


async def _follow(
    reader: Vendor, cursor: str, settled: asyncio.Event, limit: int, cursors: list[tuple[str, int]]
) -> list[str]:
    """What one reader is told until nothing comes any more; and each cursor it was given, with how much came before."""
    found: list[str] = []
    while True:
        last = settled.is_set()
        got: dict[str, Any] = await page(reader, "nurse", after=cursor, limit=limit, wait=1)
        found += [entry["record_id"] for entry in got["changes"]]
        cursor = got["cursor"]
        cursors.append((cursor, len(found)))
        if last and not got["changes"]:
            return found


async def _one_more_placed(on: Victim) -> None:
    before = _placed(on)
    await until(lambda: _placed(on) > before)


async def _kill_publishers(on: Victim, kills: int) -> None:
    for turn in range(kills):
        names = [f"work {n}" for n in range(2)]
        for name in names:
            if name not in on.running:
                on.running[name] = on.place.start("work")
        await _one_more_placed(on)
        await asyncio.sleep(random.uniform(0, 0.3))
        await on.kill(names[turn % 2])
    for name in names:
        if name in on.running:
            await on.kill(name)


def _placed(on: Victim) -> int:
    return int(on.ask("SELECT count(*) FROM change_positions")[0][0])
