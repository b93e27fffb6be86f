"""Passkeys in a real browser with an authenticator of its own: our script, our policy, and nothing typed."""

from typing import Any

import pytest
from playwright.sync_api import Page
from tests.pages.chromium import base_url, browser, complains, nurse, page

from renkei.settings import Settings

__all__ = ["base_url", "browser", "page"]

pytestmark = pytest.mark.browser

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def test_added_and_used_without_a_password(page: Page, base_url: str, settings: Settings) -> None:
    person = nurse(settings)
    complaints: list[Any] = []
    page.on("console", lambda message: complaints.append(message.text) if complains(message) else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    authenticator = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})["authenticatorId"]

    person.sign_in(page, base_url)
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
