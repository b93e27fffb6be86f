"""The worker's long work, in this process."""

from collections.abc import AsyncIterator

import pytest

from renkei.settings import Settings
from renkei.worker.labour import Labour


@pytest.fixture
async def labour(settings: Settings) -> AsyncIterator[Labour]:
    made = Labour.of(settings)
    assert made is not None
    yield made
    await made.close()
