"""The worker: committed changes get gapless positions, in the order they became visible, whoever else works."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from renkei.database import WORKER_ROLE, make_engine, transaction
from renkei.ids import new_id
from renkei.settings import Settings
from renkei.store.changes import publish
from renkei.worker import often, publish_changes, work
from tests.factories import Region, agree, join, register, report, submit
from tests.http.inside import as_owner

CHANGES = """
SELECT p.position, c.kind, c.record_id::text, c.organization_id::text
FROM changes c LEFT JOIN change_positions p ON p.patient_id = c.patient_id AND p.change_id = c.id
WHERE c.patient_id = %s ORDER BY p.position
"""


@pytest.fixture
async def engine(settings: Settings) -> AsyncIterator[AsyncEngine]:
    assert settings.worker_database_url is not None
    made = make_engine(settings.worker_database_url.get_secret_value(), WORKER_ROLE, 4)
    yield made
    await made.dispose()


async def published(engine: AsyncEngine, limit: int = 1000) -> int:
    async with transaction(engine) as tx:
        return await publish(tx, limit)


async def all_published(engine: AsyncEngine) -> None:
    while await published(engine):
        pass


def gapless(settings: Settings) -> bool:
    query = "SELECT count(*) = coalesce(max(position), 0) AND coalesce(min(position), 1) = 1 FROM change_positions"
    return as_owner(settings, query) == [(True,)]


async def test_every_act_is_one_change_and_gets_its_place(
    region: Region, settings: Settings, engine: AsyncEngine
) -> None:
    clinic, nurses = await region.found(), await region.found("visiting_nursing")
    patient = await register(clinic)
    await join(clinic, nurses, patient)
    given = await agree(clinic, patient)
    document = report()
    kept = await submit(nurses, patient, document)
    await submit(nurses, patient, document)  # a repeat changes nothing, and so announces nothing
    await clinic.get(f"/v1/patients/{patient}/summary")
    await nurses.post(f"/v1/patients/{patient}/care-reports/{kept['id']}/withdrawal", {"reason": "誤り"})
    assert {row[0] for row in as_owner(settings, CHANGES, UUID(patient))} == {None}
    await all_published(engine)
    rows = as_owner(settings, CHANGES, UUID(patient))
    assert [row[1:] for row in rows] == [
        ("patient.register", None, clinic.id),
        ("care_team.place", None, clinic.id),
        ("consent.record", given, clinic.id),
        ("care_report.submit", kept["id"], nurses.id),
        ("care_report.withdraw", kept["id"], nurses.id),
    ]
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    assert gapless(settings) and await published(engine) == 0


async def test_in_small_steps(region: Region, settings: Settings, engine: AsyncEngine) -> None:
    clinic = await region.found()
    patient = await register(clinic)
    await all_published(engine)
    ids = [(await submit(clinic, patient, report()))["id"] for _ in range(7)]
    assert [await published(engine, 3) for _ in range(4)] == [3, 3, 1, 0]
    rows = as_owner(settings, CHANGES, UUID(patient))
    assert [row[2] for row in rows] == [None, *ids] and gapless(settings)


async def test_what_commits_late_comes_late(region: Region, settings: Settings, engine: AsyncEngine) -> None:
    """A plain sequence would give the early writer the lower number, below a position somebody has read past already."""
    clinic = await region.found()
    patient = UUID(await register(clinic))
    await all_published(engine)
    owner = settings.owner_database_url
    assert owner is not None
    early = new_id()
    with psycopg.connect(owner.get_secret_value()) as slow:
        slow.execute(
            "INSERT INTO changes (patient_id, id, kind, audit_event_id) VALUES (%s, %s, 'slow', %s)",
            [patient, early, new_id()],
        )
        slow.execute("INSERT INTO unpublished_changes (patient_id, change_id) VALUES (%s, %s)", [patient, early])
        await submit(clinic, str(patient), report())  # no writer waits for another
        await all_published(engine)
        assert [row[1] for row in as_owner(settings, CHANGES, patient) if row[0]][-1] == "care_report.submit"
    await all_published(engine)
    rows = as_owner(settings, CHANGES, patient)
    assert [row[1] for row in rows] == ["patient.register", "care_report.submit", "slow"] and gapless(settings)


async def test_workers_at_once_while_offices_write(region: Region, settings: Settings, engine: AsyncEngine) -> None:
    clinic = await region.found()
    patient = await register(clinic)
    stop = asyncio.Event()
    workers = [asyncio.create_task(work(engine, stop, [often(publish_changes, 0.3)])) for _ in range(3)]
    steps = [asyncio.create_task(_often(engine, stop)) for _ in range(2)]
    answers = await asyncio.gather(*(submit(clinic, patient, report()) for _ in range(40)))
    for _ in range(300):
        if as_owner(settings, "SELECT count(*) FROM unpublished_changes") == [(0,)]:
            break
        await asyncio.sleep(0.02)
    stop.set()
    await asyncio.gather(*workers, *steps)
    rows = as_owner(settings, CHANGES, UUID(patient))
    assert {row[2] for row in rows} == {None, *(answer["id"] for answer in answers)}
    assert len(rows) == 41 and None not in {row[0] for row in rows} and gapless(settings)


async def _often(engine: AsyncEngine, stop: asyncio.Event) -> None:
    while not stop.is_set():
        await published(engine, 2)


async def test_one_works_and_the_others_wait(region: Region, engine: AsyncEngine) -> None:
    clinic = await region.found()
    await register(clinic)
    async with transaction(engine) as first:
        assert await publish(first) > 0
        assert await published(engine) == 0


async def test_what_a_worker_that_died_had_begun_is_done_again(
    region: Region, settings: Settings, engine: AsyncEngine
) -> None:
    clinic = await region.found()
    patient = await register(clinic)
    with pytest.raises(RuntimeError):
        async with transaction(engine) as tx:
            assert await publish(tx) > 0
            raise RuntimeError
    await all_published(engine)
    assert None not in {row[0] for row in as_owner(settings, CHANGES, UUID(patient))} and gapless(settings)
