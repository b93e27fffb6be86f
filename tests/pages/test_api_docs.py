"""GET /docs and its files, as sent. What a browser makes of them is in test_api_docs_browser.py."""

import hashlib
import re
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from renkei.pages import api_docs

STATIC = Path(api_docs.__file__).parent / "static"


async def test_the_page_is_japanese_and_runs_only_its_own_scripts(http: httpx.AsyncClient) -> None:
    page = await http.get("/docs")
    assert page.status_code == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    policy = dict(part.split(" ", 1) for part in page.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["connect-src"] == "'self'"
    assert '<html lang="ja">' in page.text
    assert not re.search(r"<script(?![^>]*\ssrc=)", page.text), "an inline script"
    assert "http" not in page.text


async def test_every_file_the_page_names_is_served(http: httpx.AsyncClient) -> None:
    named = re.findall(r'(?:src|href)="(docs/static/[^"]+)"', (await http.get("/docs")).text)
    assert sorted(named) == sorted(f"docs/static/{name}" for name in api_docs.SERVED)
    for path in named:
        answer = await http.get(f"/{path}")
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == api_docs.SERVED[Path(path).name][1]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "public, max-age=3600"
        again = await http.get(f"/{path}", headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "name", ["", "LICENSE.txt", "api-docs.html", "../api_docs.py", "%2e%2e/api_docs.py", "swagger-ui/swagger-ui.css"]
)
async def test_no_other_file_is(http: httpx.AsyncClient, name: str) -> None:
    assert (await http.get(f"/docs/static/{name}")).status_code == 404


def test_the_routes_are_no_part_of_the_description() -> None:
    app = FastAPI()
    app.include_router(api_docs.router())
    assert app.openapi()["paths"] == {}


def test_third_party_files_are_the_released_ones() -> None:
    """docs/third-party.md names each contained file with its sum, and no file lies there unnamed."""
    stated = dict(re.findall(r"^\| `(\S+)` \| `([0-9a-f]{64})` \|$", Path("docs/third-party.md").read_text(), re.M))
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (STATIC / "swagger-ui").iterdir()}
    assert found == stated
