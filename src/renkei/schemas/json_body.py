"""Strict JSON: bytes in, plain values out, and one digest for all ways of writing the same values.

RFC 8259 lets parsers differ on duplicate names, on numbers no computer holds and on depth; a record that two systems
read differently is worse than one refused, so all of these are refused here, for every body the service takes.
Lone surrogates and NUL pass: they are faults of a value, and told as such with the others.
"""

import hashlib
import json
import math
from itertools import pairwise
from typing import Any, NoReturn

from renkei.catalogue.characters import visible
from renkei.errors import Unparsable

DEEPEST = 100
"""How deep a body may nest. The documents need seven levels; far less than Python's own limit, so nothing overflows."""

MOST_MARKS = 60_000
"""How many quotes and commas a body may have. The fullest document has some four thousand; a megabyte of nothing but short
names would hold up everybody else of the process for a tenth of a second."""


def parse_json(raw: bytes) -> Any:
    """The value in ``raw``: dict, list, str, int, float, bool or None.

    Raises Unparsable, saying what and where, for anything but UTF-8 without byte order mark, duplicate names in one
    object, NaN and Infinity, numbers too large for a float or of more than 4,300 digits, nesting beyond DEEPEST, and more
    quotes and commas than MOST_MARKS.
    """
    if raw.count(b'"') + raw.count(b",") > MOST_MARKS:
        raise Unparsable(("名前と値が多すぎます", "too many names and values"))
    try:
        value = _DECODER.decode(raw.decode())
    except UnicodeDecodeError as error:
        place = error.start
        raise Unparsable((f"{place}バイト目がUTF-8ではありません", f"byte {place} is not UTF-8")) from None
    except json.JSONDecodeError as error:
        where_ja, where_en = f"{error.lineno}行{error.colno}文字目", f"line {error.lineno} column {error.colno}"
        raise Unparsable((f"{where_ja}でJSONの文法に合いません", f"not JSON at {where_en}: {error.msg}")) from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError:  # only int() is left: Python refuses to spend quadratic time on its digits
        raise Unparsable(("整数の桁数が多すぎます", "an integer has too many digits")) from None
    # What has no more brackets cannot nest deeper: nearly every body is spared the walk.
    if raw.count(b"{") + raw.count(b"[") > DEEPEST:
        _require_shallow(value)
    return value


def digest(value: Any) -> bytes:
    """SHA-256 of parsed JSON: 32 bytes, equal for equal JSON values.

    Order of members, spacing and escapes do not count, 36 equals 36.0 (RFC 8259 §6, RFC 8785), true does not equal 1.
    """
    text = _ENCODER.encode(_canonical(value))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


# No check for circles: parsed JSON has none.
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False)
_AS_IS = frozenset({str, int, bool, type(None)})
_NESTING = frozenset({dict, list})


def _canonical(value: Any) -> Any:
    """The value with every whole float as an integer."""
    if type(value) is dict:
        return {name: v if type(v) in _AS_IS else _canonical(v) for name, v in value.items()}
    if type(value) is list:
        return [v if type(v) in _AS_IS else _canonical(v) for v in value]
    return int(value) if type(value) is float and value.is_integer() else value


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        names = sorted(name for name, _ in members)
        name = visible(next(name for name, after in pairwise(names) if name == after))
        raise Unparsable(
            (f"名前「{name}」が同じオブジェクトに重複しています", f"the name '{name}' occurs twice in one object")
        )
    return found


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise Unparsable((f"数値{digits[:20]}は大きすぎます", f"the number {digits[:20]} is too large"))
    return number


def _constant(name: str) -> NoReturn:
    raise Unparsable((f"{name}はJSONの数値ではありません", f"{name} is not a JSON number"))


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_float, parse_constant=_constant)


def _require_shallow(value: Any) -> None:
    level = [value] if type(value) in _NESTING else []
    for _ in range(DEEPEST):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) in _NESTING
        ]
        if not level:
            return
    raise _too_deep()


def _too_deep() -> Unparsable:
    return Unparsable((f"入れ子が深すぎます(最大{DEEPEST}段)", f"nested too deep (at most {DEEPEST} levels)"))
