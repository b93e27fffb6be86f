"""Which passwords (パスワード) are refused, and why: too short, known from breaches, one's own name, address or a birthday. Pure.

NIST SP 800-63B §5.1.1.2 and the ministry's guideline 6.0: no rules on kinds of characters, no forced change.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple

from zxcvbn import zxcvbn

ALONE, WITH_SECOND_FACTOR = 13, 8
"""The fewest code points of a password that stands alone, and of one beside a second factor."""
GUESSES = 8.0
"""Fewer guesses than 10 to this: found by whoever tries lists of breached passwords and what people make of them."""
LONGEST = 200
_LONGEST_JUDGED = 72

_DATES = re.compile(
    r"(?<!\d)(?:(?:19|20)\d\d(?P<a>[-/.年]?)\d{1,2}(?P=a)\d{1,2}|\d{1,2}(?P<b>[-/.]?)\d{1,2}(?P=b)(?:19|20)\d\d|\d{6})(?!\d)"
)
_ROWS = {
    "": "アイウエオ",
    "k": "カキクケコ",
    "s": "サシスセソ",
    "t": "タチツテト",
    "n": "ナニヌネノ",
    "h": "ハヒフヘホ",
    "m": "マミムメモ",
    "r": "ラリルレロ",
    "g": "ガギグゲゴ",
    "z": "ザジズゼゾ",
    "d": "ダヂヅデド",
    "b": "バビブベボ",
    "p": "パピプペポ",
}
_ROMAJI = {kana: row + vowel for row, line in _ROWS.items() for kana, vowel in zip(line, "aiueo", strict=True)} | {
    "ヤ": "ya",
    "ユ": "yu",
    "ヨ": "yo",
    "ワ": "wa",
    "ヲ": "o",
    "ン": "n",
    "ヴ": "vu",
    "ヂ": "zi",
    "ヅ": "zu",
    "ャ": "ya",
    "ュ": "yu",
    "ョ": "yo",
}
_HEPBURN = (("sy", "sh"), ("ty", "ch"), ("zy", "j"), ("si", "shi"), ("ti", "chi"), ("tu", "tsu"), ("zi", "ji"))


class Weakness(NamedTuple):
    """Why a password is refused."""

    code: str
    ja: str
    en: str


SHORT_ALONE = Weakness(
    "short",
    f"{ALONE}字以上にしてください(二要素認証を使うときは{WITH_SECOND_FACTOR}字以上)",
    f"Use at least {ALONE} characters",
)
SHORT = Weakness("short", f"{WITH_SECOND_FACTOR}字以上にしてください", f"Use at least {WITH_SECOND_FACTOR} characters")
LONG = Weakness("long", f"{LONGEST}字以内にしてください", f"Use at most {LONGEST} characters")
COMMON = Weakness(
    "breached",
    "流出したパスワードの一覧にあるか、それから容易に推測できます",
    "It is in lists of breached passwords, or easily guessed from them",
)
OWN = Weakness("own_name", "氏名やメールアドレスを含めないでください", "Leave out your name and e-mail address")
BIRTHDAY = Weakness("birthday", "日付(生年月日など)を含めないでください", "Leave out dates, such as a birthday")


def weaknesses(password: str, names: Iterable[str | None], email: str, second_factor: bool) -> list[Weakness]:
    """All that speaks against a password; none: it may be used. names: the person's, in kanji and kana, as far as known."""
    text = unicodedata.normalize("NFKC", password)
    if len(text) > LONGEST:
        return [LONG]
    fewest = WITH_SECOND_FACTOR if second_factor else ALONE
    words = sorted(set(_words(names, email)))
    found = [
        (len(text) < fewest, SHORT if second_factor else SHORT_ALONE),
        (any(word in _folded(text) for word in words), OWN),
        (any(_is_date(match.group()) for match in _DATES.finditer(text)), BIRTHDAY),
    ]
    # What is too short is too easy as well: one reason is enough.
    if len(text) >= fewest:
        judged = zxcvbn(text[:_LONGEST_JUDGED], words)
        found.append((float(judged["guesses_log10"]) < GUESSES, COMMON))
    return [weakness for holds, weakness in found if holds]


def _folded(text: str) -> str:
    """Small letters, and katakana for hiragana."""
    text = unicodedata.normalize("NFKC", text).casefold()
    return "".join(chr(ord(c) + 0x60) if "ぁ" <= c <= "ゖ" else c for c in text)


def _words(names: Iterable[str | None], email: str) -> Iterator[str]:
    """The parts of a name and an address that a password may not hold; single characters and pairs of letters may."""
    for name in names:
        for part in _folded(name or "").split():
            yield from (word for word in (part, *_romaji(part)) if len(word) >= (3 if word.isascii() else 2))
    local, _, domain = email.casefold().partition("@")
    yield from (part for part in (local, *re.split(r"[._+-]", local), domain.split(".")[0]) if len(part) >= 4)


def _romaji(kana: str) -> Iterator[str]:
    """A name in katakana as it is commonly written in letters, with long vowels and without: satou, sato; itiro, ichiro."""
    written = ""
    for place, letter in enumerate(kana):
        if letter == "ッ":
            written += _ROMAJI.get(kana[place + 1 : place + 2], "")[:1]
        elif letter in "ャュョ" and written.endswith("i"):
            written = written[:-1] + _ROMAJI[letter]
        elif letter != "ー":
            written += _ROMAJI.get(letter, "\0")
    if not written or "\0" in written:
        return
    hepburn = written
    for kunrei, usual in _HEPBURN:
        hepburn = hepburn.replace(kunrei, usual)
    for form in (written, re.sub(r"(?<![sc])hu", "fu", hepburn)):
        yield form
        yield re.sub(r"o[ou]", "o", form).replace("uu", "u")


def _is_date(text: str) -> bool:
    digits = [int(part) for part in re.findall(r"\d+", text)]
    if len(digits) == 1:
        plain = re.sub(r"\D", "", text)
        if len(plain) == 6:
            return _exists(2000 + int(plain[:2]), int(plain[2:4]), int(plain[4:]))
        if len(plain) == 8:
            year_first = (int(plain[:4]), int(plain[4:6]), int(plain[6:]))
            day, month, year = int(plain[:2]), int(plain[2:4]), int(plain[4:])
            return _exists(*year_first) or _exists(year, month, day) or _exists(year, day, month)
        return False
    year_first = (digits[0], digits[1], digits[2])
    return _exists(*year_first) or _exists(digits[2], digits[1], digits[0]) or _exists(digits[2], digits[0], digits[1])


def _exists(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return year >= 1900
