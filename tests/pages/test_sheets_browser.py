"""An office without a system of its own, on the screen of a phone: from a file to what it became, and out again."""

from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Page
from tests.bulk.test_imports import DATA, sample_people
from tests.bulk.work import at_work
from tests.pages.chromium import base_url, browser, complains, nurse, page
from tests.pages.test_members_browser import fits

from renkei.settings import Settings

__all__ = ["base_url", "browser", "page"]

pytestmark = pytest.mark.browser

SOON = 60_000
"""Milliseconds for a worker and a page that renews itself every two seconds."""


def test_sheets_are_taken_in_undone_and_taken_out(
    page: Page, base_url: str, settings: Settings, tmp_path: Path
) -> None:
    complaints: list[Any] = []
    page.on("console", lambda message: complaints.append(message.text) if complains(message) else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.set_viewport_size({"width": 375, "height": 667})
    seen = []

    def told(text: str) -> None:
        """The page comes to say so, without being asked again."""
        page.get_by_text(text).first.wait_for(timeout=SOON)
        seen.append(fits(page))

    def send(sheet: str, file: Any) -> None:
        page.goto(f"{base_url}/imports")
        seen.append(fits(page))
        page.get_by_label("表の種類").select_option(label=sheet)
        page.get_by_label("ファイル", exact=True).set_input_files(file)
        page.get_by_role("button", name="送って中身を調べる").click()

    def press(name: str) -> None:
        page.get_by_role("button", name=name, exact=True).click()

    with at_work(settings):
        nurse(settings).sign_in(page, base_url)
        page.get_by_role("link", name="表の取込").click()
        people = {"name": "利用者.csv", "mimeType": "application/vnd.ms-excel", "buffer": sample_people()}
        send("利用者の登録(1行に1人)", people)
        told("取り込めるのは3行、誤りのあるのは0行")
        press("取り込む")
        told("3件を登録しました")

        send("ケアレポート(1行に1回の訪問・観察)", DATA / "care-reports-utf8.csv")
        told("誤りのあるのは3行")
        page.get_by_label("J 特記事項").select_option("")
        page.get_by_label("全行に入れる値").first.fill("こもれび")
        page.get_by_label("名前(任意)").fill("訪問記録")
        press("取り込む")
        told("取り込む前にもう一度調べました")
        page.get_by_label("J 特記事項").select_option(label="報告内容・特記事項")
        press("もう一度調べる")
        told("取り込めるのは2行、誤りのあるのは1行")
        assert "F列「体温(℃)」: 単位が違います(℃)" in page.inner_text("main")
        press("取り込む")
        told("2件を登録しました")
        with page.expect_download() as rejected:
            page.get_by_role("link", name="取り込まなかった行を受け取る").click()
        assert "98F" in Path(rejected.value.path()).read_text("utf-8-sig")
        page.get_by_label("理由").fill("別の月の表だった")
        press("この取込を取り消す")
        told("2件の記録を取り下げました")

        page.goto(f"{base_url}/exports")
        page.get_by_label("氏名またはカナの始め").fill("たかはし")
        press("利用者を探す")
        seen.append(fits(page))
        assert page.get_by_label("髙橋 ハナ").is_checked()
        press("この利用者の記録を書き出す")
        told("ファイルができました")
        with page.expect_download() as written:
            page.get_by_role("link", name="ファイルを受け取る").click()
        written.value.save_as(tmp_path / "x.xlsx")
        assert load_workbook(tmp_path / "x.xlsx").sheetnames == ["patients", "face_sheets", "care_reports"]
    assert all(seen) and complaints == []
