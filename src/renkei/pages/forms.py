"""画面のフォーム: what a browser sends, read strictly, whoever has sent it."""

from collections.abc import AsyncGenerator, Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from renkei.errors import BadRequest, TooLarge

LARGEST_FORM = 20_000
LARGEST_UPLOAD = 1_100_000
"""A form with a file: the largest staff list, or the same as text, and what stands around it."""
MOST_FIELDS = 100
URLENCODED, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"


class Sent(NamedTuple):
    """Fields of a form, each once. file: the one that was chosen with it, as it is; empty where none was."""

    fields: Mapping[str, str]
    file: bytes = b""


async def read_form(request: Request) -> Sent:
    """What was sent. Raises BadRequest, TooLarge."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media == MULTIPART:
        return await _read_parts(request)
    if media != URLENCODED:
        raise BadRequest
    raw = b"".join([chunk async for chunk in _bounded(request, LARGEST_FORM)])
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:
        raise BadRequest from None
    return Sent(_once(pairs))


async def _read_parts(request: Request) -> Sent:
    parser = MultiPartParser(
        request.headers,
        _bounded(request, LARGEST_UPLOAD),
        max_files=1,
        max_fields=MOST_FIELDS,
        max_part_size=LARGEST_UPLOAD,
    )
    try:
        form = await parser.parse()
    except MultiPartException:
        raise BadRequest from None
    try:
        parts = form.multi_items()
        files = [await part.read() for _, part in parts if isinstance(part, UploadFile)]
    finally:
        await form.close()
    return Sent(_once([(name, part) for name, part in parts if isinstance(part, str)]), *files)


def _once(pairs: list[tuple[str, str]]) -> dict[str, str]:
    form = dict(pairs)
    if len(form) != len(pairs) or any("\0" in text for text in form.values()):
        raise BadRequest
    return form


async def _bounded(request: Request, largest: int) -> AsyncGenerator[bytes, None]:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > largest:
            raise TooLarge(largest)
        yield chunk
