"""画面のフォーム: what a browser sends, read strictly, whoever has sent it."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple
from urllib.parse import parse_qsl

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from renkei.errors import BadRequest, TooLarge

LARGEST_FORM = 20_000
LARGEST_UPLOAD = 1_100_000
"""A form with a file: the largest staff list, or the same as text, and what stands around it."""
MOST_FIELDS = 100
URLENCODED, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"


class Sizes(NamedTuple):
    """How much a form may hold. form: bytes of one without a file; upload: of one with a file, all told."""

    form: int = LARGEST_FORM
    upload: int = LARGEST_UPLOAD
    fields: int = MOST_FIELDS


USUAL = Sizes()


class Sent(NamedTuple):
    """Fields of a form, each once. file: the one that was chosen with it; a large one lies on the disk."""

    fields: Mapping[str, str]
    file: UploadFile | None = None


@asynccontextmanager
async def read_form(request: Request, sizes: Sizes = USUAL) -> AsyncIterator[Sent]:
    """What was sent, while the block runs. Raises BadRequest, TooLarge."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media == MULTIPART:
        form = await _parts(request, sizes)
        try:
            parts = form.multi_items()
            fields = _once([(name, part) for name, part in parts if isinstance(part, str)])
            yield Sent(fields, *(part for _, part in parts if isinstance(part, UploadFile)))
        finally:
            await form.close()
        return
    if media != URLENCODED:
        raise BadRequest
    raw = b"".join([chunk async for chunk in _bounded(request, sizes.form)])
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=sizes.fields)
    except ValueError:
        raise BadRequest from None
    yield Sent(_once(pairs))


async def _parts(request: Request, sizes: Sizes) -> FormData:
    chunks, largest = _bounded(request, sizes.upload), min(sizes.upload, LARGEST_UPLOAD)
    parser = MultiPartParser(request.headers, chunks, max_files=1, max_fields=sizes.fields, max_part_size=largest)
    try:
        return await parser.parse()
    except MultiPartException:
        raise BadRequest from None


def _once(pairs: list[tuple[str, str]]) -> dict[str, str]:
    form = dict(pairs)
    if len(form) != len(pairs) or any("\0" in text for text in form.values()):
        raise BadRequest
    return form


async def _bounded(request: Request, largest: int) -> AsyncGenerator[bytes, None]:
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > largest:
                raise TooLarge(largest)
            yield chunk
    except ClientDisconnect:
        raise BadRequest from None
