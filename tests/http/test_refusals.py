"""Paths, methods, query parameters, cursors, languages; and in which order a request is refused."""

import base64
import json
from typing import Any
from uuid import uuid4

import httpx
import pytest
from tests.factories import Region, Vendor, consent, join, person, register, report, sheet, submit
from tests.http.problems import faults, problem
from tests.schemas.scans import PDF

from renkei.api.door import Door, UploadDoor
from renkei.api.imports import FileDoor
from renkei.api.members import StaffListDoor
from renkei.main import ROUTERS

JSON = {"Content-Type": "application/json"}
SHEET = sheet({"medical": {"weight": 50}})


async def home(region: Region) -> tuple[Vendor, str]:
    clinic = await region.found()
    return clinic, f"/v1/patients/{await register(clinic)}"


ROUTES = [route for door in ROUTERS for route in door.router.routes if isinstance(route, Door)]


def filled(route: Door, **ids: str) -> str:
    known = {"code": "medical.weight", "kind": "face-sheet"} | ids
    return route.path_format.format_map({name: known.get(name, str(uuid4())) for name in route.param_convertors})


def sendable(route: Door) -> dict[str, Any]:
    """A body of the kind the route reads."""
    if isinstance(route, UploadDoor) or route.name == "attachment.add":
        return {"content": PDF, "headers": {"Content-Type": "application/pdf"}}
    if isinstance(route, FileDoor | StaffListDoor):
        return {"content": "氏名\n", "headers": {"Content-Type": "text/csv"}}
    return {"json": {}}


async def test_unknown_and_repeated_query_parameters_on_every_route(region: Region, http: httpx.AsyncClient) -> None:
    clinic, _ = await home(region)
    for route in ROUTES:
        (method,) = route.methods
        path = filled(route)
        body = sendable(route) if method in ("POST", "PUT", "PATCH") else {}
        told = problem(await clinic.call(method, path + "?limitt=3&%00=1", **body), 422, "invalid")
        assert faults(told) == {("?limitt", "unknown"), ("?\\u0000", "unknown")}, path
        for name in route.query_names:
            told = problem(await clinic.call(method, f"{path}?{name}=medical&{name}=living", **body), 422, "invalid")
            assert faults(told) == {(f"?{name}", "repeated")}, path


async def test_a_method_a_path_does_not_have(http: httpx.AsyncClient, region: Region) -> None:
    clinic, _ = await home(region)
    for route in ROUTES:
        answer = await clinic.call("TRACE", filled(route))
        problem(answer, 405, "method-not-allowed")
        assert answer.headers["allow"]
    for path in ("/healthz", "/oauth/token", "/openapi.json"):
        problem(await http.request("DELETE", path), 405, "method-not-allowed")


@pytest.mark.parametrize("path", ["/v2", "/v1/patient", "/v1/patients/", "/V1/patients", "/v1/patients/a/b/c", "/%00"])
async def test_an_unknown_path(http: httpx.AsyncClient, path: str) -> None:
    problem(await http.get(path), 404, "not-found")


async def test_every_v1_route_needs_a_token(http: httpx.AsyncClient) -> None:
    for route in ROUTES:
        (method,) = route.methods
        answer = await http.request(method, filled(route))
        problem(answer, 401, "unauthorized")
        assert answer.headers["www-authenticate"].startswith("Bearer")


CURSORS = {
    "words": "later",
    "not base64": "%%%",
    "kanji": "髙",
    "empty": "",
    "nul": base64.urlsafe_b64encode(b'["\\u0000"]').decode(),
    "no list": base64.urlsafe_b64encode(b'{"a": 1}').decode(),
    "too short": base64.urlsafe_b64encode(b"[]").decode(),
    "too long": base64.urlsafe_b64encode(json.dumps(["a"] * 3).encode()).decode(),
    "not an id": base64.urlsafe_b64encode(b'["x"]').decode(),
    "not a time": base64.urlsafe_b64encode(json.dumps(["x", str(uuid4())]).encode()).decode(),
    "not an id after a time": base64.urlsafe_b64encode(b'["2026-01-01T00:00:00+09:00", "x"]').decode(),
    "numbers": base64.urlsafe_b64encode(b"[1, 2]").decode(),
    "deep": base64.urlsafe_b64encode(b"[" * 20_000).decode(),
}


@pytest.mark.parametrize("cursor", CURSORS.values(), ids=CURSORS.keys())
async def test_garbled_cursors(region: Region, cursor: str) -> None:
    clinic, path = await home(region)
    lists = ["face-sheets", "care-reports", "consents", "access-log"]
    for target in (*(f"{path}/{name}" for name in lists), "/v1/patients", "/v1/organizations"):
        told = problem(await clinic.get(target, params={"after": cursor}), 422, "invalid")
        assert faults(told) == {("?after", "format")}, target


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "1.5", "", "1e2", "９", " 5", "99999999999999999999"])
async def test_limits(region: Region, limit: str) -> None:
    clinic, path = await home(region)
    for target in (f"{path}/face-sheets", "/v1/patients", "/v1/organizations"):
        answer = await clinic.get(target, params={"limit": limit})
        if limit in (" 5", "９"):  # what a forgiving reader takes for a number is no danger
            assert answer.status_code in (200, 422)
            continue
        assert {pointer for pointer, _ in faults(problem(answer, 422, "invalid"))} == {"?limit"}


LANGUAGES = {
    "": "ja",
    "en": "en",
    "EN-us": "en",
    "ja, en": "ja",
    "en, ja": "en",
    "de, en;q=0.1": "en",
    "en;q=0, ja;q=0.1": "ja",
    "en;q=abc": "ja",
    "en;q=nan": "ja",
    "*": "ja",
    ";;;,,,=": "ja",
    "x" * 9_000: "ja",
    "\x01\xff": "ja",
}


@pytest.mark.parametrize("header", LANGUAGES)
async def test_language(http: httpx.AsyncClient, header: str) -> None:
    answer = await http.get("/v1/me", headers={"Accept-Language": header.encode("latin-1")})
    problem(answer, 401, "unauthorized")
    assert answer.headers["content-language"] == LANGUAGES[header]


IDS = ["x", "1", "0", "018f", "018f0000-0000-7000-8000-00000000000g", "%00", "髙橋", "..%2F..", "a" * 5_000]


@pytest.mark.parametrize("id_", IDS)
async def test_an_id_that_is_none_answers_as_one_that_nobody_has(region: Region, id_: str) -> None:
    clinic, _ = await home(region)
    reads = ["", "/summary", "/face-sheets", "/care-reports", "/consents", "/access", "/access-log", "/care-team"]
    writes: list[tuple[str, str, Any]] = [
        ("POST", "/face-sheets", SHEET),
        ("POST", "/care-reports", report()),
        ("POST", "/consents", consent()),
        ("PUT", f"/care-team/{clinic.id}", {"part": "pharmacy", "valid_from": "2026-01-01"}),
        ("DELETE", f"/care-team/{clinic.id}", None),
    ]
    for method, tail, body in [*(("GET", tail, None) for tail in reads), *writes]:
        options = {} if body is None else {"json": body}
        garbled = problem(await clinic.call(method, f"/v1/patients/{id_}{tail}", **options), 404, "not-found")
        missing = problem(await clinic.call(method, f"/v1/patients/{uuid4()}{tail}", **options), 404, "not-found")
        for document in (garbled, missing):
            del document["instance"], document["request_id"]
        assert garbled == missing


async def test_a_record_id_that_is_none(region: Region) -> None:
    clinic, path = await home(region)
    kept = await submit(clinic, path.rsplit("/", 1)[1], SHEET)
    for tail in ("face-sheets/x", f"face-sheets/{uuid4()}", f"care-reports/{kept['id']}"):
        problem(await clinic.get(f"{path}/{tail}"), 404, "not-found")
        problem(await clinic.post(f"{path}/{tail}/withdrawal", {"reason": "r"}), 404, "not-found")
    for method, tail in (("POST", "consents/x/withdrawal"), ("DELETE", "emergency-access/x"), ("PUT", "care-team/x")):
        bodies = {"POST": {"reason": "r"}, "PUT": {"part": "pharmacy", "valid_from": "2026-01-01"}}
        answer = await clinic.call(method, f"{path}/{tail}", json=bodies.get(method), by="physician")
        problem(answer, 404, "not-found")


async def test_order_of_refusals(region: Region, http: httpx.AsyncClient) -> None:
    """401 → 413/415 → 400 → 422 → 404/403 → 409, each fault being there together with all the later ones."""
    clinic, path = await home(region)
    helpers = await region.found("home_help")
    await join(clinic, helpers, path.rsplit("/", 1)[1], "home_help")
    large = b"{" + b"x" * 1_100_000
    for base in (f"/v1/patients/{uuid4()}", "/v1/patients/garbled"):
        for target, valid, invalid in (
            (f"{base}/face-sheets", SHEET, {**SHEET, "x": 1}),
            (f"{base}/consents", consent(), consent(x=1)),
            (f"{base}/care-team/{clinic.id}", {"part": "other", "valid_from": "2026-01-01"}, {"part": "x"}),
        ):
            method = "PUT" if "care-team" in target else "POST"
            problem(await http.request(method, target + "?x=1", content=large), 401, "unauthorized")
            steps: list[tuple[str, bytes, dict[str, str], int]] = [
                ("?x=1", b"{", {"Content-Type": "text/plain"}, 415),
                ("?x=1", large, JSON, 413),
                ("?x=1", b"{", JSON, 400),
                ("?x=1", json.dumps(valid).encode(), JSON, 422),
                ("", json.dumps(invalid).encode(), JSON, 422),
                ("", json.dumps(valid).encode(), JSON, 404),
            ]
            for query, content, headers, status in steps:
                answer = await clinic.call(method, target + query, content=content, headers=headers)
                assert answer.status_code == status, (target, query, content[:40], answer.text[:300])
    helper = {"by": "home_helper"}
    problem(await helpers.post(f"{path}/face-sheets", {**SHEET, "x": 1}, **helper), 422, "invalid-items")
    problem(await helpers.post(f"{path}/face-sheets", SHEET, **helper), 403, "forbidden")
    for target in (f"/v1/patients/{uuid4()}", "/v1/patients/garbled"):
        problem(await clinic.get(f"{target}/summary?groups=nothing"), 422, "invalid")
        problem(await clinic.get(f"{target}/care-reports?limit=0"), 422, "invalid")


async def test_403_comes_before_409(region: Region) -> None:
    clinic, path = await home(region)
    document = sheet({"medical": {"weight": 50}})
    await submit(clinic, path.rsplit("/", 1)[1], document, by="physician")
    other = {**document, "items": {"medical": {"weight": 51}}}
    problem(await clinic.post(f"{path}/face-sheets", other, by="home_helper"), 403, "forbidden")
    problem(await clinic.post(f"{path}/face-sheets", other, by="physician"), 409, "conflict")


async def test_a_403_says_why_and_what_next(region: Region) -> None:
    clinic, path = await home(region)
    told = problem(await clinic.post(f"{path}/face-sheets", SHEET, by="home_helper"), 403, "forbidden")
    assert told["reason_code"] == "profession" and told["grantable_by"] == "platform_admin" and told["rule"]
    mixed = sheet({"medical": {"weight": 50}, "family": {"caregiver_health": "腰痛"}})
    told = problem(await clinic.post(f"{path}/face-sheets", mixed, by="pharmacist"), 403, "forbidden")
    assert told["errors"] == [{"pointer": "/items/family/caregiver_health", "item": "family.caregiver_health"}]
    assert (
        problem(await clinic.post("/v1/patients", person(), by="paramedic"), 403, "forbidden")["reason_code"]
        == "profession"
    )
