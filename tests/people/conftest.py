"""The service at a name that browsers know passkeys for, and a hospital's provider."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from tests.access import oidc_provider
from tests.access.oidc_provider import Provider
from tests.people.ways import served

from renkei.settings import Settings


@pytest.fixture(scope="module")
async def at_home(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with served(settings) as http:
        yield http


@pytest.fixture(scope="session")
def hospital() -> Iterator[Provider]:
    with oidc_provider.running() as provider:
        yield provider


@pytest.fixture
def provider(hospital: Provider) -> Iterator[Provider]:
    yield hospital
    hospital.alter.clear()
    hospital.down = False
