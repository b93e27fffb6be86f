"""Members of staff, each with a browser of their own."""

import re
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

import httpx
import pyotp
from tests.factories import Vendor

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

    async def send(self, path: str, follow: bool = True, chosen: bytes | None = None, **form: str) -> httpx.Response:
        """A form of the page last opened, filled in. chosen: the content of the file it is sent with."""
        data = {"form_token": self.form_token, **form}
        files = {"file": ("名簿.csv", chosen)} if chosen is not None else None
        answer = await self.http.post(path, data=data, files=files, follow_redirects=follow)
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


async def invited(
    admin: Vendor, organization: str, to: str, profession: str | None = "nurse", **said: Any
) -> dict[str, Any]:
    """A post and its link, by an administrator."""
    post = {"profession": profession} if profession else {"office": "organization_admin"}
    body = {"organization_id": organization, "email": to, "name": "佐久間 恵", **post, **said}
    made = await admin.post("/v1/members", body)
    assert made.status_code == 201, made.text
    return dict(made.json())


def path_of(member: dict[str, Any]) -> str:
    """The path of the link to a post."""
    return "/invitations/" + str(member["invitation"]["url"].rsplit("/", 1)[1])


async def accepted(http: httpx.AsyncClient, member: dict[str, Any]) -> tuple[Person, Browser]:
    """A new person who follows the link, with an authenticator app; and the browser in which they did."""
    person, browser = Person(http, member["email"]), Browser.new(http)
    await browser.open(path_of(member))
    answer = await browser.send(path_of(member), name="佐久間 恵", password=PASSWORD, again=PASSWORD)
    assert answer.url.path == "/login/enrolment", answer.text
    await enrol(person, browser, "/login/enrolment")
    return person, browser


async def enrol(person: Person, browser: Browser, action: str) -> None:
    """Set up the app that the page shows."""
    assert browser.last is not None
    seed, factor = (
        re.search(pattern, browser.last.text) for pattern in (r'class="seed">(\w+)<', r'name="factor" value="([^"]+)"')
    )
    assert seed and factor, browser.last.text
    person.seed, person.used_step = seed.group(1), 0
    done = await browser.send(action, factor=factor.group(1), code=person.code())
    assert done.status_code == 200, done.text
    person.recovery = re.findall(r"<li>([A-Z2-9]{4}(?:-[A-Z2-9]{4}){3})</li>", done.text)
    assert len(person.recovery) == 10


async def hired(http: httpx.AsyncClient, admin: Vendor, office: Vendor, *professions: str | None) -> Person:
    """Somebody with posts at one organization; None: its administrator's post."""
    to, person = email(), None
    for profession in professions or ("nurse",):
        member = await invited(admin, office.id, to, profession)
        if person is None:
            person, _ = await accepted(http, member)
        else:
            browser = await person.sign_in()
            await browser.open(path_of(member))
            assert (await browser.send(path_of(member))).url.path == "/account"
    assert person is not None
    return person


def email() -> str:
    """An address that nobody has."""
    return f"m{secrets.token_hex(6)}@example.jp"
