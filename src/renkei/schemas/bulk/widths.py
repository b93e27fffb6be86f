"""Width and kana: what two ways of typing one cell have in common. Names and free text are never passed through here."""

import functools
import re
import unicodedata

_MINUS = str.maketrans(dict.fromkeys("‐‑‒–—―−ｰ", "-"))
_AFTER_DIGITS = re.compile(r"(?<=[0-9])[ー](?=[0-9])")
_HIRAGANA = {point: point + 0x60 for point in (*range(0x3041, 0x3097), 0x309D, 0x309E)}


def plain(text: str) -> str:
    """Half-width letters and digits, one kind of hyphen, nothing around: ``０３ー１２３４`` → ``03-1234``."""
    folded = unicodedata.normalize("NFKC", text.translate(_MINUS)).translate(_MINUS)
    return _AFTER_DIGITS.sub("-", folded).strip()


def compact(text: str) -> str:
    """The same without any space."""
    return "".join(plain(text).split())


def katakana(text: str) -> str:
    """A name in kana as registers write it: ``ﾀｶﾊｼ`` and ``たかはし`` → ``タカハシ``, one space between its parts."""
    # The bar of half-width kana is a long mark here, not a hyphen.
    folded = unicodedata.normalize("NFKC", text.replace("ｰ", "ー")).translate(_HIRAGANA)
    return " ".join(folded.split())


_BRACKETS = re.compile(r"[(\[【〔「『][^()\[\]]*[)\]】〕」』]")
_IDLE = re.compile(r"[\s・、,。.:_/|*※●■◆□-]+")


@functools.lru_cache(maxsize=8192)
def label_key(text: str) -> str:
    """What a label is compared by: width, case, spaces and ornaments do not count. Brackets stay (``bare_key`` drops them)."""
    return _IDLE.sub("", plain(text).lower())


@functools.lru_cache(maxsize=8192)
def bare_key(text: str) -> str:
    """The same without what stands in brackets: ``体温(℃)`` and ``体温`` have the same."""
    return label_key(_BRACKETS.sub("", plain(text)))
