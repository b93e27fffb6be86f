"""What would be SQL, HTML, a formula, a template or a line of a log elsewhere is text here: kept and given back as sent.

Every text field of every valid case takes payloads, where its form lets them through, and is read back through each door.
"""

import copy
import html
import json
import logging
import secrets
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from tests.access.world import figure
from tests.factories import Region, Vendor, consent, insured_number, insurer, person, register
from tests.http.test_cases import PATHS, cases
from tests.people.posts import Staff

from renkei.settings import Settings

PAYLOADS = {
    "sql": "'; DROP TABLE patients; --",
    "sql or": "' OR '1'='1' /* %s %(x)s :x $1 */",
    "sql sleep": "1) OR pg_sleep(5)--",
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "attribute": '" onmouseover="alert(1)" x=\'&lt;',
    "formula": "=cmd|' /C calc'!A0",
    "formula at": "@SUM(1+1)*cmd|' /C calc'!A0",
    "template": "{{7*7}}${7*7}<%= 7*7 %>#{7*7}",
    "format": "%n%s%x {0.__class__} {settings.database_url} %(levelname)s",
    "lookup": "${jndi:ldap://127.0.0.1/a}",
    "path": "../../../../etc/passwd",
    "shell": "$(touch /tmp/x)`id`|cat;&",
    "escape": r"\u0000\x00\r\nSet-Cookie: a=b",
}
BREAKS = {
    "header": "髙橋\r\nSet-Cookie: a=b\r\n\r\n<html>",
    "log": "x\n2026-11-27 00:00:00 INFO renkei.http forged 200",
    "escape sequence": "\x1b[2J\x1b]0;owned\x07",
    "right to left": "abc\u202egnp.exe",
}
"""Nothing takes these, but for newlines in texts of several lines."""

Path = tuple[str | int, ...]


def leaves(value: Any, path: Path = ()) -> Iterator[Path]:
    """Where texts stand in a body."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, dict | list):
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*path, name))


def put(body: Any, path: Path, value: Any) -> None:
    """Set what stands at a place."""
    for step in path[:-1]:
        body = body[step]
    body[path[-1]] = value


def at(body: Any, path: Path) -> Any:
    """What stands at a place."""
    for step in path:
        body = body[step]
    return body


def steps(pointer: str, body: Any) -> Path:
    """The place a JSON pointer names."""
    path: list[str | int] = []
    for part in pointer.strip("/").split("/"):
        here = at(body, tuple(path))
        path.append(int(part) if isinstance(here, list) else part)
    return tuple(path)


async def home(region: Region) -> tuple[Vendor, str]:
    clinic = await region.found()
    patient = await register(clinic)
    await clinic.post(f"/v1/patients/{patient}/consents", consent())
    return clinic, f"/v1/patients/{patient}"


async def accepted(
    clinic: Vendor, path: str, case: dict[str, Any], turn: int
) -> tuple[Any, list[Path], httpx.Response]:
    """The case with a payload in each text whose form allows it: what was sent, where payloads stand, the answer."""
    body = copy.deepcopy(case["body"])
    body["source"]["document_id"] = f"{secrets.token_hex(4)} {list(PAYLOADS.values())[turn]}"
    taken = [place for place in leaves(body) if place[0] == "items" or place == ("author", "name")]
    for number, place in enumerate(taken):
        put(body, place, list(PAYLOADS.values())[(number + turn) % len(PAYLOADS)])
    for _ in range(4):
        answer = await clinic.post(path, body, by="physician")
        if answer.status_code != 422:
            break
        for fault in answer.json()["errors"]:
            place = steps(fault["pointer"], body)
            inside = [one for one in taken if one[: len(place)] == place]
            for one in inside or [place]:
                put(body, one, at(case["body"], one))
                taken = [other for other in taken if other != one]
    assert answer.status_code == 201, answer.text
    return body, taken, answer


@pytest.mark.parametrize("turn", [0, 5])
async def test_every_text_of_every_case_comes_back_as_sent(region: Region, turn: int) -> None:
    fields, doors, used = 0, 0, set()
    clinic, patient = await home(region)
    for parameter in cases("valid"):
        (case,) = parameter.values
        path = f"{patient}/{PATHS[case['kind']]}"
        body, taken, sent = await accepted(clinic, path, case, turn)
        record = await clinic.get(sent.headers["location"], by="physician")
        listed = await clinic.get(path, by="physician")
        assert record.json()["items"] == body["items"] and record.json()["source"] == body["source"]
        assert body["items"] in [one["items"] for one in listed.json()["items"]]
        summary = await clinic.get(f"{patient}/summary", by="physician")
        if case["kind"] == "face_sheet":
            for place in taken:
                group = summary.json()["groups"].get(place[1], {})
                shown = group.get(place[2], {}) if place[0] == "items" else {}  # restricted ones are withheld
                if shown.get("record_id") == sent.json()["id"]:
                    assert shown["value"] == body["items"][place[1]][place[2]]
        for answer in (sent, record, listed, summary):
            harmless(answer)
            doors += 1
        fields += len(taken)
        used |= {at(body, place) for place in taken}
    harmless(await clinic.get(f"{patient}/access-log"))
    assert fields > 100 and used == set(PAYLOADS.values())
    figure(f"injection: {fields} fields, {len(used)} payloads, {doors} answers, executed 0, 5xx 0")


def harmless(answer: httpx.Response) -> None:
    """Read as data and as nothing else."""
    assert answer.status_code < 500 and answer.headers["content-type"] in (
        "application/json",
        "application/problem+json",
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "set-cookie" not in answer.headers
    assert not any(payload in value for payload in PAYLOADS.values() for value in answer.headers.values())


@pytest.mark.parametrize("name", PAYLOADS)
async def test_names_reasons_and_titles_come_back_as_sent(
    region: Region, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    payload = PAYLOADS[name]
    caplog.set_level(logging.DEBUG, "renkei.http")
    code = f"org-{insured_number()}"
    made = await region.admin.post("/v1/organizations", {"code": code, "name": payload, "kind": "clinic"})
    assert made.status_code == 201 and made.json()["name"] == payload
    found = await region.admin.get("/v1/organizations", params={"name": payload})
    assert code in [one["code"] for one in found.json()["items"]]
    delegation = {"organization_id": made.json()["id"], "professions": ["physician"]}
    told = await region.admin.post("/v1/clients", {"name": payload, "kind": "vendor", "delegations": [delegation]})
    clinic = Vendor(region.http, told.json()["client_id"], told.json()["client_secret"], made.json())
    named = {"family": payload, "given": "x"}
    number = {"system": "local", "value": payload[:20]}
    numbers = [{"system": "ltci", "insurer": insurer(), "value": insured_number()}, number]
    body = person(name=named, identifiers=numbers)
    answer = await clinic.post("/v1/patients", body)
    assert answer.status_code == 201, answer.text
    patient = f"/v1/patients/{answer.json()['id']}"
    assert (await clinic.get(patient)).json()["name"]["family"] == payload
    oral = consent(form="oral", wording=payload, recorded_by=payload)
    recorded = (await clinic.post(f"{patient}/consents", oral)).json()
    assert recorded["wording"] == payload
    withdrawal = await clinic.post(f"{patient}/consents/{recorded['id']}/withdrawal", {"reason": payload})
    assert withdrawal.status_code == 201
    assert (await clinic.get(f"{patient}/consents")).json()["items"][0]["withdrawal_reason"] == payload
    form = {"user_id": payload, "user_name": payload, "profession": "physician", "organization": code}
    token = await region.http.post(
        "/oauth/token",
        data={"grant_type": "client_credentials", **form},
        auth=(clinic.client_id, clinic.client_secret),
    )
    me = await region.http.get("/v1/me", headers={"Authorization": f"Bearer {token.json()['access_token']}"})
    assert me.json()["user"]["name"] == payload
    for params in ({"name": payload}, {"kana": payload}, {"birth_date": payload}, {"identifier": f"local|{payload}"}):
        harmless(await clinic.get("/v1/patients", params=params))
    for path in (f"/v1/patients/{payload}", f"/v1/catalogue/items/{payload}", f"/v1/{payload}"):
        answer = await clinic.get(path, headers={"Accept-Language": payload.encode("ascii", "replace").decode()})
        assert answer.status_code in (404, 405, 422)
        harmless(answer)
    # One line of the log for one request, whatever it said; what is in a query or body is in none.
    lines = [record.getMessage() for record in caplog.records if record.name == "renkei.http"]
    assert lines and not any("\n" in line or "\r" in line for line in lines)


@pytest.mark.parametrize("name", PAYLOADS)
async def test_on_pages_it_is_text(region: Region, settings: Settings, name: str) -> None:
    payload, code = PAYLOADS[name], f"org-{insured_number()}"
    said = {"code": code, "name": payload, "kind": "clinic"}
    organization = (await region.admin.post("/v1/organizations", said)).json()
    staff = Staff(region.http, "", "", organization, settings=settings)
    shown = 0
    for profession, path in (("physician", "/account"), ("physician", "/"), (None, "/staff"), (None, "/account")):
        cookie = {"Cookie": f"renkei={staff.member(profession)[1]}"}
        page = await region.http.get(path, headers=cookie)
        assert page.status_code == 200 and page.headers["content-type"].startswith("text/html"), path
        policy = page.headers["content-security-policy"]
        assert "script-src" not in policy or "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]
        # The payload is a text of the page, and no part of what the page is made of.
        assert not set(payload) & set("<>\"'") or payload not in page.text
        shown += html.unescape(page.text).count(payload)
    assert shown > 0


@pytest.mark.parametrize("name", BREAKS)
async def test_what_breaks_a_line_is_taken_nowhere(region: Region, name: str, caplog: pytest.LogCaptureFixture) -> None:
    payload = BREAKS[name]
    clinic, patient = await home(region)
    caplog.set_level(logging.DEBUG, "renkei.http")
    refused = [
        await clinic.post("/v1/patients", person(name={"family": payload, "given": "x"})),
        await clinic.post(f"{patient}/consents", consent(form="oral", wording="同意した", recorded_by=payload)),
        await region.admin.post("/v1/organizations", {"code": "a", "name": payload, "kind": "clinic"}),
    ]
    assert [answer.status_code for answer in refused] == [422] * 3
    form = {"grant_type": "client_credentials", "user_id": payload, "user_name": "x", "profession": "nurse"}
    asked = await region.http.post("/oauth/token", data=form, auth=(clinic.client_id, clinic.client_secret))
    assert (asked.status_code, asked.json()["error"]) == (400, "invalid_request")
    for params in ({"name": payload}, {"identifier": f"local|{payload}"}, {payload: "1"}):
        answer = await clinic.get("/v1/patients", params=params)
        assert answer.status_code in (200, 422) and "set-cookie" not in answer.headers
    await clinic.get(f"/v1/catalogue/items/{quote(payload)}")
    lines = [record.getMessage() for record in caplog.records if record.name == "renkei.http"]
    assert lines and all(line.isprintable() for line in lines)
    assert payload not in json.dumps([answer.json() for answer in refused], ensure_ascii=False)
    figure(f"line breaks, {name}: {len(refused) + 1} fields, accepted 0; {len(lines)} lines of the log, broken 0")
