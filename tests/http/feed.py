"""Reading the feed in tests: the app under test has no worker, so positions are given here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine
from tests.factories import Vendor

from renkei.database import WORKER_ROLE, make_engine, transaction
from renkei.settings import Settings
from renkei.store.changes import publish


@asynccontextmanager
async def worker_engine(settings: Settings) -> AsyncIterator[AsyncEngine]:
    """The database as the worker reaches it."""
    assert settings.worker_database_url is not None
    engine = make_engine(settings.worker_database_url.get_secret_value(), WORKER_ROLE, 4)
    yield engine
    await engine.dispose()


async def publish_all(engine: AsyncEngine, limit: int = 1000) -> None:
    """Give every committed change its position."""
    while True:
        async with transaction(engine) as tx:
            if await publish(tx, limit) < limit:
                return


async def page(reader: Vendor, by: str | None = None, **query: Any) -> dict[str, Any]:
    """One page."""
    answer = await reader.get("/v1/changes", by=by, params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def read(reader: Vendor, by: str | None = None, **query: Any) -> list[dict[str, Any]]:
    """Every entry from a cursor, or from the beginning, to the end for now."""
    found = []
    while (got := await page(reader, by, **query))["changes"]:
        found += got["changes"]
        query["after"] = got["cursor"]
    return found


async def end(reader: Vendor) -> str:
    """The cursor behind all that there is for now."""
    cursor = None
    while (got := await page(reader, **({"after": cursor} if cursor else {})))["changes"]:
        cursor = got["cursor"]
    return str(got["cursor"])


def told(entries: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    """Kind and record of each entry."""
    return [(entry["kind"], entry["record_id"]) for entry in entries]
