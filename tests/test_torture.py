"""Torture in its short form: real processes killed and cut off under load. ``make torture`` is the long one, with more rows."""

from collections.abc import AsyncIterator

import pytest
from bench.torture.receiver import receiver
from bench.torture.rows import crash, unknown
from bench.torture.victim import Victim, victim

from tests.access.world import figure


@pytest.fixture(scope="module")
async def on() -> AsyncIterator[Victim]:
    async with victim() as made:
        yield made


async def test_nothing_acknowledged_is_lost_or_kept_twice_or_by_halves_when_processes_are_killed(on: Victim) -> None:
    found = await crash(on, 4)
    figure(str(found))
    assert found.missed == {}


async def test_nothing_is_kept_twice_when_the_answer_to_a_commit_is_lost(on: Victim) -> None:
    found = await unknown(on, 10)
    figure(str(found))
    assert found.missed == {}


async def test_a_receiver_written_from_the_page_stays_in_step_whatever_is_killed(on: Victim) -> None:
    found = await receiver(on, 1)
    figure(str(found))
    assert found.missed == {}
