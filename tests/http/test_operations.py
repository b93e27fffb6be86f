"""What those who run the server meet: health, metrics, description, keys; and headers of every answer."""

import base64
import re
from typing import Any

import httpx
import pytest
from openapi_spec_validator import validate
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from tests.factories import Region, register, sheet
from tests.http.problems import problem

from renkei.catalogue import load_catalogue
from renkei.main import PAGES, ROUTERS, create_app
from renkei.pages import api_docs, organization_login
from renkei.settings import Settings
from renkei.vocabulary import Permission

JAPANESE = re.compile(r"[ぁ-んァ-ヶ一-龠]")


async def test_health_and_readiness_need_no_token(http: httpx.AsyncClient) -> None:
    assert (await http.get("/healthz")).json() == {"status": "ok"}
    assert (await http.get("/readyz")).json() == {"status": "ready"}


async def test_headers_of_every_answer(http: httpx.AsyncClient, region: Region) -> None:
    clinic = await region.found()
    answers = [
        await http.get("/healthz"),
        await http.get("/v1/me"),
        await http.get("/nothing"),
        await http.get("/docs"),
        await http.post("/oauth/token"),
        await clinic.get("/v1/patients"),
        await clinic.get(f"/v1/patients/{await register(clinic)}/summary"),
    ]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"]
        assert "server" not in answer.headers
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)
    for answer in answers[:-2]:
        assert "no-store" in answer.headers["cache-control"] or answer.headers["content-type"].startswith("text/html")
    assert answers[5].headers["cache-control"] == "no-store"


# --- metrics


async def scraped(http: httpx.AsyncClient, **headers: str) -> dict[tuple[str, str], float]:
    answer = await http.get("/metrics", headers=headers)
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/plain")
    (family,) = (f for f in text_string_to_metric_families(answer.text) if f.name == "renkei_requests")
    return {
        (s.labels["action"], s.labels["status"]): s.value for s in family.samples if s.name == "renkei_requests_total"
    }


async def test_metrics_count_by_action_and_nothing_of_anybody(http: httpx.AsyncClient, region: Region) -> None:
    clinic = await region.found()
    path = f"/v1/patients/{await register(clinic)}"
    before = await scraped(http)
    await clinic.post(f"{path}/face-sheets", sheet({"medical": {"weight": 50}}))
    for number in range(30):
        await http.get(f"/unknown-{number}")
        await clinic.get(f"/v1/patients/{number}/summary")
        await clinic.get(f"/v1/catalogue/items/x{number}")
    after = await scraped(http)
    grown = {key: after[key] - before.get(key, 0) for key in after if after[key] != before.get(key, 0)}
    # Other tests of this process share the counters, but none runs between two awaits of this one.
    assert grown[("face_sheet.submit", "201")] == 1
    assert grown[("none", "404")] == 30 and grown[("summary.read", "404")] == 30
    known = {p.value for p in Permission} | {route.name for door in ROUTERS for route in door.router.routes}
    own = [api_docs.router(), organization_login.told, *(page.router for page in PAGES)]
    pages = {route.name for router in own for route in router.routes}
    assert {action for action, _ in after} <= known | pages | {"none"}
    text = (await http.get("/metrics")).text
    assert path.rsplit("/", 1)[1] not in text and clinic.id not in text


async def test_metrics_tell_what_waits_for_receivers(http: httpx.AsyncClient) -> None:
    text = (await http.get("/metrics")).text
    for name in ("renkei_deliveries_waiting", "renkei_deliveries_overdue_seconds", "renkei_subscriptions_off"):
        assert f"\n{name} " in text, name


async def test_metrics_are_for_loopback_only(settings: Settings) -> None:
    app = create_app(settings)
    # What it tells of webhooks takes a connection, which is closed with the service.
    async with app.router.lifespan_context(app):
        for address, headers, status in (
            ("127.0.0.1", {}, 200),
            ("::1", {}, 200),
            ("192.0.2.7", {}, 404),
            ("10.0.0.1", {}, 404),
            ("127.0.0.1", {"X-Forwarded-For": "192.0.2.7"}, 404),
            ("127.0.0.1", {"Forwarded": "for=192.0.2.7"}, 404),
        ):
            transport = httpx.ASGITransport(app, client=(address, 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as outside:
                assert (await outside.get("/metrics", headers=headers)).status_code == status, (address, headers)


async def test_or_for_whoever_has_their_token(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"metrics_token": SecretStr("a-long-token")}))
    transport = httpx.ASGITransport(app, client=("192.0.2.7", 1))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as outside,
    ):
        assert (await outside.get("/metrics", headers={"Authorization": "Bearer a-long-token"})).status_code == 200
        for header in (
            {},
            {"Authorization": "Bearer x"},
            {"Authorization": "Bearer "},
            {"Authorization": "髙".encode()},
        ):
            assert (await outside.get("/metrics", headers=header)).status_code == 404


# --- the description


async def test_the_description_is_valid_and_whole(http: httpx.AsyncClient) -> None:
    document = (await http.get("/openapi.json")).json()
    validate(document)
    assert document["openapi"].startswith("3.1")
    described = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    served = {
        (route.path_format, method)
        for door in ROUTERS
        for route in door.router.routes
        for method in route.methods
        if route.path.startswith(("/v1", "/oauth", "/.well-known"))
    }
    assert described == served and len(served) > 30
    for path, methods in document["paths"].items():
        for operation in methods.values():
            text = operation["summary"]
            assert JAPANESE.search(text) and (re.search(r"[A-Za-z]{3}", text)), path
            assert "401" in operation["responses"] or not path.startswith("/v1")
            assert operation.get("security") or path.startswith("/.well-known")


async def test_the_two_documents_are_described_item_by_item(http: httpx.AsyncClient) -> None:
    document = (await http.get("/openapi.json")).json()
    schemas = document["components"]["schemas"]
    for path, name, groups in (
        ("face-sheets", "FaceSheet", {"person": 33, "family": 23, "medical": 59, "living": 51}),
        ("care-reports", "CareReport", {"care_report": 71}),
    ):
        body = document["paths"][f"/v1/patients/{{patient_id}}/{path}"]["post"]["requestBody"]
        assert body["content"]["application/json"]["schema"] == {"$ref": f"#/components/schemas/{name}"}
        items = _resolved(schemas, schemas[name]["properties"]["items"])["properties"]
        described = {group: _resolved(schemas, items[group])["properties"] for group in groups}
        assert {group: len(members) for group, members in described.items()} == groups
        for group, members in described.items():
            for name_, member in members.items():
                item = load_catalogue().items[f"{group}.{name_}"]
                assert member["title"] == f"{item.name_ja} / {item.name_en}"


def _resolved(schemas: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    return dict(schemas[schema["$ref"].removeprefix("#/components/schemas/")])


# --- keys and tokens (RFC 8414, 7517, 6749)


async def test_well_known(http: httpx.AsyncClient) -> None:
    metadata = (await http.get("/.well-known/oauth-authorization-server?whatever=1")).json()
    assert metadata["token_endpoint"] == metadata["issuer"] + "/oauth/token"
    assert metadata["jwks_uri"] == metadata["issuer"] + "/.well-known/jwks.json"
    keys = (await http.get("/.well-known/jwks.json")).json()["keys"]
    assert keys and all(key["alg"] == "ES256" and "d" not in key for key in keys)


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


FORM = {"grant_type": "client_credentials"}
TOKEN_FAULTS: dict[str, tuple[dict[str, Any], int, str]] = {
    "no form": ({}, 400, "invalid_request"),
    "json": ({"json": FORM}, 400, "invalid_request"),
    "no client": ({"data": FORM}, 401, "invalid_client"),
    "bearer": ({"data": FORM, "headers": {"Authorization": "Bearer x"}}, 401, "invalid_client"),
    "not base64": ({"data": FORM, "headers": {"Authorization": "Basic %%%"}}, 401, "invalid_client"),
    "no colon": ({"data": FORM, "headers": basic("client")}, 401, "invalid_client"),
    "unknown": ({"data": FORM, "headers": basic("client:secret")}, 401, "invalid_client"),
    "nul": ({"data": FORM, "headers": basic("a\0b:secret")}, 401, "invalid_client"),
    "nul encoded": ({"data": FORM, "headers": basic("a%00b:secret")}, 401, "invalid_client"),
    "bytes encoded": ({"data": FORM, "headers": basic("%ff%fe:%ff")}, 401, "invalid_client"),
    "another grant": ({"data": {"grant_type": "password"}, "headers": basic("a:b")}, 400, "unsupported_grant_type"),
    "twice": (
        {"content": b"grant_type=a&grant_type=b", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
        400,
        "invalid_request",
    ),
    "nul in form": ({"data": {**FORM, "organization": "a\0"}, "headers": basic("a:b")}, 400, "invalid_request"),
    "large": ({"data": {**FORM, "x": "y" * 20_000}, "headers": basic("a:b")}, 400, "invalid_request"),
}


@pytest.mark.parametrize(("request_", "status", "error"), TOKEN_FAULTS.values(), ids=TOKEN_FAULTS.keys())
async def test_token_requests_refused(
    http: httpx.AsyncClient, request_: dict[str, Any], status: int, error: str
) -> None:
    answer = await http.post("/oauth/token", **request_)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.headers["cache-control"] == "no-store"
    assert ("www-authenticate" in answer.headers) is (status == 401)


async def test_unknown_parameters_of_a_token_request_are_ignored(region: Region) -> None:
    clinic = await region.found()
    assert clinic.organization is not None
    form = {**FORM, "organization": clinic.organization["code"], "scope": "", "audience": "x", "user_id": ""}
    answer = await region.http.post("/oauth/token", data=form, auth=(clinic.client_id, clinic.client_secret))
    assert answer.status_code == 200 and answer.json()["expires_in"] > 0


async def test_a_token_in_the_url_is_no_token(region: Region) -> None:
    clinic = await region.found()
    token = await clinic.token()
    problem(await region.http.get(f"/v1/me?access_token={token}"), 401, "unauthorized")
