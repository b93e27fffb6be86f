"""Security headers of every answer, the request's id, and pages of other origins (CORS)."""

import httpx
import pytest
from pydantic import ValidationError

from renkei.frame import HEADERS
from renkei.main import create_app
from renkei.settings import Settings

PATHS = (
    "/healthz",
    "/v1/me",
    "/nothing",
    "/docs",
    "/docs/static/api-docs.js",
    "/openapi.json",
    "/.well-known/jwks.json",
)
KARTE = "https://karte.example.jp"


def served(settings: Settings, **changes: object) -> httpx.AsyncClient:
    app = create_app(settings.model_copy(update=changes))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


@pytest.mark.parametrize("path", PATHS)
async def test_every_answer_is_framed(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path)
    for name, value in HEADERS.items():
        assert answer.headers.get_list(name) == [answer.headers[name]], name
        if name not in ("Cache-Control", "Content-Security-Policy"):
            assert answer.headers[name] == value
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert ("script-src 'self'" in policy) is (path == "/docs")
    assert "'unsafe-eval'" not in policy and "script-src 'unsafe-inline'" not in policy


async def test_transport_security_is_told_where_there_is_any(settings: Settings, http: httpx.AsyncClient) -> None:
    assert "strict-transport-security" not in (await http.get("/healthz")).headers
    async with served(settings, issuer="https://renkei.example.jp") as secure:
        told = (await secure.get("/nothing")).headers["strict-transport-security"]
    assert told == "max-age=31536000; includeSubDomains"


async def test_an_id_sent_from_outside_is_not_taken_over(http: httpx.AsyncClient) -> None:
    sent = "00000000-0000-7000-8000-000000000000"
    answer = await http.get("/v1/me", headers={"X-Request-Id": sent, "X-Correlation-Id": sent})
    assert answer.headers.get_list("x-request-id") == [answer.json()["request_id"]]
    assert sent not in answer.text + str(answer.headers)


def preflight(origin: str) -> dict[str, str]:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    return {"Origin": origin, **asked}


async def test_pages_of_other_origins_are_shut_out(http: httpx.AsyncClient) -> None:
    for method in ("OPTIONS", "GET", "POST"):
        answer = await http.request(method, "/v1/patients", headers=preflight(KARTE))
        assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert (await http.options("/v1/patients", headers=preflight(KARTE))).status_code == 405


async def test_but_those_the_operator_names(settings: Settings) -> None:
    async with served(settings, cors_origins=f"{KARTE},https://kango.example.jp") as opened:
        asked = await opened.options("/v1/patients", headers=preflight(KARTE))
        assert asked.status_code == 200 and asked.headers["access-control-allow-origin"] == KARTE
        assert asked.headers["content-security-policy"] == HEADERS["Content-Security-Policy"]
        got = await opened.get("/v1/me", headers={"Origin": KARTE})
        assert got.status_code == 401 and got.headers["access-control-allow-origin"] == KARTE
        assert "X-Request-Id" in got.headers["access-control-expose-headers"]
        for origin in ("https://evil.example", "null", f"{KARTE}.evil.example", KARTE.replace("https", "http")):
            assert (await opened.options("/v1/patients", headers=preflight(origin))).status_code == 400
            assert "access-control-allow-origin" not in (await opened.get("/v1/me", headers={"Origin": origin})).headers


@pytest.mark.parametrize("origins", [KARTE, "*"])
async def test_never_with_cookies(settings: Settings, origins: str) -> None:
    async with served(settings, cors_origins=origins) as opened:
        for answer in (
            await opened.options("/v1/patients", headers=preflight(KARTE)),
            await opened.get("/v1/me", headers={"Origin": KARTE, "Cookie": "renkei=x"}),
        ):
            assert answer.headers["access-control-allow-origin"] in (KARTE, "*")
            assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("trusted_proxies", "*"),
        ("trusted_proxies", "proxy.example.jp"),
        ("trusted_proxies", "10.0.0.1/8"),
        ("cors_origins", "https://karte.example.jp/"),
        ("cors_origins", "karte.example.jp"),
        ("cors_origins", f"{KARTE},*"),
        ("requests_per_minute_client", "-1"),
    ],
)
def test_a_setting_that_would_open_too_much_stops_the_start(name: str, value: str) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({name: value})
