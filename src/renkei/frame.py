"""Around every request: the limit of its address, its id, the headers every answer carries, and the count of it."""

import logging
import re
import time
from collections.abc import Mapping
from uuid import UUID

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from renkei.api import oauth, operations, problems
from renkei.errors import TooManyRequests
from renkei.ids import new_id
from renkei.throttle import Limit, Throttle, address_of

log = logging.getLogger("renkei.http")

_SECRET = re.compile(r"(?<=^/invitations/).+")
"""A link that opens once: its path is a secret, and so no part of the log."""
UNLIMITED = {"/healthz", "/readyz"}
"""What those who run the server ask, from few addresses and often."""

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    # Nothing of an answer is to be run or framed; pages name what they load.
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), microphone=(), "
    "midi=(), payment=(), usb=()",
}
"""What every answer carries, unless its route says otherwise."""
TRANSPORT = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}
"""And where the service is reached by https."""


class Frame:
    """The outermost of what the service itself does. https: whether it is reached so."""

    def __init__(self, app: ASGIApp, throttle: Throttle, https: bool) -> None:
        self.app, self.throttle = app, throttle
        self.headers = _raw({**HEADERS, **(TRANSPORT if https else {})})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id, began, status = new_id(), time.perf_counter(), 500
        # A fresh dict: the server's own is shared by all requests of the process. The id is ours, whatever was sent:
        # in log and ledger it names one request.
        state = {**scope.get("state", {}), "request_id": request_id}
        scope["state"] = state

        async def framed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *self._missing(message["headers"], request_id)]
                # What is left is told to nobody who is told nothing: a 404 is the same whoever asks, and how often.
                if status != 404 and "limits" in state:
                    message["headers"] += _raw(state["limits"])
            await send(message)

        try:
            if scope["path"] not in UNLIMITED:
                self.throttle.count(Limit.address, address_of(scope["client"]))
            await self.app(scope, receive, framed)
        except TooManyRequests as error:
            await refusal(Request(scope), error)(scope, receive, framed)
        except Exception as error:
            # Answered here, not outside as Starlette would, so that this answer is framed as every other.
            await problems.unexpected(Request(scope), error)(scope, receive, framed)
        finally:
            route = scope.get("route")
            action = route.name if isinstance(route, APIRoute) else "none"
            operations.REQUESTS.labels(action, status).inc()
            operations.SECONDS.labels(action).observe(time.perf_counter() - began)
            # Refusals that no ledger keeps (400, 401, 413, 422, 429) are found here. Never the query: it may hold a name.
            level = logging.INFO if status >= 400 else logging.DEBUG
            path = _SECRET.sub("…", scope["path"])
            log.log(level, "%s %s %r %d %s", request_id, scope["method"], path, status, action)

    def _missing(self, given: list[tuple[bytes, bytes]], request_id: UUID) -> list[tuple[bytes, bytes]]:
        names = {name for name, _ in given}
        own = [pair for pair in self.headers if pair[0] not in names]
        return [*own, (b"x-request-id", str(request_id).encode())]


def refusal(request: Request, error: TooManyRequests) -> Response:
    """A problem document; for /oauth in the form its clients read (RFC 6749 §5.2)."""
    return oauth.too_many(error) if request.url.path == "/oauth/token" else problems.problem(request, error)


def _raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]
