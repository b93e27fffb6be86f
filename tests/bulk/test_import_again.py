"""What an import meets that is kept already: sent again, corrected, kept under another id of the same person; a worker killed."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from tests.bulk.test_import_lines import COUNTS, NDJSON, line, lines, take_in
from tests.bulk.work import finish, importer
from tests.factories import Region, person, register, report, submit
from tests.http.inside import as_owner
from tests.http.twice import link, registered_twice
from tests.test_cli import environment, urls

from renkei.settings import Settings
from renkei.worker.importing import Importer
from renkei.worker.reading import HERE

PATIENCE = 300
"""Looks, a tenth of a second apart: longer than a busy machine takes to start a worker."""
WAITING = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%%summaries%%'
"""


@pytest.fixture
async def worker(settings: Settings) -> AsyncIterator[Importer]:
    async with importer(settings) as made:
        yield made


def corrected(body: dict[str, Any], version: int) -> dict[str, Any]:
    """The same document said anew."""
    said = {"care_report": {**body["items"]["care_report"], "body": f"第{version}版"}}
    return {**body, "source": {**body["source"], "version": version}, "items": said}


async def test_a_file_with_corrections_is_known_when_it_comes_again(region: Region, worker: Importer) -> None:
    clinic = await region.found()
    patient = await register(clinic)
    first = report()
    sent = lines(*(line(patient, one) for one in (first, corrected(first, 2), corrected(first, 3))))
    job = await take_in(clinic, worker, sent)
    assert (job["state"], job["kept"], job["repeated"], job["wrong"]) == ("done", 3, 0, 0)
    job = await take_in(clinic, worker, sent)
    assert (job["state"], job["kept"], job["repeated"], job["wrong"]) == ("done", 0, 3, 0)


async def test_a_document_under_the_other_id_of_a_linked_person_is_known(
    region: Region, worker: Importer, settings: Settings
) -> None:
    t = await registered_twice(region)
    old, new, twice = report(), report(), report()
    await submit(t.office, t.two, old, by="care_manager")
    assert (await link(t.office, t.one, t.two)).status_code == 201
    alone = await t.office.post(f"/v1/patients/{t.one}/care-reports", old, by="care_manager")
    assert (alone.status_code, alone.json()["patient_id"]) == (200, t.two)
    sent = lines(
        line(t.one, old),
        line(t.one, corrected(old, 2)),
        line(t.two, new),
        line(t.one, new),
        line(t.one, corrected(new, 2)),
        line(t.one, twice),
        line(t.two, twice),
        line(t.two, corrected(twice, 2)),
    )
    for kept, repeated in ((5, 3), (0, 8)):
        job = await take_in(t.office, worker, sent, by="care_manager")
        assert (job["state"], job["kept"], job["repeated"], job["wrong"]) == ("done", kept, repeated, 0)
    stored = "SELECT document_id, version, patient_id FROM records WHERE organization_id = %s ORDER BY 2"
    where: dict[str, list[tuple[int, UUID]]] = {}
    for document, version, patient in as_owner(settings, stored, UUID(t.office.id)):
        where.setdefault(document, []).append((version, patient))
    one, two = UUID(t.one), UUID(t.two)
    # Each correction stands where its document does.
    assert [where[body["source"]["document_id"]] for body in (old, new, twice)] == [
        [(1, two), (2, two)],
        [(1, two), (2, two)],
        [(1, one), (2, one)],
    ]


def started_worker(settings: Settings) -> subprocess.Popen[bytes]:
    """``renkei work``, a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", "from renkei.cli import main; main()", "work"],
        env=environment(**urls(settings), data_dir=str(settings.data_dir)),
        stderr=subprocess.PIPE,
    )


async def test_a_worker_killed_in_a_batch_is_followed_by_another(
    region: Region, worker: Importer, settings: Settings
) -> None:
    """``kill -9`` while it waits in its second batch with a person registered: nothing twice, nothing lost."""
    clinic = await region.found()
    patient, held = await register(clinic), await register(clinic)
    sent = [line(patient, report()) for _ in range(HERE)]
    sent += [{"kind": "patient", "body": person(identifiers=[{"system": "local", "value": "K-1"}])}]
    sent += [line(held, report()) for _ in range(20)]
    started = await clinic.call("POST", "/v1/imports", by="nurse", content=lines(*sent), headers=NDJSON)
    path = f"/v1/imports/{started.json()['id']}"
    owner_url = settings.owner_database_url
    assert owner_url is not None
    with psycopg.connect(owner_url.get_secret_value()) as lock:
        lock.execute("SELECT FROM summaries WHERE patient_id = %s FOR UPDATE", [held])
        process = started_worker(settings)
        try:
            for _ in range(PATIENCE):
                if as_owner(settings, WAITING) == [(1,)]:
                    break
                await asyncio.sleep(0.1)
            job = (await clinic.get(path, by="nurse")).json()
            assert (job["state"], job["progress"]["done"]) == ("running", HERE), job
        finally:
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=20)
    for _ in range(PATIENCE):  # its connection ends with it, and with that what it held
        if as_owner(settings, WAITING) == [(0,)]:
            break
        await asyncio.sleep(0.1)
    assert as_owner(settings, COUNTS, UUID(held)) == [(0, 0, 0, 0)]
    job = await finish(worker, clinic, started.json()["id"], by="nurse")
    assert (job["state"], job["progress"]["done"], job["wrong"]) == ("done", len(sent), 0)
    assert (job["kept"], job["repeated"]) == (len(sent), 0)
    assert as_owner(settings, COUNTS, UUID(patient)) == [(HERE,) * 4]
    assert as_owner(settings, COUNTS, UUID(held)) == [(20,) * 4]
    assert len((await clinic.get("/v1/patients", by="nurse")).json()["items"]) == 3
