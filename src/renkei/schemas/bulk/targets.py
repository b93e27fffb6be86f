"""What a column can be for (列の割り当て先): every item, its parts, who the row is about, and the document's frame.

A target is named by dots: ``care_report.body_temperature``, ``care_report.author.profession``; in a list that repeats by the
number of the entry, the first where none is said: ``medical.diagnosis.2.name``.
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import Any

import yaml

from renkei.catalogue import Catalogue, load_catalogue
from renkei.catalogue.envelope import document_shape
from renkei.catalogue.rules import Path
from renkei.catalogue.shapes import ListOf, Moment, Record, Shape, Text, item_shape, shape_at
from renkei.schemas.bulk.cells import Unreadable, read_cell, read_day_beginning, read_pressure
from renkei.vocabulary import RecordKind

SYSTEMS = ("ltci", "health_insurance", "local")
"""The places of a registration's numbers: one column each, one of each system in a row."""
MOST_ENTRIES = 20
"""Entries of one repeating item in one row."""


class Sheet(StrEnum):
    """What each row is (取込の種類)."""

    patients = "patients"  # 利用者の登録
    face_sheets = "face_sheets"  # フェイスシート
    care_reports = "care_reports"  # ケアレポート

    @property
    def kind(self) -> RecordKind | None:
        """The kind of document a row is, None for a registration."""
        return {"face_sheets": RecordKind.face_sheet, "care_reports": RecordKind.care_report}.get(self.value)


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """Where a cell goes. paths: in the body, one for each value that ``read`` gives. title: Japanese and English.

    about_patient: its value tells who the row is about, and is no part of the body.
    """

    name: str
    paths: tuple[Path, ...]
    read: Callable[[str], Any]
    title: tuple[str, str]
    shape: Shape
    about_patient: bool = False


def find_target(sheet: Sheet, name: str) -> Target | None:
    """The target of that name, None where there is none."""
    if (found := _framing(sheet).get(name)) is not None:
        return found
    if sheet.kind is None:
        return None
    steps = name.split(".")
    numbers = [step for step in steps if step.isdecimal()]
    if len(numbers) > 1 or any(len(n) > 2 or not 1 <= int(n) <= MOST_ENTRIES for n in numbers) or len(name) > 200:
        return None
    return _item_target(sheet.kind, name, load_catalogue())


def all_targets(sheet: Sheet) -> tuple[Target, ...]:
    """Every target without a number, in the order of the catalogue."""
    return _all(sheet)


@functools.cache
def _all(sheet: Sheet) -> tuple[Target, ...]:
    names = list(_framing(sheet))
    if sheet.kind is not None:
        catalogue = load_catalogue()
        for item in (item for item in catalogue.items.values() if item.group in sheet.kind.groups):
            names += [item.code, *(f"{item.code}.{member}" for member in _members(item_shape(item, catalogue)))]
    return tuple(target for name in dict.fromkeys(names) if (target := find_target(sheet, name)) is not None)


def _members(shape: Shape) -> Iterator[str]:
    inner = shape.element if isinstance(shape, ListOf) else shape
    if isinstance(inner, Record):
        for name, member in inner.members.items():
            yield name
            yield from (f"{name}.{deeper}" for deeper in _members(member.shape))


@functools.lru_cache(maxsize=4096)
def _item_target(kind: RecordKind, name: str, catalogue: Catalogue) -> Target | None:
    group, item_name, *rest = [*name.split("."), ""] if "." not in name else name.split(".")
    item = catalogue.items.get(f"{group}.{item_name}")
    if item is None or item.group not in kind.groups:
        return None
    shape: Shape = item_shape(item, catalogue)
    path: Path = ("items", group, item_name)
    if isinstance(shape, ListOf) and isinstance(shape.element, Record):
        number = int(rest.pop(0)) if rest and rest[0].isdecimal() else 1
        shape, path = shape.element, (*path, number - 1)
    inner = shape_at(shape, tuple(rest))
    if inner is None or any(step.isdecimal() for step in rest) or not _readable(inner):
        return None
    # 「処方薬 処方した人 姓」, but 「主治医 姓」 and 「公費負担 開始」: what goes without saying is left out.
    said = [step for step in rest[:-1] if step not in ("name", "valid")] + rest[-1:]
    words = [WORDS.get(step, (step, step)) for step in said]
    title = (" ".join([item.name_ja, *(ja for ja, _ in words)]), " ".join([item.name_en, *(en for _, en in words)]))
    return Target(name, ((*path, *rest),), functools.partial(read_cell, shape=inner), title, inner)


def _readable(shape: Shape) -> bool:
    """Whether one cell can hold it whole."""
    if isinstance(shape, Record):
        return shape.period or bool({"family", "text", "presence"} & shape.members.keys())
    return True


@functools.cache
def _framing(sheet: Sheet) -> Mapping[str, Target]:
    """Targets that are no items: numbers, names and days of a registration, or a document's frame and whom it is about."""
    made = list(_registration() if sheet.kind is None else _document(sheet.kind))
    return {target.name: target for target in made}


def _registration() -> Iterator[Target]:
    items = load_catalogue().items
    for name in ("name", "name_kana", "birth_date", "sex"):
        item = items[f"person.{name}"]
        shape = item_shape(item, load_catalogue())
        read = _split_name if isinstance(shape, Record) else read_cell
        yield Target(name, ((name,),), functools.partial(read, shape=shape), (item.name_ja, item.name_en), shape)
        if isinstance(shape, Record):
            for part in ("family", "given"):
                words = WORDS[part]
                title = (f"{item.name_ja} {words[0]}", f"{item.name_en} {words[1]}")
                yield _plain(f"{name}.{part}", (name, part), title, shape.members[part].shape)
    number = Text(100, form="^[0-9]$")  # any form with figures: width is folded, the registration's own rules check
    yield _plain("identifiers.local", ("identifiers", SYSTEMS.index("local"), "value"), NUMBERS["local"], Text(100))
    for name, title in NUMBERS.items():
        system, _, member = name.partition(".")
        if member:
            yield _plain(f"identifiers.{name}", ("identifiers", SYSTEMS.index(system), member), title, number)


def _split_name(text: str, shape: Shape) -> Any:
    """A registered name has a family name; where it ends, only a space tells."""
    found = read_cell(text, shape)
    if "text" in found:
        raise Unreadable("format", expected="姓 名")
    return found


def _document(kind: RecordKind) -> Iterator[Target]:
    frame = document_shape(kind, load_catalogue())
    for name in (
        "source.document_id",
        "source.version",
        "reason",
        "as_of",
        "author.name",
        "author.profession",
        "coverage",
    ):
        path = tuple(name.split("."))
        if (shape := shape_at(frame, path)) is None:
            continue
        outer = [frame.members[path[0]]]
        if isinstance(outer[0].shape, Record) and len(path) > 1:
            outer.append(outer[0].shape.members[path[1]])
        titles = [member.title or ("", "") for member in outer]
        title = (" ".join(ja for ja, _ in titles), " ".join(en for _, en in titles))
        # A day is enough here: what is stated on a day holds from its beginning.
        read = read_day_beginning if name == "as_of" else functools.partial(read_cell, shape=shape)
        yield Target(name, (path,), read, title, shape)
    for name, title in ABOUT.items():
        shape = Text(100) if name == "patient.local" else Text(100, form="^[0-9]$")
        yield Target(name, ((name,),), functools.partial(read_cell, shape=shape), title, shape, about_patient=True)
    if kind is RecordKind.care_report:
        report: Path = ("items", "care_report")
        both = ((*report, "systolic_bp"), (*report, "diastolic_bp"))
        yield Target(
            "care_report.blood_pressure", both, read_pressure, ("血圧(120/80)", "Blood pressure (120/80)"), Text(20)
        )
        for part, title in (("date", ("観察日", "Day observed")), ("time", ("観察時刻", "Time observed"))):
            # Put together by whoever builds the row (mapping.py).
            yield Target(f"care_report.observed_at.{part}", ((part,),), str.strip, title, Moment(timed=False))


def _plain(name: str, path: Path, title: tuple[str, str], shape: Shape) -> Target:
    return Target(name, (path,), functools.partial(read_cell, shape=shape), title, shape)


NUMBERS: Mapping[str, tuple[str, str]] = {
    "local": ("自機関の利用者番号", "Own number"),
    "ltci.insurer": ("介護保険 保険者番号", "LTCI insurer number"),
    "ltci.value": ("介護保険 被保険者番号", "LTCI insured number"),
    "health_insurance.insurer": ("医療保険 保険者番号", "Health insurer number"),
    "health_insurance.symbol": ("医療保険 記号", "Health insurance symbol"),
    "health_insurance.value": ("医療保険 番号", "Health insurance number"),
    "health_insurance.branch": ("医療保険 枝番", "Health insurance branch"),
}
ABOUT: Mapping[str, tuple[str, str]] = {
    "patient.id": ("利用者のid(連携基盤)", "The patient's id here"),
    "patient.local": ("自機関の利用者番号", "Own number of the patient"),
    "patient.ltci_insurer": ("介護保険 保険者番号", "LTCI insurer number"),
    "patient.ltci_number": ("介護保険 被保険者番号", "LTCI insured number"),
}
"""Who a document's row is about."""


def _yaml(name: str) -> dict[str, Any]:
    text = (files("renkei.schemas") / "data" / name).read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)
    return found


WORDS: Mapping[str, tuple[str, str]] = {name: (ja, en) for name, (ja, en) in _yaml("field_words.yaml").items()}
"""Sub-fields in words, Japanese and English."""


@functools.cache
def headings(sheet: Sheet) -> Mapping[str, tuple[str, ...]]:
    """Target → headings in use for it, beside its own title."""
    said = _yaml("import_headers.yaml")
    parts = (sheet.value,) if sheet.kind is None else ("documents", sheet.value)
    return {name: tuple(words) for part in parts for name, words in said[part].items()}
