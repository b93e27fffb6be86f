"""What becomes of an attachment's file when something fails: a row never lacks its file, a file without a row is removed."""

import errno
import logging
import os
from datetime import timedelta
from pathlib import Path

import pytest
from tests.access.world import owner
from tests.factories import Region, Vendor, register
from tests.http.feed import worker_engine
from tests.http.problems import problem
from tests.http.test_attachments import attach, kept, on_disk
from tests.schemas.scans import PNG

from renkei.blobs import FolderBlobs
from renkei.settings import Settings
from renkei.store import changes
from renkei.worker.sweeping import Sweeper


async def patient_of(region: Region) -> tuple[Vendor, str]:
    clinic = await region.found()
    return clinic, await register(clinic)


async def sweep(settings: Settings, age: timedelta = timedelta(seconds=-1)) -> None:
    async with worker_engine(settings) as engine:
        assert await Sweeper(FolderBlobs(settings.blobs_dir), age).work(engine) is False


def rows(settings: Settings, patient: str) -> int:
    with owner(settings) as connection:
        found = connection.execute("SELECT count(*) FROM attachments WHERE patient_id = %s", [patient]).fetchone()
    return int(found[0]) if found else 0


async def test_a_file_whose_row_never_came_is_swept_and_others_stay(
    region: Region, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic, patient = await patient_of(region)
    one = await kept(clinic, patient)
    before = on_disk(settings)

    def crash(*_: object) -> None:
        raise RuntimeError("the process ends here")

    monkeypatch.setattr(changes, "announce", crash)
    assert (await attach(clinic, patient, title="x", group="medical", tier="basic")).status_code == 500
    monkeypatch.undo()
    assert rows(settings, patient) == 1
    (orphan,) = on_disk(settings) - before
    await sweep(settings, timedelta(hours=1))  # young: its row may still come
    assert orphan in on_disk(settings)
    await sweep(settings)
    assert orphan not in on_disk(settings)
    content = f"/v1/patients/{patient}/attachments/{one['id']}/content"
    assert (await clinic.get(content, by="physician")).content == PNG
    assert (await attach(clinic, patient, title="x", group="medical", tier="basic")).status_code == 201


async def test_another_databases_files_are_left_alone(
    region: Region, settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    day = tmp_path / "attachments" / "20261127"
    day.mkdir(parents=True)
    names = [f"0193a1b2-c3d4-7e5f-8a6b-{number:012d}" for number in range(101)]
    for name in names:
        (day / name).write_bytes(b"x")
    async with worker_engine(settings) as engine:
        with caplog.at_level(logging.ERROR, "renkei.worker"):
            await Sweeper(FolderBlobs(tmp_path)).work(engine)
        assert "none removed" in caplog.text
        assert len(list(day.iterdir())) == 101
        (day / names[0]).unlink()
        await Sweeper(FolderBlobs(tmp_path)).work(engine)
        assert list(day.iterdir()) == []


@pytest.mark.parametrize("call", ["write", "fsync"])
async def test_a_full_disk_is_a_503_and_nothing_half(
    region: Region, settings: Settings, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    clinic, patient = await patient_of(region)
    before = on_disk(settings)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)
    answer = await attach(clinic, patient)
    monkeypatch.undo()
    problem(answer, 503, "unavailable")
    assert answer.headers["retry-after"]
    assert on_disk(settings) == before
    assert rows(settings, patient) == 0
    assert (await attach(clinic, patient)).status_code == 201


async def test_a_file_that_is_gone_or_altered_is_no_content(region: Region, settings: Settings) -> None:
    clinic, patient = await patient_of(region)
    before = on_disk(settings)
    one = await kept(clinic, patient)
    (name,) = on_disk(settings) - before
    path, file = f"/v1/patients/{patient}/attachments/{one['id']}", settings.blobs_dir / name
    file.write_bytes(PNG[:-1] + b"\0")
    problem(await clinic.get(f"{path}/content", by="physician"), 503, "unavailable")
    file.unlink()
    problem(await clinic.get(f"{path}/content", by="physician"), 503, "unavailable")
    assert (await clinic.get(path, by="physician")).status_code == 200


async def test_a_large_altered_file_breaks_off(region: Region, settings: Settings) -> None:
    clinic, patient = await patient_of(region)
    before = on_disk(settings)
    whole = b"%PDF-1.4\n" + b"%" * 600_000 + b"\ntrailer\n%%EOF\n"
    one = await kept(clinic, patient, whole, "application/pdf")
    (name,) = on_disk(settings) - before
    path = f"/v1/patients/{patient}/attachments/{one['id']}/content"
    assert (await clinic.get(path, by="physician")).content == whole
    (settings.blobs_dir / name).write_bytes(whole[:-20] + b"\0" * 20)
    broken = await clinic.get(path, by="physician")
    assert len(broken.content) < len(whole) == int(broken.headers["content-length"])
