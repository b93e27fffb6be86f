"""列の割り当てのフォーム: which column is for what, and what is the same in every row; as shown, as filled in, as the API takes it."""

import functools
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from renkei.catalogue import load_catalogue
from renkei.catalogue.envelope import GROUP_TITLES, KIND_TITLES
from renkei.catalogue.shapes import Coded, Record, item_shape, shape_at
from renkei.errors import Fault, Invalid
from renkei.schemas.bulk.mapping import MOST_COLUMNS
from renkei.schemas.bulk.targets import Sheet, Target, all_targets, find_target
from renkei.vocabulary import Group, Language

COLUMNS_AT_ONCE = 25
"""Columns that are shown to be changed; the others go along unseen. A list of all items for each is what makes a page heavy."""
MOST_FIXED = 100
ABOUT = ("だれの記録か", "Whom it is about")
NUMBER = ("利用者番号・保険の番号", "A number")
OTHERS = ("利用者", "The person")


@dataclass(frozen=True, slots=True)
class Filled:
    """What the form says. columns: heading and target, in the file's order; "": left out. fixed: target and text."""

    sheet: Sheet
    columns: Sequence[tuple[str, str]]
    fixed: Sequence[tuple[str, str]]

    @classmethod
    def of_import(cls, job: Mapping[str, Any]) -> "Filled":
        """As an import stands. job: as the API tells it."""
        mapping = job["mapping"] or {"columns": {}, "fixed": {}}
        columns = [(one["heading"], mapping["columns"].get(one["heading"], "")) for one in job["columns"]]
        return cls(Sheet(job["sheet"]), columns, list(mapping["fixed"].items()))

    @classmethod
    def of_form(cls, sheet: Sheet, form: Mapping[str, str]) -> "Filled":
        """As it was sent. A second column for the same part of a repeating item is its second entry, and so on."""
        taken: set[str] = set()
        columns = []
        for n in range(MOST_COLUMNS):
            if (heading := form.get(f"heading-{n}")) is None:
                break
            name = _entry(sheet, form.get(f"column-{n}", ""), taken)
            taken.add(name)
            columns.append((heading, name))
        rows = [(form.get(f"fixed-{n}", ""), form.get(f"value-{n}", "").strip()) for n in range(MOST_FIXED)]
        return cls(sheet, columns, [(name, text) for name, text in rows if name and text])

    @property
    def mapping(self) -> dict[str, Any]:
        """As the API takes it."""
        return {"columns": {heading: name for heading, name in self.columns if name}, "fixed": dict(self.fixed)}

    def require_once(self) -> None:
        """Raise Invalid: an item stands twice among what is the same in every row, and one of the two would be lost."""
        names = [name for name, _ in self.fixed]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise Invalid([Fault(f"/mapping/fixed/{name}", None, "repeated") for name in twice])

    @property
    def digest(self) -> str:
        """By which a form knows again whether it says what was checked."""
        said = json.dumps(self.mapping, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()


def _entry(sheet: Sheet, name: str, taken: set[str]) -> str:
    group, _, rest = name.partition(".")
    item, _, part = rest.partition(".")
    if name in taken and part and not part[0].isdecimal():
        for number in range(2, MOST_FIXED):
            other = f"{group}.{item}.{number}.{part}"
            if find_target(sheet, other) is None:
                break
            if other not in taken:
                return other
    return name


def title(sheet: Sheet, name: str, which: int) -> str:
    """A target in words; which: 0 for Japanese."""
    target = find_target(sheet, name)
    if target is None:
        return name
    numbers = [step for step in name.split(".") if step.isdecimal() and step != "1"]
    return target.title[which] + "".join(f" ({number})" for number in numbers)


def place(sheet: Sheet | None, fault: Mapping[str, Any], columns: Mapping[str, str], which: int) -> str:
    """What a row's fault is about: its cell, else the item, or as much of it as has a name; "": the row. columns: heading → target.

    What is missing stands in no cell, and the column that it is told by is its neighbour's.
    """
    steps = _steps(fault.get("pointer", ""))
    if "column" in fault and (fault["code"] != "required" or columns.get(fault["heading"]) == ".".join(steps)):
        words = f"{fault['column']}列「{fault['heading']}」", f"column {fault['column']} “{fault['heading']}”"
        return words[which]
    if sheet is None:
        return ".".join(steps)
    for end in range(len(steps), 0, -1):
        if find_target(sheet, name := ".".join(steps[:end])) is not None:
            return title(sheet, name, which)
    item = load_catalogue().items.get(fault.get("item") or "")
    if item is None and steps[:1] == ["identifiers"]:
        return NUMBER[which]
    return (item.name_ja, item.name_en)[which] if item else ".".join(steps)


def lacking(sheet: Sheet, faults: Iterable[Mapping[str, Any]]) -> list[Target]:
    """What rows must say and do not: where no column is for it, to be said for all of them at once."""
    names = (
        name
        for fault in faults
        if fault["code"] == "required"
        for name in _parts(sheet, ".".join(_steps(fault["pointer"])))
    )
    found = [find_target(sheet, name) for name in dict.fromkeys(names)]
    return [one for one in found if one is not None and not one.about_patient]


def _parts(sheet: Sheet, name: str) -> Iterator[str]:
    """The target itself, or of an item that is more than one cell what it needs."""
    if find_target(sheet, name) is not None:
        yield name
        return
    group, _, rest = name.partition(".")
    item = load_catalogue().items.get(f"{group}.{rest.partition('.')[0]}")
    shape = shape_at(item_shape(item, load_catalogue()), tuple(rest.split(".")[1:])) if item else None
    if isinstance(shape, Record):
        for member, one in shape.members.items():
            if one.required:
                yield from _parts(sheet, f"{name}.{member}")


def _steps(pointer: str) -> list[str]:
    """A pointer into a body as the steps of a target's name, where the first entry of a list has no number."""
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.strip("/").split("/") if step]
    steps = steps[1:] if steps[:1] == ["items"] else steps
    return [str(int(step) + 1) if step.isdecimal() else step for step in steps if step != "0"]


def codes(target: Target, which: int) -> list[str]:
    """The words one may write where only some are known."""
    if not isinstance(target.shape, Coded):
        return []
    return [(code.ja, code.en)[which] for code in target.shape.value_set.codes.values()]


def options(sheet: Sheet, chosen: str, which: int, *, fixed: bool = False) -> Markup:
    """The options of a select: all a column can be for; fixed: all that may be the same in every row."""
    listed, value = _options(sheet, which, fixed), Markup('value="{}"').format(chosen)
    if value in listed:
        return listed.replace(value, value + Markup(" selected"), 1)
    if find_target(sheet, chosen) is None:
        return listed
    return Markup("<option {} selected>{}</option>{}").format(value, title(sheet, chosen, which), listed)


@functools.lru_cache(maxsize=16)
def _options(sheet: Sheet, which: int, fixed: bool) -> Markup:
    parts: dict[str, list[Markup]] = {}
    for target in all_targets(sheet):
        if not (fixed and target.about_patient):
            one = Markup('<option value="{}">{}</option>').format(target.name, target.title[which])
            parts.setdefault(_heading(sheet, target, which), []).append(one)
    nothing = Markup("")
    return nothing.join(
        Markup('<optgroup label="{}">{}</optgroup>').format(name, nothing.join(some)) for name, some in parts.items()
    )


def _heading(sheet: Sheet, target: Target, which: int) -> str:
    if target.about_patient:
        return ABOUT[which]
    group = target.name.partition(".")[0]
    if group in set(Group):
        return GROUP_TITLES[Group(group)][which]
    return KIND_TITLES[sheet.kind][which] if sheet.kind else OTHERS[which]


def told(sheet: Sheet | None, fault: Fault, language: Language) -> str:
    """A fault of the form as a sentence."""
    which = 0 if language is Language.ja else 1
    steps = [step.replace("~1", "/").replace("~0", "~") for step in fault.pointer.strip("/?").split("/")]
    if len(steps) != 3:
        message = fault.message(language)
        name = FIELDS.get(steps[-1], (steps[-1], steps[-1]))[which]
        return OWN_WORDS.get((steps[-1], fault.code), (f"{name}: {message}",) * 2)[which]
    name = title(sheet, steps[2], which) if steps[1] == "fixed" and sheet else f"「{steps[2]}」"
    return f"{name}: {SAME[which] if fault.code == 'repeated' else fault.message(language)}"


FIELDS: Mapping[str, tuple[str, str]] = {
    "sheet": ("表の種類", "What each row is"),
    "mapping": ("保存した割り当て", "Saved assignment"),
    "worksheet": ("シート名", "Worksheet"),
    "file": ("ファイル", "File"),
    "columns": ("列の割り当て", "What each column is for"),
    "fixed": ("全行同じ値", "The same in every row"),
    "save_as": ("保存する名前", "Name to keep it under"),
    "reason": ("理由", "Reason"),
}
OWN_WORDS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("mapping", "code"): (
        "保存した割り当てが、選んだ種類の表のものではありません",
        "The saved assignment is for another kind of sheet",
    ),
    ("file", "required"): ("ファイルを選んでください", "Choose a file"),
    ("sheet", "required"): ("表の種類を選んでください", "Choose what each row is"),
    ("reason", "required"): ("理由を書いてください", "Write why"),
    ("columns", "empty"): ("列を一つ以上割り当ててください", "Say of one column at least what it is for"),
}
"""What happens most, told better than by a field and a fault."""
SAME = ("ほかの列か「全行同じ値」と同じ項目です", "is said by another column, or for every row, too")
