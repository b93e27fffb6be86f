"""Requests to addresses that others have given us: a vendor's key set, a receiver of notices, a hospital's login.

Whoever gives an address must not reach, through us, what stands behind our walls (server-side request forgery). So: https
only, no credentials in the address, no redirects, no proxy, and the name is resolved here, every answer of it checked, and
the connection made to the very address that was checked: a DNS that says something else a moment later changes nothing.
"""

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from functools import cache, partial
from typing import NamedTuple
from weakref import WeakValueDictionary

import httpx

TIMEOUT_SECONDS = 3.0
"""For everything: name, connection, answer."""
LARGEST_BYTES = 64_000
KEPT_BYTES = 2048
"""Of what a receiver answers to a notice."""
LONGEST_URL = 500

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# 0177.1, 0x7f000001, 2130706433: what C libraries read as an address, and people as a name.
_ODD_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+))*\.?", re.IGNORECASE)


_names: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
_lookups = ThreadPoolExecutor(64, thread_name_prefix="renkei-names")


class RefusedTarget(Exception):
    """An address that is not asked. Says why, for logs and for who registered it; never what the name resolved to."""


class Unreachable(Exception):
    """Asked, and no answer that can be used."""


def is_public(address: Address) -> bool:
    """Whether an address belongs to the internet at large: no loopback, private, link-local, shared, multicast, test range.

    IPv6 addresses that stand for an IPv4 address are as public as that one.
    """
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address.is_site_local:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def require_target(url: str, *, allow_private: bool, plain: bool = False) -> httpx.URL:
    """The address, if by its looks it may be asked. Raises RefusedTarget.

    allow_private: for a test or a closed network: private addresses too, and http to this machine itself. plain: http to any.
    """
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise RefusedTarget("an address of at most 500 plain characters")
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        raise RefusedTarget("not an address") from None
    host = parsed.host.rstrip(".")
    port_there_is = parsed.port is None or 0 < parsed.port <= 65535
    if not host or parsed.userinfo or parsed.fragment or not port_there_is:
        raise RefusedTarget("a host, a port there is, no user, no fragment")
    literal = _literal(host)
    if literal is None and _ODD_NUMBER.fullmatch(host):
        raise RefusedTarget("a number that is no address as usually written")
    loopback = literal.is_loopback if literal is not None else host == "localhost"
    if parsed.scheme != "https" and not (parsed.scheme == "http" and (plain or (allow_private and loopback))):
        raise RefusedTarget("https only")
    if not allow_private and (
        loopback or host.endswith(".localhost") or (literal is not None and not is_public(literal))
    ):
        raise RefusedTarget("not a public address")
    return parsed


def receiver_of(url: str) -> str:
    """Host and port an address leads to: what one's limits go by."""
    target = httpx.URL(url)
    return f"{target.host.rstrip('.')}:{target.port or (443 if target.scheme == 'https' else 80)}"


async def fetch_json_bytes(url: str, *, allow_private: bool) -> bytes:
    """What an address answers with 200 to GET, at most LARGEST_BYTES, within TIMEOUT_SECONDS.

    Raises RefusedTarget before anything is sent, Unreachable for everything that goes wrong after.
    """
    target = require_target(url, allow_private=allow_private)
    return _found(await _ask("GET", target, {}, client(allow_private=allow_private)))


async def post_form(
    url: str, form: Mapping[str, str], headers: Mapping[str, str], *, allow_private: bool
) -> tuple[int, bytes]:
    """Status and body of the answer to a form, within the same limits. Raises RefusedTarget, Unreachable."""
    target = require_target(url, allow_private=allow_private)
    return await _ask("POST", target, headers, client(allow_private=allow_private), form=form)


async def ask_of_ours(url: str, content: bytes, headers: Mapping[str, str], *, seconds: float) -> bytes:
    """What an address that the operator of this machine has set answers with 200 to this POST, at most LARGEST_BYTES.

    It may be a private one, and http anywhere: only where nothing secret is sent, and what comes back is signed. All else is
    as for others: no redirect, no proxy, one time limit for everything. Raises RefusedTarget, Unreachable.
    """
    target = require_target(url, allow_private=True, plain=True)
    http = client(allow_private=True, seconds=seconds, plain=True)
    return _found(await _ask("POST", target, headers, http, content=content, seconds=seconds))


def _found(answer: tuple[int, bytes]) -> bytes:
    status, content = answer
    if status != 200:
        raise Unreachable(f"answered {status}")
    return content


async def _ask(
    method: str,
    target: httpx.URL,
    more: Mapping[str, str],
    http: httpx.AsyncClient,
    *,
    form: Mapping[str, str] | None = None,
    content: bytes | None = None,
    seconds: float | None = None,
) -> tuple[int, bytes]:
    # No compression: a few bytes could unfold to gigabytes.
    headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "renkei", **more}
    try:
        async with (
            asyncio.timeout(seconds or TIMEOUT_SECONDS),
            http,
            http.stream(method, target, headers=headers, data=form, content=content) as answer,
        ):
            found = b""
            async for chunk in answer.aiter_raw():
                found += chunk
                if len(found) > LARGEST_BYTES:
                    raise Unreachable(f"more than {LARGEST_BYTES} bytes")
            return answer.status_code, found
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError, UnicodeError) as error:
        raise Unreachable(type(error).__name__) from error


class Answered(NamedTuple):
    """What a receiver has answered: status, the beginning of the body, and when it wants to be asked again."""

    status: int
    text: str
    retry_after: str | None


async def post_bytes(
    url: str, content: bytes, headers: Mapping[str, str], *, allow_private: bool, seconds: float
) -> Answered:
    """What an address answers to this POST within so many seconds, of the body KEPT_BYTES at most.

    Raises RefusedTarget before anything is sent, Unreachable for everything that goes wrong before the status is known.
    """
    target = require_target(url, allow_private=allow_private)
    whole = {"Accept-Encoding": "identity", "User-Agent": "renkei", **headers}
    try:
        async with client(allow_private=allow_private, seconds=seconds) as http, AsyncExitStack() as opened:
            async with asyncio.timeout(seconds):
                answer = await opened.enter_async_context(http.stream("POST", target, content=content, headers=whole))
            return Answered(answer.status_code, await _beginning(answer), answer.headers.get("retry-after"))
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError, UnicodeError) as error:
        raise Unreachable(type(error).__name__) from error


async def _beginning(answer: httpx.Response) -> str:
    """The first bytes of a body as text; of one that breaks off or dawdles, what there was: it has answered all the same."""
    content = bytearray()
    with suppress(httpx.HTTPError, TimeoutError):
        async with asyncio.timeout(TIMEOUT_SECONDS):
            async for chunk in answer.aiter_raw():
                content += chunk[:KEPT_BYTES]
                if len(content) >= KEPT_BYTES:
                    break
    # To be kept as text: PostgreSQL takes no NUL.
    return content[:KEPT_BYTES].decode("utf-8", "replace").replace("\0", "\ufffd")


def client(*, allow_private: bool, seconds: float = TIMEOUT_SECONDS, plain: bool = False) -> httpx.AsyncClient:
    """An HTTP client that follows no redirect, knows no proxy, and connects to checked addresses only."""
    return httpx.AsyncClient(
        transport=CheckedTransport(allow_private, plain),
        timeout=seconds,
        follow_redirects=False,
        trust_env=False,
    )


class CheckedTransport(httpx.AsyncBaseTransport):
    """Resolves the name, refuses what may not be reached, and connects to the address it has checked.

    Certificate and ``Host`` stay those of the name. Connections are not kept: one made for a name would serve another
    name of the same address.
    """

    def __init__(self, allow_private: bool, plain: bool = False) -> None:
        self._allow_private, self._plain = allow_private, plain
        self._inner = httpx.AsyncHTTPTransport(
            verify=_tls(), trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One request, to one checked address."""
        require_target(str(request.url), allow_private=self._allow_private, plain=self._plain)
        host = request.url.host
        address = await self._resolve(host, request.url.port or (443 if request.url.scheme == "https" else 80))
        request.url = request.url.copy_with(host=address)
        request.extensions = {**request.extensions, "sni_hostname": host}
        return await self._inner.handle_async_request(request)

    async def _resolve(self, host: str, port: int) -> str:
        # One at a time for each name, and on threads of our own: a name whose server does not answer holds up no other.
        async with _names.setdefault(host, asyncio.Lock()):
            look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
            found = await asyncio.get_running_loop().run_in_executor(_lookups, look_up)
        addresses = [ipaddress.ip_address(str(address[0]).partition("%")[0]) for *_, address in found]
        # One that is not public among several is an attack or a mistake; neither is asked.
        if not addresses or not (self._allow_private or all(map(is_public, addresses))):
            raise RefusedTarget("the name does not lead to a public address")
        return str(addresses[0])

    async def aclose(self) -> None:
        """Close what is open."""
        await self._inner.aclose()


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


@cache
def _tls() -> ssl.SSLContext:
    """The certificates of the public authorities, and those of ``SSL_CERT_FILE``; read once."""
    return httpx.create_ssl_context()
