"""The table for people and the file for programs."""

import argparse
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from bench.generator import Load
from bench.limit import Reached
from bench.paths import Prepared
from bench.place import Place
from bench.recording import Recorded

OUT = Path(__file__).parent / "out" / "latest.json"
COLUMNS = (
    "path",
    "conn",
    "ours/s",
    "limit/s",
    "ratio",
    "p50 ms",
    "p99 ms",
    "server us",
    "pg us",
    "limit pg us",
    "generator/s",
    "others %",
)


@dataclass(frozen=True, slots=True)
class Line:
    """One path at one number of connections. server_us, postgres_us: processor time for one request.

    can: requests a second the generator reaches against a server that does nothing. others: the share of the processors
    that other programs took while ours or the limit was measured, the larger of the two; 0 to 1.
    """

    path: str
    connections: int
    ours: Load
    limit: Reached
    server_us: float
    postgres_us: float
    can: float
    others: float

    def cells(self) -> list[str]:
        """As the table shows it."""
        ratio = self.ours.per_s / self.limit.per_s
        return [
            *(self.path, str(self.connections), f"{self.ours.per_s:.0f}", f"{self.limit.per_s:.0f}", f"{ratio:.2f}"),
            *(f"{self.ours.p50_ms:.2f}", f"{self.ours.p99_ms:.2f}", f"{self.server_us:.0f}", f"{self.postgres_us:.0f}"),
            *(f"{self.limit.postgres_us:.0f}", f"{self.can:.0f}", f"{self.others:.0%}"),
        ]

    def told(self) -> str:
        """In one line, while the rest is still to come."""
        return "  ".join(f"{name} {cell}" for name, cell in zip(COLUMNS[1:], self.cells()[1:], strict=True))

    def as_json(self) -> dict[str, str | int | float]:
        """The object written for this line."""
        return {
            "path": self.path,
            "connections": self.connections,
            "ours_per_s": round(self.ours.per_s, 1),
            "limit_per_s": round(self.limit.per_s, 1),
            "ratio": round(self.ours.per_s / self.limit.per_s, 3),
            "p50_ms": round(self.ours.p50_ms, 3),
            "p99_ms": round(self.ours.p99_ms, 3),
            "server_cpu_us": round(self.server_us),
            "postgres_cpu_us": round(self.postgres_us),
        }


def heading(place: Place, chosen: argparse.Namespace) -> str:
    """What was measured on what."""
    with psycopg.connect(place.owner_url) as connection:
        version = connection.info.parameter_status("server_version")
    worker = "worker on" if place.worker else "worker off"
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores shared by server, database and load; "
        f"Python {platform.python_version()}, uvicorn with one process (uvloop, httptools), {worker}; "
        f"PostgreSQL {version}, fsync and synchronous_commit on; "
        f"{chosen.patients} patients, {chosen.seconds:g} s for each line and each limit."
    )


def costs(path: str, prepared: Prepared, recorded: Recorded) -> str:
    """What one request of a path is made of."""
    shape = " + ".join(str(len(trip)) for trip in recorded.round_trips)
    return (
        f"{path}: body {len(prepared.requests.body.encode())} bytes; {recorded.statements} statements "
        f"in {len(recorded.round_trips)} round trips ({shape}, BEGIN and COMMIT among them)"
    )


def table(lines: Sequence[Line]) -> str:
    """As Markdown, so that it can be kept."""
    rows = [COLUMNS, *(line.cells() for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    told = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    rule = "|" + "|".join("-" * (width + 1) + (":" if number else "-") for number, width in enumerate(widths)) + "|"
    return "\n".join([told[0], rule, *told[1:]])


def save(lines: Sequence[Line]) -> Path:
    """Write ``bench/out/latest.json``."""
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps([line.as_json() for line in lines], indent=1) + "\n", "utf-8")
    return OUT
