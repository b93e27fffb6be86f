"""docs/catalogue.md: the catalogue for people. ``python -m renkei.catalogue.page`` writes it; a test fails when it is stale."""

from collections.abc import Iterator
from pathlib import Path

from renkei.catalogue.envelope import GROUP_TITLES, TIER_TITLES
from renkei.catalogue.items import Catalogue, Field, Item, ValueSet
from renkei.catalogue.load import load_catalogue
from renkei.vocabulary import Group, Tier

PAGE = Path(__file__).parents[3] / "docs" / "catalogue.md"

_INTRODUCTION = """\
# 項目一覧 — the shared items, version {version}

Generated from `src/renkei/catalogue/data/{version}/` by `python -m renkei.catalogue.page`; do not edit.

The two tiers and the ten counts are those of the 2014 national study of shared information in home care (標準的な共有情報).
The names, codes, types, bounds and value sets are this project's compilation from the forms named under *source*, not an
official standard.

- **Type**: what one value is; `[ ]` marks a list. An object's sub-fields stand below it, `?` marks an optional one.
- **Required** — `always`: the five of a complete face sheet sent at the start of care, the four of every care report.
  `recommended`: a complete record should have it; its absence is told under `completeness`, never refused.
- **Sensitivity** — `restricted` items are read only under a consent that names them.
- **Review**: days after which somebody should look at the value again; 0 means that its own end decides.
- Lengths count code points. Bounds are typing errors, not alarms.
"""


def catalogue_page(catalogue: Catalogue) -> str:
    """The page, in Markdown."""
    lines = [_INTRODUCTION.format(version=catalogue.version), *_counts(catalogue)]
    for group in Group:
        lines += ["", f"## {' — '.join(GROUP_TITLES[group])} (`{group.value}`)"]
        for tier in Tier:
            lines += ["", f"### {' '.join(TIER_TITLES[tier])}", *_items(catalogue.group(group, tier), catalogue)]
    lines += ["", "## 値集合 — value sets", *_value_sets(catalogue)]
    return "\n".join(lines) + "\n"


def _counts(catalogue: Catalogue) -> Iterator[str]:
    yield "| group | 日本語 | basic | optional | all |"
    yield "|---|---|--:|--:|--:|"
    for group in Group:
        basic, optional = (len(catalogue.group(group, tier)) for tier in Tier)
        yield f"| {group.value} | {GROUP_TITLES[group][0]} | {basic} | {optional} | {basic + optional} |"
    basic, optional = (sum(item.tier is tier for item in catalogue.items.values()) for tier in Tier)
    yield f"| **all** | | **{basic}** | **{optional}** | **{basic + optional}** |"


def _items(items: tuple[Item, ...], catalogue: Catalogue) -> Iterator[str]:
    yield ""
    yield "| code | 項目 | item | type | required | sensitivity | review | source | note |"
    yield "|---|---|---|---|---|---|--:|---|---|"
    for item in items:
        review = "" if item.review_days is None else str(item.review_days)
        name = f'<a id="{item.code}"></a>`{item.code}`'
        cells = (name, item.name_ja, item.name_en, _type(item, catalogue), item.required, item.sensitivity, review)
        yield _row(*cells, item.source or "", item.note or "")


def _row(*cells: str) -> str:
    escaped = (cell.replace("|", r"\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"


def _type(item: Item, catalogue: Catalogue) -> str:
    bounds = ""
    if item.minimum is not None or item.maximum is not None:
        bounds = (
            f"{item.minimum if item.minimum is not None else ''}–{item.maximum if item.maximum is not None else ''}"
        )
    details = (
        _link(item.value_set),
        bounds,
        item.unit or "",
        f"≤ {item.max_length}" if item.max_length else "",
        f"`{item.pattern}`" if item.pattern else "",
        item.check or "",
    )
    kind = _spaced("[ ]" if item.repeats else "", item.type, *details)
    return "<br>".join([kind, *(_field(field, catalogue) for field in item.fields)])


def _field(field: Field, catalogue: Catalogue) -> str:
    rule = catalogue.field_rules.get(field.name)
    details = [_link(field.value_set)]
    if rule is not None and rule.type == field.type:
        details.append(f"{rule.minimum}–{rule.maximum}" if rule.minimum is not None else "")
        details.append(f"step {rule.step}" if rule.step else "")
        details.append(rule.unit or "")
        details.append(f"`{rule.pattern}`" if rule.pattern else "")
    return _spaced(f"`{field.name}`{'?' if field.optional else ''}", field.type, *details)


def _spaced(*parts: str) -> str:
    return " ".join(filter(None, parts))


def _link(value_set: str | None) -> str:
    return f"[{value_set}](#set-{value_set})" if value_set else ""


def _value_sets(catalogue: Catalogue) -> Iterator[str]:
    for value_set in catalogue.value_sets.values():
        yield ""
        yield f'### <a id="set-{value_set.name}"></a>{value_set.title_ja} — {value_set.title_en} (`{value_set.name}`)'
        yield ""
        yield f"{value_set.source}{_system(value_set)}"
        yield ""
        yield "| code | 日本語 | English |"
        yield "|---|---|---|"
        for code in value_set.codes.values():
            yield _row(f"`{code.code}`", code.ja, code.en)


def _system(value_set: ValueSet) -> str:
    return f" (`{value_set.system}`)" if value_set.system else ""


if __name__ == "__main__":
    PAGE.write_text(catalogue_page(load_catalogue()), encoding="utf-8")
