"""The Tokyo day, and birth dates as people write them."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from renkei.schemas.dates import ERAS, instant, parse_birth_date, tokyo_day


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        ("2026-11-20T14:59:59Z", "2026-11-20"),
        ("2026-11-20T15:00:00Z", "2026-11-21"),
        ("2026-11-21T00:00:00+09:00", "2026-11-21"),
        ("2026-11-20T23:59:59-12:00", "2026-11-21"),
        ("0001-01-01T00:00:00+09:00", "0001-01-01"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01"),
        ("9999-12-31T23:00:00Z", "9999-12-31"),
    ],
)
def test_tokyo_day(instant: str, day: str) -> None:
    assert tokyo_day(datetime.fromisoformat(instant)) == date.fromisoformat(day)


@pytest.mark.parametrize(
    "text", ["2026-11-20T09:30:00+09:00", "2026-11-20T00:30:00Z", "2026-11-20t00:30:00z", "2026-11-20T00:30:00.000Z"]
)
def test_instant(text: str) -> None:
    assert instant(text) == datetime(2026, 11, 20, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026-11-20T09:30:00", "2026-11-20", "", "yesterday"])
def test_what_is_no_instant(text: str) -> None:
    with pytest.raises(ValueError):
        instant(text)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("1938-04-02", "1938-04-02"),
        ("１９３８-０４-０２", "1938-04-02"),
        ("昭和13年4月2日", "1938-04-02"),
        ("昭和１３年４月２日", "1938-04-02"),
        ("昭和 13 年 4 月 2 日", "1938-04-02"),
        ("㍼13年04月02日", "1938-04-02"),
        ("S13.4.2", "1938-04-02"),
        ("s13.04.02", "1938-04-02"),
        ("Ｓ１３．４．２", "1938-04-02"),
        ("S13/4/2", "1938-04-02"),
        ("昭和13-4-2", "1938-04-02"),
        ("大正元年12月1日", "1912-12-01"),
        ("T1.12.1", "1912-12-01"),
        ("明治45年7月29日", "1912-07-29"),
        ("明治45年7月30日", "1912-07-30"),
        ("大正元年7月30日", "1912-07-30"),
        ("大正15年12月25日", "1926-12-25"),
        ("昭和元年12月25日", "1926-12-25"),
        ("昭和64年1月7日", "1989-01-07"),
        ("平成元年1月8日", "1989-01-08"),
        ("H31.4.30", "2019-04-30"),
        ("令和元年5月1日", "2019-05-01"),
        ("R8.2.16", "2026-02-16"),
        ("明治6年1月1日", "1873-01-01"),
        ("昭和3年2月29日", "1928-02-29"),
    ],
)
def test_birth_date(text: str, day: str) -> None:
    assert parse_birth_date(text) == date.fromisoformat(day)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1938",
        "19380402",
        "1938/04/02",
        "1938-4-2",
        "1938-02-29",
        "0000-01-01",
        "2026-W47-5",
        "昭和13年4月",
        "昭和十三年四月二日",
        "昭和0年4月2日",
        "昭和元.4.2日",
        "昭和2年2月29日",
        "昭和元年12月24日",
        "昭和64年1月8日",
        "昭和99年1月1日",
        "大正15年12月26日",
        "大正元年7月29日",
        "明治45年7月31日",
        "明治5年12月2日",
        "平成元年1月7日",
        "平成31年5月1日",
        "令和元年4月30日",
        "慶応3年1月1日",
        "S13.4/2",
        "X13.4.2",
        "٣٩٣٨-٠٤-٠٢",
        "昭和13年4月2日" + " " * 40,
    ],
)
def test_what_is_no_birth_date(text: str) -> None:
    with pytest.raises(ValueError):
        parse_birth_date(text)


@given(st.dates(date(1873, 1, 1), date(2099, 12, 31)))
def test_every_day_of_an_era_can_be_written_in_it(day: date) -> None:
    first_years = {"明治": 1868, "大正": 1912, "昭和": 1926, "平成": 1989, "令和": 2019}
    eras = [era for era, (first, last) in ERAS.items() if first <= day <= last]
    assert 1 <= len(eras) <= 2
    for era in eras:
        assert parse_birth_date(f"{era}{day.year - first_years[era] + 1}年{day.month}月{day.day}日") == day


@given(st.datetimes(timezones=st.just(UTC)), st.integers(-12, 14))
def test_the_tokyo_day_does_not_depend_on_the_offset(utc: datetime, hours: int) -> None:
    assume(2 <= utc.year <= 9998)
    assert tokyo_day(utc.astimezone(timezone(timedelta(hours=hours)))) == (utc + timedelta(hours=9)).date()
