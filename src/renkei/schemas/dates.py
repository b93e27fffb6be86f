"""Days as they are counted in Japan: the Tokyo day of an instant, and birth dates as people write them."""

import re
import unicodedata
from datetime import date, datetime, timedelta, timezone

TOKYO = timezone(timedelta(hours=9), "JST")
"""日本標準時. A fixed offset: Japan has had no summer time since 1952, and so no time zone database is needed."""

ERAS: dict[str, tuple[date, date]] = {
    "明治": (date(1873, 1, 1), date(1912, 7, 30)),
    "大正": (date(1912, 7, 30), date(1926, 12, 25)),
    "昭和": (date(1926, 12, 25), date(1989, 1, 7)),
    "平成": (date(1989, 1, 8), date(2019, 4, 30)),
    "令和": (date(2019, 5, 1), date.max),
}
"""元号: first and last day. 1912-07-30 and 1926-12-25 belong to both eras, as the proclamations took effect at once.

明治 counts from its sixth year (1873), when the solar calendar came in: before it, months and days differ too.
"""

FIRST_YEARS = {"明治": 1868, "大正": 1912, "昭和": 1926, "平成": 1989, "令和": 2019}
_LETTERS = {"M": "明治", "T": "大正", "S": "昭和", "H": "平成", "R": "令和"}

_LONGEST = 32  # with room for spaces; bounds what normalising and the patterns below may cost
_ISO = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_ERA = re.compile(
    r"(?P<era>明治|大正|昭和|平成|令和|[MTSHR])(?P<year>元|[0-9]{1,2})"
    r"(?:年(?P<month>[0-9]{1,2})月(?P<day>[0-9]{1,2})日|(?P<mark>[./-])(?P<m>[0-9]{1,2})(?P=mark)(?P<d>[0-9]{1,2}))"
)


def instant(text: str) -> datetime:
    """The instant of an RFC 3339 time, aware; raises ValueError for a time without offset."""
    found = datetime.fromisoformat(text.upper())  # RFC 3339 also has t and z; fromisoformat knows only Z
    if found.tzinfo is None:
        raise ValueError("a time without offset is no instant")
    return found


def tokyo_day(instant: datetime) -> date:
    """The day in Tokyo at this instant (aware). Where the calendar ends: its first or last day."""
    try:
        return instant.astimezone(TOKYO).date()
    except OverflowError:
        return date.min if instant.year == 1 else date.max


def parse_birth_date(text: str) -> date:
    """A birth date (生年月日) in a form in use; raises ValueError for any other form, and for a day that never was.

    ``1938-04-02``; ``昭和13年4月2日``, ``大正元年12月1日``; ``S13.4.2``, ``昭和13/4/2``, ``s13-4-2``. Full-width digits
    and letters, ``㍼`` and spaces are understood. A day must lie within the era named: 昭和64年1月8日 is refused.
    """
    if len(text) > _LONGEST:
        raise ValueError("not a date")
    plain = "".join(unicodedata.normalize("NFKC", text).split())
    if found := _ISO.fullmatch(plain):
        year, month, day = map(int, found.groups())
        return date(year, month, day)
    if found := _ERA.fullmatch(plain.upper()):
        return _of_era(found)
    raise ValueError("not a date")


def _of_era(found: re.Match[str]) -> date:
    era = _LETTERS.get(found["era"], found["era"])
    year = 1 if found["year"] == "元" else int(found["year"])
    born = date(FIRST_YEARS[era] + year - 1, int(found["month"] or found["m"]), int(found["day"] or found["d"]))
    first, last = ERAS[era]
    if not first <= born <= last:
        raise ValueError(f"not a day of {era}")
    return born
