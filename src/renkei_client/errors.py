"""What can go wrong, as exceptions.

RenkeiError
├── Unreachable             no answer, however patiently asked
├── TokenRefused            error, description (RFC 6749 §5.2)
├── WebhookRefused          a webhook that renkei did not sign, or long ago
└── Problem                 an RFC 9457 document: status, type, title, detail, request_id, faults, members
    ├── Unauthorized        401   the delegation has ended
    ├── Forbidden           403   reason_code, rule, grantable_by, request_access
    ├── NotFound            404   absent, or not for this organization
    ├── Conflict            409   reason_code
    ├── PreconditionFailed  412   etag: of the version that holds
    ├── Invalid             422   faults: all of them
    │   └── CursorAhead     422   the platform was restored and does not know this cursor yet
    ├── TooMany             429   after longer than one was willing to wait
    └── ServerFault         5xx
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a body. pointer: RFC 6901, or ``?name`` for a query parameter; item: the catalogue's code."""

    pointer: str
    item: str | None
    code: str
    message: str


class RenkeiError(Exception):
    """Base of all."""


class Unreachable(RenkeiError):
    """The service did not answer."""


class WebhookRefused(RenkeiError):
    """Not to be believed: answer it with 400 and do nothing."""


class TokenRefused(RenkeiError):
    """The token request was refused: wrong proof, or the organization has not delegated."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.status, self.error, self.description = status, error, description


class Problem(RenkeiError):
    """A refusal. ``detail`` is for people, in the language asked for; ``type`` and codes are for programs."""

    def __init__(self, status: int, document: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        self.status, self.members, self.headers = status, document, headers
        self.type = str(document.get("type", "about:blank"))
        self.title, self.detail = str(document.get("title", "")), str(document.get("detail", ""))
        self.request_id = str(document.get("request_id", headers.get("x-request-id", "")))
        self.faults = tuple(
            Fault(str(one.get("pointer")), one.get("item"), str(one.get("code", "")), str(one.get("message", "")))
            for one in document.get("errors", ())
        )
        super().__init__(f"{status} {self.type.removeprefix('urn:renkei:problem:')}: {self.detail} ({self.request_id})")

    @classmethod
    def of(cls, answer: httpx.Response) -> "Problem":
        """The exception for an answer that is a refusal."""
        try:
            document = answer.json()
        except ValueError:
            document = {}
        if not isinstance(document, dict):
            document = {}
        status = answer.status_code
        kind: type[Problem] = ServerFault if status >= 500 else _KINDS.get(status, Problem)
        made = kind(status, document, answer.headers)
        if status == 422 and any(fault.pointer == "?after" and fault.code == "future" for fault in made.faults):
            return CursorAhead(status, document, answer.headers)
        return made


class Unauthorized(Problem):
    """401 with a token that has just been given: the client may no longer act here."""


class Forbidden(Problem):
    """403: a tie stands, the right does not."""

    @property
    def reason_code(self) -> str:
        """Why: ``profession``, ``not_in_care_team``, ``scope`` …"""
        return str(self.members.get("reason_code", ""))

    @property
    def rule(self) -> str:
        """Which rule refused."""
        return str(self.members.get("rule", ""))

    @property
    def grantable_by(self) -> str:
        """Who could grant it."""
        return str(self.members.get("grantable_by", ""))

    @property
    def request_access(self) -> str | None:
        """The path by which to ask for it; None where asking is of no use."""
        path = self.members.get("request_access")
        return str(path) if path is not None else None


class NotFound(Problem):
    """404: there is no such thing for this organization."""


class Conflict(Problem):
    """409."""

    @property
    def reason_code(self) -> str:
        """``content_differs``, ``lower_version`` …"""
        return str(self.members.get("reason_code", ""))


class PreconditionFailed(Problem):
    """412: somebody else was quicker; read again."""

    @property
    def etag(self) -> str | None:
        """Of the version that holds."""
        return self.headers.get("etag")


class Invalid(Problem):
    """422: a fault of the program, or of typing; show ``faults`` at their fields, do not repeat unchanged."""


class CursorAhead(Invalid):
    """The platform was restored from a backup: read what matters anew, and begin the feed without a cursor."""


class TooMany(Problem):
    """429, and the time to wait is longer than the client's patience."""


class ServerFault(Problem):
    """5xx, several times."""


_KINDS: Mapping[int, type[Problem]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: PreconditionFailed,
    422: Invalid,
    429: TooMany,
}
