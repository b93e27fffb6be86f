"""Too many: per address, client and refused token; what is told of it, and who is not stopped by it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
import uvicorn
from prometheus_client import REGISTRY
from tests.factories import Region, Vendor, register
from tests.http.problems import problem
from tests.people.posts import Staff

from renkei.main import create_app
from renkei.operator import server_options
from renkei.settings import Settings

Place = Callable[..., httpx.AsyncClient]
Limited = Callable[..., AbstractAsyncContextManager[Place]]
FORM = {"grant_type": "client_credentials"}


@pytest.fixture
def limited(settings: Settings) -> Limited:
    """The service with limits of one's own; inside, clients at any address: ``at("192.0.2.1")``."""

    @asynccontextmanager
    async def serve(**changes: Any) -> AsyncIterator[Place]:
        app = create_app(chosen := settings.model_copy(update=changes))
        config = uvicorn.Config(app, **server_options(chosen))
        config.load()

        def at(address: str = "192.0.2.1") -> httpx.AsyncClient:
            transport = httpx.ASGITransport(config.loaded_app, client=(address, 1))
            return httpx.AsyncClient(transport=transport, base_url="http://test")

        async with app.router.lifespan_context(app):
            yield at

    return serve


def forged(number: int) -> dict[str, str]:
    return {"Authorization": f"Bearer forged.{number}.token"}


async def statuses(http: httpx.AsyncClient, path: str, count: int, **options: Any) -> list[int]:
    return [(await http.get(path, **options)).status_code for _ in range(count)]


def throttled(limit: str) -> float:
    return REGISTRY.get_sample_value("renkei_throttled_total", {"limit": limit}) or 0


async def test_an_address_asks_so_often_in_a_minute(limited: Limited) -> None:
    before = throttled("address")
    async with limited(requests_per_minute_address=3) as at:
        assert await statuses(at(), "/v1/me", 3) == [401] * 3
        answer = await at().post("/v1/patients", content=b"\xff", headers={"Content-Type": "text/plain"})
        problem(answer, 429, "too-many-requests")  # before 401, 415 and all else
        assert 1 <= int(answer.headers["retry-after"]) <= 61
        assert answer.headers["ratelimit-policy"] == '"address";q=3;w=60'
        assert answer.headers["ratelimit"] == f'"address";r=0;t={answer.headers["retry-after"]}'
        assert answer.headers["x-content-type-options"] == "nosniff"
        told = await at().post("/oauth/token", data=FORM)
        assert (told.status_code, told.json()["error"]) == (429, "too_many_requests")
        assert "retry-after" in told.headers and told.headers["cache-control"] == "no-store"
        assert await statuses(at(), "/nothing", 1) == [429]
        # Neither who runs the server nor anybody else is stopped.
        assert await statuses(at(), "/healthz", 5) == [200] * 5
        assert await statuses(at("192.0.2.2"), "/v1/me", 1) == [401]
    assert throttled("address") == before + 3


async def test_whoever_has_a_whole_network_is_one(limited: Limited) -> None:
    async with limited(requests_per_minute_address=2) as at:
        for address, status in (
            ("2001:db8:1:2::1", 401),
            ("2001:db8:1:2:ffff::9", 401),
            ("2001:db8:1:2::3", 429),
            ("2001:db8:1:3::1", 401),
            ("192.0.2.9", 401),
            ("::ffff:192.0.2.9", 401),
            ("::ffff:192.0.2.9", 429),
        ):
            assert await statuses(at(address), "/v1/me", 1) == [status], address


async def test_a_client_asks_so_often_wherever_it_is(limited: Limited, region: Region) -> None:
    busy, quiet = await region.found(), await region.found()
    patient = await register(busy)
    async with limited(requests_per_minute_client=8) as at:
        here, there, other = (replace(vendor, http=at(), _tokens={}) for vendor in (busy, busy, quiet))
        there.http = at("198.51.100.7")
        seen = [await here.get("/v1/me") for _ in range(5)]  # and a token: six in all
        assert [answer.status_code for answer in seen] == [200] * 5
        assert not any("ratelimit" in answer.headers for answer in seen)
        near = await here.get(f"/v1/patients/{patient}")
        assert near.headers["ratelimit"].startswith('"client";r=1;t=')
        assert near.headers["ratelimit-policy"] == '"client";q=8;w=60'
        # A 404 tells nothing of how often was asked: hidden and absent answer alike.
        hidden = await here.get("/v1/patients/00000000-0000-7000-8000-000000000000")
        assert hidden.status_code == 404 and "ratelimit" not in hidden.headers
        problem(await here.get("/v1/me"), 429, "too-many-requests")
        there._tokens = here._tokens
        assert (await there.get("/v1/me")).status_code == 429
        assert (await other.get("/v1/me")).status_code == 200
        more = await there.http.post("/oauth/token", data=FORM, auth=(busy.client_id, busy.client_secret))
        assert more.status_code == 429 and more.json()["error"] == "too_many_requests"


async def test_a_member_of_staff_asks_so_often_by_pages_and_scripts_together(
    limited: Limited, region: Region, settings: Settings
) -> None:
    station = Staff.of(await region.found(), settings)
    async with limited(requests_per_minute_member=3) as at:
        here = replace(station, http=at())
        cookies = {"Cookie": f"renkei={here.member('nurse')[1]}"}
        assert (await here.call("GET", "/v1/me", by="nurse")).status_code == 200
        assert (await here.http.get("/account", headers=cookies)).status_code == 200
        assert (await here.call("GET", "/v1/me", by="nurse")).headers["ratelimit"].startswith('"member";r=0;t=')
        problem(await here.call("GET", "/v1/me", by="nurse"), 429, "too-many-requests")
        page = await here.http.get("/account", headers=cookies)
        assert page.status_code == 429 and "retry-after" in page.headers
        assert page.headers["content-type"].startswith("text/html")
        # A colleague at the same office is not stopped.
        assert (await here.call("GET", "/v1/me", by="physician")).status_code == 200


async def test_refused_tokens_stop_new_ones_and_no_token_that_holds(limited: Limited, region: Region) -> None:
    clinic = await region.found()
    async with limited(refused_tokens_per_minute_address=4) as at:
        here, elsewhere = (replace(clinic, http=at(address), _tokens={}) for address in ("192.0.2.1", "192.0.2.2"))
        await here.token()
        tried = [await here.http.get("/v1/me", headers=forged(number)) for number in range(6)]
        assert [answer.status_code for answer in tried] == [401] * 4 + [429] * 2
        assert tried[-1].headers["ratelimit-policy"] == '"refused_address";q=4;w=60'
        assert (await here.get("/v1/me")).status_code == 200
        refused = await here.http.post("/oauth/token", data=FORM, auth=(clinic.client_id, clinic.client_secret))
        assert refused.status_code == 429 and "retry-after" in refused.headers
        assert (await elsewhere.get("/v1/me")).status_code == 200


async def test_who_keeps_trying_to_be_a_client_stops_itself_only(limited: Limited, region: Region) -> None:
    tried, neighbour = await region.found(), await region.found()

    async def asks(http: httpx.AsyncClient, vendor: Vendor, secret: str | None = None) -> int:
        assert vendor.organization is not None
        form = {**FORM, "organization": vendor.organization["code"]}
        answer = await http.post("/oauth/token", data=form, auth=(vendor.client_id, secret or vendor.client_secret))
        return answer.status_code

    async with limited(refused_tokens_per_minute_client=3, refused_tokens_per_minute_address=9) as at:
        assert [await asks(at(), tried, "wrong") for _ in range(12)] == [401] * 3 + [429] * 9
        assert await asks(at(), tried) == 429
        assert await asks(at(), neighbour) == 200
        assert await asks(at("198.51.100.7"), tried) == 200


async def test_whoever_tries_one_client_after_another_is_stopped(limited: Limited) -> None:
    async with limited(refused_tokens_per_minute_address=3) as at:
        tried = [await at().post("/oauth/token", data=FORM, auth=(f"client-{n}", "guess")) for n in range(5)]
        assert [answer.status_code for answer in tried] == [401] * 3 + [429] * 2


async def test_who_keeps_signing_wrongly_is_stopped_too(limited: Limited) -> None:
    wrong = {
        **FORM,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": "x.y.z",
    }
    async with limited(refused_tokens_per_minute_client=3) as at:
        http = at()
        assert [(await http.post("/oauth/token", data=wrong)).status_code for _ in range(5)] == [401] * 3 + [429] * 2


async def test_as_installed_nobody_is_stopped_below_200_at_once_and_300_refused(limited: Limited) -> None:
    async with limited() as at:
        http = at()
        tried = [(await http.get("/v1/me", headers=forged(number))).status_code for number in range(301)]
        assert tried == [401] * 301
        unproven = {"data": FORM, "headers": {"Authorization": "Basic %"}}
        failed = [(await http.post("/oauth/token", **unproven)).status_code for _ in range(290)]
        assert failed == [401] * 290
        at_once = await asyncio.gather(*(http.get("/.well-known/jwks.json") for _ in range(200)))
        assert [answer.status_code for answer in at_once] == [200] * 200
    standing = Settings()
    assert min(standing.requests_per_minute_address, standing.requests_per_minute_client) >= 200 * 60 * 10
    assert standing.requests_per_minute_member >= 200 * 60


async def test_nothing_is_limited_by_zero(limited: Limited) -> None:
    async with limited(requests_per_minute_address=0, refused_tokens_per_minute_address=0) as at:
        assert await statuses(at(), "/v1/me", 20, headers=forged(1)) == [401] * 20


@pytest.mark.parametrize(
    ("trusted", "forwarded", "peers", "expected"),
    [
        ("", "203.0.113.{}", "192.0.2.1", [401, 401, 429]),
        ("127.0.0.1", "203.0.113.{}", "192.0.2.1", [401, 401, 429]),
        ("127.0.0.1", "203.0.113.{}", "127.0.0.1", [401, 401, 401]),
        ("127.0.0.1,10.0.0.0/8", "203.0.113.{}, 10.1.2.3", "127.0.0.1", [401, 401, 401]),
        # What a client itself puts before what the proxy adds is not believed.
        ("127.0.0.1", "203.0.113.{}, 198.51.100.7", "127.0.0.1", [401, 401, 429]),
    ],
)
async def test_only_a_trusted_proxy_says_who_asks(
    limited: Limited, trusted: str, forwarded: str, peers: str, expected: list[int]
) -> None:
    async with limited(requests_per_minute_address=2, trusted_proxies=trusted) as at:
        http = at(peers)
        tried = [await http.get("/v1/me", headers={"X-Forwarded-For": forwarded.format(n)}) for n in range(3)]
        assert [answer.status_code for answer in tried] == expected
