"""Units in cells: ``36.5℃``, ``62 kg``, ``500ｍｌ``. Only the item's own unit is understood; no value is converted."""

from collections.abc import Mapping

UNITS: Mapping[str, tuple[str, ...]] = {
    "Cel": ("℃", "°c", "度", "c"),
    "mm[Hg]": ("mmhg",),
    "/min": ("回/分", "回", "/分", "bpm", "/min", "拍/分", "拍"),
    "%": ("%", "パーセント"),
    "L/min": ("l/min", "l/分", "リットル/分", "l"),
    "mg/dL": ("mg/dl",),
    "kg": ("kg", "キロ", "キログラム"),
    "cm": ("cm", "センチ", "センチメートル"),
    "mL": ("ml", "cc", "ミリリットル"),
    "g": ("g", "グラム"),
    "g/dL": ("g/dl",),
    "kcal": ("kcal", "キロカロリー"),
    "h": ("時間", "h"),
    "min": ("分", "分間", "min"),
    "d": ("日", "日間", "日分"),
    "kg/m2": ("kg/m2", "kg/m^2"),
}
"""UCUM → how it is written in cells, folded as ``widths.compact`` does and in lower case."""
_SHOWN: Mapping[str, str] = {"Cel": "℃", "mm[Hg]": "mmHg"}
"""How people write what UCUM writes otherwise."""
COUNTED: tuple[str, ...] = ("歳", "才", "人", "回", "本", "階", "点", "名")
"""After a number without a unit."""
_KNOWN = {spelling for spellings in UNITS.values() for spelling in spellings} | {
    *COUNTED,
    "℉",
    "°f",
    "f",
    "kpa",
    "mmol/l",
    "m",
    "mm",
    "l",
    "mg",
    "ポンド",
}


def shown(unit: str) -> str:
    """A unit of UCUM as people write it."""
    return _SHOWN.get(unit, unit)


def without_unit(text: str, unit: str | None) -> str | None:
    """The number before the item's unit, which may be missing; None where another unit stands there.

    text: folded and in lower case. ``°c`` is what NFKC makes of ``℃``.
    """
    for spelling in (*UNITS.get(unit or "", COUNTED), unit.lower() if unit else ""):
        number = text.removesuffix(spelling)
        # 5kg ends in g, too: what is left must be a number.
        if spelling and number != text and number[-1:].isdigit():
            return number
    last = max((place for place, letter in enumerate(text) if letter.isdigit()), default=-1)
    return None if text[last + 1 :] in _KNOWN else text
