"""The shared summary (共有サマリー), composed from what each organization states. Pure: no SQL, no clock.

A face sheet becomes part of its organization's standing statement (``fold``); the statements of all organizations are
merged item by item (``compose``); the result is cut into parts that a grant opens or withholds whole (``by_part``),
stored as JSON text (``encode_part``), and joined again for a reader without being parsed (``groups_json``).

Nothing here changes a value or anything it was given. Results share their entries, so treat them as frozen.
"""

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NotRequired, TypedDict
from uuid import UUID

from pydantic_core import to_json

from renkei.catalogue import Catalogue, Item
from renkei.schemas.dates import instant, tokyo_day

SAFETY_LISTS = frozenset({"medical.allergy", "medical.infection", "medical.medication"})
"""Lists that matter for safety: every organization's stands in ``others``, equal ones too (design §5)."""

REPORTS_SHOWN = 20
"""How many care reports the summary carries (design §7)."""


class Origin(TypedDict):
    """The organization (事業所) a statement comes from."""

    id: str
    name: str


class Stated(TypedDict):
    """One organization's standing statement on one item: its ``value`` exactly as sent, or why there is none.

    Either ``value`` or ``absent`` (none, unknown, not_asked, declined). as_of: RFC 3339 as sent. review_by: the last
    day it is fresh; stale_from: the first day it is stale; YYYY-MM-DD in Tokyo, None where no day can be named.
    """

    value: NotRequired[Any]
    absent: NotRequired[str]
    as_of: str
    organization: Origin
    profession: str | None
    record_id: str
    review_by: str | None
    stale_from: str | None


class Shown(Stated):
    """What the summary shows of an item: the chosen statement, and beside it those of the other organizations."""

    others: list[Stated]


class ReportLine(TypedDict):
    """A care report (ケアレポート) as the summary lists it. observed_at: RFC 3339 as sent."""

    id: str
    observed_at: str
    organization: Origin
    profession: str | None
    urgency: str
    body: Any


@dataclass(frozen=True, slots=True)
class Sheet:
    """An accepted face sheet, its items under their catalogue codes. as_of is aware, as_of_text the same as sent."""

    record_id: UUID
    organization: Origin
    profession: str | None
    as_of: datetime
    as_of_text: str
    coverage: str
    items: Mapping[str, Any]
    absent: Mapping[str, str]


def fold(standing: Mapping[str, Stated], sheets: Iterable[Sheet], catalogue: Catalogue) -> dict[str, Stated]:
    """One organization's standing statement after these sheets, by item code.

    Applied by ``as_of``, then arrival (record ids are UUIDv7): a complete sheet replaces the whole statement, a partial
    one only what it names. Give either all sheets with an empty ``standing``, or one newer than all that ``standing``
    was folded from. A late arrival needs the former, or it would hide newer values.
    """
    statement = dict(standing)
    for sheet in sorted(sheets, key=lambda sheet: (sheet.as_of, sheet.record_id)):
        if sheet.coverage == "complete":
            statement = {}
        statement.update(_stated(sheet, catalogue))
    return statement


def _stated(sheet: Sheet, catalogue: Catalogue) -> dict[str, Stated]:
    origin, profession, as_of, record = sheet.organization, sheet.profession, sheet.as_of_text, str(sheet.record_id)
    day, items = tokyo_day(sheet.as_of), catalogue.items
    stated: dict[str, Stated] = {}
    for code, value in sheet.items.items():
        review_by, stale_from = review_days(items.get(code), value, day)
        stated[code] = {
            "value": value,
            "as_of": as_of,
            "organization": origin,
            "profession": profession,
            "record_id": record,
            "review_by": review_by,
            "stale_from": stale_from,
        }
    for code, absent in sheet.absent.items():
        review_by, stale_from = review_days(items.get(code), None, day)
        stated[code] = {
            "absent": absent,
            "as_of": as_of,
            "organization": origin,
            "profession": profession,
            "record_id": record,
            "review_by": review_by,
            "stale_from": stale_from,
        }
    return stated


def review_days(item: Item | None, value: Any, day: date) -> tuple[str | None, str | None]:
    """``review_by`` and ``stale_from`` of a statement of this Tokyo day; value None: the item is declared absent.

    The rule is that of freshness.yaml in the catalogue: fresh up to the interval, due up to twice, stale beyond.
    Both limits are inclusive, so 30 days from 1 April: review_by 1 May, stale_from 1 June. With interval 0 a period's
    own end decides: review_by its last day, stale_from the day after, neither if it has no end or is absent.
    """
    if item is None or item.review_days is None:
        return None, None
    if item.review_days == 0 and item.type == "period":
        end = value.get("end") if value else None
        return (end, _after(date.fromisoformat(end), 1)) if end else (None, None)
    return _counted(day, item.review_days)


@functools.lru_cache(maxsize=1024)
def _counted(day: date, interval: int) -> tuple[str | None, str | None]:
    return _after(day, interval), _after(day, 2 * interval + 1)


def _after(day: date, days: int) -> str | None:
    try:
        return (day + timedelta(days)).isoformat()
    except OverflowError:  # 9999-12-31, the usual way to say "without end"
        return None


def compose(statements: Iterable[Mapping[str, Stated]], catalogue: Catalogue) -> dict[str, Shown]:
    """All organizations' standing statements, one each, merged item by item, in catalogue order.

    Shown is the latest value (by ``as_of``, then arrival); an item is absent only if nobody gives a value. ``others``,
    newest first: every other organization's statement that differs (another JSON value, or absent), so that no winner
    is silent; of SAFETY_LISTS every other organization's. Codes the catalogue no longer has come last.
    """
    by_item: dict[str, list[Stated]] = {}
    for code, stated in _newest_first([pair for statement in statements for pair in statement.items()]):
        by_item.setdefault(code, []).append(stated)
    known = [code for code in catalogue.items if code in by_item]
    retired = sorted(by_item.keys() - catalogue.items.keys())
    return {code: _merged(by_item[code], everything=code in SAFETY_LISTS) for code in (*known, *retired)}


def _newest_first(pairs: list[tuple[str, Stated]]) -> list[tuple[str, Stated]]:
    # By the place of each record, not by its time: there are a few records and hundreds of statements.
    times = {stated["record_id"]: instant(stated["as_of"]) for _, stated in pairs}
    newest = sorted(times, key=lambda record: (times[record], record), reverse=True)
    place = {record: number for number, record in enumerate(newest)}
    return sorted(pairs, key=lambda pair: place[pair[1]["record_id"]])


def _merged(newest_first: list[Stated], *, everything: bool) -> Shown:
    shown = next((one for one in newest_first if "value" in one), newest_first[0])
    others = [one for one in newest_first if one is not shown and (everything or _differs(one, shown))]
    return {**shown, "others": others}


def _differs(one: Stated, other: Stated) -> bool:
    # Python's == is JSON equality here: 36 equals 36.0, key order aside. It would also take true for 1, but the
    # catalogue gives each place one strict type, so a boolean never meets a number.
    return one.get("value") != other.get("value") or one.get("absent") != other.get("absent")


def own(statement: Mapping[str, Stated]) -> dict[str, Shown]:
    """One organization's standing statement in the shape of the summary: what it sees where it may see no other's."""
    return {code: {**stated, "others": []} for code, stated in statement.items()}


def part_of(item: Item) -> str:
    """The part an item is stored in: ``medical.basic``; a restricted item under its own code: ``medical.infection``."""
    return item.code if item.restricted else f"{item.group}.{item.tier}"


@functools.cache
def _part_by_code(catalogue: Catalogue) -> dict[str, str]:
    return {code: part_of(item) for code, item in catalogue.items.items()}


def all_parts(catalogue: Catalogue) -> tuple[str, ...]:
    """Every part there is, in catalogue order."""
    return tuple(dict.fromkeys(_part_by_code(catalogue).values()))


def by_part(entries: Mapping[str, Shown], catalogue: Catalogue) -> dict[str, dict[str, Shown]]:
    """Entries by the part they belong to, only parts that have any.

    A code the catalogue no longer has is a part of its own: no grant names it, so it is kept but shown to nobody.
    """
    parts, part_by_code = dict[str, dict[str, Shown]](), _part_by_code(catalogue)
    for code, entry in entries.items():
        parts.setdefault(part_by_code.get(code, code), {})[code] = entry
    return parts


def encode_part(entries: Mapping[str, Shown]) -> str:
    """A part as JSON text without its braces, by name after the dot: ``"allergy":{…},"weight":{…}``; "" for none."""
    named = {code.partition(".")[2]: entry for code, entry in entries.items()}
    return to_json(named).decode()[1:-1]


def groups_json(parts: Mapping[str, str], groups: Iterable[str]) -> str:
    """``groups`` of the summary as JSON text, joined from the texts of ``encode_part`` without parsing them.

    parts: text by part name. Every group asked for is there, if only as ``{}``; parts of other groups are left out.
    """
    pieces: list[str] = []
    for group in groups:
        texts = [text for part, text in parts.items() if text and part.partition(".")[0] == group]
        pieces.append(f'{"," if pieces else ""}"{group}":{{')
        pieces += [piece for text in texts for piece in (",", text)][1:]
        pieces.append("}")
    return "".join(
        ("{", *pieces, "}")
    )  # joined once: each further copy of a large text costs more than all of the above


def newest_reports(lines: Iterable[ReportLine], limit: int = REPORTS_SHOWN) -> list[ReportLine]:
    """The ``limit`` latest care reports, newest first by the instant observed, then by arrival."""
    return sorted(lines, key=lambda line: (instant(line["observed_at"]), line["id"]), reverse=True)[:limit]


def insert_report(stored: Iterable[ReportLine], line: ReportLine, limit: int = REPORTS_SHOWN) -> list[ReportLine]:
    """The stored list with this report in its place; inserting one again changes nothing.

    Only for a report that adds to what stands. Where one is replaced or withdrawn the list must be made anew from the
    records, since the next older one is not in it.
    """
    return newest_reports([*(one for one in stored if one["id"] != line["id"]), line], limit)
