"""Every code point of Unicode, against an independent reading of which are refused; and patterns that stay linear."""

import time
import unicodedata
from collections.abc import Callable

import pytest
from pydantic_core import CoreConfig, SchemaError, SchemaValidator, core_schema

from renkei.catalogue import load_catalogue
from renkei.catalogue.characters import LINE, MULTILINE, VISIBLE, visible
from renkei.catalogue.models import DATE, DATETIME

# Unicode property Bidi_Control.
BIDI_CONTROL = {0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}


def accepts(pattern: str) -> Callable[[str], bool]:
    schema = core_schema.str_schema(strict=True, pattern=pattern)
    return SchemaValidator(schema, CoreConfig(regex_engine="rust-regex")).isinstance_python


def is_refused(code_point: int) -> bool:
    noncharacter = code_point & 0xFFFE == 0xFFFE or 0xFDD0 <= code_point <= 0xFDEF
    return noncharacter or code_point in BIDI_CONTROL or unicodedata.category(chr(code_point)) in {"Cc", "Co", "Cs"}


@pytest.mark.parametrize(("pattern", "also"), [(LINE, ""), (MULTILINE, "\t\n")])
def test_every_code_point_is_decided_rightly(pattern: str, also: str) -> None:
    accepted = accepts(pattern)
    wrong = [hex(c) for c in range(0x110000) if accepted(chr(c)) is (is_refused(c) and chr(c) not in also)]
    assert wrong == []


@pytest.mark.parametrize(
    "name", ["髙橋", "﨑山", "\ufa19谷", "齋藤", "葛\U000e0100城", "𠮷野", "邉", "か\u3099", "☎①㈱"]
)
def test_names_as_people_write_them_pass(name: str) -> None:
    assert accepts(LINE)(name) and accepts(VISIBLE)(name)


@pytest.mark.parametrize("blank", ["", " ", " \u3000 ", "\u200b", "\ufeff", "\u2800", "\u3164\u00ad", "\ufe0f", "\t\n"])
def test_what_cannot_be_seen_is_blank(blank: str) -> None:
    assert not accepts(VISIBLE)(blank)


def test_visible_names_can_be_encoded_and_are_short() -> None:
    assert visible("a\ud800\x00\ue000") == "a\\ud800\\u0000\\ue000"
    assert len(visible("名" * 100_000).encode()) < 400


def test_every_refused_code_point_is_shown_as_its_code() -> None:
    for start in range(0, 0x110000, 64):
        some = range(start, start + 64)
        assert visible("".join(map(chr, some))) == "".join(f"\\u{c:04x}" if is_refused(c) else chr(c) for c in some)


def patterns() -> list[str]:
    catalogue = load_catalogue()
    named = [*catalogue.items.values(), *catalogue.field_rules.values()]
    return [LINE, MULTILINE, VISIBLE, DATE, DATETIME, *sorted({n.pattern for n in named if n.pattern is not None})]


@pytest.mark.parametrize("pattern", patterns())
def test_no_pattern_backtracks(pattern: str, record_property: Callable[[str, object], None]) -> None:
    """Rust's engine has no backtracking: that it takes the pattern is the proof. The time is for the reader."""
    accepted = accepts(pattern)
    slowest = 0.0
    for hostile in ("0" * 100_000, "0-" * 50_000, "a@" * 50_000, "ア" * 33_000 + "!", " " * 100_000 + "\x00"):
        best = min(_seconds(accepted, hostile) for _ in range(3))
        slowest = max(slowest, best)
    record_property("slowest_ms_on_100_kB", round(slowest * 1000, 3))
    # The target is 5 ms; a backtracking engine would need minutes. The margin is for a busy machine.
    assert slowest < 0.05


def _seconds(accepted: Callable[[str], bool], text: str) -> float:
    start = time.perf_counter()
    accepted(text)
    return time.perf_counter() - start


def test_a_pattern_that_would_backtrack_is_not_taken() -> None:
    with pytest.raises(SchemaError, match="backreferences are not supported"):
        accepts(r"^(a+)+\1$")
