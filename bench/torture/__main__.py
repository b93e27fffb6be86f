"""``python -m bench.torture``: every row, or those named; the figures beside their targets. Exit code 1 when one is missed."""

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable

from bench.torture.delivery import delivery
from bench.torture.feed import feed
from bench.torture.receiver import receiver
from bench.torture.rows import Row, away, crash, disk_full, repeat, unknown
from bench.torture.victim import victim

ROWS: dict[str, tuple[Callable[..., Awaitable[Row]], tuple[float, ...], tuple[float, ...]]] = {
    "crash": (crash, (200,), (6,)),
    "repeat": (repeat, (4,), (1,)),
    "unknown": (unknown, (400,), (20,)),
    "away": (away, (5, 30.0), (1, 1.0)),
    "feed": (feed, (16,), (3,)),
    "delivery": (delivery, (20, 60), (2, 10)),
    "receiver": (receiver, (20,), (1,)),
    "disk": (disk_full, (10.0,), (2.0,)),
}
"""Each row, what it is given in earnest, and what in the short form."""
ALONE = {"disk"}
"""Rows that bring a cluster of their own, on a disk that only root can make."""


async def _run(name: str, short: bool) -> Row:
    do, long_form, short_form = ROWS[name]
    given = short_form if short else long_form
    if name in ALONE:
        return await do(*given)
    async with victim() as on:
        return await do(on, *given)


def main() -> None:
    """One row after the other, each on a cluster of its own."""
    parser = argparse.ArgumentParser(prog="python -m bench.torture")
    parser.add_argument("rows", nargs="*", help=f"of {', '.join(ROWS)}; all when left out")
    parser.add_argument("--short", action="store_true", help="seconds instead of minutes")
    chosen = parser.parse_args()
    if unknown_rows := set(chosen.rows) - set(ROWS):
        parser.error(f"no such row: {', '.join(unknown_rows)}")
    missed = False
    for name in chosen.rows or ROWS:
        if name in ALONE and os.geteuid() != 0:
            print(f"{name}: not tried, only root can make such a disk", flush=True)
            continue
        found = asyncio.run(_run(name, chosen.short))
        print(found, flush=True)
        missed |= bool(found.missed)
    sys.exit(missed)


if __name__ == "__main__":
    main()
