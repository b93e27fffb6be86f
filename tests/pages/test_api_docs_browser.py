"""/docs in a real browser, on a machine that can reach nothing else."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser
from tests.live import serve_app
from tests.pages.chromium import browser

from renkei.pages import api_docs

__all__ = ["browser"]

pytestmark = pytest.mark.browser


@pytest.fixture
def base_url() -> Iterator[str]:
    app = FastAPI(title="renkei", docs_url=None, redoc_url=None)
    app.include_router(api_docs.router())

    @app.get("/v1/me", summary="自分の権限")
    async def me() -> dict[str, str]:
        return {"profession": "nurse"}

    with serve_app(lambda _: app) as url:
        yield url


def test_operations_are_shown_and_tried_without_leaving_the_host(browser: Browser, base_url: str) -> None:
    page = browser.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))

    page.goto(f"{base_url}/docs")
    operation = page.locator(".opblock", has_text="/v1/me")
    operation.wait_for(timeout=20_000)
    assert "自分の権限" in operation.inner_text()
    operation.click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    operation.locator(".live-responses-table").get_by_text("nurse").wait_for(timeout=20_000)

    assert f"{base_url}/openapi.json" in asked
    assert [url for url in asked if not url.startswith((base_url, "data:"))] == []
    assert complaints == []
