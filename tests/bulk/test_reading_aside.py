"""Large files are read by another process, a batch ahead: the same rows, through whatever happens to it; and it ends with its worker."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.bulk.test_import_lines import COUNTS, NDJSON, line, lines
from tests.bulk.work import finish, importer
from tests.factories import Region, person, register, report, sheet
from tests.http.inside import as_owner

from renkei.errors import Invalid
from renkei.ids import new_id
from renkei.schemas.bulk.files import CSV, BadFile, Limits
from renkei.schemas.bulk.reading import AT_ONCE, Batch, Files, Read
from renkei.schemas.bulk.targets import Sheet
from renkei.schemas.submitted import Ready
from renkei.settings import Settings
from renkei.worker import reading
from renkei.worker.reading import Readers

LIMITS = Limits(10_000, 100, 1_000_000, 1_000_000)
STARTS = """
import asyncio, os, sys
from pathlib import Path
from uuid import UUID
from renkei.schemas.bulk.files import Limits
from renkei.schemas.bulk.reading import Batch
from renkei.worker.reading import Readers
batch = Batch(UUID(int=1), "run", Path(sys.argv[1]), "application/x-ndjson", None, Limits(9, 9, 9, 999), None, None, (), 0, 1, 1)
readers = Readers(aside=0)
asyncio.run(readers.read(batch, 9))
other = readers._other
other._begun.result(60)
print(other.process.pid, flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.fixture
def readers() -> Iterator[Readers]:
    made = Readers(aside=0)
    yield made
    made.close()


def begun(readers: Readers) -> Any:
    """Its process, ready."""
    assert readers._other is not None
    readers._other._begun.result(60)
    return readers._other.process


def batch(path: Path, media_type: str = "application/x-ndjson", **more: Any) -> Batch:
    """Three rows of a file."""
    return replace(
        Batch(new_id(), "run", path, media_type, None, LIMITS, None, None, (), 0, largest=3, people=3), **more
    )


def environment(pid: int) -> bytes:
    """What another process was given to know."""
    return Path(f"/proc/{pid}/environ").read_bytes()


def told(read: list[Read]) -> list[Any]:
    """All that is known of rows, their values too."""
    return [
        (row, faults, (what.document.text, what.document.items, what.full, what.report))
        if isinstance(what, Ready)
        else (row, faults, what)
        for row, what, faults in read
    ]


async def test_the_other_process_reads_what_is_read_here(readers: Readers, tmp_path: Path) -> None:
    patient = str(new_id())
    rows = [line(patient, report(items={"body_temperature": 36.5 + n})) for n in range(8)]  # some are too hot
    rows += [{"kind": "patient", "body": person()}, line(patient, sheet({"medical": {"weight": 51}})), {"kind": "?"}]
    (path := tmp_path / "file").write_bytes(lines(*rows))
    first = batch(path)
    places = [replace(first, position=n) for n in range(0, 12, 3)]
    here = [told(Files().read(one)) for one in places]
    read = [told(await readers.read(places[0], 11))]
    begun(readers)
    for n, one in enumerate(places[1:], 1):
        assert n < 2 or one.job_id in readers._ahead
        read.append(told(await readers.read(one, 11 - 3 * n)))
    assert read == here
    assert any(row[1] for rows_ in here for row in rows_) and any(isinstance(row[2], tuple) for row in here[0])
    assert told(await readers.read(places[1], 8)) == here[1]  # a batch that failed, again


def test_a_batch_has_few_registrations(tmp_path: Path) -> None:
    """Each holds its numbers until the batch ends, and whoever registers the same person waits."""
    someone: dict[str, Any] = {"kind": "patient", "body": person()}
    (path := tmp_path / "file").write_bytes(lines(*[line(str(new_id()), report()), someone, someone, someone] * 2))
    files, first = Files(), batch(path, largest=100, people=2)
    numbers, position = list[list[int]](), 0
    while read := files.read(replace(first, position=position)):
        numbers.append([one.row.number for one in read])
        position += len(read)
    assert numbers == [[1, 2, 3], [4, 5, 6], [7, 8]]


async def test_jobs_that_do_not_go_on_keep_little(readers: Readers, tmp_path: Path) -> None:
    (path := tmp_path / "file").write_bytes(b"{}\n" * 9)
    await readers.read(batch(path), 9)
    begun(readers)
    for _ in range(AT_ONCE + 3):
        await readers.read(batch(path), 9)
    assert len(readers._ahead) == AT_ONCE


async def test_what_is_wrong_with_a_file_is_told(readers: Readers, tmp_path: Path) -> None:
    (path := tmp_path / "file").write_text("体温,日\n36,1\n37,2\n38,3\n39,4\n40,5\n41,6\n" + '"37"x,1\n', "utf-8")
    columns: dict[str, Any] = {"columns": {"体温": "care_report.body_temperature"}, "fixed": {}}
    first = batch(path, CSV, sheet=Sheet.care_reports, mapping=columns)
    await readers.read(first, 8)
    assert readers._here._open == {}  # a table is read there from its first row on
    await readers.read(replace(first, position=3), 5)
    with pytest.raises(BadFile, match="not CSV") as bad:
        await readers.read(replace(first, position=6), 2)
    assert bad.value.reason == "format"
    first = replace(first, job_id=new_id(), mapping={"columns": {"気温": "care_report.body_temperature"}, "fixed": {}})
    assert readers._other is not None
    with pytest.raises(Invalid) as unfit:
        readers._other.read(first).result(60)
    assert [fault.pointer for fault in unfit.value.faults] == ["/columns/気温"]


async def test_an_import_goes_on_when_its_reader_is_killed(region: Region, settings: Settings) -> None:
    clinic = await region.found()
    patient = await register(clinic)
    sent = lines(*(line(patient, report()) for _ in range(40)))
    started = await clinic.call("POST", "/v1/imports", by="nurse", content=sent, headers=NDJSON)
    path, killed = f"/v1/imports/{started.json()['id']}", set[int]()
    async with importer(settings, batch=5) as worker:
        worker.readers.aside = 0
        while (job := (await clinic.get(path, by="nurse")).json())["kept"] < 40 and len(killed) < 2:
            await worker.work()
            if job["kept"] and worker.readers._other is not None:
                process = begun(worker.readers)
                if worker.readers._ahead:
                    process.kill()
                    killed.add(process.pid)
        job = await finish(worker, clinic, started.json()["id"], by="nurse")
    assert len(killed) == 2
    assert (job["state"], job["kept"], job["wrong"]) == ("done", 40, 0)
    assert as_owner(settings, COUNTS, UUID(patient)) == [(40, 40, 40, 40)]


async def test_the_reader_knows_no_password_and_rests(
    readers: Readers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RENKEI_DATABASE_URL", "postgresql://somebody:secret@db/renkei")
    (path := tmp_path / "file").write_bytes(b"{}\n" * 9)
    await readers.read(batch(path), 9)
    process = begun(readers)
    assert b"secret" not in environment(process.pid)
    os.kill(process.pid, signal.SIGTERM)  # it is the worker that ends it
    await readers.read(batch(path), 9)
    readers.rest()
    assert process.poll() is None
    readers._used -= 100
    readers.rest()
    assert process.poll() is not None and readers._other is None


def test_the_reader_ends_with_a_worker_that_is_killed(tmp_path: Path) -> None:
    (path := tmp_path / "file").write_bytes(b"{}\n")
    ended = subprocess.run(  # noqa: S603 - this Python, and a text of this file
        [sys.executable, "-c", STARTS, str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    left = Path(f"/proc/{int(ended.stdout)}/cmdline")
    for _ in range(100):
        if not left.exists() or b"aside" not in left.read_bytes():
            return
        time.sleep(0.1)
    raise AssertionError("it goes on")


async def test_a_process_that_says_nothing_is_ended_and_the_batch_is_read_again(
    readers: Readers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path := tmp_path / "file").write_text("体温\n36\n37\n", "utf-8")
    columns: dict[str, Any] = {"columns": {"体温": "care_report.body_temperature"}, "fixed": {}}
    first = batch(path, CSV, sheet=Sheet.care_reports, mapping=columns)
    assert len(await readers.read(first, 2)) == 2
    process = begun(readers)
    process.send_signal(signal.SIGSTOP)
    monkeypatch.setattr(reading, "SILENT_SECONDS", 0.3)
    with pytest.raises(EOFError):
        await readers.read(first, 2)
    assert process.poll() is not None and readers._other is None
    monkeypatch.setattr(reading, "SILENT_SECONDS", 60.0)
    assert len(await readers.read(first, 2)) == 2


async def test_of_registrations_too_the_next_are_read_ahead(readers: Readers, tmp_path: Path) -> None:
    """The first are read here, and are fewer than was thought when the other process was asked."""
    someone: dict[str, Any] = {"kind": "patient", "body": person()}
    (path := tmp_path / "file").write_bytes(lines(*[someone] * 9))
    await readers.read(batch(path, largest=100, people=2), 9)
    begun(readers)
    read = await readers.read(batch(path, largest=100, people=2), 9)
    following = replace(batch(path, largest=100, people=2), position=len(read))
    asked, _, rows = next(iter(readers._ahead.values()))
    assert (asked.position, [one.row.number for one in rows.result(60)]) == (following.position, [3, 4])
