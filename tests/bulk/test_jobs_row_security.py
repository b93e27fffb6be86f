"""What the database tells of long work: each organization's own, and to the worker whose turn it is."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from tests.bulk.test_import_lines import line, lines, take_in
from tests.factories import Region, Vendor, register, report

from renkei.ids import new_id
from renkei.settings import Settings
from renkei.worker.labour import Labour


@pytest.fixture
def service(settings: Settings) -> Iterator[psycopg.Connection]:
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url.get_secret_value(), autocommit=True) as connection:
        yield connection


async def failed(region: Region, labour: Labour) -> tuple[Vendor, UUID]:
    """An office, and an import of it that has a fault."""
    office = await region.found()
    patient = await register(office)
    job = await take_in(office, labour.importer, lines(line(patient, report(items={"body_temperature": 99}))))
    return office, UUID(job["id"])


def seen(service: psycopg.Connection, *organizations: str) -> dict[str, set[UUID]]:
    """The imports that either table shows who asks about these organizations."""
    with service.transaction():
        service.execute(sql.SQL("SET LOCAL renkei.asked = {}").format(sql.Literal(",".join(organizations))))
        queries = {"jobs": "SELECT id FROM jobs", "import_faults": "SELECT import_id FROM import_faults"}
        return {table: {id_ for (id_,) in service.execute(query).fetchall()} for table, query in queries.items()}


async def test_an_organization_is_shown_its_own_jobs(
    region: Region, labour: Labour, service: psycopg.Connection
) -> None:
    (one, first), (other, second) = await failed(region, labour), await failed(region, labour)
    assert seen(service) == {"jobs": set(), "import_faults": set()}
    assert seen(service, one.id) == {"jobs": {first}, "import_faults": {first}}
    assert seen(service, one.id, other.id) == {"jobs": {first, second}, "import_faults": {first, second}}


async def test_nobody_writes_into_the_jobs_of_another(
    region: Region, labour: Labour, service: psycopg.Connection
) -> None:
    (one, _), (other, second) = await failed(region, labour), await failed(region, labour)
    written: list[tuple[Any, list[object]]] = [
        (
            "INSERT INTO import_faults (import_id, organization_id, number, faults) VALUES (%s, %s, 9, '[]')",
            [second, other.id],
        ),
        (
            "INSERT INTO jobs (id, kind, state, step, organization_id, actor, spec, found, audit_event_id) "
            "VALUES (%s, 'import', 'queued', 'run', %s, '{}', '{}', '{}', %s)",
            [new_id(), other.id, new_id()],
        ),
    ]
    for text, parameters in written:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"), service.transaction():
            service.execute(sql.SQL("SET LOCAL renkei.asked = {}").format(sql.Literal(one.id)))
            service.execute(text, parameters)
    with service.transaction():
        service.execute(sql.SQL("SET LOCAL renkei.asked = {}").format(sql.Literal(one.id)))
        assert service.execute("UPDATE jobs SET state = 'queued' WHERE id = %s", [second]).rowcount == 0
        assert service.execute("DELETE FROM import_faults WHERE import_id = %s", [second]).rowcount == 0
    with service.transaction():  # which job is due, and nothing else of it
        cursor = service.execute("SELECT * FROM renkei_jobs_due('{import}', 10)")
        assert [column.name for column in cursor.description or ()] == ["id", "organization_id"]
