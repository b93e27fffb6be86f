"""再送の鍵 as they are kept: ids and digests only, shut to all but one question, gone after their days."""

from collections.abc import AsyncIterator

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.ext.asyncio import AsyncEngine

from renkei.ids import new_id
from renkei.settings import Settings
from renkei.worker.forgetting import forget_keys
from tests.factories import Region, register
from tests.factories import consent as consented
from tests.http.feed import worker_engine
from tests.http.inside import as_owner


@pytest.fixture
async def engine(settings: Settings) -> AsyncIterator[AsyncEngine]:
    async with worker_engine(settings) as made:
        yield made


async def kept(region: Region) -> str:
    """The path of a patient's consents; one was recorded under the key ``k``."""
    clinic = await region.found()
    path = f"/v1/patients/{await register(clinic)}/consents"
    answer = await clinic.post(path, consented(), headers={"Idempotency-Key": "k"})
    assert answer.status_code == 201
    return path


async def test_the_worker_forgets_old_keys_and_keeps_others(
    region: Region, settings: Settings, engine: AsyncEngine
) -> None:
    patients = [(await kept(region)).split("/")[3] for _ in range(2)]
    count = "SELECT count(*) FROM idempotency_keys WHERE patient_id = %s"
    age = "UPDATE idempotency_keys SET done_at = now() - interval '31 days' WHERE patient_id = %s"
    as_owner(settings, age, patients[0])
    assert not await forget_keys(engine, 32)
    assert [as_owner(settings, count, patient) for patient in patients] == [[(1,)], [(1,)]]
    assert not await forget_keys(engine, 30)
    assert [as_owner(settings, count, patient) for patient in patients] == [[(0,)], [(1,)]]


async def test_what_is_kept_tells_nothing_of_the_person(region: Region, settings: Settings) -> None:
    patient = (await kept(region)).split("/")[3]
    query = "SELECT to_jsonb(k) FROM idempotency_keys k WHERE patient_id = %s"
    ((row,),) = as_owner(settings, query, patient)
    assert row.keys() == {"key", "request", "patient_id", "made_id", "status", "done_at", "audit_event_id"}
    event = "SELECT count(*) FROM audit_events WHERE patient_id = %s AND id = %s AND action = 'consent.record'"
    assert as_owner(settings, event, patient, row["audit_event_id"]) == [(1,)]


async def test_the_service_neither_reads_keys_nor_writes_them_for_somebody_not_opened(
    region: Region, settings: Settings
) -> None:
    patient = (await kept(region)).split("/")[3]
    insert = (
        "INSERT INTO idempotency_keys (key, request, patient_id, status, audit_event_id) VALUES (%s, '', %s, 201, %s)"
    )
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url.get_secret_value(), autocommit=True) as service:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            service.execute("SELECT count(*) FROM idempotency_keys")
        assert service.execute("SELECT * FROM renkei_find_retry('none')").fetchall() == []
        for opened in (new_id(), patient):
            with service.transaction(force_rollback=True):
                service.execute(sql.SQL("SET LOCAL renkei.patient_ids = {}").format(sql.Literal(str(opened))))
                row = [new_id().bytes, patient, new_id()]
                if opened == patient:
                    assert service.execute(insert, row).rowcount == 1
                else:
                    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
                        service.execute(insert, row)
