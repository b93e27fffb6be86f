"""``python -m bench.bombs``: what bodies made to do harm cost the service, and those who are served meanwhile.

A real server of one process. One connection reads summaries all the time; its times without and with another that sends
nothing but bombs are compared, the server's memory before and after. It fails on any 5xx and beyond the aims.
"""

import asyncio
import contextlib
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator

import httpx
import psutil

from bench.generator import percentile
from bench.place import Place, scratch
from bench.region import found_town

SECONDS, BOMBERS = 20.0, 1
MOST_TIMES, MOST_MEGABYTES = 2.0, 50.0
JSON = {"Content-Type": "application/json"}
BOMBS = {
    "lists 20,000 deep": b"[" * 20_000,
    "objects 20,000 deep": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "10,000 digits": b'{"items": {"medical": {"weight": ' + b"9" * 10_000 + b"}}}",
    "1e400": b'{"items": {"medical": {"weight": 1e400}}}',
    "NaN": b'{"items": {"medical": {"weight": NaN}}}',
    "a name twice": b'{"items": {}, "items": {}}',
    "15,000 members": b'{"x":{' + b",".join(b'"%d":1' % n for n in range(15_000)) + b"}}",
    "90,000 members": b'{"x":{' + b",".join(b'"%d":1' % n for n in range(90_000)) + b"}}",
    "a lone surrogate": b'{"source": {"document_id": "\\ud800"}}',
    "NUL": b'{"source": {"document_id": "\\u0000"}}',
    "a megabyte": b'"' + b"x" * 999_990 + b'"',
}


async def endless() -> AsyncIterator[bytes]:
    """A body without length that does not end by itself."""
    for _ in range(40):
        yield b'{"a":' + b" " * 50_000


async def read_until(http: httpx.AsyncClient, path: str, headers: dict[str, str], end: float) -> list[float]:
    """Seconds that each reading of a summary took."""
    taken = []
    while time.monotonic() < end:
        began = time.perf_counter()
        answer = await http.get(path, headers=headers)
        taken.append(time.perf_counter() - began)
        assert answer.status_code == 200
        await asyncio.sleep(0.01)
    return taken


async def bomb_until(http: httpx.AsyncClient, path: str, headers: dict[str, str], end: float) -> Counter[int]:
    """Every bomb in turn; how each was answered. 0: cut off."""
    statuses: Counter[int] = Counter()
    while time.monotonic() < end:
        for body in (*BOMBS.values(), None):
            try:
                answer = await http.post(path, content=body or endless(), headers={**headers, **JSON})
                statuses[answer.status_code] += 1
            except httpx.TransportError:  # refused before all was sent
                statuses[0] += 1
            await asyncio.sleep(0.02)
    return statuses


async def measure(place: Place) -> bool:
    """Print the figures; whether they are within the aims."""
    town = await found_town(place, 20)
    patient = f"/v1/patients/{town.patients[0]}"
    headers = {"Authorization": f"Bearer {await town.clinic.token('physician')}"}
    server = psutil.Process(place.server_pid())
    base = f"http://127.0.0.1:{place.port}"
    limits = httpx.Limits(max_connections=1)
    async with contextlib.AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                httpx.AsyncClient(base_url=base, limits=limits, trust_env=False, timeout=60)
            )
            for _ in range(BOMBERS + 1)
        ]
        reader, bombers = clients[0], clients[1:]
        await bomb_until(bombers[0], f"{patient}/face-sheets", headers, time.monotonic() + 1)
        before = server.memory_info().rss
        quiet = await read_until(reader, f"{patient}/summary", headers, time.monotonic() + SECONDS)
        end = time.monotonic() + SECONDS
        bombing = asyncio.gather(*(bomb_until(http, f"{patient}/face-sheets", headers, end) for http in bombers))
        under, statuses = await asyncio.gather(read_until(reader, f"{patient}/summary", headers, end), bombing)
        grown = (server.memory_info().rss - before) / 1e6
    return told(quiet, under, sum(statuses, Counter()), grown)


def told(quiet: list[float], under: list[float], statuses: Counter[int], grown: float) -> bool:
    """The lines, and whether all is well."""
    first, second = (percentile(sorted(times), 0.99) * 1000 for times in (quiet, under))
    sent, failed = sum(statuses.values()), sum(count for status, count in statuses.items() if status >= 500)
    print(f"bombs: {sent} sent, {dict(sorted(statuses.items()))}, 5xx {failed}; memory grown by {grown:.1f} MB")
    print(
        f"others' p99: {first:.1f} ms without ({len(quiet)} requests), {second:.1f} ms with ({len(under)}): × {second / first:.2f}"
    )
    return failed == 0 and grown < MOST_MEGABYTES and second < MOST_TIMES * first


def main() -> None:
    """Measure, tell, and fail where an aim is missed."""
    with scratch() as (folder, embedded):
        place = Place.prepare(folder, embedded, worker=False)
        with place.serving():
            well = asyncio.run(measure(place))
    sys.exit(not well)


if __name__ == "__main__":
    main()
