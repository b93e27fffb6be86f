"""画面の部品: files of the package that pages load, each by a route of its own: nothing else of the folder is reachable."""

import hashlib
from collections.abc import Awaitable, Callable
from importlib.resources import files

from fastapi import Request, Response

STATIC = files("renkei.pages") / "static"


def asset(path: str, media_type: str) -> Callable[[Request], Awaitable[Response]]:
    """A route that sends the file, with its tag, to be kept for an hour."""
    content = STATIC.joinpath(path).read_bytes()
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "public, max-age=3600"}

    async def send(request: Request) -> Response:
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=media_type, headers=headers)

    return send
