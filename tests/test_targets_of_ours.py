"""Addresses that the operator has set may lead inside, and need no TLS; those of others are held to both all the same."""

import socket
from collections.abc import Iterator

import pytest

from renkei.targets import LARGEST_BYTES, RefusedTarget, Unreachable, ask_of_ours, client, fetch_json_bytes
from tests.web import Resolving, Server, serving


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


async def test_inside_and_without_tls(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Resolving("127.0.0.1"))
    url = f"http://tsa.example.jp:{server.server_port}/"
    assert await ask_of_ours(url, b"?", {"X-Of": "ours"}, seconds=5) == b"{}"
    assert server.asked[0]["x-of"] == "ours" and server.asked[0]["accept-encoding"] == "identity"
    with pytest.raises(RefusedTarget):
        await fetch_json_bytes(url, allow_private=True)
    async with client(allow_private=True) as http:
        with pytest.raises(RefusedTarget):
            await http.get(url)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b"{}"), (302, b""), (204, b""), (200, b" " * (LARGEST_BYTES + 1))],
    ids=lambda value: str(value)[:5],
)
async def test_what_cannot_be_used(server: Server, status: int, body: bytes) -> None:
    server.answer = (status, {"Location": server.url}, body)
    with pytest.raises(Unreachable):
        await ask_of_ours(server.url, b"?", {}, seconds=5)
    assert len(server.asked) == 1


@pytest.mark.parametrize("url", ["", "ftp://a.jp/", "http://u:p@a.jp/", "http://0177.0.0.1/", "http://a.jp/#x"])
async def test_refused_by_its_looks(url: str) -> None:
    with pytest.raises(RefusedTarget):
        await ask_of_ours(url, b"?", {}, seconds=5)
