"""Files given back: to be saved, never shown in place, and asked for before anything is answered."""

from collections.abc import AsyncIterator, Mapping

from starlette.responses import StreamingResponse


def saved_as(name: str) -> dict[str, str]:
    """However it is opened: as a file on a disk, or shut off from everything that the page around it may do."""
    return {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }


async def file_answer(
    pieces: AsyncIterator[bytes], name: str, media_type: str, headers: Mapping[str, str] | None = None
) -> StreamingResponse:
    """200 and the content. A file that is not there is a 503 of its own, not a 200 that breaks off."""
    first = await anext(pieces)
    return StreamingResponse(_from(first, pieces), 200, {**saved_as(name), **(headers or {})}, media_type)


async def _from(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece
