"""長い処理 cancelled while it is being done: it stops after its batch, what was taken in stays, and no file of it is left behind."""

import tempfile
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.bulk.test_import_lines import COUNTS, NDJSON, line, lines, take_in
from tests.bulk.work import importer
from tests.factories import Region, Vendor, register, report
from tests.http.inside import as_owner

from renkei.settings import Settings
from renkei.worker.exporting import PATIENTS, Exporter
from renkei.worker.importing import Importer
from renkei.worker.labour import Labour

TURNS = 200
"""More than what waits in this database, of other tests too."""


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where workers of this test have their files at hand."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def files(folder: Path) -> set[Path]:
    """All in it, at any depth."""
    return {path for path in folder.rglob("*") if path.is_file()}


async def begun(vendor: Vendor, path: str, worker: Importer | Exporter) -> dict[str, Any]:
    """Work until some of this job is done; the job then."""
    for _ in range(TURNS):
        await worker.work()
        job = (await vendor.get(path, by="nurse")).json()
        if job["progress"]["done"]:
            return dict(job)
    raise AssertionError(job)


async def work_on(worker: Importer | Exporter) -> None:
    """All that waits, and a look after it."""
    for _ in range(TURNS):
        if not await worker.work():
            return
    raise AssertionError("there is always more")


async def cancel(vendor: Vendor, path: str) -> dict[str, Any]:
    answer = await vendor.call("DELETE", path, by="nurse")
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled"), answer.text
    return dict(answer.json())


async def test_an_import_stops_after_its_batch_and_keeps_what_it_took_in(
    region: Region, settings: Settings, folders: Path
) -> None:
    clinic = await region.found()
    patient = await register(clinic)
    sent = lines(*(line(patient, report()) for _ in range(7)))
    async with importer(settings, batch=2) as worker:
        await work_on(worker)
        before = files(folders)
        asked = await clinic.call("POST", "/v1/imports", by="nurse", content=sent, headers=NDJSON)
        path = asked.headers["Location"]
        job = await begun(clinic, path, worker)
        assert (job["state"], job["kept"], job["progress"]) == ("running", 2, {"done": 2, "total": 7})
        assert files(folders) > before
        cancelled = await cancel(clinic, path)
        await work_on(worker)
        assert files(folders) == before
        assert (await clinic.get(path, by="nurse")).json() == cancelled
        assert (cancelled["kept"], cancelled["progress"]) == (2, {"done": 2, "total": 7})
        assert as_owner(settings, COUNTS, UUID(patient)) == [(2, 2, 2, 2)]
        records = (await clinic.get(f"/v1/patients/{patient}/care-reports", by="nurse")).json()["items"]
        summary = (await clinic.get(f"/v1/patients/{patient}/summary", by="nurse")).json()
        assert {one["id"] for one in records} == {one["id"] for one in summary["care_reports"]}
        assert len(records) == 2
        again = await take_in(clinic, worker, sent)
        assert (again["state"], again["kept"], again["repeated"]) == ("done", 5, 2)


async def test_an_export_leaves_no_file(region: Region, labour: Labour, settings: Settings, folders: Path) -> None:
    nurses = await region.found("visiting_nursing")
    patients = [await register(nurses, by="nurse") for _ in range(PATIENTS + 3)]
    await take_in(nurses, labour.importer, lines(*(line(patient, report()) for patient in patients)))
    await work_on(labour.exporter)
    before = files(settings.blobs_dir / "jobs"), files(folders)
    asked = await nurses.post("/v1/exports", {"what": "own_records", "format": "ndjson"}, by="nurse")
    path = asked.headers["Location"]
    job = await begun(nurses, path, labour.exporter)
    assert (job["state"], job["progress"]["done"]) == ("running", PATIENTS)
    assert {path.name for path in files(folders) - before[1]} >= {"lines", "people"}
    cancelled = await cancel(nurses, path)
    await work_on(labour.exporter)
    assert (await nurses.get(path, by="nurse")).json() == cancelled
    assert cancelled["file"] is None
    assert (await nurses.get(f"{path}/file", by="nurse")).status_code == 404
    assert (files(settings.blobs_dir / "jobs"), files(folders)) == before
