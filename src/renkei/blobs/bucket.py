"""Files in a bucket of an S3-compatible server, through ``obstore`` (Apache's object_store, one wheel without dependencies)."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Self

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from renkei.blobs.base import AT_ONCE, CHUNK, Area, Blobs, Received, checked, new_key, older
from renkei.errors import Unavailable
from renkei.settings import Settings

PATIENCE = timedelta(seconds=30)
"""For one request to the server; a transaction waits for it, and may be idle for a minute."""
UPLOADED_AT_ONCE = 2
"""Parts of 5 MB of one file: the memory it needs, however large it is."""

log = logging.getLogger("renkei.blobs")


class BucketBlobs(Blobs):
    """The bucket must exist; who may read it is the operator's to restrict. The spool lies in the data folder."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The bucket that the settings name; without keys, those of the machine's role are asked for as AWS's tools do."""
        blobs = cls(settings.blobs_dir / "spool")
        blobs._store = S3Store(
            settings.bucket,
            config={
                **({"endpoint": settings.bucket_endpoint} if settings.bucket_endpoint else {}),
                **({"access_key_id": settings.bucket_access_key} if settings.bucket_access_key else {}),
                **(
                    {"secret_access_key": settings.bucket_secret_key.get_secret_value()}
                    if settings.bucket_secret_key
                    else {}
                ),
                "region": settings.bucket_region,
            },
            client_options={
                # A server in the same rack is often plain; a bucket elsewhere has an address that begins with https.
                "allow_http": (settings.bucket_endpoint or "").startswith("http://"),
                "timeout": PATIENCE,
                "connect_timeout": timedelta(seconds=5),
            },
            retry_config={"max_retries": 2, "retry_timeout": PATIENCE},
        )
        return blobs

    _store: S3Store

    async def keep(self, area: Area, received: Received) -> str:
        key = new_key(area)
        with _failing("kept"):
            await obstore.put_async(self._store, key, received.path, max_concurrency=UPLOADED_AT_ONCE)
        return key

    async def open(self, key: str) -> AsyncIterator[bytes]:
        with _failing("read"):
            found = await obstore.get_async(self._store, checked(key))
            pieces = found.stream(CHUNK)
        while True:
            with _failing("read"):
                piece = await anext(pieces, None)
            if piece is None:
                return
            yield bytes(piece)

    async def exists(self, key: str) -> bool:
        with _failing("looked for"):
            try:
                await obstore.head_async(self._store, checked(key))
            except FileNotFoundError:
                return False
        return True

    async def delete(self, key: str) -> None:
        with _failing("deleted"):
            try:
                await obstore.delete_async(self._store, checked(key))
            except FileNotFoundError:
                return

    async def kept(self, area: Area, before: datetime) -> AsyncIterator[list[str]]:
        pages = obstore.list(self._store, f"{area}/", chunk_size=AT_ONCE)
        while True:
            with _failing("listed"):
                page = await anext(pages, None)
            if page is None:
                return
            yield [key for one in page if older(key := checked(one["path"]), before)]


@contextmanager
def _failing(what: str) -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as error:
        log.error("a file could not be %s: %s", what, error)
        raise Unavailable from error
