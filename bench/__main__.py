"""``python -m bench``: all paths at 1 and 8 connections, a table, and ``bench/out/latest.json``."""

import argparse
import asyncio

from bench.feed import feed_page, growth
from bench.generator import ceiling, load
from bench.limit import Limit
from bench.measure import CpuTimes, Others
from bench.paths import MAKERS, Prepared
from bench.place import Place, scratch
from bench.recording import record
from bench.region import Town, found_town
from bench.report import Line, costs, heading, save, table

WARM_UP_SECONDS = 1.0
PATHS = {**MAKERS, "feed_page": feed_page}


def main() -> None:
    """Measure what is asked for, within bounds of time: at most three times ``--seconds`` for each line of the table."""
    chosen = _arguments()
    with scratch() as (folder, embedded):
        asyncio.run(_bench(Place.prepare(folder, embedded, chosen.worker), chosen))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--seconds", type=float, default=5.0, help="measured, for each line and again for its limit")
    parser.add_argument("--patients", type=int, default=200)
    parser.add_argument("--paths", nargs="+", choices=PATHS, default=list(PATHS))
    parser.add_argument(
        "--feed-lines", type=int, nargs="+", default=[], help="instead: pages of a feed that grows to so many lines"
    )
    parser.add_argument("--worker", action="store_true", help="with the worker beside the server")
    return parser.parse_args()


async def _bench(place: Place, chosen: argparse.Namespace) -> None:
    with place.serving():
        print(heading(place, chosen), flush=True)
        town = await found_town(place, chosen.patients)
        place.settle()
        if chosen.feed_lines:
            async for pages in growth(town, chosen.feed_lines, chosen.seconds):
                print(pages.told(), flush=True)
            return
        lines: list[Line] = []
        for path in (path for path in PATHS if path in chosen.paths):
            lines += await _path(place, town, path, chosen)
        print(f"\n{table(lines)}\n\n{save(lines)}")


async def _path(place: Place, town: Town, path: str, chosen: argparse.Namespace) -> list[Line]:
    prepared: Prepared = await PATHS[path](town)
    recorded = await record(place.settings, prepared)
    print(f"\n{costs(path, prepared, recorded)}", flush=True)
    limit = Limit(place, prepared, recorded)
    lines = []
    for connections in chosen.connections:
        place.settle()
        server, database = CpuTimes.of(place.server_pid()), CpuTimes.of(place.postgres_pid())
        others = Others(database)
        ours = load(prepared.requests, place.port, connections, chosen.seconds, WARM_UP_SECONDS)
        server_us, postgres_us = (cpu.since() / ours.answered * 1e6 for cpu in (server, database))
        beside = others.share()
        place.settle()
        others = Others(CpuTimes.of(place.postgres_pid()))
        theirs = limit.run(connections, chosen.seconds)
        beside = max(beside, others.share())
        can = ceiling(prepared.requests, ours.answer_bytes, connections)
        lines.append(Line(path, connections, ours, theirs, server_us, postgres_us, can, beside))
        print(lines[-1].told(), flush=True)
    return lines


if __name__ == "__main__":
    main()
