"""The rows of the bar: what is done to the service, and the figures that must come out."""

import asyncio
import contextlib
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.factories import register, report

from bench.place import scratch_folder
from bench.torture.callers import Log, load
from bench.torture.proxy import Proxy
from bench.torture.verdict import verdict
from bench.torture.victim import Victim, until, victim

CALLERS = 8
STRIKES = {"process": 8, "backend": 5, "postgres": 5, "server": 2, "work": 2}
"""What is killed, and how often of 22 times."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. missed: figures beside their targets, where they differ."""

    name: str
    told: str
    missed: dict[str, tuple[object, object]]

    def __str__(self) -> str:
        return f"{self.name}: {self.told}" + (f"\n  MISSED {self.missed}" if self.missed else "")


def row(name: str, told: str, figures: Mapping[str, tuple[object, object]]) -> Row:
    """figures: name → what was found, what must be."""
    shown = ", ".join(f"{what} {found} ({target})" for what, (found, target) in figures.items())
    return Row(name, f"{told}: {shown}", {what: pair for what, pair in figures.items() if pair[0] != pair[1]})


async def _kept(on: Victim, log: Log) -> dict[str, tuple[object, object]]:
    found = await verdict(on, log)
    half = found.half if not found.half else f"{found.half} {found.halves} summaries {found.summaries}"
    return {
        "acknowledged lost": (found.lost, 0),
        "duplicated": (found.duplicated, 0),
        "half-written": (half, 0),
        "repeats answered otherwise": (log.differing, 0),
        "answers other than 200, 201, 503": (log.wrong, 0),
    }


async def crash(on: Victim, cycles: int, seconds: float = 3600.0) -> Row:
    """kill -9 of the server, one of its processes, PostgreSQL, one of its connections, the worker: at random, under load.

    Ends after ``seconds`` with as many as there were.
    """
    struck: Counter[str] = Counter()
    began = time.monotonic()
    async with on.serving("serve", "work"):
        async with load(on, CALLERS) as log:
            while struck.total() < cycles and time.monotonic() - began < seconds:
                await log.more(CALLERS)
                await asyncio.sleep(random.uniform(0, 0.2))
                (what,) = random.choices(list(STRIKES), list(STRIKES.values()))
                struck[what] += 1
                await _strike(on, what)
            await log.more(CALLERS)
        await until(lambda: on.ask("SELECT count(*) FROM unpublished_changes") == [(0,)])
        figures = await _kept(on, log)
    seals = await asyncio.to_thread(_ledger_faults, on)
    kills = ", ".join(f"{what} {count}" for what, count in sorted(struck.items()))
    told = (
        f"{struck.total()} of {cycles} kills ({kills}) in {time.monotonic() - began:.0f} s, {len(log.acknowledged)} acts acknowledged, "
        f"{log.unanswered} requests unanswered, {log.statuses[503]} × 503, {log.found_done} found done"
    )
    return row("crash", told, {**figures, "faults of the ledger": (seals, 0)})


async def _strike(on: Victim, what: str) -> None:
    if what in on.running:
        await on.kill(what)
        await on.start(what)
    elif what == "server":
        await on.kill("serve")
        await on.start("serve")
    else:
        await {"process": on.kill_process, "backend": on.kill_backend, "postgres": on.kill_postgres}[what]()


def _ledger_faults(on: Victim) -> int:
    """Lines of `renkei audit verify`, which the killed worker's seals must pass."""
    done = on.place.run("audit", "verify")
    return 0 if done.returncode == 0 else max(1, len(done.stdout.splitlines()))


async def unknown(on: Victim, cuts: int) -> Row:
    """The line to PostgreSQL cut between COMMIT and its answer, and callers that hang up; each tries again."""
    began = time.monotonic()
    with scratch_folder("renkei-line-") as line:
        proxy = Proxy(on.cluster._socket_dir)
        async with proxy.listening(line), on.serving("serve", through=line):
            async with load(on, CALLERS) as log:
                proxy.share = 0.3
                await until(lambda: proxy.committed + proxy.unknown >= cuts)
                proxy.share = 0.0
                await log.more(CALLERS)
            figures = await _kept(on, log)
    told = (
        f"{proxy.committed} lines cut after the commit and {proxy.unknown} during it, {log.unanswered} requests "
        f"unanswered, in {time.monotonic() - began:.0f} s; {len(log.acknowledged)} acts acknowledged, {log.found_done} found done"
    )
    return row("commit unknown", told, figures)


async def repeat(on: Victim, rounds: int, at_once: int = 64) -> Row:
    """One report from many callers at once; then other bodies under its key; then a crash; then all once more."""
    firsts: Counter[int] = Counter()
    right = asked = records = 0
    async with on.serving("serve"):
        clinic = await on.region.found()
        patient = await register(clinic)
        path = f"/v1/patients/{patient}/care-reports"
        for _ in range(rounds):
            sent = report()
            others = [{**sent, "items": report(items={"body": f"別の内容 {n}"})["items"]} for n in range(at_once)]
            same = await asyncio.gather(*(clinic.post(path, sent) for _ in range(at_once)))
            other = await asyncio.gather(*(clinic.post(path, body) for body in others))
            await on.kill("serve")
            await asyncio.gather(on.kill_postgres(), on.start("serve"))
            await until(on.cluster.running)
            again = await asyncio.gather(*(clinic.post(path, sent) for _ in range(at_once)))
            firsts.update(answer.status_code for answer in same)
            statuses = [sorted(a.status_code for a in answers) for answers in (same, other, again)]
            expected = [[*[200] * (at_once - 1), 201], [409] * at_once, [200] * at_once]
            right += sum(
                a == b for one, two in zip(statuses, expected, strict=True) for a, b in zip(one, two, strict=True)
            )
            asked += 3 * at_once
            query = "SELECT count(*) FROM records WHERE document_id = %s"
            records += on.ask(query, sent["source"]["document_id"])[0][0]
    told = f"{rounds} rounds of {at_once} callers, same key: same body, other body, again after a crash"
    return row("repeat", told, {"records": (records, rounds), "200, 201, 409 right": (right, asked)})


async def away(on: Victim, restarts: int, outage: float) -> Row:
    """PostgreSQL restarted, then away for a while, under load."""
    slowest = 0.0
    async with on.serving("serve", "work"), load(on, CALLERS, hangs_up=False) as log:
        for _ in range(restarts):
            await log.more(CALLERS)
            await on.stop_postgres()
            await on.start_postgres()
        await log.more(CALLERS)
        unanswered, refused = log.unanswered, log.statuses[503]
        await on.stop_postgres()
        log.slowest = 0.0
        await asyncio.sleep(outage)
        slowest, refused = log.slowest, log.statuses[503] - refused
        back = time.monotonic()
        await on.start_postgres()
        started = time.monotonic() - back
        await log.more(CALLERS)
        again = time.monotonic() - back
    async with on.serving("serve", "work"):
        await until(lambda: on.ask("SELECT count(*) FROM unpublished_changes") == [(0,)])
        figures = await _kept(on, log)
    told = (
        f"{restarts} restarts, then {outage:.0f} s away: {refused} × 503, the slowest after {slowest:.2f} s; "
        f"PostgreSQL back after {started:.1f} s, acts again after {again:.1f} s; {len(log.acknowledged)} acts acknowledged"
    )
    return row("database away", told, {**figures, "requests without an answer": (log.unanswered - unanswered, 0)})


@contextlib.contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """A disk of this size in memory, which only root can make."""
    with scratch_folder("renkei-disk-") as place:
        mount, options = ["mount", "-t", "tmpfs"], f"size={megabytes}m,mode=0701"
        subprocess.run([*mount, "-o", options, "tmpfs", place], check=True)
        try:
            yield place
        finally:
            subprocess.run(["umount", place], check=True)


async def disk_full(seconds: float) -> Row:
    """PostgreSQL's disk is full under load; then there is room again."""
    with small_disk(400) as disk:
        async with victim(disk) as on, on.serving("serve", "work"):
            async with load(on, CALLERS, hangs_up=False) as log:
                await log.more(5 * CALLERS)
                unanswered, ballast = log.unanswered, disk / "ballast"
                await asyncio.to_thread(_fill, ballast)
                await until(lambda: log.statuses[503] > 0)
                log.slowest, refused = 0.0, log.statuses[503]
                await asyncio.sleep(seconds)
                refused, slowest, fell = log.statuses[503] - refused, log.slowest, not on.cluster.running()
                ballast.unlink()
                if fell:
                    await on.start_postgres()
                await log.more(5 * CALLERS)
            figures = await _kept(on, log)
    told = (
        f"{seconds:.0f} s without room ({'PostgreSQL stopped by itself' if fell else 'PostgreSQL stayed up'}): "
        f"{refused} × 503, the slowest after {slowest:.2f} s; {len(log.acknowledged)} acts acknowledged"
    )
    return row("disk full", told, {**figures, "requests without an answer": (log.unanswered - unanswered, 0)})


def _fill(ballast: Path) -> None:
    piece = bytes(65_536)
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(piece):
            pass
