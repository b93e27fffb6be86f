"""The load generator, a process of its own: ``python -m bench.load <file>`` tells what it measured as JSON.

Keep-alive connections, each sending its next request when the last is answered. It ends by time or by count, whichever
comes first, and fails at the first answer that is not the expected one.
"""

import asyncio
import json
import re
import secrets
import sys
import time
from array import array
from pathlib import Path
from typing import Any

from bench.paths import DOCUMENT

CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
END = b"\r\n\r\n"


class Message:
    """One HTTP message as it comes in: where its head ends, and how much of its body is still to come."""

    __slots__ = ("head", "length", "missing")

    def __init__(self) -> None:
        self.head, self.length, self.missing = b"", 0, -1

    def feed(self, data: bytes) -> bool:
        """Take what has arrived; whether the message is whole now."""
        if self.missing < 0:
            self.head += data
            end = self.head.find(END)
            if end < 0:
                return False
            found = CONTENT_LENGTH.search(self.head, 0, end)
            self.length = int(found[1]) if found else 0
            self.missing = self.length - (len(self.head) - end - len(END))
        else:
            self.missing -= len(data)
        return self.missing == 0


class Run:
    """What all connections share: the requests in turn, the clock, the latencies in seconds."""

    def __init__(self, spec: dict[str, Any]) -> None:
        before, _, after = spec["body"].partition(DOCUMENT)
        self.heads = [head.encode() for head in spec["heads"]]
        self.before, self.after, self.has_body = before.encode(), after.encode(), bool(spec["body"])
        self.expected, self.most = str(spec["status"]).encode(), spec["most"]
        self.prefix = f"bench-{secrets.token_hex(4)}"
        self.turn, self.answered, self.answer_bytes, self.fault = 0, 0, 0, ""
        self.latencies = array("d")
        self.begin = time.perf_counter() + spec["warm_up"]
        self.end = self.begin + spec["seconds"]
        self.last = self.begin

    def next_request(self) -> bytes:
        """The next patient's request, its document id unique."""
        self.turn += 1
        head: bytes = self.heads[self.turn % len(self.heads)]
        if not self.has_body:
            return head
        return b"".join((head, self.before, b"%s%08x" % (self.prefix.encode(), self.turn), self.after))

    def note(self, message: Message, sent: float) -> bool:
        """Count an answer; whether to go on."""
        moment = time.perf_counter()
        if message.head[9:12] != self.expected:
            self.fault = message.head.decode("utf-8", "replace")
            return False
        self.answered += 1
        self.answer_bytes = message.length
        if self.begin <= moment <= self.end:
            self.latencies.append(moment - sent)
            self.last = moment
        return moment < self.end and self.answered < self.most and not self.fault


class Connection(asyncio.Protocol):
    """One keep-alive connection."""

    def __init__(self, run: Run) -> None:
        self.run, self.done = run, asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        self.transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        """Go on when the answer is whole."""
        if not self.message.feed(data):
            return
        if self.run.note(self.message, self.sent):
            self._send()
        else:
            self.transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        """Tell whoever waits."""
        if not self.done.done():
            self.done.set_result(None)

    def _send(self) -> None:
        self.message, self.sent = Message(), time.perf_counter()
        self.transport.write(self.run.next_request())


async def _load(spec: dict[str, Any]) -> dict[str, Any]:
    run, loop = Run(spec), asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: Connection(run), "127.0.0.1", spec["port"])
        for _ in range(spec["connections"])
    ]
    try:
        async with asyncio.timeout(spec["warm_up"] + spec["seconds"] + 10):
            await asyncio.gather(*(connection.done for _, connection in made))
    except TimeoutError:
        run.fault = run.fault or "no answer for ten seconds"
    if not run.fault and not run.latencies:
        run.fault = "no answer at all"
    return {
        "fault": run.fault,
        "answered": run.answered,
        "seconds": run.last - run.begin,
        "latencies": sorted(run.latencies),
        "answer_bytes": run.answer_bytes,
    }


def fast_loop() -> Any:
    """uvloop where it is, as the server has it."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def main() -> None:
    """The specification is a file, its answer the standard output."""
    spec = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    with asyncio.Runner(loop_factory=fast_loop) as runner:
        json.dump(runner.run(_load(spec)), sys.stdout)


if __name__ == "__main__":
    main()
