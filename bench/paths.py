"""The paths measured: what is sent, to whom, and which answer counts."""

import asyncio
import json
import secrets
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bench.region import Town, case

SHEET_BYTES = 30_000
REPORT_ITEMS = 20
DOCUMENT = "bench-0123456789abcdef"
"""Stands in a body where each request has a document id of its own, of the same length."""


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests as bytes: one head for each patient, before one body. ``DOCUMENT`` in it is new each time."""

    heads: list[str]
    body: str
    status: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """A path ready to be loaded. known: the ETag of each patient's summary where the reader sends one."""

    requests: Requests
    patients: list[str]
    known: dict[str, str]


def compact(body: Mapping[str, Any]) -> str:
    """JSON as vendors send it: without spaces, Japanese as it is."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def sheet() -> dict[str, Any]:
    """The fullest face sheet there is, without its longest optional texts: as many items as ``SHEET_BYTES`` hold."""
    body = case("face-als-clinic-complete")
    body["source"]["document_id"], body["as_of"] = DOCUMENT, _just_now()
    items = body["items"]
    by_size = sorted(
        (
            (len(compact({name: value}).encode()), group, name)
            for group, of in items.items()
            for name, value in of.items()
        ),
        reverse=True,
    )
    for size, group, name in by_size:
        surplus = len(compact(body).encode()) - SHEET_BYTES
        if group != "person" and 0 < size <= surplus:
            del items[group][name]
    return body


def report() -> dict[str, Any]:
    """A day's bathing report of ``REPORT_ITEMS`` items."""
    body = case("care-dementia-day-bathing")
    body["source"]["document_id"] = DOCUMENT
    items = body["items"]["care_report"]
    basic = {name: items.pop(name) for name in ("observed_at", "author", "body", "urgency")}
    basic["observed_at"] = _just_now()
    rest = dict(list(items.items())[: REPORT_ITEMS - len(basic)])
    body["items"]["care_report"] = basic | rest
    return body


def _just_now() -> str:
    """Newer than all that stands: a late arrival would change nothing in the summary."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def unique(body: str) -> str:
    """A body with a document id nobody has used."""
    return body.replace(DOCUMENT, f"bench-{secrets.token_hex(8)}")


def head(town: Town, method: str, path: str, token: str, body: str = "", **headers: str) -> str:
    """The head of an HTTP/1.1 request on a connection that stays open."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{town.place.port}", f"Authorization: Bearer {token}"]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body.encode())}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines) + "\r\n\r\n"


async def face_sheet_post(town: Town) -> Prepared:
    """The clinic's physician sends a complete face sheet, newer than what stands: every part is composed anew."""
    return await _post(town, "face-sheets", compact(sheet()), await town.clinic.token("physician"))


async def care_report_post(town: Town) -> Prepared:
    """A visiting nurse sends the report of a visit."""
    return await _post(town, "care-reports", compact(report()), await town.nurses.token("nurse"))


async def summary_get(town: Town) -> Prepared:
    """A visiting nurse reads all that the offices share."""
    token = await town.nurses.token("nurse")
    heads = [head(town, "GET", f"/v1/patients/{patient}/summary", token) for patient in town.patients]
    return Prepared(Requests(heads, "", 200), town.patients, {})


async def summary_not_modified(town: Town) -> Prepared:
    """The same reader again, whose copy is still good."""
    token = await town.nurses.token("nurse")
    known = {patient: await asyncio.to_thread(_etag, town, patient, token) for patient in town.patients}
    heads = [
        head(town, "GET", f"/v1/patients/{patient}/summary", token, If_None_Match=f'"{known[patient]}"')
        for patient in town.patients
    ]
    return Prepared(Requests(heads, "", 304), town.patients, known)


async def _post(town: Town, collection: str, body: str, token: str) -> Prepared:
    heads = [head(town, "POST", f"/v1/patients/{patient}/{collection}", token, body) for patient in town.patients]
    return Prepared(Requests(heads, body, 201), town.patients, {})


def _etag(town: Town, patient: str, token: str) -> str:
    request = urllib.request.Request(
        f"http://127.0.0.1:{town.place.port}/v1/patients/{patient}/summary",
        headers={"Authorization": f"Bearer {token}"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own server
        return str(answer.headers["ETag"]).strip('"')


MAKERS: Mapping[str, Callable[[Town], Awaitable[Prepared]]] = {
    "care_report_post": care_report_post,
    "summary_get": summary_get,
    "summary_not_modified": summary_not_modified,
    "face_sheet_post": face_sheet_post,
}
"""Sheets last: they make the summaries, which the others read or write, larger."""
