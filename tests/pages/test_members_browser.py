"""From the invitation to signing out, in a real browser, on the screen of a phone."""

import secrets
import time
from typing import Any

import pyotp
import pytest
from playwright.sync_api import Page
from tests.access.world import owner
from tests.pages.chromium import Nurse, base_url, browser, complains, page
from tests.people.staff import PASSWORD, email

from renkei.ids import new_id
from renkei.settings import Settings
from renkei.store.invitations import token_hash

__all__ = ["base_url", "browser", "page"]

pytestmark = pytest.mark.browser

ORGANIZATION = (
    "INSERT INTO organizations (id, code, name, kind, audit_event_id) VALUES (%s, %s, 'さくら', 'clinic', %s)"
)
POST = """
INSERT INTO members (id, organization_id, email, name, office, profession, valid_from, audit_event_id)
VALUES (%s, %s, %s, '佐久間 恵', %s, %s, '2020-01-01', %s)
"""
LINK = """
INSERT INTO invitations (id, member_id, purpose, token_hash, expires_at, audit_event_id)
VALUES (%s, %s, 'join', %s, now() + interval '1 hour', %s)
"""


def links(settings: Settings, address: str) -> list[str]:
    """The links to a nurse's and to an administrator's post at one organization."""
    organization, event, made = new_id(), new_id(), []
    with owner(settings) as database:
        database.execute(ORGANIZATION, [organization, f"org-{organization}", event])
        for office, profession in (("ordinary", "nurse"), ("organization_admin", None)):
            post, token = new_id(), secrets.token_urlsafe(32)
            database.execute(POST, [post, organization, address, office, profession, event])
            database.execute(LINK, [new_id(), post, token_hash(token), event])
            made.append(f"/invitations/{token}")
    return made


def fits(page: Page) -> bool:
    """Whether nothing is wider than the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_invited_enrolled_signed_in_under_two_hats_and_out(page: Page, base_url: str, settings: Settings) -> None:
    complaints: list[Any] = []
    page.on("console", lambda message: complaints.append(message.text) if complains(message) else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.set_viewport_size({"width": 375, "height": 667})
    address, seen = email(), []
    nurses, administrators = links(settings, address)

    page.goto(base_url + nurses)
    page.get_by_label("パスワード", exact=True).fill(PASSWORD)
    page.get_by_label("パスワード(もう一度)").fill(PASSWORD)
    seen.append(fits(page))
    page.get_by_role("button", name="次へ").click()
    page.get_by_text("読み取れないとき").click()
    seed = page.locator(".seed").inner_text()
    assert page.locator("img.qr").evaluate("image => image.complete && image.naturalWidth > 0")
    seen.append(fits(page))
    # The code of the step before still counts; that of now is left for signing in.
    page.get_by_label("6桁の数字").fill(pyotp.TOTP(seed).at(int(time.time()) - 30))
    page.get_by_role("button", name="登録する", exact=True).click()
    assert page.locator(".codes li").count() == 10
    seen.append(fits(page))
    page.get_by_role("link", name="しまいました").click()
    assert "佐久間 恵 — さくら 看護師" in page.inner_text("header")

    page.goto(base_url + administrators)
    page.get_by_role("button", name="この職を引き受ける").click()
    page.wait_for_url(f"{base_url}/account")
    page.get_by_label("さくら — 事業所の管理者").check()
    seen.append(fits(page))
    page.get_by_role("button", name="この職で働く").click()
    page.get_by_role("link", name="職員の管理").click()
    assert page.locator("tbody tr").count() == 2
    seen.append(fits(page))

    staff = f"氏名,メールアドレス,職種\r\n髙橋 花子,{email()},理学療法士\r\n".encode("cp932")
    page.goto(f"{base_url}/staff/import")
    page.get_by_label("名簿のファイル").set_input_files({"name": "名簿.csv", "mimeType": "text/csv", "buffer": staff})
    page.get_by_role("button", name="確かめる").click()
    assert "新しい職:1" in page.inner_text("main")
    page.get_by_role("button", name="取り込んで招待する").click()
    assert "髙橋 花子" in page.inner_text("main") and page.locator(".once").count() == 1
    seen.append(fits(page))
    page.get_by_role("button", name="サインアウト").click()
    page.wait_for_url(f"{base_url}/login")

    Nurse(new_id(), address, seed).sign_in(page, base_url)
    page.get_by_role("link", name="選ぶ").click()
    page.get_by_label("さくら — 看護師").check()
    page.get_by_role("button", name="この職で働く").click()
    assert "看護師" in page.inner_text("header")
    page.get_by_role("button", name="サインアウト").click()
    page.wait_for_url(f"{base_url}/login")
    page.goto(f"{base_url}/account")
    assert page.url == f"{base_url}/login"
    assert seen == [True] * 6 and complaints == []
