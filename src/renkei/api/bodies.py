"""Bodies of requests: counted while they stream, of a media type the route takes, JSON parsed strictly."""

from collections.abc import AsyncIterator, Collection
from typing import Any

from fastapi import Request
from starlette.requests import ClientDisconnect

from renkei.errors import TooLarge, Unparsable, WrongMediaType
from renkei.schemas.json_body import parse_json


async def read_json(request: Request, limit: int) -> Any:
    """The body, parsed strictly; left where FastAPI looks for it."""
    _, raw = await read_raw(request, {"application/json"}, limit)
    body = parse_json(raw)
    # Starlette's own places for them: FastAPI then validates what was parsed here, and reads nothing itself.
    request._body, request._json = raw, body
    return body


async def read_raw(request: Request, taken: Collection[str], limit: int) -> tuple[str, bytes]:
    """The media type, one of ``taken``, and the bytes of the body, counted while it streams."""
    media, chunks, size = require_media(request, taken, limit), [], 0
    async for chunk in body_chunks(request):
        size += len(chunk)
        if size > limit:
            raise TooLarge(limit)
        chunks.append(chunk)
    return media, b"".join(chunks)


def require_media(request: Request, taken: Collection[str], limit: int) -> str:
    """The media type, one of ``taken``; refuses also a body that says itself that it is too large."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in taken:
        raise WrongMediaType(taken)
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > limit:  # Python refuses to read thousands of digits
        raise TooLarge(limit)
    return media


async def body_chunks(request: Request) -> AsyncIterator[bytes]:
    """The body as it comes. Raises Unparsable where it breaks off, or there is none."""
    empty = True
    try:
        async for chunk in request.stream():
            empty = empty and not chunk
            yield chunk
    except ClientDisconnect:
        raise Unparsable(("本文が途中で切れました", "The body was cut off")) from None
    if empty:
        raise Unparsable(("本文がありません", "The body is missing"))
