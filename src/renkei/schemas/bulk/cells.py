"""One cell → one value of the catalogue. What can be read in two ways is a fault, never a guess.

The values found are then checked by the catalogue's own rules (``schemas.documents``): here is only reading, no bound, no
length, no check digit.
"""

import functools
import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from renkei.catalogue import Code, ValueSet
from renkei.catalogue.shapes import Coded, Flag, ListOf, Moment, Number, Record, Shape, Text
from renkei.schemas.bulk.days import day_begins, parse_clock, parse_day, parse_moment, parse_partial
from renkei.schemas.bulk.units import shown, without_unit
from renkei.schemas.bulk.widths import bare_key, compact, katakana, label_key, plain

YES = frozenset(
    {"○", "◯", "〇", "◎", "✓", "✔", "レ", "はい", "有", "有り", "あり", "true", "yes", "y", "1", "済", "する"}
)
NO = frozenset({"×", "✕", "✗", "╳", "x", "いいえ", "無", "無し", "なし", "false", "no", "n", "0", "未", "しない"})
"""Marks and words for true and false, folded."""
_PRESENT = frozenset({"○", "◯", "〇", "有", "有り", "あり", "はい"})
_NONE = frozenset({"×", "✕", "✗", "無", "無し", "なし", "特になし", "いいえ"})

SPELLINGS: Mapping[str, Mapping[str, str]] = {
    "sex": {"男性": "male", "女性": "female", "m": "male", "f": "female"},
    "profession": {
        "ケアマネ": "care_manager",
        "ケアマネジャー": "care_manager",
        "ケアマネージャー": "care_manager",
        "ヘルパー": "home_helper",
        "ホームヘルパー": "home_helper",
        "サ責": "service_manager",
        "看護婦": "nurse",
        "医者": "physician",
        "理学療法": "pt",
    },
    "report_urgency": {
        "通常": "routine",
        "変化なし": "routine",
        "変化あり": "change",
        "至急": "emergency",
        "緊急": "emergency",
    },
}
"""Words in use beside the labels of a value set, folded."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]{1,9})?")
_PRESSURE = re.compile(r"([0-9]{2,3})[/／-]([0-9]{2,3})(?:mmhg)?")
_SEPARATOR = re.compile(r"[、,;；，\n]+")
_TO = re.compile(r"[〜~～]|から")
_PARTIAL_DAY, _CLOCK, _KANA, _FIGURES = "[0-9]{4}(-(0[1-9]", "[0-5][0-9]", "ァ-ヺ", "0-9"


class Unreadable(ValueError):
    """Why a cell is no value of its kind. code: a key of ``errors.FAULT_MESSAGES``."""

    def __init__(self, code: str, **params: object) -> None:
        super().__init__(code)
        self.code, self.params = code, params


def read_cell(text: str, shape: Shape) -> Any:
    """The value in a cell that is not empty. Raises Unreadable."""
    match shape:
        case Text():
            return _text(text, shape)
        case Moment():
            return _moment(text, shape)
        case Number():
            return _number(text, shape)
        case Flag():
            return _flag(text)
        case Coded():
            return _coded(text, shape.value_set)
        case ListOf():
            return [read_cell(part, shape.element) for part in _SEPARATOR.split(text) if part.strip()]
        case Record():
            return _record(text, shape)


def read_pressure(text: str) -> tuple[int, int]:
    """``120/80`` of a column that is for both: systolic, diastolic. Which is larger, the catalogue's rule then asks."""
    found = _PRESSURE.fullmatch(compact(text).lower())
    if found is None:
        raise Unreadable("format", expected="120/80")
    return int(found[1]), int(found[2])


def read_day_beginning(text: str) -> str:
    """When a statement was made (記載日): a time, or a day, which then counts from its beginning."""
    try:
        return day_begins(_valid_day(text))
    except Unreadable:
        return str(_moment(text, Moment(timed=True)))


def _text(text: str, shape: Text) -> str:
    form = shape.form or ""
    if _KANA in form:
        return katakana(text)
    if _PARTIAL_DAY in form:
        return _or_fault(parse_partial, text, "2026, 2026-04, 2026-04-01")
    if _CLOCK in form and compact(text) != "24:00":
        return _or_fault(parse_clock, text, "09:30")[:5]
    if _FIGURES in form:
        return compact(text)
    # As sent, but for what stands around it: a name's own characters and widths are its owner's.
    said = text.strip()
    return said if shape.multiline else " ".join(said.splitlines())


def _or_fault(read: Callable[[str], str], text: str, expected: str) -> str:
    try:
        return read(text)
    except ValueError:
        raise Unreadable("format", expected=expected) from None


def _valid_day(text: str) -> date:
    try:
        return parse_day(text)
    except ValueError:
        raise Unreadable("format", expected="2026-04-01, 2026/4/1, 令和8年4月1日, R8.4.1") from None


def _moment(text: str, shape: Moment) -> str:
    if not shape.timed:
        return _valid_day(text).isoformat()
    return _or_fault(parse_moment, text, "2026-04-01 09:30, 令和8年4月1日 9時30分")


def _number(text: str, shape: Number) -> int | float:
    said = compact(text).lower()
    if _PRESSURE.fullmatch(said) and "/" in said:
        raise Unreadable("ambiguous", expected="120/80")
    number = without_unit(said, shape.unit)
    if number is None:
        raise Unreadable("unit", expected=shown(shape.unit) if shape.unit else "-")
    if not _NUMBER.fullmatch(number):
        raise Unreadable("type", expected="integer" if shape.integer else "number")
    digits = number.replace(",", "").removeprefix("+")
    whole, _, fraction = digits.partition(".")
    # A spreadsheet writes 3 as 3.0; what has more behind the point is left for the catalogue to refuse.
    if not fraction.strip("0"):
        return int(whole)
    return float(digits)


def _flag(text: str) -> bool:
    said = compact(text).lower()
    if said in YES:
        return True
    if said in NO:
        return False
    raise Unreadable("type", expected="○ / ×")


@functools.cache
def _labels(codes: tuple[Code, ...]) -> tuple[Mapping[str, set[str]], Mapping[str, set[str]]]:
    """Folded labels → the codes they name: whole labels, and labels without what stands in brackets."""
    whole: dict[str, set[str]] = {}
    bare: dict[str, set[str]] = {}
    for code in codes:
        for label in (code.ja, code.en):
            whole.setdefault(label_key(label), set()).add(code.code)
            bare.setdefault(bare_key(label), set()).add(code.code)
            for part in (*re.split("[・ ]", label), label.removeprefix(code.code)):
                bare.setdefault(bare_key(part), set()).add(code.code)
    return whole, bare


def _coded(text: str, value_set: ValueSet) -> str:
    said, key = compact(text), label_key(text)
    if said in value_set.codes:
        return said
    for code, words in (("none", _NONE), ("present", _PRESENT)):
        if said in words and code in value_set.codes:
            return code
    if spelled := SPELLINGS.get(value_set.name, {}).get(key):
        return spelled
    for labels in _labels(tuple(value_set.codes.values())):
        found = labels.get(key, set())
        if len(found) == 1:
            return next(iter(found))
        if found:
            raise Unreadable("ambiguous", expected=", ".join(sorted(found)))
    if said.lower() in value_set.codes:
        return said.lower()
    raise Unreadable("code", value_set=value_set.name)


def _record(text: str, shape: Record) -> dict[str, Any]:
    """An object in one cell: a name, an address, a period, or whether there is any (あり・なし)."""
    members = shape.members
    if shape.period:
        ends = _TO.split(plain(text))
        if len(ends) != 2:
            raise Unreadable("format", expected="2026/4/1〜2027/3/31")
        return {
            name: read_cell(end, members[name].shape)
            for name, end in zip(("start", "end"), ends, strict=True)
            if end.strip()
        }
    if "family" in members:
        parts = text.split()
        kana = isinstance(members["family"].shape, Text) and _KANA in (members["family"].shape.form or "")
        written = katakana(text).split() if kana else parts
        return (
            dict(zip(("family", "given"), written, strict=True)) if len(written) == 2 else {"text": " ".join(written)}
        )
    if "text" in members:
        return {"text": read_cell(text, members["text"].shape)}
    if "presence" in members:
        return {"presence": read_cell(text, members["presence"].shape)}
    raise Unreadable("type", expected="object")
