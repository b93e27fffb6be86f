"""Members of staff, each with a browser of their own."""

import re
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

import httpx
import pyotp

PASSWORD = "tulip-kiosk-trombone"


@dataclass
class Browser:
    """A browser: keeps cookies, and says where a form was."""

    http: httpx.AsyncClient
    last: httpx.Response | None = None

    @classmethod
    def new(cls, http: httpx.AsyncClient, **headers: str) -> "Browser":
        """One that nobody has used. http: a client of the same service."""
        said = {"Origin": "http://test", "Sec-Fetch-Site": "same-origin", **headers}
        return cls(httpx.AsyncClient(transport=http._transport, base_url="http://test", headers=said))

    async def open(self, path: str) -> httpx.Response:
        """A page, wherever it leads."""
        self.last = await self.http.get(path, follow_redirects=True)
        return self.last

    @property
    def form_token(self) -> str:
        """Of the page last opened."""
        assert self.last is not None
        found = re.search(r'name="form_token" value="([0-9a-f]{64})"', self.last.text)
        assert found, self.last.text
        return found.group(1)

    async def send(self, path: str, follow: bool = True, **form: str) -> httpx.Response:
        """A form of the page last opened, filled in."""
        data = {"form_token": self.form_token, **form}
        answer = await self.http.post(path, data=data, follow_redirects=follow)
        if follow:
            self.last = answer
        return answer

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The API, as a script of a page of ours would."""
        headers = {"X-CSRF-Token": self.form_token, **options.pop("headers", {})}
        return await self.http.request(method, path, headers=headers, **options)


@dataclass
class Person:
    """Somebody with a login."""

    http: httpx.AsyncClient
    email: str
    password: str = PASSWORD
    seed: str | None = None
    recovery: list[str] = field(default_factory=list)
    used_step: int = 0

    def code(self) -> str:
        """The authenticator's next code that was not used yet: within the step that the server still takes."""
        assert self.seed is not None
        step = max(int(time.time()) // 30 - 1, self.used_step + 1)
        self.used_step = step
        return pyotp.TOTP(self.seed).at(step * 30)

    async def sign_in(self, browser: Browser | None = None) -> Browser:
        """Both steps; a browser in which they are signed in."""
        browser = browser or Browser.new(self.http)
        await browser.open("/login")
        answer = await browser.send("/login", email=self.email, password=self.password)
        if self.seed is not None:
            assert answer.url.path == "/login/second-step", answer.text
            answer = await browser.send("/login/second-step", code=self.code())
        assert answer.url.path == "/" and answer.status_code == 200, answer.text
        return browser


def email() -> str:
    """An address that nobody has."""
    return f"m{secrets.token_hex(6)}@example.jp"
