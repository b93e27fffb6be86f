"""A vendor's receiver on this machine, which answers as a test says and keeps what came; and a worker to send to it."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncEngine
from standardwebhooks import Webhook

from renkei.settings import Settings
from renkei.worker import publish_changes
from renkei.worker.delivering import Deliverer, fill_queues
from tests.factories import Vendor

Reply = tuple[int, dict[str, str], bytes]
OK: Reply = (200, {}, b"")


class Received(NamedTuple):
    """One request. seconds: on the receiver's clock."""

    path: str
    headers: dict[str, str]
    body: bytes
    seconds: float

    @property
    def id(self) -> str:
        """Its ``webhook-id``."""
        return self.headers["webhook-id"]

    @property
    def entry(self) -> dict[str, Any]:
        """The entry of the feed it tells."""
        return dict(json.loads(self.body)["data"])


class Receiver(ThreadingHTTPServer):
    """``reply``: what it answers, by the request; the hanging one waits until it is closed."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.received: list[Received] = []
        self.reply: Callable[[Received], Reply] = lambda _: OK
        self.open = threading.Event()
        self.open.set()
        self.active = self.most_active = self.connections = 0
        self.guard = threading.Lock()

    def url(self, path: str = "/hook") -> str:
        """Where it is reached."""
        return f"http://127.0.0.1:{self.server_port}{path}"

    def records(self, path: str = "/hook") -> list[str | None]:
        """The records told of, in the order they came."""
        return [one.entry["record_id"] for one in list(self.received) if one.path == path]

    def get_request(self) -> Any:
        """Counted, whatever comes by it."""
        self.connections += 1
        return super().get_request()

    def handle_error(self, *_: Any) -> None:
        """Quiet: who hangs up is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        one = Received(self.path, {k.lower(): v for k, v in self.headers.items()}, body, time.monotonic())
        with self.server.guard:
            self.server.received.append(one)
            self.server.active += 1
            self.server.most_active = max(self.server.most_active, self.server.active)
        try:
            status, headers, content = self.server.reply(one)
            self.server.open.wait(60)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)
        finally:
            with self.server.guard:
                self.server.active -= 1

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    """It listens inside the block."""
    running = Receiver()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield running
    finally:
        running.open.set()
        running.shutdown()
        thread.join()
        running.server_close()


def verified(one: Received, *secrets: str) -> dict[str, Any]:
    """What it says, once a receiver's library has verified it by each of these secrets."""
    found = [Webhook(secret).verify(one.body, one.headers) for secret in secrets]
    return dict(found[0])


async def subscribe(vendor: Vendor, url: str, **changes: Any) -> dict[str, Any]:
    """A subscription, with its secret."""
    answer = await vendor.post("/v1/subscriptions", {"url": url, **changes})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def attempts(vendor: Vendor, subscription: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
    """What is told of its deliveries, oldest first."""
    answer = await vendor.get(f"/v1/subscriptions/{subscription['id']}/deliveries", params={"limit": 200, **query})
    assert answer.status_code == 200, answer.text
    return list(reversed(answer.json()["items"]))


async def state(vendor: Vendor, subscription: dict[str, Any]) -> dict[str, Any]:
    """The subscription as it stands."""
    return dict((await vendor.get(f"/v1/subscriptions/{subscription['id']}")).json())


@dataclass
class Worker:
    """As `renkei work` does it, with its clocks set faster."""

    engine: AsyncEngine
    settings: Settings
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def queue(self) -> None:
        """Place all that is committed in the feed and in the queues."""
        while await publish_changes(self.engine):
            pass
        while await fill_queues(self.engine):
            pass

    async def deliver(self) -> None:
        """Take turns until stopped, filling queues meanwhile."""

        async def fill() -> None:
            while not self.stop.is_set():
                await self.queue()
                await asyncio.sleep(0.02)

        await asyncio.gather(fill(), Deliverer.of(self.settings).run(self.engine, self.stop))


@asynccontextmanager
async def working(engine: AsyncEngine, settings: Settings, workers: int = 1) -> AsyncIterator[None]:
    """So many workers, inside the block."""
    all_ = [Worker(engine, settings) for _ in range(workers)]
    tasks = [asyncio.create_task(one.deliver()) for one in all_]
    try:
        yield
    finally:
        for one in all_:
            one.stop.set()
        await asyncio.gather(*tasks)


async def until(true: Callable[[], Any], seconds: float = 60.0) -> None:
    """Wait for it, not for ever."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError
        await asyncio.sleep(0.02)
