"""Moves the recorded cases to the present: dates in braces travel, all others stand.

A case is written down with the dates it was first told with, e.g. ``"as_of": "{2026-02-16}T17:40:00+09:00"`` or
``"{6/4}から8単位"``. Moving goes by whole weeks, so that a Tuesday's visit stays on a Tuesday. Forms in braces:

``{2026-06-18}`` ``{20260618}`` ``{2026-06}`` ``{2026年6月}``   a day or month of a named year
``{6月18日}`` ``{6/18}`` ``{6月}`` ``{18日}``                   the one nearest to the newest day of the case
``{2026-04-01~}``                                             the first or last day of a month, kept as such (認定の有効期間 …)
"""

import re
from collections.abc import Callable
from datetime import date, timedelta, timezone

TOKYO = timezone(timedelta(hours=9), "Asia/Tokyo")
_BRACED = re.compile(r"\{([0-9][0-9年月日/~-]*)\}")
_ONE_DAY = timedelta(days=1)


def anchor(newest: date, today: date) -> date:
    """The latest day before ``today`` that falls on the weekday of ``newest``: at most a week ago."""
    return today - timedelta(days=(today.weekday() - newest.weekday() - 1) % 7 + 1)


def move(value: object, newest: date, today: date) -> object:
    """The same JSON value with every braced date moved so that ``newest`` falls on its ``anchor``."""
    if isinstance(value, dict):
        return {key: move(member, newest, today) for key, member in value.items()}
    if isinstance(value, list):
        return [move(member, newest, today) for member in value]
    if isinstance(value, str):
        weeks = anchor(newest, today) - newest
        return _BRACED.sub(lambda found: _moved(found[1], newest, weeks), value)
    return value


def month_start(day: date) -> date:
    """The first of a month nearest to ``day``."""
    first = day.replace(day=1)
    return first if day.day <= 15 else (first + timedelta(days=32)).replace(day=1)


def _moved(text: str, newest: date, by: timedelta) -> str:
    for pattern, moved in _FORMS:
        if found := re.fullmatch(pattern, text):
            return moved([int(number) for number in found.groups()], newest, by)
    raise ValueError(f"not a date that can be moved: {{{text}}}")


def _month_bound(numbers: list[int], _newest: date, by: timedelta) -> str:
    day = date(*numbers)
    if day.day == 1:
        return month_start(day + by).isoformat()
    return (month_start(day + _ONE_DAY + by) - _ONE_DAY).isoformat()


def _middle(numbers: list[int]) -> date:
    return date(numbers[0], numbers[1], 15)


def _nearest(newest: date, month: int | None, day: int) -> date:
    """The day nearest to ``newest`` that has this month (any, when None) and day of the month."""
    around = (newest + timedelta(days=days) for days in range(-200, 201))
    return min((d for d in around if d.day == day and month in (None, d.month)), key=lambda d: abs((d - newest).days))


def _month_day(numbers: list[int], newest: date, by: timedelta) -> date:
    return _nearest(newest, numbers[0], numbers[1]) + by


def _japanese(day: date, form: str) -> str:
    return form.format(year=day.year, month=day.month, day=day.day)


_FORMS: tuple[tuple[str, Callable[[list[int], date, timedelta], str]], ...] = (
    (r"(\d{4})-(\d\d)-(\d\d)", lambda n, _newest, by: (date(*n) + by).isoformat()),
    (r"(\d{4})-(\d\d)-(\d\d)~", _month_bound),
    (r"(\d{4})(\d\d)(\d\d)", lambda n, _newest, by: f"{date(*n) + by:%Y%m%d}"),
    (r"(\d{4})-(\d\d)", lambda n, _newest, by: f"{_middle(n) + by:%Y-%m}"),
    (r"(\d{4})年(\d+)月(\d+)日", lambda n, _newest, by: _japanese(date(*n) + by, "{year}年{month}月{day}日")),
    (r"(\d{4})年(\d+)月", lambda n, _newest, by: _japanese(_middle(n) + by, "{year}年{month}月")),
    (r"(\d+)月(\d+)日", lambda n, newest, by: _japanese(_month_day(n, newest, by), "{month}月{day}日")),
    (r"(\d+)/(\d+)", lambda n, newest, by: _japanese(_month_day(n, newest, by), "{month}/{day}")),
    (r"(\d+)月", lambda n, newest, by: _japanese(_month_day([*n, 15], newest, by), "{month}月")),
    (r"(\d+)日", lambda n, newest, by: _japanese(_nearest(newest, None, n[0]) + by, "{day}日")),
)
