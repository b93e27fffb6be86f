"""Webhooks lead to the internet at large and nowhere else, whatever an address looks like and wherever a name comes to lead."""

import asyncio
import secrets
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from renkei.settings import Settings
from tests.access.world import figure, owner
from tests.factories import Vendor, report, submit
from tests.web import Resolving
from tests.webhooks.receiver import Receiver, attempts, subscribe, until, working

SUBMIT = ["care_report.submit"]


HOSTS = (
    "127.0.0.1",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "2130706433",
    "0x7f.1",
    "0177.0.0.1",
    "127.1",
    "localhost",
    "u@127.0.0.1",
)


@asynccontextmanager
async def far(clinic: Vendor, engine: AsyncEngine, settings: Settings, urls: list[str]) -> AsyncIterator[Any]:
    """Subscriptions that lead where none may, as an older version or a hand in the database might have left them; and a
    worker that allows no private address."""
    made = [await subscribe(clinic, "https://hooks.example.jp/", kinds=SUBMIT) for _ in urls]
    with owner(settings) as connection:
        for one, url in zip(made, urls, strict=True):
            connection.execute("UPDATE subscriptions SET url = %s WHERE id = %s", [url, one["id"]])
    async with working(engine, settings.model_copy(update={"allow_private_targets": False})):
        yield made


async def test_private_addresses_are_told_nothing(
    clinic: Vendor,
    patient: str,
    engine: AsyncEngine,
    near: Settings,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However the address is spelt, and where a name leads there, or comes to lead there after it was registered."""
    hosts = (*HOSTS, "hooks.example.jp", "169.254.169.254")
    urls = [f"{scheme}://{host}:{receiver.server_port}/" for host in hosts for scheme in ("http", "https")]
    monkeypatch.setattr(socket, "getaddrinfo", Resolving("127.0.0.1"))
    errors = list[str]()
    for start in range(0, len(urls), 15):
        async with far(clinic, engine, near, urls[start : start + 15]) as made:
            await submit(clinic, patient, report())
            for one in made:
                await until_async(lambda found=one: attempts(clinic, found))
                errors += [row["error"] for row in await attempts(clinic, one)][:1]
                await clinic.call("DELETE", f"/v1/subscriptions/{one['id']}")
    figure(f"webhooks' targets: private ones tried {len(urls)}, private connections {receiver.connections}")
    assert receiver.connections == 0
    assert len(errors) == len(urls) and not any("127.0.0.1" in error for error in errors)


async def until_async(ask: Any, seconds: float = 60.0) -> Any:
    """Wait until it is answered by something."""
    deadline = time.monotonic() + seconds
    while not (found := await ask()):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.03)
    return found


async def test_a_redirect_leads_nowhere(
    clinic: Vendor, patient: str, engine: AsyncEngine, near: Settings, receiver: Receiver, other: Receiver
) -> None:
    receiver.reply = lambda _: (302, {"Location": other.url(f"/{secrets.token_hex(4)}")}, b"")
    made = await subscribe(clinic, receiver.url(), kinds=SUBMIT)
    await submit(clinic, patient, report())
    async with working(engine, near):
        await until(lambda: len(receiver.received) > 1)
    assert other.received == []
    assert {(row["outcome"], row["status"]) for row in await attempts(clinic, made)} == {("failed", 302)}


async def test_one_that_does_not_listen_is_told_as_that(
    clinic: Vendor, patient: str, engine: AsyncEngine, near: Settings
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        made = await subscribe(clinic, f"http://127.0.0.1:{free.getsockname()[1]}/", kinds=SUBMIT)
        await submit(clinic, patient, report())
        async with working(engine, near):
            found = await until_async(lambda: attempts(clinic, made))
    assert (found[0]["outcome"], found[0]["status"], found[0]["error"]) == ("failed", None, "ConnectError")
