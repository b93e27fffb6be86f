"""The service at a name that browsers know passkeys for, and a hospital's provider."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from tests.access import oidc_provider
from tests.access.oidc_provider import Provider
from tests.factories import Region, Vendor
from tests.people.staff import Person
from tests.people.ways import hired, served

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


@pytest.fixture
async def station(region: Region) -> Vendor:
    return await region.found("visiting_nursing")


@pytest.fixture
async def nurse(at_home: httpx.AsyncClient, settings: Settings, station: Vendor) -> Person:
    return await hired(at_home, settings, (station, "nurse"))
