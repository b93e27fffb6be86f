"""The mapping of columns to targets (列の割り当て), as its office keeps it, and the cells of a row as a body."""

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field
from pydantic_core import to_json

from renkei.catalogue.rules import Path
from renkei.errors import Fault, Invalid
from renkei.schemas.bulk.cells import Unreadable
from renkei.schemas.bulk.days import parse_moment
from renkei.schemas.bulk.guarding import unguarded
from renkei.schemas.bulk.targets import SYSTEMS, Sheet, Target, find_target
from renkei.schemas.fields import Line, Strict

MOST_COLUMNS = 500
FORMULA = "\x00formula"
"""What a reader of workbooks puts where a cell is a formula without value, or an error: no file can hold this text itself."""

_ITEM = len(["", "items", "group", "name"]) - 1

_Name = Annotated[str, Field(min_length=1, max_length=200)]


class Mapping_(Strict):
    """Heading → target, and targets that have the same value in every row. A column not named is left out."""

    columns: Annotated[dict[str, _Name], Field(min_length=1, max_length=MOST_COLUMNS)]
    fixed: Annotated[dict[_Name, Line], Field(max_length=100)] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """One row as a body. about: who it is about, by target. faults: by cell, of what could not be read.

    number: as spreadsheets count, the headings being row 1; of lines, the first is 1.
    where: JSON pointer → place of the column whose cell stands there; nothing for lines of JSON.
    """

    number: int
    sheet: Sheet
    body: dict[str, Any]
    about: Mapping[str, str]
    faults: Sequence[Fault]
    where: Mapping[str, int]

    def column_of(self, pointer: str) -> int | None:
        """The column a fault is about: of the value itself, or of what lies in it, of what it lies in, or stands beside it."""
        steps = pointer.split("/")
        for end in range(len(steps), 1, -1):
            place = "/".join(steps[:end])
            if place in self.where:
                return self.where[place]
            # No farther than the item: what stands beside that is about something else.
            if end == len(steps) or end > _ITEM:
                within = [column for known, column in self.where.items() if known.startswith(f"{place}/")]
                if within:
                    return within[0]
        return None


@dataclass(frozen=True, slots=True)
class Layout:
    """A mapping made ready for one file's headings."""

    sheet: Sheet
    width: int
    columns: Sequence[tuple[int, Target]]
    fixed: Sequence[tuple[Target, Any]] = field(default=())

    @classmethod
    def of(cls, sheet: Sheet, mapping: Mapping_, headings: Sequence[str]) -> "Layout":
        """Raises Invalid, naming what fits neither the catalogue nor the file."""
        faults: list[Fault] = []
        columns, fixed, taken = [], [], dict[str, str]()
        for heading, name in mapping.columns.items():
            pointer = f"/columns/{_escape(heading)}"
            target = find_target(sheet, name)
            if heading not in headings:
                faults.append(Fault(pointer, None, "unknown"))
            elif target is None:
                faults.append(Fault(pointer, None, "code", {"value_set": "target"}))
            elif name in taken:
                faults.append(Fault(pointer, None, "repeated"))
            else:
                taken[name] = heading
                columns.append((headings.index(heading), target))
        for name, text in mapping.fixed.items():
            pointer, target = f"/fixed/{_escape(name)}", find_target(sheet, name)
            if target is None or target.about_patient:
                faults.append(Fault(pointer, None, "unknown"))
            elif name in taken:
                faults.append(Fault(pointer, None, "repeated"))
            else:
                try:
                    fixed.append((target, target.read(text)))
                except Unreadable as error:
                    faults.append(Fault(pointer, None, error.code, error.params))
        if faults:
            raise Invalid(faults)
        return cls(sheet, len(headings), columns, fixed)

    def read(self, number: int, cells: Sequence[str]) -> Row:
        """One row. Cells beyond the headings count as faults: something has slipped."""
        building = _Building()
        for place, target in self.columns:
            if place < len(cells) and cells[place].strip():
                building.put(place, target, unguarded(cells[place]))
        for place in (place for place in range(self.width, len(cells)) if cells[place].strip()):
            building.slipped(place)
        for target, value in self.fixed:
            building.put_fixed(target, value)
        return building.row(number, self.sheet)


class _Building:
    """A body in the making. Lists are kept by place, since entries before one may be empty."""

    def __init__(self) -> None:
        self.tree: dict[int | str, Any] = {}
        self.about: dict[str, str] = {}
        self.faults: list[tuple[Path, str, str, Mapping[str, object]]] = []
        self.places: list[tuple[Path, int]] = []
        self.moment: dict[str, tuple[int, str]] = {}

    def put(self, place: int, target: Target, text: str) -> None:
        if target.paths[0][0] in ("date", "time"):
            self.moment[str(target.paths[0][0])] = (place, text)
            return
        self.places += [(path, place) for path in target.paths]
        try:
            if text == FORMULA:
                raise Unreadable("formula")
            value = target.read(text)
        except Unreadable as error:
            self.faults.append((target.paths[0], target.name, error.code, error.params))
            return
        if target.about_patient:
            self.about[target.name] = str(value)
        else:
            self._set(target, value)

    def slipped(self, place: int) -> None:
        """A cell that stands under no heading."""
        path: Path = (f"column {letter(place)}",)
        self.places.append((path, place))
        self.faults.append((path, "", "unknown", {}))

    def put_fixed(self, target: Target, value: Any) -> None:
        """In parts of an optional object only where the row has something of it: or an empty allergy would be made."""
        path = target.paths[0]
        if len(path) > 3 and path[1:3] != ("care_report", "author") and not self._has(path[:-1]):
            return
        self._set(target, value)

    def _set(self, target: Target, value: Any) -> None:
        values = value if len(target.paths) > 1 else (value,)
        for path, one in zip(target.paths, values, strict=True):
            node = self.tree
            for step in path[:-1]:
                node = node.setdefault(step, {})
            last = path[-1]
            if isinstance(node.get(last), dict) and isinstance(one, dict):
                node[last] = {**one, **node[last]}
            elif isinstance(last, int) and isinstance(one, list):  # あり・なし of a list of objects
                node[last] = {**one[0], **node.get(last, {})}
            else:
                node[last] = one

    def _has(self, path: Path) -> bool:
        node: Any = self.tree
        for step in path:
            node = node.get(step) if isinstance(node, dict) else None
        return bool(node)

    def row(self, number: int, sheet: Sheet) -> Row:
        self._observe()
        body = _packed(self.tree)
        if sheet is Sheet.patients:
            _name_systems(body, self.tree)
        pointers = {_pointer(path, self.tree): place for path, place in self.places}
        faults = [Fault(_pointer(path, self.tree), _item(path), code, params) for path, _, code, params in self.faults]
        return Row(number, sheet, body, self.about, faults, pointers)

    def _observe(self) -> None:
        """A day and a time of day in columns of their own are one moment; neither alone is."""
        if not self.moment:
            return
        path: Path = ("items", "care_report", "observed_at")
        self.places += [(path, place) for place, _ in self.moment.values()]
        said = " ".join(self.moment[part][1].strip() for part in ("date", "time") if part in self.moment)
        try:
            node = self.tree.setdefault("items", {}).setdefault("care_report", {})
            node["observed_at"] = parse_moment(said)
        except ValueError:
            expected = {"expected": "2026/4/1 + 9:30"}
            self.faults.append((path, "care_report.observed_at", "format", expected))


def _packed(node: Any) -> Any:
    """Lists in place of what is kept by number."""
    if not isinstance(node, dict):
        return node
    if node and all(isinstance(step, int) for step in node):
        return [_packed(node[step]) for step in sorted(node)]
    return {step: _packed(inner) for step, inner in node.items()}


def _pointer(path: Path, tree: Mapping[int | str, Any]) -> str:
    """A path as JSON pointer into the packed body: an entry's number is its rank among those that are there."""
    steps, node = [], tree
    for step in path:
        steps.append(str(sum(isinstance(one, int) and one < step for one in node) if isinstance(step, int) else step))
        inner = node.get(step) if isinstance(node, dict) else None
        node = inner if isinstance(inner, dict) else {}
    return "/" + "/".join(steps)


def _item(path: Path) -> str | None:
    return f"{path[1]}.{path[2]}" if path[0] == "items" and len(path) > 2 else None


def _name_systems(body: dict[str, Any], tree: Mapping[int | str, Any]) -> None:
    for place, identifier in zip(sorted(tree.get("identifiers", {})), body.get("identifiers", []), strict=True):
        identifier["system"] = SYSTEMS[place]


def with_document_id(row: Row) -> dict[str, Any]:
    """The body with its natural key. A row without a document number is known again by what it says about whom: sent again
    it is the same document, corrected it is another one."""
    source = {"version": 1, **row.body.get("source", {})}
    if "document_id" not in source:
        said = to_json([sorted(row.about.items()), {k: v for k, v in row.body.items() if k != "source"}])
        canonical = json.dumps(json.loads(said), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        source["document_id"] = f"row-{hashlib.sha256(canonical.encode()).hexdigest()[:32]}"
    return {**row.body, "source": source}


def named_columns(headings: Sequence[str]) -> list[str]:
    """Headings made different: the second 電話 is 電話 (2); one without words, or a formula, is the column's letter."""
    found: dict[str, None] = {}
    for place, heading in enumerate(headings):
        said = "" if heading == FORMULA else heading.replace("\0", " ")  # no database keeps a NUL
        one = name = " ".join(said.split()) or letter(place)
        number = 1
        while name in found:
            number += 1
            name = f"{one} ({number})"
        found[name] = None
    return list(found)


@functools.cache
def letter(place: int) -> str:
    """The column as spreadsheets name it: 0 → A, 26 → AA."""
    name, rest = "", place + 1
    while rest:
        rest, digit = divmod(rest - 1, 26)
        name = chr(65 + digit) + name
    return name


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
