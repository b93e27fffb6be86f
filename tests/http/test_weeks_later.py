"""What was sent is sent again after half a year, as a system does that comes back from a backup: nothing is kept twice, nothing changes."""

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.factories import Region, Vendor, insured_number, join, person, register, report, sheet
from tests.http.feed import page, publish_all, read, worker_engine
from tests.http.inside import as_owner

from renkei.settings import Settings
from renkei.worker.forgetting import forget_keys

KEY = {"Idempotency-Key": "before-the-backup"}
INSTANTS = """
SELECT c.table_name, c.column_name FROM information_schema.columns c
JOIN information_schema.columns p ON p.table_schema = c.table_schema AND p.table_name = c.table_name AND p.column_name = 'patient_id'
WHERE c.table_schema = 'public' AND c.data_type = 'timestamp with time zone'
  AND c.column_name NOT IN ('as_of', 'valid_from', 'valid_until')
"""
"""When anything about a patient was done; not what a document says of its own day."""


@pytest.fixture
async def engine(settings: Settings) -> AsyncIterator[AsyncEngine]:
    async with worker_engine(settings) as made:
        yield made


def half_a_year_passes(settings: Settings, patient: str) -> None:
    """All that was done for this patient was done 26 weeks earlier."""
    url = settings.owner_database_url
    assert url is not None
    with psycopg.connect(url.get_secret_value()) as connection:
        instants = connection.execute(INSTANTS).fetchall()
        assert ("records", "received_at") in instants
        assert ("idempotency_keys", "done_at") in instants
        for table, column in instants:
            statement = sql.SQL("UPDATE {} SET {} = {} - interval '26 weeks' WHERE patient_id = %s")
            name = sql.Identifier(column)
            connection.execute(statement.format(sql.Identifier(table), name, name), [patient])


async def history(clinic: Vendor, patient: str, somebody: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Every message of one patient, in the order sent: registered, a sheet and its correction, reports, one of them withdrawn."""
    first = sheet({"medical": {"weight": 41}})
    second = {**first, "source": {**first["source"], "version": 2}, "items": {"medical": {"weight": 40}}}
    where = f"/v1/patients/{patient}"
    return [
        ("/v1/patients", somebody),
        (f"{where}/face-sheets", first),
        (f"{where}/face-sheets", second),
        *((f"{where}/care-reports", report()) for _ in range(3)),
    ]


async def told(reader: Vendor, patient: str) -> dict[str, Any]:
    """What others see of it."""
    answer = await reader.get(f"/v1/patients/{patient}/summary")
    assert answer.status_code == 200, answer.text
    return {name: said for name, said in answer.json().items() if name in ("groups", "care_reports", "version")}


async def test_a_whole_history_sent_again_after_weeks_changes_nothing(
    region: Region, settings: Settings, engine: AsyncEngine
) -> None:
    clinic, pharmacy = await region.found(), await region.found("pharmacy", ["pharmacist"])
    somebody = person(identifiers=[{"system": "local", "value": insured_number()}])
    registered = await clinic.post("/v1/patients", somebody, headers=KEY)
    patient = registered.json()["id"]
    await join(clinic, pharmacy, patient, "pharmacy")
    sent = await history(clinic, patient, somebody)
    answers = [await clinic.post(path, body, headers=KEY if path == "/v1/patients" else {}) for path, body in sent]
    assert [answer.status_code for answer in answers] == [201] * 6
    withdrawn = answers[-1].json()["id"]
    withdrawal = f"/v1/patients/{patient}/care-reports/{withdrawn}/withdrawal"
    taken_back = await clinic.post(withdrawal, {"reason": "別の利用者の記録でした"})
    assert taken_back.status_code in (200, 201), taken_back.text
    await publish_all(engine)
    last = (await page(pharmacy, patient=patient))["cursor"]
    counts = "SELECT (SELECT count(*) FROM records WHERE patient_id = %s), (SELECT count(*) FROM changes WHERE patient_id = %s)"
    rows = as_owner(settings, counts, patient, patient)

    half_a_year_passes(settings, patient)
    assert not await forget_keys(engine, 30)
    before = await told(pharmacy, patient)
    clinic.forget_tokens()
    again = [await clinic.post(path, body, headers=KEY if path == "/v1/patients" else {}) for path, body in sent]

    assert [answer.status_code for answer in again] == [200] * 6
    assert [answer.json()["id"] for answer in again] == [answer.json()["id"] for answer in answers]
    # To the letter, but for the registration, and the report that was taken back and says so.
    assert [answer.content for answer in again[1:-1]] == [answer.content for answer in answers[1:-1]]
    assert set(again[-1].json()) - set(answers[-1].json()) == {"withdrawn_at"}
    repeated = await clinic.post(withdrawal, {"reason": "別の利用者の記録でした"})
    assert repeated.status_code == 200, repeated.text
    await publish_all(engine)
    assert as_owner(settings, counts, patient, patient) == rows
    assert await read(pharmacy, patient=patient, after=last) == []
    assert await told(pharmacy, patient) == before


async def test_registered_again_under_its_number_it_is_the_same_person(region: Region, settings: Settings) -> None:
    """However long ago, and with a key that has been forgotten."""
    clinic = await region.found()
    number = {"system": "local", "value": insured_number()}
    patient = await register(clinic, identifiers=[number])
    half_a_year_passes(settings, patient)
    clinic.forget_tokens()
    answer = await clinic.post("/v1/patients", person(identifiers=[number]), headers=KEY)
    assert (answer.status_code, answer.json()["id"]) == (200, patient)
