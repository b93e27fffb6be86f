"""The service of a closed network, which may tell receivers on this machine; its clocks run thousands of times faster."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from renkei.main import create_app
from renkei.settings import Settings
from renkei.worker import delivering
from tests.factories import Region, Vendor, register
from tests.http.feed import worker_engine
from tests.webhooks.receiver import Receiver, receiving


@pytest.fixture(scope="session")
def near(settings: Settings) -> Settings:
    """As the demo: 127.0.0.1 may be told. Three days are three seconds."""
    return settings.model_copy(
        update={"allow_private_targets": True, "webhook_timeout_seconds": 1.0, "webhook_retry_seconds": 3}
    )


@pytest.fixture(scope="session")
async def near_http(near: Settings) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(near)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        yield client


@pytest.fixture
def region(near_http: httpx.AsyncClient, admin: Vendor) -> Region:
    return Region(near_http, Vendor(near_http, admin.client_id, admin.client_secret))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
async def clinic(region: Region) -> Vendor:
    return await region.found()


@pytest.fixture
async def patient(clinic: Vendor) -> str:
    return await register(clinic)


@pytest.fixture
def other() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture(scope="session")
async def engine(settings: Settings) -> AsyncIterator[AsyncEngine]:
    async with worker_engine(settings) as made:
        yield made


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits looks more often."""
    monkeypatch.setattr(delivering, "EVERY_SECONDS", 0.02)
