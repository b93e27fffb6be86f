"""Other ways to sign in: the service at a name that browsers know passkeys for, and people who have them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pyotp
from tests.access.authenticator import Authenticator
from tests.access.world import owner
from tests.factories import Vendor
from tests.people.staff import PASSWORD, Browser, Person, email

from renkei.access.passwords import Passwords
from renkei.access.sessions import cookie_hash
from renkei.ids import new_id
from renkei.main import create_app
from renkei.secret_box import SecretBox
from renkei.settings import Settings

ORIGIN = "http://localhost:8000"


@asynccontextmanager
async def served(settings: Settings, **changes: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The same service and database under another address."""
    app = create_app(settings.model_copy(update={"issuer": ORIGIN, "allow_private_targets": True, **changes}))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
        yield client


def browser(http: httpx.AsyncClient) -> Browser:
    """A new one, at that address."""
    headers = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}
    return Browser(httpx.AsyncClient(transport=http._transport, base_url=ORIGIN, headers=headers))


async def hired(
    http: httpx.AsyncClient,
    settings: Settings,
    *posts: tuple[Vendor, str | None],
    with_totp: bool = True,
    with_password: bool = True,
) -> Person:
    """Somebody with these posts, each at an organization: a profession, or None for its administrator."""
    person = Person(http, email(), seed=pyotp.random_base32() if with_totp else None)
    account, event, factor = new_id(), new_id(), new_id()
    hashed = await Passwords().hash(PASSWORD) if with_password else None
    with owner(settings) as database:
        database.execute(
            "INSERT INTO accounts (id, email, name, password_hash, audit_event_id) VALUES (%s, %s, '佐久間 恵', %s, %s)",
            [account, person.email, hashed, event],
        )
        if person.seed is not None:
            sealed = SecretBox.load(settings.box_keys_dir).seal(person.seed.encode(), f"totp:{factor}")
            database.execute(
                "INSERT INTO second_factors (id, account_id, kind, secret, confirmed_at, audit_event_id)"
                " VALUES (%s, %s, 'totp', %s, now(), %s)",
                [factor, account, sealed, event],
            )
        for office, profession in posts:
            kind = "ordinary" if profession else "organization_admin"
            database.execute(
                "INSERT INTO members (id, organization_id, account_id, email, name, office, profession, valid_from,"
                " audit_event_id) VALUES (%s, %s, %s, %s, '佐久間 恵', %s, %s, '2020-01-01', %s)",
                [new_id(), office.id, account, person.email, kind, profession, event],
            )
    return person


async def asked(browser_: Browser, path: str) -> dict[str, Any]:
    """What the script of the page last opened is told to ask the authenticator."""
    answer = await browser_.http.post(path, data={"form_token": browser_.form_token})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def authenticator(**changes: Any) -> Authenticator:
    """One in which nothing is kept yet."""
    return Authenticator(**{"origin": ORIGIN, "rp_id": "localhost", **changes})


async def stale(seat: Browser, settings: Settings) -> None:
    """The session in this browser was proved six minutes ago."""
    cookie = seat.http.cookies["renkei"]
    with owner(settings) as database:
        old = "UPDATE sessions SET authenticated_at = now() - interval '6 minutes' WHERE secret_hash = %s"
        database.execute(old, [cookie_hash(cookie)])
    transport: Any = seat.http._transport
    transport.app.state.service.sessions.forget(cookie)
