"""What each column may be for (列の割り当ての提案): a score from its heading and its values, with the reasons in words."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from renkei.catalogue.checks import CHECKS
from renkei.schemas.bulk.cells import Unreadable
from renkei.schemas.bulk.targets import Sheet, Target, all_targets, headings
from renkei.schemas.bulk.widths import bare_key, compact, label_key

ENOUGH = 0.5
"""Below it nothing is suggested: a wrong guess costs more than a column left for a person to place."""
SAMPLES = 50
"""Values looked at for each column."""

REASONS: Mapping[str, tuple[str, str]] = {
    "code": ("見出しが項目コードと同じです", "the heading is the item's code"),
    "title": ("見出しが項目名と同じです", "the heading is the item's name"),
    "heading": ("よく使われる見出しです", "a heading in use for it"),
    "similar": ("見出しが似ています", "the heading is similar"),
    "values_fit": ("値の形が合っています", "the values fit"),
    "values_differ": ("値の形が合わないものがあります", "some values do not fit"),
    "values_only": ("値の形から推定しました", "told by the values alone"),
}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A target for a column. score: 0 to 1. reasons: keys of REASONS."""

    target: str
    score: float
    reasons: tuple[str, ...]


def suggest(sheet: Sheet, columns: Mapping[str, Sequence[str]]) -> dict[str, Suggestion]:
    """The best target for each column that has one; each target at most once, the surest first.

    columns: heading → values of the first rows.
    """
    found = [
        (suggestion, heading)
        for heading, values in columns.items()
        for suggestion in _candidates(sheet, heading, [value for value in values[:SAMPLES] if value.strip()])
    ]
    # Sorted by score alone: among equals the order of the catalogue and of the columns stands.
    found.sort(key=lambda pair: -pair[0].score)
    chosen: dict[str, Suggestion] = {}
    taken: set[str] = set()
    for suggestion, heading in found:
        if heading not in chosen and not taken & _excluded(suggestion.target):
            chosen[heading] = suggestion
            taken.add(suggestion.target)
    return {heading: chosen[heading] for heading in columns if heading in chosen}


def _excluded(name: str) -> set[str]:
    """Targets that say the same: a whole and its part are not both suggested."""
    pressure = {"care_report.blood_pressure": {"care_report.systolic_bp", "care_report.diastolic_bp"}}
    both = {part: {"care_report.blood_pressure"} for part in pressure["care_report.blood_pressure"]}
    observed = {f"care_report.observed_at.{part}": {"care_report.observed_at"} for part in ("date", "time")}
    return {name} | pressure.get(name, set()) | both.get(name, set()) | observed.get(name, set())


def _candidates(sheet: Sheet, heading: str, values: Sequence[str]) -> Iterator[Suggestion]:
    whole, bare, told = label_key(heading), bare_key(heading), False
    for target in all_targets(sheet):
        score, reason = _by_heading(sheet, target, heading.strip(), whole, bare)
        if score < ENOUGH:
            continue
        reasons: tuple[str, ...] = (reason,)
        share = _share_read(target, values)
        if share is not None and share < ENOUGH:
            score, reasons = score - 0.4, (reason, "values_differ")
        elif share is not None and share >= 0.9:
            score, reasons = min(1.0, score + 0.04), (reason, "values_fit")
        if score >= ENOUGH:
            told = True
            yield Suggestion(target.name, round(score, 2), reasons)
    if not told and (name := _by_values(sheet, values)) is not None:
        yield Suggestion(name, ENOUGH, ("values_only",))


def _by_heading(sheet: Sheet, target: Target, heading: str, whole: str, bare: str) -> tuple[float, str]:
    if heading == target.name:
        return 0.96, "code"
    if not whole:
        return 0.0, ""
    titles = [label_key(title) for title in target.title]
    if whole in titles:
        return 0.94, "title"
    known = headings(sheet).get(target.name, ())
    if whole in map(label_key, known):
        return 0.92, "heading"
    if bare and bare in [*map(bare_key, target.title), *map(bare_key, known)]:
        return 0.85, "heading"
    # One within the other, where enough of it is the same: 「本人の性別」, 「体温測定値」.
    for name in (*map(bare_key, target.title[:1]), *map(bare_key, known)):
        short, long = sorted((name, bare), key=len)
        if len(short) >= 2 and short in long and len(short) * 2 >= len(long):
            return 0.6, "similar"
    return 0.0, ""


def _share_read(target: Target, values: Sequence[str]) -> float | None:
    """What part of the values can be read as such; None where there are none."""
    if not values:
        return None
    return sum(_reads(target, value) for value in values) / len(values)


def _reads(target: Target, value: str) -> bool:
    try:
        target.read(value)
    except Unreadable:
        return False
    return True


_PRESSURES = re.compile(r"[0-9]{2,3}/[0-9]{2,3}")
_INSURER, _INSURED = re.compile(r"[0-9]{6}"), re.compile(r"[0-9H][0-9]{9}")


def _by_values(sheet: Sheet, values: Sequence[str]) -> str | None:
    """Only forms that nothing else has: blood pressures, numbers with a check digit."""
    said = [compact(value) for value in values]
    if len(said) < 3:
        return None
    about = ("identifiers.ltci.insurer", "identifiers.ltci.value")
    if sheet is not Sheet.patients:
        about = ("patient.ltci_insurer", "patient.ltci_number")
    if all(_INSURER.fullmatch(one) and CHECKS["insurer_check_digit"](one) for one in said):
        return about[0]
    if all(_INSURED.fullmatch(one) for one in said):
        return about[1]
    if sheet is Sheet.care_reports and all(_PRESSURES.fullmatch(one) for one in said):
        return "care_report.blood_pressure"
    return None
