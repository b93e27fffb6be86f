"""Dates in braces move with the calendar; weekdays, months' ends and everything else stay."""

from datetime import date, timedelta

import pytest

from renkei.demo.dates import anchor, month_start, move

NEWEST = date(2026, 6, 18)  # a Thursday
TODAY = date(2026, 11, 23)  # a Monday; the Thursday before is the 19th


@pytest.mark.parametrize("days", range(14))
def test_the_newest_day_falls_on_its_weekday_within_the_last_week(days):
    today = TODAY + timedelta(days=days)
    moved = anchor(NEWEST, today)
    assert moved.weekday() == NEWEST.weekday()
    assert 1 <= (today - moved).days <= 7


@pytest.mark.parametrize(
    ("written", "moved"),
    [
        ("{2026-06-18}T10:05:00+09:00", "2026-11-19T10:05:00+09:00"),
        ("K0398-{20260618}", "K0398-20261119"),
        ("{2026-04}", "2026-09"),
        ("{2025年7月}、背部痛", "2025年12月、背部痛"),
        ("{2026年6月11日}", "2026年11月12日"),
        ("{7月1日}の通院", "12月2日の通院"),
        ("指示は{6/4}から", "指示は11/5から"),
        ("{3月}に", "8月に"),
        ("{17日}から", "18日から"),
        ("{2026-04-01~}", "2026-09-01"),
        ("{2026-06-30~}", "2026-11-30"),
        ("{2028-03-31~}", "2028-08-31"),
        ("1985-11", "1985-11"),
        ("1日3回 {not a date}", "1日3回 {not a date}"),
    ],
)
def test_forms(written, moved):
    assert move(written, NEWEST, TODAY) == moved


def test_moving_goes_through_the_whole_value():
    value = {"a": [{"on": "{2026-06-18}"}, 36.5, None, True]}
    assert move(value, NEWEST, TODAY) == {"a": [{"on": "2026-11-19"}, 36.5, None, True]}


def test_a_braced_date_of_no_known_form_is_an_error():
    with pytest.raises(ValueError, match="not a date that can be moved"):
        move("{2026-6}", NEWEST, TODAY)


def test_the_nearest_first_of_a_month():
    assert month_start(date(2026, 12, 15)) == date(2026, 12, 1)
    assert month_start(date(2026, 12, 17)) == date(2027, 1, 1)
