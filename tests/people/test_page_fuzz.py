"""Pages at random: every one, at every stage of signing in, whatever is sent. Never a 5xx. The API: tests/http/test_fuzz.py."""

import random
from collections import Counter
from typing import Any

import httpx
from fastapi.routing import APIRoute
from tests.access.world import figure
from tests.bulk.work import importer
from tests.factories import Region
from tests.people.staff import Browser, Person, hired, invited

from renkei.access.sessions import form_token
from renkei.main import PAGES as MODULES
from renkei.pages import organization_login
from renkei.settings import Settings

PAGES = sorted(
    {
        (method, route.path)
        for router in (*(page.router for page in MODULES), organization_login.told)
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }
)
FIELDS = [
    "email",
    "password",
    "code",
    "next",
    "current",
    "new",
    "again",
    "factor",
    "session",
    "member",
    "name",
    "name_kana",
    "office",
    "profession",
    "valid_from",
    "valid_until",
    "last_day",
    "reason",
    "listed",
    "act",
    "answer",
    "organization",
    "logout_token",
    "state",
    "iss",
    "error",
    "sheet",
    "mapping",
    "worksheet",
    "after",
    "checked",
    "heading-0",
    "column-0",
    "fixed-0",
    "value-0",
    "save_as",
    "partial",
    "what",
    "patient_id",
    "format",
    "from",
    "to",
    "number",
]
TEXTS = (
    "",
    " ",
    "x",
    "-1",
    "\0",
    "\ud7ff\U0010ffff",
    "髙橋\u3000花子",
    "é" * 300,
    "<b>{{ 7 * 7 }}</b>",
    "%00%s%n",
    "/../..",
    "2026-13-41",
)
TEXTS += (
    "nurse",
    "organization_admin",
    "{}",
    '{"id": 1}',
    "[" * 3_000,
    "eyJhbGciOiJub25lIn0..",
    "0" * 6,
    "A" * 10,
    "A" * 16,
    "care_reports",
    "run",
    "columns-40",
    "care_report.pulse_rate",
    "9" * 30,
    "own_records",
    "csv",
    "2026-01-01",
)
IDS = ("x", "00000000-0000-7000-8000-000000000000", "%00", "%2e%2e", "é" * 20)
MEDIA = (
    "application/json",
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "multipart/form-data; boundary=x; charset=rot13",
    "",
)
EACH = 3
"""So many requests to each page at each stage, of each of two kinds: fields, and bodies that are no form."""


async def waiting_import(nurse: Person, settings: Settings) -> str:
    """The id of one of hers that waits for a confirmation."""
    seat = await nurse.sign_in()
    await seat.open("/imports")
    sent = await seat.send("/imports", sheet="care_reports", chosen="利用者番号,脈拍\r\nA-1,速い\r\n".encode())
    async with importer(settings) as worker:
        while "refresh" in (await seat.open(sent.url.path)).headers:
            await worker.work()
    return sent.url.path.rpartition("/")[2]


async def test_no_page_gets_a_5xx_whatever_is_sent_at_whatever_stage(
    http: httpx.AsyncClient, region: Region, settings: Settings
) -> None:
    lot, statuses = random.Random(4), Counter[int]()  # noqa: S311 - the same at every run
    office = await region.found("visiting_nursing")
    people = {"nurse": await hired(http, region.admin, office), "admin": await hired(http, region.admin, office, None)}
    token = (await invited(region.admin, office.id, f"{office.id}@example.jp"))["invitation"]["url"].rpartition("/")[2]
    assert office.organization is not None
    ids = {
        "import_id": await waiting_import(people["nurse"], settings),
        "token": token,
        "organization_id": office.id,
        "code": office.organization["code"],
    }
    texts = (*TEXTS, people["nurse"].email)

    async def at(stage: str) -> Browser:
        seat = Browser.new(http)
        await seat.open("/login")
        if stage == "half-way":
            await seat.send("/login", email=people["nurse"].email, password=people["nurse"].password)
        elif stage in people:
            await people[stage].sign_in(seat)
        return seat

    for stage in ("nobody", "half-way", "nurse", "admin"):
        seat = await at(stage)
        for method, pattern in PAGES:
            if pattern == "/logout" and stage != "nobody":
                continue
            for turn in range(2 * EACH):
                path = pattern
                for name in [part[1:-1] for part in pattern.split("/") if part.startswith("{")]:
                    path = path.replace(f"{{{name}}}", lot.choice([*IDS, ids.get(name, IDS[1])]))
                answer = await seat.http.request(method, path, **sent(lot, seat, method, turn < EACH, texts))
                statuses[answer.status_code] += 1
                assert answer.status_code < 500, f"{stage} {method} {path} {answer.status_code}"
        if stage in people:
            assert "/logout" in (await seat.open("/")).text  # or the rest has shown nothing
    figure(f"pages at random: {len(PAGES)} at 4 stages, {sum(statuses.values())} requests, 5xx 0 {dict(statuses)}")
    assert {200, 303, 400, 403, 404, 422} <= statuses.keys()


def sent(lot: random.Random, seat: Browser, method: str, sound: bool, texts: tuple[str, ...]) -> dict[str, Any]:
    """What a request carries: fields of a form that is ours, or a body that is no form."""
    fields = {name: lot.choice(texts) for name in lot.sample(FIELDS, lot.randint(0, 8))}
    if method == "GET":
        return {"params": fields}
    cookies = seat.http.cookies
    own = form_token(cookies.get("renkei") or cookies["renkei-form"])
    if not sound:
        media = {"Content-Type": lot.choice(MEDIA)}
        return {
            "content": lot.choice((b"", b"\xff", b"--x\r\n\r\n", b"a=%zz&a=b", lot.randbytes(200))),
            "headers": media,
        }
    if lot.random() < 0.3:
        return {
            "data": {"form_token": own, **fields},
            "files": {"file": ("x", lot.choice(texts).encode("utf-8", "replace"))},
        }
    return {"data": {"form_token": own, **fields}}
