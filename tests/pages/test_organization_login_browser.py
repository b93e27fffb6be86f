"""An organization's own login in a real browser: to the provider and back under our policy and cookies, out again, nothing typed twice."""

from typing import Any

import pytest
from playwright.sync_api import Page
from tests.access import oidc_provider
from tests.access.world import owner
from tests.pages.chromium import base_url, browser, complains, nurse, page

from renkei.ids import new_id
from renkei.settings import Settings

__all__ = ["base_url", "browser", "page"]

pytestmark = pytest.mark.browser

CONNECT = """
INSERT INTO login_providers (organization_id, issuer, client_id, scopes, organization_values, professions, accepted_acr,
  accepted_amr, audit_event_id)
VALUES (%s, %s, 'renkei', '{email}', '{}', '{}', '{}', '{otp}', %s)
"""


def test_there_and_back(page: Page, base_url: str, settings: Settings) -> None:
    person = nurse(settings)
    complaints: list[Any] = []
    page.on("console", lambda message: complaints.append(message.text) if complains(message) else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    with oidc_provider.running() as provider:
        redirect = f"{base_url}/login/organizations/{person.organization}/callback"
        provider.register("renkei", redirect, token_endpoint_auth_method="private_key_jwt")
        keys = page.request.get(f"{base_url}/.well-known/jwks.json").json()
        provider.op.keyjar.import_jwks(keys, "renkei")
        provider.sits_there("staff-1", email=person.address, email_verified=True, amr=["otp"])
        with owner(settings) as database:
            database.execute(CONNECT, [person.organization, provider.issuer, new_id()])

        page.goto(f"{base_url}/login/organizations/org-{person.organization}")
        page.get_by_role("button", name="さくらのログインでサインイン").click()
        person.second_step(page, base_url)
        page.get_by_role("button", name="サインアウト").click()
        page.get_by_text("事業所のログインからもサインアウト").first.wait_for()

        page.goto(f"{base_url}/login")
        page.get_by_text("病院などの事業所のログインを使う").click()
        page.get_by_label("事業所のコード").fill(f"org-{person.organization}")
        page.get_by_role("button", name="事業所のログインへ").click()
        page.wait_for_url(f"{base_url}/")
        assert "佐久間 恵" in page.inner_text("header")
        assert complaints == []
