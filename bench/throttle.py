"""``python -m bench.throttle``: what counting requests costs each of them, and what surrounds each altogether."""

import asyncio
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from starlette.types import Message, Receive, Scope, Send

from renkei.frame import Frame
from renkei.settings import Settings
from renkei.throttle import Limit, MachineStorage, Throttle, make_file

REQUESTS, ROUNDS, PROCESSES = 5_000, 7, 8
CLIENT = "01a2045c-1bde-79d6-9ea1-840aa98f2b4f"


async def answered(scope: Scope, receive: Receive, send: Send) -> None:
    """The least that answers."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": b"{}"})


async def nothing(message: Message) -> None:
    """Where the answer goes."""


async def no_body() -> Message:
    """Where the body comes from."""
    return {"type": "http.request", "body": b"", "more_body": False}


def count(throttle: Throttle) -> None:
    """A request's address and its client."""
    throttle.count(Limit.address, "192.0.2.1")
    throttle.count(Limit.client, CLIENT)


def microseconds(act: Callable[[], object]) -> float:
    """Of one act, in the quickest of several rounds: the others were disturbed; processor time."""
    rounds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(REQUESTS):
            act()
        rounds.append(time.process_time() - began)
    return min(rounds) / REQUESTS * 1e6


async def framed(throttle: Throttle) -> float:
    """One request through the frame, in the quickest of several rounds."""
    frame, rounds = Frame(answered, throttle, https=True), []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(REQUESTS):
            scope = {"type": "http", "method": "GET", "path": "/v1/me", "client": ("192.0.2.1", 5), "headers": []}
            await frame(scope, no_body, nothing)
        rounds.append(time.process_time() - began)
    return min(rounds) / REQUESTS * 1e6


def main() -> None:
    """Print a line for each."""
    chosen = Settings()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "counts"
        make_file(file, PROCESSES)
        for name, storage in (("alone", MachineStorage()), (f"{PROCESSES} processes", MachineStorage(file, PROCESSES))):
            throttle = Throttle(chosen.limits, storage)
            both = microseconds(partial(count, throttle))
            print(f"counting a request's address and client, {name}: {both:.1f} µs")
    off = Throttle(dict.fromkeys(Limit, 0), MachineStorage())
    without, having = asyncio.run(framed(off)), asyncio.run(framed(Throttle(chosen.limits, MachineStorage())))
    print(f"the frame (id, headers, metrics): {without:.1f} µs; with the address counted: {having:.1f} µs")


if __name__ == "__main__":
    main()
