"""One connection to the service: tokens kept and renewed, requests repeated where that is safe, refusals raised."""

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from renkei_client.credentials import Key, Secret, User
from renkei_client.errors import Problem, TokenRefused, Unreachable

RETRIED = {429, 500, 502, 503, 504}
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0
RENEWED_BEFORE_SECONDS = 30.0
"""A token is renewed so long before its end, or by a quarter of its life where that is short."""
_CHANCE = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Acting:
    """For whom a token is: an organization's code, a user or the system itself, and of its rights only some."""

    organization: str | None
    user: User | None = None
    scope: str | None = None

    def said(self) -> dict[str, str]:
        """The parameters of its token request."""
        told = {"grant_type": "client_credentials", "organization": self.organization, "scope": self.scope}
        return {name: value for name, value in told.items() if value} | (self.user.claims() if self.user else {})


@dataclass(frozen=True, slots=True)
class _Token:
    value: str
    renewed_at: float


class Session:
    """Shared by all for whom one client acts. patience: how many seconds a request may be repeated for."""

    def __init__(
        self,
        server: str,
        proof: Secret | Key,
        *,
        patience: float = 60.0,
        timeout: float = 10.0,
        language: str = "ja",
        transport: httpx.BaseTransport | None = None,
        rest: Callable[[float], None] = time.sleep,
    ) -> None:
        headers = {"Accept-Language": language, "User-Agent": "renkei-client/1"}
        # No redirects: a token is for this server and no other.
        self._http = httpx.Client(
            base_url=server.rstrip("/"), timeout=timeout, headers=headers, transport=transport, follow_redirects=False
        )
        self._proof, self._patience, self._rest, self._timeout = proof, patience, rest, timeout
        self._tokens: dict[Acting, _Token] = {}
        self._lock = threading.Lock()
        self._audience: str | None = None

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def ask(
        self,
        acting: Acting,
        method: str,
        path: str,
        *,
        repeatable: bool,
        expected: tuple[int, ...] = (),
        waits: float = 0.0,
        **said: Any,
    ) -> httpx.Response:
        """The answer to one request, 2xx or ``expected``. Raises Problem, TokenRefused or Unreachable.

        repeatable: doing it twice does no harm. What is not is repeated only where it was certainly not done.
        waits: how long the service itself may wait before it answers.
        """
        limits = httpx.Timeout(self._timeout, read=self._timeout + waits)

        def once() -> httpx.Response:
            token = self._token(acting)
            answer = self._send(token, method, path, said, limits)
            if answer.status_code != 401:
                return answer
            # It ended before its time (a key was replaced, rights changed): another one, once.
            self._forget(acting, token)
            return self._send(self._token(acting), method, path, said, limits)

        answer = self._patiently(once, repeatable)
        if answer.is_success or answer.status_code in expected:
            return answer
        raise Problem.of(answer)

    def _send(
        self, token: str, method: str, path: str, said: Mapping[str, Any], limits: httpx.Timeout
    ) -> httpx.Response:
        headers = {**said.get("headers", {}), "Authorization": f"Bearer {token}"}
        rest = {name: value for name, value in said.items() if name != "headers"}
        return self._http.request(method, path, headers=headers, timeout=limits, **rest)

    def _token(self, acting: Acting) -> str:
        with self._lock:
            kept = self._tokens.get(acting)
            if kept is None or kept.renewed_at <= time.monotonic():
                kept = self._tokens[acting] = self._new_token(acting)
            return kept.value

    def _forget(self, acting: Acting, token: str) -> None:
        with self._lock:
            kept = self._tokens.get(acting)
            if kept is not None and kept.value == token:  # another thread may have renewed it
                del self._tokens[acting]

    def _new_token(self, acting: Acting) -> _Token:
        if self._audience is None:
            about = self._patiently(lambda: self._http.get("/.well-known/oauth-authorization-server"), True)
            if not about.is_success:
                raise Problem.of(about)
            self._audience = str(about.json()["token_endpoint"])
        audience = self._audience

        def once() -> httpx.Response:
            form, basic = self._proof.prove(audience, acting.said())
            return self._http.post("/oauth/token", data=form, auth=basic or httpx.USE_CLIENT_DEFAULT)

        asked = time.monotonic()
        answer = self._patiently(once, True)
        if not answer.is_success:
            raise _refused(answer)
        given = answer.json()
        life = float(given["expires_in"])
        return _Token(given["access_token"], asked + life - min(RENEWED_BEFORE_SECONDS, life / 4))

    def _patiently(self, once: Callable[[], httpx.Response], repeatable: bool) -> httpx.Response:
        """Ask again, with growing pauses by chance, while that may help and patience lasts."""
        ends, tries = time.monotonic() + self._patience, 0
        while True:
            answer: httpx.Response | None = None
            try:
                answer = once()
                again = answer.status_code in RETRIED and (repeatable or answer.status_code == 429)
                if not again:
                    return answer
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
                failure: httpx.TransportError = error  # nothing was sent
            except httpx.TransportError as error:
                if not repeatable:
                    raise Unreachable(f"no answer, and nobody knows whether it was done: {error}") from error
                failure = error
            pause = _pause(tries, answer)
            if time.monotonic() + pause > ends:
                if answer is not None:
                    return answer
                raise Unreachable(f"no answer after {tries + 1} tries: {failure}") from failure
            self._rest(pause)
            tries += 1


def _pause(tries: int, answer: httpx.Response | None) -> float:
    """Seconds to wait: by chance, so that many do not come back at once; not before ``Retry-After``."""
    chance = _CHANCE.uniform(0, min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0**tries))
    return chance + (_retry_after(answer) if answer is not None else 0.0)


def _retry_after(answer: httpx.Response) -> float:
    said = answer.headers.get("retry-after", "")
    if said.isdecimal():
        return float(said)
    try:
        return max(0.0, (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return 0.0


def _refused(answer: httpx.Response) -> TokenRefused | Problem:
    try:
        told = answer.json()
        return TokenRefused(answer.status_code, told["error"], told.get("error_description", ""))
    except (ValueError, KeyError, TypeError):
        return Problem.of(answer)
