"""Addresses that others give us lead to the internet at large and nowhere else."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from renkei import targets
from renkei.targets import CheckedTransport, RefusedTarget, Unreachable, fetch_json_bytes, is_public, require_target
from tests.access.world import figure
from tests.web import Answer, Resolving, Server, certificate, serving

PRIVATE = [
    *(
        "127.0.0.1",
        "127.255.255.254",
        str(ipaddress.IPv4Address(0)),
        "0.1.2.3",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
    ),
    *(
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "192.0.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
    ),
    *(
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
    ),
    *("::ffff:169.254.169.254", "fe80::1", "fec0::1", "fc00::1", "fd12::1", "ff02::1", "ff0e::1", "2001:db8::1"),
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::", "100::1"),
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::"]

REFUSED = [
    *(f"https://{f'[{a}]' if ':' in a else a}/" for a in PRIVATE),
    *("https://2130706433/", "https://0x7f000001/", "https://017700000001/", "https://0177.0.0.1/", "https://127.1/"),
    *(
        "https://0x7f.0.0.1/",
        "https://127.0.0.1./",
        "https://１２７.0.0.1/",
        "https://127。0。0。1/",
        "https://1.2.3.4.5/",
    ),
    *("https://localhost/", "https://LOCALHOST/", "https://localhost./", "https://a.localhost/", "https://ⓛocalhost/"),
    *(
        "https://user@example.jp/",
        "https://user:pass@example.jp/",
        "https://example.jp@127.0.0.1/",
        "https://:x@example.jp",
    ),
    *(
        "https://example.jp\\@127.0.0.1/",
        "https://example.jp/#k",
        "https://example.jp /",
        "https://example.jp/\n",
        "https://",
    ),
    *(
        "http://example.jp/",
        "http://127.0.0.1/",
        "ftp://example.jp/",
        "file:///etc/passwd",
        "//example.jp/",
        "example.jp",
    ),
    *(
        "https://example.jp:0/",
        "https://example.jp:65536/",
        "https://example.jp/" + "x" * 500,
        "javascript:alert(1)",
        "",
    ),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("url", REFUSED)
def test_an_address_is_refused_by_its_looks(url: str) -> None:
    with pytest.raises(RefusedTarget):
        require_target(url, allow_private=False)


def test_addresses_as_vendors_have_them_are_asked() -> None:
    for url in (
        "https://keys.example.jp/jwks.json",
        "https://example.jp:8443/k?set=1",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/",
    ):
        assert str(require_target(url, allow_private=False)) == url


def test_a_closed_network_may_ask_itself_and_http_this_machine_alone() -> None:
    for url in (
        "https://10.0.0.1/",
        "https://localhost/",
        "http://127.0.0.1:8000/k",
        "http://localhost/k",
        "http://[::1]/",
    ):
        require_target(url, allow_private=True)
    for url in (
        "http://10.0.0.1/",
        "http://example.jp/",
        "http://localhost.example.jp/",
        "https://a@localhost/",
        "http://0x7f.1/",
    ):
        with pytest.raises(RefusedTarget):
            require_target(url, allow_private=True)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


async def test_what_is_answered_comes_back(server: Server) -> None:
    server.answer = (200, {"Content-Type": "application/json"}, b'{"keys": []}')
    assert await fetch_json_bytes(server.url, allow_private=True) == b'{"keys": []}'
    assert server.asked[0]["host"] == f"127.0.0.1:{server.server_port}"
    assert not {"authorization", "cookie"} & server.asked[0].keys()


async def test_private_addresses_are_not_connected_to(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every spelling, and a name that leads there: not one connection arrives."""
    port = server.server_port
    hosts = (
        "127.0.0.1",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "localhost",
        "u@127.0.0.1",
        "127.1",
    )
    tried = [f"{scheme}://{host}:{port}/" for host in (*hosts, "keys.example.jp") for scheme in ("http", "https")]
    monkeypatch.setattr(socket, "getaddrinfo", Resolving("127.0.0.1"))
    for url in tried:
        with pytest.raises(RefusedTarget):
            await fetch_json_bytes(url, allow_private=False)
    figure(f"private targets: tried {len(tried)}, connections {len(server.asked)}")
    assert server.asked == []


async def test_a_redirect_is_not_followed(server: Server) -> None:
    server.answer = (302, {"Location": f"http://127.0.0.1:{server.server_port}/other"}, b"")
    with pytest.raises(Unreachable, match="302"):
        await fetch_json_bytes(server.url, allow_private=True)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [(404, {}, b"{}"), (204, {}, b""), (200, {}, b"x" * 64_001), (200, {"Content-Length": "100"}, b"short")],
    ids=["404", "204", "too large", "cut off"],
)
async def test_what_cannot_be_used_is_unreachable(server: Server, answer: Answer) -> None:
    server.answer = answer
    with pytest.raises(Unreachable):
        await fetch_json_bytes(server.url, allow_private=True)


async def test_what_is_compressed_is_not_unfolded(server: Server) -> None:
    """Asked for without compression; what comes compressed all the same is what was sent, not what it unfolds to."""
    server.answer = (200, {"Content-Encoding": "gzip"}, b"\x1f\x8b not unfolded")
    assert await fetch_json_bytes(server.url, allow_private=True) == b"\x1f\x8b not unfolded"
    assert server.asked[0]["accept-encoding"] == "identity"


async def test_a_server_that_does_not_answer_is_given_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "TIMEOUT_SECONDS", 0.2)
    server.wait.clear()
    with pytest.raises(Unreachable):
        await asyncio.wait_for(fetch_json_bytes(server.url, allow_private=True), 2)


async def test_a_server_that_answers_drop_by_drop_is_given_up_too(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each drop comes in time, all together do not."""
    monkeypatch.setattr(targets, "TIMEOUT_SECONDS", 0.4)
    server.answer, server.drips = (200, {}, b" " * 60), True
    with pytest.raises(Unreachable):
        await asyncio.wait_for(fetch_json_bytes(server.url, allow_private=True), 2)


async def test_nobody_listens(server: Server) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(Unreachable):
            await fetch_json_bytes(f"http://127.0.0.1:{free.getsockname()[1]}/", allow_private=True)


class Recording(httpx.AsyncBaseTransport):
    """In place of the network."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(200, content=b"{}")


async def test_a_dns_that_changes_its_answer_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked once, for each request; connected to the address that was checked, as the name it was asked for."""
    dns = Resolving("93.184.216.34", later="127.0.0.1")
    monkeypatch.setattr(socket, "getaddrinfo", dns)
    transport = CheckedTransport(allow_private=False)
    await transport._inner.aclose()
    recording = Recording()
    monkeypatch.setattr(transport, "_inner", recording)
    async with httpx.AsyncClient(transport=transport, trust_env=False) as http:
        assert (await http.get("https://keys.example.jp/k")).status_code == 200
        with pytest.raises(RefusedTarget):
            await http.get("https://keys.example.jp/k")
    (request,) = recording.requests
    assert dns.asked == ["keys.example.jp"] * 2
    assert request.url == "https://93.184.216.34/k"
    assert (request.headers["host"], request.extensions["sni_hostname"]) == ("keys.example.jp",) * 2


@pytest.mark.parametrize(
    "among", [("93.184.216.34", "127.0.0.1"), ("::1", "2606:4700::1111"), ("::ffff:10.0.0.1",), ()]
)
async def test_one_private_answer_among_several_is_enough(
    among: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Resolving(*among))
    with pytest.raises(RefusedTarget):
        await fetch_json_bytes("https://keys.example.jp/", allow_private=False)


@pytest.mark.parametrize(("named", "served"), [("keys.example.jp", True), ("other.example.jp", False)])
async def test_the_certificate_is_that_of_the_name(
    server: Server, named: str, served: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connected to the address, trusted by the name: one for another name is refused."""
    pem = certificate(named, tmp_path)
    listening = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    listening.load_cert_chain(pem)
    server.socket = listening.wrap_socket(server.socket, server_side=True)
    trusting = ssl.create_default_context(cafile=str(pem))
    monkeypatch.setattr(targets, "_tls", lambda: trusting)
    monkeypatch.setattr(socket, "getaddrinfo", Resolving("127.0.0.1"))
    url = f"https://keys.example.jp:{server.server_port}/k"
    if served:
        assert await fetch_json_bytes(url, allow_private=True) == b"{}"
        assert server.asked[0]["host"] == f"keys.example.jp:{server.server_port}"
    else:
        with pytest.raises(Unreachable):
            await fetch_json_bytes(url, allow_private=True)
        assert server.asked == []
