"""Running the load generator as the process of its own that it is."""

import json
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass

from bench.paths import Requests

MOST = 100_000
"""Requests at most for one line of the table, however short each is."""


class WrongAnswer(RuntimeError):
    """The server gave another answer than the path expects; the figure would be worth nothing."""


@dataclass(frozen=True, slots=True)
class Load:
    """What came of it. answered: with the warm-up, by which processor times are divided; per_s: without."""

    answered: int
    per_s: float
    p50_ms: float
    p99_ms: float
    answer_bytes: int


def load(requests: Requests, port: int, connections: int, seconds: float, warm_up: float) -> Load:
    """Load a server on 127.0.0.1. Raises WrongAnswer at the first answer of another status."""
    spec = asdict(requests) | {"port": port, "connections": connections, "seconds": seconds, "warm_up": warm_up}
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(spec | {"most": MOST}, file)
        file.flush()
        out = subprocess.check_output([sys.executable, "-m", "bench.load", file.name], timeout=seconds + warm_up + 30)
    told = json.loads(out)
    if told["fault"]:
        raise WrongAnswer(told["fault"])
    times = told["latencies"]
    return Load(
        told["answered"],
        len(times) / told["seconds"],
        percentile(times, 0.50) * 1e3,
        percentile(times, 0.99) * 1e3,
        told["answer_bytes"],
    )


def percentile(ordered: list[float], share: float) -> float:
    """The smallest of the values (in ascending order) that at least ``share`` of all do not exceed."""
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def ceiling(requests: Requests, answer_bytes: int, connections: int) -> float:
    """Requests a second that the generator reaches against a server that does nothing."""
    arguments = [sys.executable, "-m", "bench.echo", str(requests.status), str(answer_bytes)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as echo:
        assert echo.stdin is not None and echo.stdout is not None
        port = int(echo.stdout.readline())
        reached = load(requests, port, connections, 0.7, 0.2).per_s
        echo.stdin.close()
    return reached
