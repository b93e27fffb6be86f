"""Search keys: what two ways of writing one name have in common (検索キー).

Keys serve finding only. A name itself is stored and shown exactly as sent, since its owner writes it so; and equal
keys never mean the same person. A key has letters and digits only and is made for prefix search under the C locale.
A text with nothing to search in it (``"・"``) has the empty key, a prefix of every other: never search by it.
"""

import unicodedata
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType

import yaml


def kana_key(text: str) -> str:
    """The key of a name in kana: ``ﾀｶﾊｼ``, ``たかはし`` and ``タカハシ`` all give ``タカハシ``.

    Folds what sounds alike or is lost on the way: half and full width; hiragana; small kana (older insurance files
    have ｷﾖｳｺ for キョウコ); ヰ ヱ ヲ ヂ ヅ (シヅヱ, シズエ); iteration marks (みすゞ, ミスズ); a dash typed for ー.
    The long mark ー and ヴ stay: オオタ and オータ, ブ and ヴ are different keys.
    """
    plain = _letters(unicodedata.normalize("NFKC", text.translate(_BEFORE_NFKC)).translate(_TO_KATAKANA))
    return _repeat(plain, "ヽ", "ヾ").translate(_SOUNDS)


def name_key(text: str) -> str:
    """The key of a name in kanji: one for ``髙橋`` and ``高橋``, ``渡邊`` and ``渡辺``, ``佐佐木`` and ``佐々木``.

    Folds compatibility forms (神 U+FA19, by NFKC) and the variants of KANJI_VARIANTS, and drops variation selectors.
    """
    return _repeat(_letters(unicodedata.normalize("NFKC", text).translate(_VARIANTS)), "々")


def person_key(name: str | Mapping[str, str]) -> str:
    """The key of a whole name, written as one line or as ``{"family", "given"}``: both spellings have the same."""
    return name_key(name if isinstance(name, str) else _joined(name))


def person_kana_key(name: Mapping[str, str]) -> str:
    """The key of a whole name in kana, written as ``{"family", "given"}``."""
    return kana_key(_joined(name))


def _joined(name: Mapping[str, str]) -> str:
    return f"{name.get('family', '')}{name.get('given') or ''}"


def _read_variants() -> Mapping[str, str]:
    text = (files("renkei.schemas") / "data" / "kanji_variants.yaml").read_text(encoding="utf-8")
    sections: dict[str, dict[str, str]] = yaml.safe_load(text)
    return MappingProxyType(
        {variant: form for lines in sections.values() for form, variants in lines.items() for variant in variants}
    )


KANJI_VARIANTS = _read_variants()
"""異体字: each variant and the form it has in a key, e.g. 髙 → 高. The table is ``data/kanji_variants.yaml``."""

_VARIANTS = str.maketrans(dict(KANJI_VARIANTS))

# NFKC would part the stand-alone voicing marks from their kana, and make a long dash the hyphen of a double name.
_BEFORE_NFKC = str.maketrans({"゛": "\u3099", "゜": "\u309a", "－": "ー", "―": "ー", "—": "ー"})

_TO_KATAKANA = {hiragana: hiragana + 0x60 for hiragana in (*range(0x3041, 0x3097), 0x309D, 0x309E)}

_SOUNDS = str.maketrans(
    dict(zip("ァィゥェォッャュョヮヵヶヰヱヲヂヅ", "アイウエオツヤユヨワカケイエオジズ", strict=True))
    | {"ヷ": "ヴア", "ヸ": "ヴイ", "ヹ": "ヴエ", "ヺ": "ヴオ"}
)


def _letters(text: str) -> str:
    """Letters and digits only, in lower case: no spaces, punctuation, variation selectors or lone voicing marks."""
    return "".join(filter(str.isalnum, text.lower()))


def _repeat(text: str, mark: str, voiced: str = "") -> str:
    """Puts the repeated letter for a ``mark`` (ヽ 々), voiced for ``voiced`` (ヾ); drops one that repeats nothing."""
    if mark not in text and (not voiced or voiced not in text):
        return text
    written: list[str] = []
    for letter in text:
        if letter == voiced and written:
            written.append(
                unicodedata.normalize("NFC", written[-1] + "\u3099")[0]
            )  # [0]: what has no voiced form stays
        elif letter == mark and written:
            written.append(written[-1])
        elif letter not in (mark, voiced):
            written.append(letter)
    return "".join(written)
