"""Key sets that vendors publish: fetched from a real server, kept, rotated, and away."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace

import httpx
import pytest
from tests.access.signing import Signer, System
from tests.access.world import figure
from tests.factories import Region, Vendor
from tests.web import Server, serving

from renkei.access import vendor_keys
from renkei.access.vendor_keys import VendorKeys
from renkei.main import create_app
from renkei.settings import Settings

OLD, NEW = Signer.make("old"), Signer.make("new", "P-384")


def published(*signers: Signer) -> tuple[int, dict[str, str], bytes]:
    return 200, {}, json.dumps({"keys": [signer.jwk for signer in signers]}).encode()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        running.answer = published(OLD)
        yield running


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Seconds that the test turns."""
    turned = SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr(vendor_keys, "time", SimpleNamespace(monotonic=lambda: turned.seconds))
    return turned


@pytest.fixture
def sets() -> VendorKeys:
    return VendorKeys(allow_private=True)


async def test_a_set_is_asked_for_once_in_five_minutes(
    server: Server, clock: SimpleNamespace, sets: VendorKeys
) -> None:
    for seconds in (0, 100, 199.9):
        clock.seconds += seconds
        key = await sets.key(server.url, "old")
        assert key is not None
        assert key.algorithm == "ES256"
    assert len(server.asked) == 1
    clock.seconds += 0.2
    assert await sets.key(server.url, "old") is not None
    assert len(server.asked) == 2


async def test_a_key_taken_away_is_gone_with_the_next_look(
    server: Server, clock: SimpleNamespace, sets: VendorKeys
) -> None:
    assert await sets.key(server.url, "old") is not None
    server.answer = published(NEW)
    assert await sets.key(server.url, "old") is not None
    clock.seconds += vendor_keys.FRESH_SECONDS
    assert await sets.key(server.url, "old") is None
    assert await sets.key(server.url, "new") is not None
    assert len(server.asked) == 2


async def test_an_unknown_key_is_looked_for_but_not_often(
    server: Server, clock: SimpleNamespace, sets: VendorKeys
) -> None:
    assert await sets.key(server.url, "old") is not None
    server.answer = published(OLD, NEW)
    assert await sets.key(server.url, "new") is None
    clock.seconds += vendor_keys.AGAIN_SECONDS
    assert await sets.key(server.url, "new") is not None
    for _ in range(50):
        assert await sets.key(server.url, "none") is None
    clock.seconds += vendor_keys.AGAIN_SECONDS
    await asyncio.gather(*(sets.key(server.url, f"none {n}") for n in range(50)))
    assert len(server.asked) == 3


AWAY = {
    "an error": (500, {}, b"{}"),
    "a redirect": (302, {"Location": "http://127.0.0.1/"}, b""),
    "no JSON": (200, {}, b"<html>"),
    "a name twice": (200, {}, b'{"keys": [], "keys": []}'),
    "no set": (200, {}, b"[]"),
    "an empty set": (200, {}, b'{"keys": []}'),
    "a private key": (200, {}, json.dumps({"keys": [OLD.jwk | {"d": "AA"}]}).encode()),
    "too much": (200, {}, b" " * 70_000),
}


@pytest.mark.parametrize("answer", AWAY.values(), ids=AWAY)
async def test_the_last_good_set_serves_for_a_day(
    server: Server, clock: SimpleNamespace, sets: VendorKeys, answer: tuple[int, dict[str, str], bytes]
) -> None:
    assert await sets.key(server.url, "old") is not None
    server.answer = answer
    clock.seconds += vendor_keys.FRESH_SECONDS
    assert await sets.key(server.url, "old") is not None
    assert len(server.asked) == 2
    clock.seconds += vendor_keys.LAST_GOOD_SECONDS - vendor_keys.FRESH_SECONDS - 1
    assert await sets.key(server.url, "old") is not None
    clock.seconds += 1
    assert await sets.key(server.url, "old") is None
    server.answer = published(OLD)
    clock.seconds += vendor_keys.AGAIN_SECONDS
    assert await sets.key(server.url, "old") is not None


async def test_who_was_never_reached_is_nobody(server: Server, sets: VendorKeys) -> None:
    server.answer = (500, {}, b"")
    assert await sets.key(server.url, "old") is None
    assert await VendorKeys(allow_private=False).key(server.url, "old") is None
    assert len(server.asked) == 1


async def test_a_slow_server_holds_up_nobody_twice(
    server: Server, sets: VendorKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("renkei.targets.TIMEOUT_SECONDS", 0.3)
    server.wait.clear()
    found = await asyncio.wait_for(asyncio.gather(*(sets.key(server.url, "old") for _ in range(20))), 2)
    assert found == [None] * 20
    assert len(server.asked) == 1


async def test_of_many_who_ask_at_once_one_fetches_for_all(server: Server, sets: VendorKeys) -> None:
    """The first tokens of a process: nobody is refused because somebody else is asking already."""
    server.wait.clear()
    asking = [asyncio.create_task(sets.key(server.url, "old")) for _ in range(20)]
    await asyncio.sleep(0.2)
    server.wait.set()
    assert None not in await asyncio.gather(*asking)
    assert len(server.asked) == 1


@pytest.fixture
async def closed_network(settings: Settings, admin: Vendor) -> AsyncIterator[Region]:
    """The service as a closed network runs it, which may ask addresses of its own."""
    app = create_app(settings.model_copy(update={"allow_private_targets": True}))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as http,
    ):
        yield Region(http, Vendor(http, admin.client_id, admin.client_secret))


async def test_a_vendor_rotates_its_keys_without_telling(
    closed_network: Region, server: Server, clock: SimpleNamespace
) -> None:
    """A new key beside the old one, then alone; and the vendor's server away for an hour in between."""
    system = await System.found(closed_network, jwks_uri=server.url)
    system.signers = {"old": OLD, "new": NEW}
    expected = []
    for steps, answer, seconds, opens in (
        ("published", published(OLD), 0, {"old": 200, "new": 401}),
        ("both", published(OLD, NEW), 30, {"old": 200, "new": 200}),
        ("away", (500, {}, b""), 3600, {"old": 200, "new": 200}),
        ("back, the new alone", published(NEW), 301, {"old": 401, "new": 200}),
        ("away for two days", (500, {}, b""), 2 * 24 * 3600, {"old": 401, "new": 401}),
    ):
        server.answer = answer
        clock.seconds += seconds
        found = {kid: (await system.ask(system.assertion(kid))).status_code for kid in ("new", "old")}
        expected.append((steps, found == opens))
    figure(f"key sets rotated and unreachable: {len(expected)} steps, wrong {sum(not right for _, right in expected)}")
    assert [steps for steps, right in expected if not right] == []


async def test_a_private_address_is_refused_when_it_is_registered(region: Region, server: Server) -> None:
    for uri in (server.url, "https://127.0.0.1/k", "http://example.jp/k", "https://a@example.jp/", "x", 1):
        made = await region.admin.post("/v1/clients", {"name": "x", "kind": "vendor", "jwks_uri": uri})
        assert made.status_code == 422
        assert [fault["pointer"] for fault in made.json()["errors"]] == ["/jwks_uri"]
    assert server.asked == []
