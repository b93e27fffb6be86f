"""Passkeys in a real browser with an authenticator of its own: our script, our policy, and nothing typed."""

import shutil
import threading
import time
from collections.abc import Iterator
from typing import Any

import pyotp
import pytest
import uvicorn
from argon2 import PasswordHasher
from playwright.sync_api import ConsoleMessage, Page, sync_playwright
from tests.access.world import owner
from tests.people.staff import PASSWORD, email

from renkei.ids import new_id
from renkei.main import create_app
from renkei.secret_box import SecretBox
from renkei.settings import Settings

pytestmark = pytest.mark.browser

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def base_url(settings: Settings) -> Iterator[str]:
    """The service at a name that browsers know passkeys for."""
    config = uvicorn.Config("", port=0, log_level="warning", ws="none")
    sockets = [config.bind_socket()]
    url = f"http://localhost:{sockets[0].getsockname()[1]}"
    config.app = create_app(settings.model_copy(update={"issuer": url}))
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": sockets})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield url
    server.should_exit = True
    thread.join()


@pytest.fixture
def page() -> Iterator[Page]:
    chromium = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
    assert chromium, "no Chromium on this machine: run `make browser`"
    closed = ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=closed)
        yield browser.new_context(locale="ja-JP").new_page()
        browser.close()


def _complains(message: ConsoleMessage) -> bool:
    return message.type == "error" and not message.location["url"].endswith("/favicon.ico")


def nurse(settings: Settings) -> tuple[str, str]:
    """The address and the seed of somebody with one post."""
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
    return address, seed


def test_added_and_used_without_a_password(page: Page, base_url: str, settings: Settings) -> None:
    address, seed = nurse(settings)
    complaints: list[Any] = []
    page.on("console", lambda message: complaints.append(message.text) if _complains(message) else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    authenticator = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})["authenticatorId"]

    page.goto(f"{base_url}/login")
    page.get_by_label("メールアドレス").fill(address)
    page.get_by_label("パスワード").fill(PASSWORD)
    page.get_by_role("button", name="次へ").click()
    page.get_by_label("認証コード").fill(pyotp.TOTP(seed).now())
    page.get_by_role("button", name="サインイン").click()
    page.wait_for_url(f"{base_url}/")
    page.goto(f"{base_url}/account/passkeys")
    page.get_by_label("名前").fill("訪問用タブレット")
    page.get_by_role("button", name="パスキーを追加する").click()
    page.get_by_text("訪問用タブレット").wait_for()
    (kept,) = devtools.send("WebAuthn.getCredentials", {"authenticatorId": authenticator})["credentials"]
    assert (kept["isResidentCredential"], kept["rpId"]) == (True, "localhost")

    page.get_by_role("button", name="サインアウト").click()
    page.wait_for_url(f"{base_url}/login")
    page.get_by_role("button", name="パスキーでサインイン").click()
    page.wait_for_url(f"{base_url}/")
    assert "佐久間 恵" in page.inner_text("header")

    page.goto(f"{base_url}/login/again?next=/account/passkeys")
    page.get_by_role("button", name="パスキーで確認する").click()
    page.wait_for_url(f"{base_url}/account/passkeys")
    assert "最後の使用" in page.inner_text("main")

    devtools.send("WebAuthn.setUserVerified", {"authenticatorId": authenticator, "isUserVerified": False})
    page.get_by_role("button", name="サインアウト").click()
    page.get_by_role("button", name="パスキーでサインイン").click()
    page.get_by_text("パスキーを使えませんでした").wait_for()
    assert complaints == []
