"""The vendors' client alone: summaries by their tag, lists page by page, the feed from where it was left."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.client.answers import NURSE, Service, problem

from renkei_client import FileCursor, NotFound


def test_a_summary_is_asked_for_with_its_tag_by_each_user_alone() -> None:
    def shown(tag: str) -> httpx.Response:
        return httpx.Response(200, json={"tag": tag}, headers={"ETag": tag})

    unchanged = httpx.Response(304, headers={"ETag": '"1"'})
    service = Service(shown('"1"'), unchanged, shown('"2"'), shown('"3"'), problem(404), shown('"4"'))
    renkei = service.client()
    assert [renkei.summary("P")["tag"] for _ in range(3)] == ['"1"', '"1"', '"2"']
    renkei.acting(NURSE).summary("P")
    with pytest.raises(NotFound):
        renkei.summary("P")
    renkei.summary("P")
    tags = [request.headers.get("if-none-match") for request in service.asked]
    assert tags == [None, '"1"', '"1"', None, '"2"', None]


def test_lists_are_read_page_by_page() -> None:
    pages = [{"items": [{"n": 1}, {"n": 2}], "next": "a"}, {"items": [{"n": 3}], "next": None}]
    service = Service(*[httpx.Response(200, json=page) for page in pages])
    assert [one["n"] for one in service.client().find(kana="サ")] == [1, 2, 3]
    assert [request.url.params.get("after") for request in service.asked] == [None, "a"]


def line(number: int) -> dict[str, Any]:
    at = "2026-11-27T10:00:00+09:00"
    known = {"patient_id": "P", "record_id": str(number), "organization_id": "O"}
    return {"kind": "care_report.submit", "at": at, "href": f"/v1/{number}", **known}


def test_the_feed_goes_on_where_the_cursor_was_kept(tmp_path: Path) -> None:
    def page(cursor: str, *numbers: int) -> httpx.Response:
        return httpx.Response(200, json={"changes": [line(n) for n in numbers], "cursor": cursor})

    cursor = FileCursor(tmp_path / "cursor")
    service = Service(page("c1", 1, 2), page("c2", 3, 4), page("c2"))
    followed = service.client().follow(cursor, kinds=["care_report.submit"])
    seen = [next(followed).record_id for _ in range(3)]
    followed.close()  # it falls over while it deals with 3: its page comes again, 1 and 2 do not
    assert seen == ["1", "2", "3"] and cursor.load() == "c1"
    service = Service(page("c2", 3, 4), page("c3", 5), page("c4"))
    again = service.client().follow(cursor, until_end=True)
    assert [change.record_id for change in again] == ["3", "4", "5"] and cursor.load() == "c4"
    assert [request.url.params["after"] for request in service.asked] == ["c1", "c2", "c3"]
    assert service.asked[0].extensions["timeout"]["read"] == 10


def test_a_long_poll_has_time_to_answer() -> None:
    service = Service()
    service.client().changes("c", wait=25)
    assert service.asked[0].extensions["timeout"]["read"] == 35 and service.asked[0].url.params["wait"] == "25"
