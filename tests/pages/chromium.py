"""A real Chromium, the service at a name that browsers know passkeys for, and somebody who works there."""

import shutil
from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

import pyotp
import pytest
from argon2 import PasswordHasher
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from tests.access.world import owner
from tests.live import serve_app
from tests.people.staff import PASSWORD, email

from renkei.ids import new_id
from renkei.main import create_app
from renkei.secret_box import SecretBox
from renkei.settings import Settings


class Nurse(NamedTuple):
    """Somebody with one post and an authenticator app."""

    organization: UUID
    address: str
    seed: str

    def sign_in(self, page: Page, base_url: str) -> None:
        """Both steps."""
        page.goto(f"{base_url}/login")
        page.get_by_label("メールアドレス").fill(self.address)
        page.get_by_label("パスワード").fill(PASSWORD)
        page.get_by_role("button", name="次へ").click()
        self.second_step(page, base_url)

    def second_step(self, page: Page, base_url: str) -> None:
        """A code."""
        page.get_by_label("認証コード").fill(pyotp.TOTP(self.seed).now())
        page.get_by_role("button", name="サインイン", exact=True).click()
        page.wait_for_url(f"{base_url}/")


@pytest.fixture
def base_url(settings: Settings) -> Iterator[str]:
    """The service at a name that browsers know passkeys for."""
    here = {"allow_private_targets": True}
    with serve_app(lambda url: create_app(settings.model_copy(update={"issuer": url, **here})), "localhost") as url:
        yield url


@pytest.fixture
def browser() -> Iterator[Browser]:
    """A real one, for which no name but this machine's resolves."""
    chromium = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
    assert chromium, "no Chromium on this machine: run `make browser`"
    # No sandbox: it needs kernel rights that containers lack, and the pages are our own.
    closed = ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=closed)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Page:
    """A page of somebody in Japan."""
    return browser.new_context(locale="ja-JP").new_page()


def complains(message: ConsoleMessage) -> bool:
    """Whether the browser found something wrong; we have no icon."""
    return message.type == "error" and not message.location["url"].endswith("/favicon.ico")


def nurse(settings: Settings) -> Nurse:
    """A new one, at an organization of her own."""
    address, seed = email(), pyotp.random_base32()
    organization, account, factor, event = (new_id() for _ in range(4))
    hashed = PasswordHasher(1, 8_192, 1).hash(PASSWORD)
    sealed = SecretBox.load(settings.box_keys_dir).seal(seed.encode(), f"totp:{factor}")
    with owner(settings) as database:
        for statement, values in (
            (
                "INSERT INTO organizations (id, code, name, kind, audit_event_id) VALUES (%s, %s, 'さくら', 'clinic', %s)",
                [organization, f"org-{organization}", event],
            ),
            (
                "INSERT INTO accounts (id, email, name, password_hash, audit_event_id) VALUES (%s, %s, '佐久間 恵', %s, %s)",
                [account, address, hashed, event],
            ),
            (
                "INSERT INTO second_factors (id, account_id, kind, secret, confirmed_at, audit_event_id)"
                " VALUES (%s, %s, 'totp', %s, now(), %s)",
                [factor, account, sealed, event],
            ),
            (
                "INSERT INTO members (id, organization_id, account_id, email, name, office, profession, valid_from, audit_event_id)"
                " VALUES (%s, %s, %s, %s, '佐久間 恵', 'ordinary', 'nurse', '2020-01-01', %s)",
                [new_id(), organization, account, address, event],
            ),
        ):
            database.execute(statement, values)
    return Nurse(organization, address, seed)
