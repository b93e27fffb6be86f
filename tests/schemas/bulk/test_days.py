"""Days and times as offices write them."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renkei.schemas.bulk.days import parse_clock, parse_day, parse_moment, parse_partial
from renkei.schemas.dates import TOKYO

_FULL_WIDTH = str.maketrans("0123456789/.-", "０１２３４５６７８９／．－")
_ERAS = [
    ("令和", "R", 2019, date(2019, 5, 1)),
    ("平成", "H", 1989, date(1989, 1, 8)),
    ("昭和", "S", 1926, date(1926, 12, 25)),
]
_LAST = {"令和": date(2099, 12, 31), "平成": date(2019, 4, 30), "昭和": date(1989, 1, 7)}


@given(st.dates(date(1926, 12, 25), date(2099, 12, 31)), st.booleans(), st.data())
def test_every_way_of_writing_a_day_gives_that_day(day: date, wide: bool, data: st.DataObject) -> None:
    y, m, d = day.year, day.month, day.day
    ways = [
        f"{y}-{m:02}-{d:02}",
        f"{y}/{m}/{d}",
        f"{y}.{m}.{d}",
        f"{y}{m:02}{d:02}",
        f"{y}年{m}月{d}日",
        f"{y}年{m}月{d}日(水)",
    ]
    for era, letter, first, begins in _ERAS:
        if begins <= day <= _LAST[era] and day.year - first + 1 < 100:
            number = day.year - first + 1
            said = "元" if number == 1 else str(number)
            ways += [
                f"{era}{said}年{m}月{d}日",
                f"{letter}{number}.{m}.{d}",
                f"{letter}{number}/{m}/{d}",
                f"{era}{number}-{m}-{d}",
            ]
    way = data.draw(st.sampled_from(ways))
    assert parse_day(way.translate(_FULL_WIDTH) if wide else way) == day


@pytest.mark.parametrize(
    "text",
    [
        "35/4/1",
        "4/1",
        "2026/2/30",
        "昭和64年1月8日",
        "平成31年5月1日",
        "2026/6-1",
        "45017",
        "令和6年",
        "R0.1.1",
        "x" * 1000,
        "",
    ],
)
def test_what_could_be_another_day_or_none_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_day(text)


@pytest.mark.parametrize(
    ("text", "clock"),
    [
        ("9:30", "09:30:00"),
        ("０９：３０", "09:30:00"),
        ("9時", "09:00:00"),
        ("9時半", "09:30:00"),
        ("午後2時5分", "14:05:00"),
        ("午前12時", "00:00:00"),
        ("PM 2:05", "14:05:00"),
        ("23:59:59", "23:59:59"),
    ],
)
def test_a_time_of_day(text: str, clock: str) -> None:
    assert parse_clock(text) == clock


@pytest.mark.parametrize("text", ["午後14時", "25:00", "9:60", "930", "朝"])
def test_no_time_of_day(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_clock(text)


@given(
    st.datetimes(datetime.fromisoformat("1930-01-01"), datetime.fromisoformat("2098-01-01")).map(
        lambda m: m.replace(second=0, microsecond=0)
    )
)
def test_a_moment_is_japans_where_no_offset_is_said(moment: datetime) -> None:
    said = moment.replace(tzinfo=TOKYO)
    d, t = moment.date(), moment.time()
    for text in (
        moment.isoformat(" "),
        f"{d:%Y/%m/%d} {t.hour}:{t.minute:02}",
        f"{d.year}年{d.month}月{d.day}日{t.hour}時{t.minute}分",
    ):
        assert datetime.fromisoformat(parse_moment(text)) == said
    assert datetime.fromisoformat(parse_moment(said.isoformat())) == said
    assert (
        datetime.fromisoformat(parse_moment((said - timedelta(hours=9)).replace(tzinfo=None).isoformat() + "Z")) == said
    )


@pytest.mark.parametrize("text", ["2026-06-01", "2026/6/1", "10:30", "2026-06-01T", "2026/6/1 朝", "x" * 1000])
def test_a_day_alone_is_no_moment(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_moment(text)


@pytest.mark.parametrize(
    ("text", "partial"),
    [
        ("2019年", "2019"),
        ("2019", "2019"),
        ("R元.5", "2019-05"),
        ("平成31年", "2019"),
        ("S60/4", "1985-04"),
        ("2019年5月", "2019-05"),
        ("昭和60年4月2日", "1985-04-02"),
        ("昭和64年", "1989"),
        ("2019-05", "2019-05"),
    ],
)
def test_a_part_of_a_day(text: str, partial: str) -> None:
    assert parse_partial(text) == partial


@pytest.mark.parametrize("text", ["2019-13", "平成40年", "昨年", "60年"])
def test_no_part_of_a_day(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_partial(text)
