"""Random lives of a patient (``machine.py``), probed after each step.

RENKEI_ACCESS_STEPS: how many steps in all (200 unless told; more are other lives at every run). ``make nightly`` runs the long form.
"""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.access.linked_machine import LinkedPatient
from tests.access.machine import probed, stage
from tests.access.world import World, figure
from tests.factories import Region, Vendor
from tests.http.feed import worker_engine
from tests.people.posts import Staff

from renkei.main import create_app
from renkei.settings import Settings

SHORT = 200
STEPS = int(os.environ.get("RENKEI_ACCESS_STEPS", SHORT))
PER_RUN = 20
PARTS = 2
"""Several processes share the lives, each with a seed of its own."""


@pytest.fixture
def staged(settings: Settings, admin: Vendor) -> Any:
    """A service on a loop of its own: machines run outside the tests' loop."""
    loop = asyncio.new_event_loop()

    async def serve() -> AsyncIterator[None]:
        app = create_app(settings)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://test") as http,
            worker_engine(settings) as stage.worker,
        ):
            office = Vendor(http, admin.client_id, admin.client_secret)
            stage.world = await World.found(Region(http, office))
            stage.staff = Staff.of(stage.world.reader, settings)
            yield

    service = serve()
    stage.loop = loop
    return loop, service


def in_a_thread(loop: asyncio.AbstractEventLoop, service: AsyncIterator[None], chance: int) -> None:
    """Run all machines; called where no other loop runs."""
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(anext(service))
        how = settings(
            max_examples=max(STEPS // PARTS // PER_RUN, 1),
            stateful_step_count=PER_RUN,
            deadline=None,
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink] if STEPS > SHORT else [Phase.generate],
        )
        run_state_machine_as_test(seed(chance)(LinkedPatient), settings=how)
        loop.run_until_complete(anext(service, None))
    finally:
        loop.close()


@pytest.mark.parametrize("part", range(PARTS))
async def test_random_lives(staged: Any, part: int) -> None:
    probed.clear()
    chance = part if STEPS <= SHORT else secrets.randbits(64)
    await asyncio.to_thread(in_a_thread, *staged, chance)
    figure(
        f"state machine: states {probed['states']}, answers probed {probed['answers']}, violations 0 (seed {chance})"
    )
    assert probed["states"] >= STEPS // PARTS // 2
