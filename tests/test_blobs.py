"""Files kept in a folder and in a bucket of a real S3-compatible server: the same promises, so the same tests."""

import asyncio
import errno
import hashlib
import os
import resource
import stat
import time
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from obstore.store import S3Store
from pydantic import SecretStr

from renkei.blobs import Area, Blobs, FolderBlobs, open_blobs
from renkei.blobs.base import checked
from renkei.blobs.bucket import BucketBlobs
from renkei.errors import TooLarge, Unavailable
from renkei.ids import now
from renkei.main import create_app
from renkei.settings import Settings
from tests.bulk.test_cancelled import work_on
from tests.bulk.test_import_lines import line, lines, take_in
from tests.bulk.work import importer
from tests.factories import Region, Vendor, report, team
from tests.http.test_attachments import kept as attached
from tests.http.test_attachments import on_disk
from tests.s3_server import ACCESS_KEY, SECRET_KEY, s3_server
from tests.schemas.scans import pdf

LIMIT = 100_000_000
CONTENT = pdf(tail=b"%" + bytes(range(128, 256)) * 4000)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with s3_server(tmp_path_factory.mktemp("s3")) as address:
        store = S3Store(
            "renkei",
            endpoint=address,
            access_key_id=ACCESS_KEY,
            secret_access_key=SECRET_KEY,
            region="x",
            client_options={"allow_http": True},
        )
        store.put("first", b"makes the bucket")
        yield address


def bucket_settings(endpoint: str, folder: Path, secret: str = SECRET_KEY) -> Settings:
    return Settings(
        data_dir=folder,
        bucket="renkei",
        bucket_endpoint=endpoint,
        bucket_access_key=ACCESS_KEY,
        bucket_secret_key=SecretStr(secret),
    )


@pytest.fixture(params=["folder", "bucket"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    if request.param == "folder":
        return open_blobs(Settings(data_dir=tmp_path))
    return open_blobs(bucket_settings(request.getfixturevalue("endpoint"), tmp_path))


async def pieces(*content: bytes) -> AsyncIterator[bytes]:
    for piece in content:
        yield piece


async def whole(blobs: Blobs, key: str) -> bytes:
    return b"".join([piece async for piece in blobs.open(key)])


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def every(blobs: Blobs, area: Area = Area.attachments, minutes: int = 1) -> set[str]:
    return {key async for page in blobs.kept(area, now() + timedelta(minutes=minutes)) for key in page}


async def test_what_is_put_comes_back_byte_for_byte(blobs: Blobs) -> None:
    content = os.urandom(700_001)
    kept = await blobs.put(Area.attachments, pieces(content[:5], b"", content[5:]), LIMIT)
    assert (kept.size, kept.sha256) == (len(content), hashlib.sha256(content).digest())
    assert await whole(blobs, kept.key) == content
    assert await blobs.exists(kept.key)


async def test_an_empty_file_is_a_file(blobs: Blobs) -> None:
    kept = await blobs.put(Area.jobs, pieces(), LIMIT)
    assert await whole(blobs, kept.key) == b""


async def test_equal_files_are_two_and_one_removed_leaves_the_other(blobs: Blobs) -> None:
    first = await blobs.put(Area.attachments, pieces(b"same"), LIMIT)
    second = await blobs.put(Area.attachments, pieces(b"same"), LIMIT)
    assert first.key != second.key
    await blobs.delete(first.key)
    assert not await blobs.exists(first.key)
    assert await whole(blobs, second.key) == b"same"
    await blobs.delete(first.key)  # again: nothing to do


async def test_what_is_gone_is_unavailable_before_its_first_piece(blobs: Blobs) -> None:
    kept = await blobs.put(Area.attachments, pieces(b"x"), LIMIT)
    await blobs.delete(kept.key)
    with pytest.raises(Unavailable):
        await anext(aiter(blobs.open(kept.key)))


async def test_too_large_is_told_at_the_first_byte_too_many_and_leaves_nothing(blobs: Blobs, tmp_path: Path) -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 1000
            yield b"a" * 1000

    before = await every(blobs)
    with pytest.raises(TooLarge):
        await blobs.put(Area.attachments, endless(), 5000)
    assert taken == 6000
    assert await every(blobs) == before
    assert not files_in(tmp_path / "blobs" / "spool")


async def test_a_stream_that_breaks_off_leaves_nothing(blobs: Blobs, tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionError("gone")

    before = await every(blobs)
    with pytest.raises(ConnectionError):
        await blobs.put(Area.attachments, broken(), LIMIT)
    assert await every(blobs) == before
    assert not files_in(tmp_path / "blobs" / "spool")


async def test_areas_and_ages_are_told_apart(blobs: Blobs) -> None:
    mine = await blobs.put(Area.attachments, pieces(b"a"), LIMIT)
    other = await blobs.put(Area.jobs, pieces(b"b"), LIMIT)
    assert mine.key in await every(blobs)
    assert other.key not in await every(blobs)
    assert mine.key not in await every(blobs, minutes=-1)  # too young yet to be called unused


async def test_a_large_file_needs_no_memory(blobs: Blobs) -> None:
    block = os.urandom(1 << 20)

    async def sixty_four() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield block

    await blobs.put(Area.jobs, pieces(block * 12), LIMIT)  # what the library itself needs for the parts of an upload
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    kept = await blobs.put(Area.jobs, sixty_four(), LIMIT)
    digest = hashlib.sha256()
    async for piece in blobs.open(kept.key):
        digest.update(piece)
    assert digest.digest() == kept.sha256
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < 40, f"{grown} MB"
    await blobs.delete(kept.key)


async def test_many_at_once_do_not_meet(blobs: Blobs) -> None:
    kept = await asyncio.gather(*(blobs.put(Area.attachments, pieces(b"%d" % n), LIMIT) for n in range(40)))
    assert [await whole(blobs, one.key) for one in kept] == [b"%d" % n for n in range(40)]


async def test_the_spool_is_swept_of_what_a_crash_left(blobs: Blobs, tmp_path: Path) -> None:
    async with blobs.receive(pieces(b"in flight"), LIMIT) as received:
        await blobs.sweep_spool(now() - timedelta(hours=1))
        assert received.content() == b"in flight"
        await blobs.sweep_spool(now() + timedelta(minutes=1))
        assert not received.path.exists()


@pytest.mark.parametrize(
    "key", ["../../etc/passwd", "attachments/20261127/../../x", "/etc/passwd", "attachments", "", "a\n"]
)
async def test_what_is_no_key_of_ours_reaches_nothing(blobs: Blobs, key: str) -> None:
    for use in (blobs.exists, blobs.delete):
        with pytest.raises(ValueError, match="not a key"):
            await use(key)
    with pytest.raises(ValueError, match="not a key"):
        await anext(aiter(blobs.open(key)))


async def test_files_are_private_and_none_can_be_run(tmp_path: Path) -> None:
    blobs = open_blobs(Settings(data_dir=tmp_path))
    kept = await blobs.put(Area.attachments, pieces(b"#!/bin/sh"), LIMIT)
    path = tmp_path / "blobs" / kept.key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    while path != tmp_path:
        path = path.parent
        assert path == tmp_path or stat.S_IMODE(path.stat().st_mode) == 0o700


async def test_a_full_disk_is_unavailable_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = FolderBlobs(tmp_path / "blobs")

    def full(descriptor: int, chunk: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(Unavailable):
        await blobs.put(Area.attachments, pieces(b"x"), LIMIT)
    monkeypatch.undo()
    assert not files_in(tmp_path)


async def test_content_is_on_the_disk_before_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    fsync, rename = os.fsync, Path.rename
    monkeypatch.setattr(os, "fsync", lambda fd: (done.append(os.readlink(f"/proc/self/fd/{fd}")), fsync(fd))[1])
    monkeypatch.setattr(Path, "rename", lambda path, to: (done.append("rename"), rename(path, to))[1])
    kept = await FolderBlobs(tmp_path).put(Area.attachments, pieces(b"x"), LIMIT)
    place = done.index("rename")
    assert any("/spool/" in path for path in done[:place])
    assert str((tmp_path / kept.key).parent) in done[place:]


async def test_a_wrong_key_of_the_bucket_is_unavailable(endpoint: str, tmp_path: Path) -> None:
    blobs = open_blobs(bucket_settings(endpoint, tmp_path, "wrong"))
    assert isinstance(blobs, BucketBlobs)
    with pytest.raises(Unavailable):
        await blobs.put(Area.attachments, pieces(b"x"), LIMIT)


async def test_a_server_that_is_away_is_unavailable_before_long(tmp_path: Path) -> None:
    blobs = open_blobs(bucket_settings("http://127.0.0.1:1", tmp_path))
    began = time.monotonic()
    with pytest.raises(Unavailable):
        await blobs.put(Area.attachments, pieces(b"x"), LIMIT)
    assert time.monotonic() - began < 20


async def test_the_service_and_its_worker_have_their_files_in_the_bucket(
    endpoint: str, settings: Settings, admin: Vendor, tmp_path: Path
) -> None:
    bucket = bucket_settings(endpoint, tmp_path)
    names = ("bucket", "bucket_endpoint", "bucket_access_key", "bucket_secret_key")
    ours = settings.model_copy(update={name: getattr(bucket, name) for name in names})
    blobs, app = open_blobs(ours), create_app(ours)
    async with importer(settings) as other:
        await work_on(other)  # what other tests left to do lies in their folder
    before, folder = {area: await every(blobs, area) for area in Area}, on_disk(settings)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http,
        importer(ours) as worker,
    ):
        clinic, nurses, patient = await team(Region(http, Vendor(http, admin.client_id, admin.client_secret)))
        said = {"title": "指示書", "group": "care_report", "tier": "basic"}
        one = await attached(nurses, patient, CONTENT, "application/pdf", by="nurse", **said)
        path = f"/v1/patients/{patient}/attachments/{one['id']}/content"
        assert (await clinic.get(path, by="physician")).content == CONTENT
        job = await take_in(nurses, worker, sent := lines(*(line(patient, report()) for _ in range(3)), {}))
        assert (job["state"], job["kept"], job["wrong"]) == ("done", 3, 1), job
        mended = await nurses.get(job["rejected"], by="nurse")
    (attachment,) = await every(blobs, Area.attachments) - before[Area.attachments]
    assert await whole(blobs, attachment) == CONTENT
    files = [await whole(blobs, key) for key in await every(blobs, Area.jobs) - before[Area.jobs]]
    assert sorted(files) == sorted([sent, mended.content])
    assert on_disk(settings) == folder


def test_a_key_is_checked_whole() -> None:
    key = "attachments/20261127/0193a1b2-c3d4-7e5f-8a6b-0123456789ab"
    assert checked(key) == key
    with pytest.raises(ValueError, match="not a key"):
        checked(key + "\n")
