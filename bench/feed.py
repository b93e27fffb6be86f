"""The feed's pages: at a thousand lines as at a million."""

import base64
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import psycopg

from bench.generator import load
from bench.paths import Prepared, Requests, head
from bench.region import Town
from renkei.store.changes import PUBLISHER_LOCK

LINES = 20_000
"""In the feed while its page is measured beside the limit."""
PAGE = 100
NOBODY = "ffffffff-ffff-7fff-bfff-ffffffffffff"
"""Stands for the patient of a path that names none: what is replayed must not take a patient's place."""

ADD = """
INSERT INTO changes (patient_id, id, kind, record_id, organization_id, audit_event_id)
SELECT (%(patients)s::uuid[])[1 + n %% cardinality(%(patients)s::uuid[])], gen_random_uuid(), 'care_report.submit',
  gen_random_uuid(), %(organization)s, gen_random_uuid()
FROM generate_series(1, %(lines)s - (SELECT count(*) FROM changes)) AS n
"""
PUBLISH = """
INSERT INTO change_positions (position, patient_id, change_id)
SELECT (SELECT coalesce(max(position), 0) FROM change_positions) + row_number() OVER (ORDER BY c.at, c.id), c.patient_id, c.id
FROM changes c
WHERE NOT EXISTS (SELECT FROM change_positions p WHERE p.patient_id = c.patient_id AND p.change_id = c.id)
"""


@dataclass(frozen=True, slots=True)
class Pages:
    """Pages of a feed of so many lines, from one place on."""

    lines: int
    place: str
    per_s: float
    p50_ms: float
    p99_ms: float

    def told(self) -> str:
        """One line."""
        return f"{self.lines:>9} lines, {self.place:<9} {self.per_s:7.1f}/s, p50 {self.p50_ms:6.2f} ms, p99 {self.p99_ms:6.2f} ms"


async def feed_page(town: Town) -> Prepared:
    """The clinic reads a page of a hundred from anywhere in the feed's second half, where patients come in turn."""
    lines = grow(town, LINES)
    token = await town.clinic.token("physician")
    heads = [_head(town, token, lines // 2 + lines * turn // 101) for turn in range(50)]
    return Prepared(Requests(heads, "", 200), [NOBODY], {})


async def growth(town: Town, sizes: Sequence[int], seconds: float) -> AsyncIterator[Pages]:
    """Pages at the beginning, in the middle and at the end of the feed, as it grows."""
    token = await town.clinic.token("physician")
    for size in sorted(sizes):
        lines = grow(town, size)
        town.place.settle()
        for place, after in (("beginning", 0), ("middle", lines // 2), ("end", lines - PAGE), ("nothing", lines)):
            got = load(Requests([_head(town, token, after)], "", 200), town.place.port, 1, seconds, 0.5)
            yield Pages(lines, place, got.per_s, got.p50_ms, got.p99_ms)


def grow(town: Town, lines: int) -> int:
    """Reports of the clinic about its patients in turn, until the feed has so many lines; how many it has then."""
    with psycopg.connect(town.place.owner_url) as connection:
        parameters = {"patients": town.patients, "organization": town.clinic.id, "lines": lines}
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [PUBLISHER_LOCK])  # a worker beside the server waits
        connection.execute("DELETE FROM unpublished_changes")
        connection.execute(ADD, parameters)
        connection.execute(PUBLISH)
        row = connection.execute("SELECT max(position) FROM change_positions").fetchone()
    return int(row[0]) if row else 0


def _head(town: Town, token: str, after: int) -> str:
    cursor = base64.urlsafe_b64encode(json.dumps([str(after)]).encode()).decode().rstrip("=")
    return head(town, "GET", f"/v1/changes?limit={PAGE}&after={cursor}", token)
