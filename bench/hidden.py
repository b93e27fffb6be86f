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
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.factories import Vendor, agree, join, register, report, sheet, submit

from bench.place import Place, scratch
from bench.region import open_region
from renkei.ids import new_id

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
    return min(1.0, max(0.0, float(sum(terms))))


def main() -> None:
    """Measure, tell, and fail where a difference shows."""
    parser = argparse.ArgumentParser(prog="python -m bench.hidden")
    parser.add_argument("--n", type=int, default=2000, help="requests of each kind for each route")
    parser.add_argument("--routes", nargs="+", choices=list(ROUTES), default=list(ROUTES))
    chosen = parser.parse_args()
    with scratch() as (folder, embedded):
        place = Place.prepare(folder, embedded, worker=False)
        with place.serving():
            token, patients = asyncio.run(_hidden(place))
            place.settle()
            lines = []
            for route in chosen.routes:
                lines.append(_compare(place.port, token, patients, route, chosen.n))
                print(lines[-1], flush=True)
    sys.exit(any(line.p <= LEAST_P for line in lines))


async def _hidden(place: Place) -> tuple[str, list[str]]:
    """A stranger's token, and patients with many consents and a large team, none of which concern the stranger."""
    async with open_region(place) as region:
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

    def ask(turn: int, hidden: bool) -> float:
        patient = patients[turn % len(patients)] if hidden else new_id()
        return asked(connection, method, f"/v1/patients/{patient}{end}", raw, headers, refused=404)

    with contextlib.closing(connection):
        return compared(route, WARM_UP, WARM_UP + count, ask)


def compared(route: str, warm_up: int, turns: int, ask: Callable[[int, bool], float]) -> Compared:
    """Times of both kinds, one after the other in each turn, which of them first by lot. warm_up: turns that do not count."""
    times: dict[bool, list[float]] = {True: [], False: []}
    lot = random.Random(0)  # noqa: S311 - the order of requests, no secret
    for turn in range(turns):
        for hidden in lot.sample([True, False], 2):
            took = ask(turn, hidden)
            if turn >= warm_up:
                times[hidden].append(took)
    return Compared(route, times[True], times[False])


def asked(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: str | bytes | None,
    headers: dict[str, str],
    refused: int,
) -> float:
    """Seconds from sending to the whole answer, which must be this refusal."""
    began = time.perf_counter()
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    answer.read()
    took = time.perf_counter() - began
    if answer.status != refused:
        raise SystemExit(f"{method} {path}: {answer.status}")
    return took


if __name__ == "__main__":
    main()
