"""Days and times as offices write them: ISO, western and era dates, with or without a time of day. Raises ValueError."""

import re
from datetime import date, datetime, time

from renkei.schemas.bulk.widths import compact, plain
from renkei.schemas.dates import TOKYO, parse_birth_date

LONGEST = 40
"""Characters of the longest date and time in use; bounds what the patterns below may cost."""
_WESTERN = re.compile(
    r"([0-9]{4})(?:年([0-9]{1,2})月([0-9]{1,2})日|([./-])([0-9]{1,2})\4([0-9]{1,2})|([0-9]{2})([0-9]{2}))"
)
_WEEKDAY = re.compile(r"\([月火水木金土日](?:曜日?)?\)")
_TIME = re.compile(
    r"(?P<half>午前|午後|AM|PM)?(?P<hour>[0-9]{1,2})(?::(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}))?|時(?:(?P<m>[0-9]{1,2})分|(?P<半>半))?)"
)
_SPLIT = re.compile(r"(.+?)(?:[T ]|(?<=日)|(?<=\)))(?=[0-9午AP])(.+)")
_MONTH = re.compile(r"([0-9]{4})(?:年([0-9]{1,2})月|[./-]([0-9]{1,2}))|([0-9]{4})年?")
_ERA_MONTH = re.compile(
    r"(明治|大正|昭和|平成|令和|[MTSHR])(元|[0-9]{1,2})(?:年(?:([0-9]{1,2})月)?|[./-]([0-9]{1,2}))?"
)


def parse_day(text: str) -> date:
    """``2026-06-01 2026/6/1 2026.6.1 20260601 2026年6月1日 昭和10年3月5日 S10.3.5 R6/4/1``, a weekday in brackets after it."""
    if len(text) > LONGEST:
        raise ValueError("too long for a date")
    said = _WEEKDAY.sub("", compact(text))
    if found := _WESTERN.fullmatch(said):
        parts = [int(part) for part in found.groups() if part is not None and part not in "./-"]
        return date(*parts)
    return parse_birth_date(said)


def parse_clock(text: str) -> str:
    """A time of day, ``hh:mm:ss``: ``9:30 09:30:15 9時30分 9時 9時半 午後2時``."""
    found = _TIME.fullmatch(compact(text).upper()) if len(text) <= LONGEST else None
    if found is None:
        raise ValueError("not a time of day")
    minute = "30" if found["半"] else found["minute"] or found["m"] or "0"
    hour, half = int(found["hour"]), found["half"]
    if half and hour > 12:
        raise ValueError("past noon twice")
    if half in ("午後", "PM"):
        hour = hour % 12 + 12
    elif half and hour == 12:
        hour = 0
    return time(hour, int(minute), int(found["second"] or 0)).isoformat()


def parse_moment(text: str) -> str:
    """A day and a time of day, RFC 3339; Japan's time where no offset is said. A day alone is not one."""
    if len(text) > LONGEST:
        raise ValueError("too long for a time")
    said = plain(text)
    try:
        whole = datetime.fromisoformat(said)
    except ValueError:
        whole = None
    if whole is not None and whole.tzinfo is not None and len(said) > len("2026-06-01"):
        return whole.isoformat()
    found = _SPLIT.fullmatch(said)
    if found is None:
        raise ValueError("not a day and a time")
    day, clock = parse_day(found[1]), time.fromisoformat(parse_clock(found[2]))
    return datetime.combine(day, clock, TOKYO).isoformat()


def day_begins(day: date) -> str:
    """The first instant of a day in Japan, RFC 3339."""
    return datetime.combine(day, time(), TOKYO).isoformat()


def parse_partial(text: str) -> str:
    """A day, a month or a year, as ISO 8601: ``2019年 → 2019``, ``R元.5 → 2019-05``, ``昭和60年4月2日 → 1985-04-02``."""
    try:
        return parse_day(text).isoformat()
    except ValueError:
        said = compact(text).upper() if len(text) <= LONGEST else ""
    if found := _MONTH.fullmatch(said):
        year, month = int(found[1] or found[4]), found[2] or found[3]
    elif found := _ERA_MONTH.fullmatch(said):
        # Any day of that year tells which year it is; of an era's first year its last day does.
        era, number, month = found[1], "1" if found[2] == "元" else found[2], found[3] or found[4]
        year = _year(era, number)
    else:
        raise ValueError("not a day, month or year")
    if month is None:
        return f"{year:04}"
    return date(year, int(month), 1).isoformat()[:7]


def _year(era: str, number: str) -> int:
    for month, day in ((12, 31), (1, 1), (1, 7), (4, 30), (7, 30)):
        try:
            return parse_birth_date(f"{era}{number}年{month}月{day}日").year
        except ValueError:
            continue
    raise ValueError("not a year of that era")
