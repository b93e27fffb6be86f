"""Does the time of a 404 tell hidden from absent? ``python -m bench.hidden`` asks for both in turn and compares.

Over a real server on 127.0.0.1, one keep-alive connection, the order of each pair by lot. The hidden patients have many
consents and teams, so that deciding about them is work. It fails where any route's p is 0.01 or less.
"""

import argparse
import asyncio
import contextlib
import http.client
import json
import math
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from tests.factories import Region, Vendor, agree, join, register, report, sheet, submit

from bench.place import DURABLE, Place
from renkei.actions.administration import found_installation
from renkei.embedded import EmbeddedPostgres
from renkei.ids import new_id
from renkei.operator import as_operator

ROUTES = {
    "summary": ("GET", "/summary", None),
    "patient": ("GET", "", None),
    "access": ("GET", "/access", None),
    "care-reports": ("POST", "/care-reports", report()),
}
PATIENTS, CONSENTS, TEAM = 40, 20, 10
WARM_UP = 200
LEAST_P = 0.01
"""Of the bar: below it the two sets of times are taken for different."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Times of one route in seconds, hidden and absent."""

    route: str
    hidden: Sequence[float]
    absent: Sequence[float]

    @property
    def distance(self) -> float:
        """The Kolmogorov–Smirnov statistic: the largest distance between the two distributions."""
        return distance(self.hidden, self.absent)

    @property
    def p(self) -> float:
        """How likely so large a distance is where there is no difference."""
        return likelihood(self.distance, len(self.hidden), len(self.absent))

    def __str__(self) -> str:
        hidden, absent = (statistics.median(times) * 1000 for times in (self.hidden, self.absent))
        sizes = f"n {len(self.hidden)} + {len(self.absent)}"
        return (
            f"{self.route:12}  {sizes}  median hidden {hidden:.3f} ms, absent {absent:.3f} ms  "
            f"KS {self.distance:.4f}  p {self.p:.3g}"
        )


def distance(one: Sequence[float], other: Sequence[float]) -> float:
    """The largest difference between the shares of both that are no greater than some value."""
    first, second = sorted(one), sorted(other)
    at, farthest = [0, 0], 0.0
    for value in sorted({*first, *second}):
        for side, values in enumerate((first, second)):
            while at[side] < len(values) and values[at[side]] <= value:
                at[side] += 1
        farthest = max(farthest, abs(at[0] / len(first) - at[1] / len(second)))
    return farthest


def likelihood(farthest: float, one: int, other: int) -> float:
    """Kolmogorov's asymptotic formula with Stephens' correction (Numerical Recipes, 3rd ed., §14.3.3)."""
    root = math.sqrt(one * other / (one + other))
    scaled = (root + 0.12 + 0.11 / root) * farthest
    if scaled < 0.2:  # the series converges slowly there, and the sum is 1 to twelve places
        return 1.0
    terms = (2 * (-1) ** (j - 1) * math.exp(-2 * j * j * scaled * scaled) for j in range(1, 101))
    return min(1.0, max(0.0, sum(terms)))


def main() -> None:
    """Measure, tell, and fail where a difference shows."""
    parser = argparse.ArgumentParser(prog="python -m bench.hidden")
    parser.add_argument("--n", type=int, default=2000, help="requests of each kind for each route")
    parser.add_argument("--routes", nargs="+", choices=list(ROUTES), default=list(ROUTES))
    chosen = parser.parse_args()
    with _scratch() as folder, EmbeddedPostgres(folder, settings=DURABLE) as embedded:
        try:
            place = Place.prepare(folder, embedded, worker=False)
            with place.serving():
                token, patients = asyncio.run(_hidden(place))
                place.settle()
                lines = []
                for route in chosen.routes:
                    lines.append(_compare(place.port, token, patients, route, chosen.n))
                    print(lines[-1], flush=True)
        finally:
            embedded.remove()
    sys.exit(any(line.p <= LEAST_P for line in lines))


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="renkei-bench-") as folder:
        os.chmod(folder, 0o701)  # As root, PostgreSQL runs as somebody who must pass through.
        yield Path(folder)


async def _hidden(place: Place) -> tuple[str, list[str]]:
    """A stranger's token, and patients with many consents and a large team, none of which concern the stranger."""
    made = await as_operator(
        place.owner_url, "client.register", lambda tx, asked: found_installation(tx, asked, "bench")
    )
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{place.port}", timeout=30, trust_env=False) as client:
        region = Region(client, Vendor(client, made["client_id"], made["client_secret"]))
        clinic, stranger = await region.found(), await region.found()
        team = [await region.found("visiting_nursing") for _ in range(TEAM)]
        patients = []
        for _ in range(PATIENTS):
            patients.append(await _patient(clinic, team))
        await register(stranger)
        return await stranger.token("physician"), patients


async def _patient(clinic: Vendor, team: Sequence[Vendor]) -> str:
    patient = await register(clinic)
    for member in team:
        await join(clinic, member, patient)
    for number in range(CONSENTS):
        named = {"care_team": True, "organizations": [team[number % len(team)].id]}
        await agree(clinic, patient, recipients=named)
    await submit(clinic, patient, sheet({"medical": {"weight": 50}}), by="physician")
    return patient


def _compare(port: int, token: str, patients: Sequence[str], route: str, count: int) -> Compared:
    method, end, body = ROUTES[route]
    raw = json.dumps(body).encode() if body else None
    headers = {"Authorization": f"Bearer {token}", **({"Content-Type": "application/json"} if raw else {})}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    times: dict[str, list[float]] = {"hidden": [], "absent": []}
    lot = random.Random(0)  # noqa: S311 - the order of requests, no secret
    for turn in range(WARM_UP + count):
        pair: list[tuple[str, Any]] = [("hidden", patients[turn % len(patients)]), ("absent", new_id())]
        lot.shuffle(pair)
        for kind, patient in pair:
            took = _ask(connection, method, f"/v1/patients/{patient}{end}", raw, headers)
            if turn >= WARM_UP:
                times[kind].append(took)
    connection.close()
    return Compared(route, times["hidden"], times["absent"])


def _ask(
    connection: http.client.HTTPConnection, method: str, path: str, raw: bytes | None, headers: dict[str, str]
) -> float:
    """Seconds from sending to the whole answer, which must be a 404."""
    began = time.perf_counter()
    connection.request(method, path, raw, headers)
    answer = connection.getresponse()
    answer.read()
    took = time.perf_counter() - began
    if answer.status != 404:
        raise SystemExit(f"{method} {path}: {answer.status}")
    return took


if __name__ == "__main__":
    main()
