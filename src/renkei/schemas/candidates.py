"""How likely two registrations are one person (名寄せの候補): a score, and its reasons in words. Pure.

A name alone never makes a candidate, nor a birth date and sex: twins share them, and the family name. A score decides
nothing: people do, who know the person.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Literal, NamedTuple
from uuid import UUID

from renkei.errors import Fault, Invalid
from renkei.schemas.answers import rfc3339
from renkei.schemas.dates import ERAS, FIRST_YEARS
from renkei.schemas.fields import Id, Line, Strict
from renkei.schemas.paging import Page
from renkei.schemas.patients import number_key
from renkei.schemas.search_keys import kana_key, name_key, person_kana_key, person_key

THRESHOLD = 50
"""From here on a pair is shown. Birth date, sex and the family name of twins make 43, equal names of two births 25."""
LARGEST = 100

Person = Mapping[str, Any]
"""As shown to who may know them: ``identifiers``, ``name``, ``name_kana``, ``birth_date``, ``sex``, ``former_names``."""


class Cause(NamedTuple):
    """One reason: its points, and its words."""

    points: int
    ja: str
    en: str


CAUSES: Mapping[str, Cause] = {
    "number_equal": Cause(60, "被保険者番号が同じ", "the same insured number"),
    # Without a branch a family may share it.
    "family_number_equal": Cause(
        30, "枝番のない医療保険の番号が同じ", "the same health insurance number, without a branch"
    ),
    "birth_date_equal": Cause(30, "生年月日が同じ", "the same birth date"),
    "birth_date_era": Cause(15, "生年月日が元号の取り違えに見える", "birth dates as if one era was taken for another"),
    "birth_date_swapped": Cause(15, "生年月日の月と日が入れ替わって見える", "birth dates with month and day exchanged"),
    "birth_date_off": Cause(
        15, "生年月日が年・月・日の一つだけわずかに違う", "birth dates that differ a little in one place"
    ),
    "birth_date_differs": Cause(-20, "生年月日が違う", "different birth dates"),
    "sex_equal": Cause(5, "性別が同じ", "the same sex"),
    "sex_differs": Cause(-20, "性別が違う", "different sexes"),
    "kana_equal": Cause(25, "フリガナが同じ", "the same name in kana"),
    "earlier_kana_equal": Cause(25, "旧姓などのフリガナが同じ", "the same name in kana, counting earlier ones"),
    "family_kana_equal": Cause(5, "姓のフリガナが同じ", "the same family name in kana"),
    "given_kana_equal": Cause(8, "名のフリガナが同じ", "the same given name in kana"),
    "name_equal": Cause(15, "漢字氏名が同じ(異体字を含む)", "the same name in kanji, counting variants"),
    "family_name_equal": Cause(3, "漢字の姓が同じ(異体字を含む)", "the same family name in kanji, counting variants"),
}


class Distinction(Strict):
    """``POST …/distinctions``, ``POST …/links``: the other of two, and why they are known to be two, or one."""

    patient_id: Id
    reason: Line


class Parting(Strict):
    """``POST …/links/{linked_id}/end``: why they are no longer held to be one."""

    reason: Line


def require_other(patient_id: UUID, other: UUID) -> None:
    """Raise Invalid where both are one id."""
    if patient_id == other:
        raise Invalid([Fault("/patient_id", None, "repeated")])


def decision(row: Any) -> dict[str, Any]:
    """What has been decided of a patient and another, by whom and why."""
    said = {"verdict": row.verdict, "reason": row.reason, "decided_by": row.decided_by}
    ids = {"patient_id": str(row.patient_id), "other_patient_id": str(row.other_patient_id)}
    return {**ids, **said, "decided_at": rfc3339(row.decided_at)}


class DuplicateQuery(Page):
    """``GET /v1/possible-duplicates``: those that await a decision, or have had one."""

    state: Literal["open", "decided"] = "open"


class Score(NamedTuple):
    """Points, at most 100, and what they are for."""

    points: int
    causes: Sequence[str]

    @property
    def listed(self) -> bool:
        """Whether the pair is worth being looked at; in any case where they share what is one person's alone."""
        return self.points >= THRESHOLD or "number_equal" in self.causes

    def as_json(self) -> dict[str, Any]:
        """``score`` and ``reasons``."""
        reasons = [
            {"code": code, "points": CAUSES[code].points, "text_ja": CAUSES[code].ja, "text_en": CAUSES[code].en}
            for code in self.causes
        ]
        return {"score": self.points, "reasons": reasons}


def score(one: Person, other: Person) -> Score:
    """How alike two registered persons are."""
    causes = [*_numbers(one, other), *_birth(one, other), *_sex(one, other), *_kana(one, other), *_kanji(one, other)]
    points = sum(CAUSES[code].points for code in causes)
    return Score(max(0, min(LARGEST, points)), causes)


def slips(born: date) -> Mapping[date, str]:
    """Birth dates that this one is easily mistaken for, each with how."""
    found: dict[date, str] = {}
    for part in ("year", "month", "day"):
        value = getattr(born, part)
        for wrong in (value - 1, value + 1, *((value - 10, value + 10) if part != "month" else ())):
            _add(found, "birth_date_off", **{"year": born.year, "month": born.month, "day": born.day, part: wrong})
    turned = born.day % 10 * 10 + born.day // 10
    _add(found, "birth_date_off", born.year, born.month, turned)
    _add(found, "birth_date_swapped", born.year, born.day, born.month)
    for era, (first, last) in ERAS.items():
        if first <= born <= last:
            year = born.year - FIRST_YEARS[era]
            for start in FIRST_YEARS.values():
                _add(found, "birth_date_era", start + year, born.month, born.day)
    found.pop(born, None)
    return found


def _add(found: dict[date, str], how: str, year: int, month: int, day: int) -> None:
    try:
        found[date(year, month, day)] = how
    except ValueError:
        return


def _numbers(one: Person, other: Person) -> Iterator[str]:
    keys = [
        {number_key(n, None): n for n in person["identifiers"] if n["system"] != "local"} for person in (one, other)
    ]
    shared = [keys[0][key] for key in keys[0].keys() & keys[1].keys()]
    if any(number["system"] == "ltci" or number.get("branch") for number in shared):
        yield "number_equal"
    elif shared:
        yield "family_number_equal"


def _birth(one: Person, other: Person) -> Iterator[str]:
    mine, theirs = (date.fromisoformat(person["birth_date"]) for person in (one, other))
    yield (
        "birth_date_equal"
        if mine == theirs
        else slips(mine).get(theirs) or slips(theirs).get(mine, "birth_date_differs")
    )


def _sex(one: Person, other: Person) -> Iterator[str]:
    told = {one["sex"], other["sex"]}
    if len(told) == 1:
        yield "sex_equal"
    elif told == {"male", "female"}:
        yield "sex_differs"


def _kana(one: Person, other: Person) -> Iterator[str]:
    mine, theirs = ([person, *person.get("former_names", ())] for person in (one, other))
    whole = [{person_kana_key(names["name_kana"]) for names in each} for each in (mine, theirs)]
    if person_kana_key(one["name_kana"]) == person_kana_key(other["name_kana"]):
        yield "kana_equal"
    elif whole[0] & whole[1]:
        yield "earlier_kana_equal"
    else:
        for part in ("family", "given"):
            if _same_part(kana_key, one["name_kana"], other["name_kana"], part):
                yield f"{part}_kana_equal"


def _kanji(one: Person, other: Person) -> Iterator[str]:
    if person_key(one["name"]) == person_key(other["name"]):
        yield "name_equal"
    elif _same_part(name_key, one["name"], other["name"], "family"):
        yield "family_name_equal"


def _same_part(key: Any, one: Mapping[str, str], other: Mapping[str, str], part: str) -> bool:
    mine, theirs = key(one.get(part) or ""), key(other.get(part) or "")
    return bool(mine) and mine == theirs


class Wanted(NamedTuple):
    """The keys by which those who might be the same person are looked for among one's own patients."""

    patient_id: UUID
    kana: Sequence[str]
    name: Sequence[str]
    born: date
    almost: Sequence[date]
    numbers: Sequence[str]


def wanted(patient_id: UUID, person: Person) -> Wanted:
    """The keys of a person: a number, or birth date (or nearly) together with kana or kanji."""
    names = [person, *person.get("former_names", ())]
    born = date.fromisoformat(person["birth_date"])
    numbers = [f"{n['system']}|{n['value']}" for n in person["identifiers"] if n["system"] != "local"]
    kana, name = ([key(n[of]) for n in names] for key, of in ((person_kana_key, "name_kana"), (person_key, "name")))
    return Wanted(patient_id, kana, name, born, list(slips(born)), numbers)
