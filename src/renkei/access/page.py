"""docs/permissions.md: who may do what, for people. ``python -m renkei.access.page`` writes it; a test fails when stale."""

import inspect
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path

from renkei.access.policy import COLUMNS, default_rows
from renkei.access.rules import RULES, Rule
from renkei.access.scopes import SCOPES
from renkei.access.step_up import STEP_UP
from renkei.catalogue import load_catalogue
from renkei.catalogue.envelope import GROUP_TITLES
from renkei.vocabulary import RESTRICTED_COLUMN, Permission, Profession, Tier

PAGE = Path(__file__).parents[3] / "docs" / "permissions.md"

_INTRODUCTION = """\
# 権限表 — who may do what

Generated from `src/renkei/access/defaults.csv` and the rules in `src/renkei/access/policy.py` by `python -m renkei.access.page`;
do not edit.

職種ごとの初期設定です。この表だけでは何も見えません。他機関の記録を見るには、利用者とのつながり(ケアチームなど)と、有効な同意も必要です。

This is the table a new installation starts with. The table alone opens nothing: to read what other organizations wrote, a tie to
the patient and a consent in force are needed too. One's own organization's records need the table only.

## 職種と項目群 — professions and items

- `r` 読める / may read, `w` 書ける / may write, `–` どちらもできない / neither. 基 = 基本情報 basic, 選 = 選択情報 optional.
- **要配慮 restricted**: 要配慮項目(感染症、虐待の疑いなど)を読めるか。読むには、その項目を名指しした同意も必要 / whether restricted
  items may be read at all; a consent must name the item, too. Writing one needs `w` in its own column.
- `system`: 利用者名なしで動く連携システム自身。委任された職種の権利の和のうち、この行の範囲内 / a vendor's system acting as itself: the union of
  the rights of the professions delegated to it, within this row.
"""

_RIGHTS: Mapping[str, str] = {
    "any": "none; every client",
    "any.read": "`r` in any column",
    "any.write": "`w` in any column",
    "face_sheet.read": "`r` in any column of person, family, medical, living",
    "face_sheet.write": "`w` in any column of person, family, medical, living",
    "care_report.read": "`r` in a column of care_report",
    "care_report.write": "`w` in a column of care_report",
    "person_basic.write": "`w` in person 基",
    "medical_basic.read": "`r` in medical 基",
    "platform_admin": "no profession has it",
    "organization_admin": "no profession has it",
    "ledger": "no profession has it",
    "worker": "no profession has it; the worker does it by itself",
}
"""The ``right`` of a rule, in words."""

_ACTS = """
## 行為 — acts

Each act is one permission; the same string is the action in the access log and the kind of the change.

- **scope**: what a delegation or a token must be for, where it is limited (`docs/words.md`).
- **right**: what the table above must give the profession. A document is refused whole when it touches one item that may not be written.
- **tie**: the tie that must stand (`docs/words.md` lists the kinds). `any`: where the act is about one patient, any kind; without a
  tie the patient does not exist (404). Registering and searching ask for none. `emergency_access.open` makes one. Submitting under
  `own` is correcting one's own earlier document; a new document needs `care_team` or `requested`.
- **admin**, **auditor**, **organization admin**: 基盤の管理者・監査人・事業所の管理者 may do it by office. They never read or write the content
  of records; the last is bound to its own organization's part of the ledger.
- **again**: 本人の再確認。サインインした人がするときは、数分以内に二要素目を確認していること / by a person's session only with a second factor proved minutes ago.
"""


def permissions_page() -> str:
    """The page, in Markdown."""
    return "\n".join([_INTRODUCTION, *_table(), _ACTS, *_acts()]) + "\n"


def _table() -> Iterator[str]:
    tiers = {Tier.basic: "基", Tier.optional: "選"}
    heads = [f"{GROUP_TITLES[group][0]} {group}<br>{tiers[tier]}" for group, tier in COLUMNS]
    yield _row("職種", "profession", *heads, f"要配慮<br>{RESTRICTED_COLUMN}")
    yield _row("---", "---", *[":-:"] * (len(COLUMNS) + 1))
    words = load_catalogue().value_sets["profession"].codes
    for profession, rights in default_rows().items():
        name = words[profession].ja if profession in words else _words(Profession)[profession]
        cells = [rights[f"{group}_{tier}"] for group, tier in COLUMNS] + [rights[RESTRICTED_COLUMN]]
        yield _row(name, f"`{profession}`", *(cell or "–" for cell in cells))


def _acts() -> Iterator[str]:
    yield _row("act", "行為", "scope", "right", "tie", "admin", "auditor", "organization admin", "again")
    yield _row("---", "---", "---", "---", "---", ":-:", ":-:", ":-:", ":-:")
    for permission, rule in RULES.items():
        again = "✓" if permission in STEP_UP else ""
        words, scope = _words(Permission)[permission], f"`{SCOPES[permission]}`"
        yield _row(f"`{permission}`", words, scope, _RIGHTS[rule.right], _ties(rule), *_offices(rule), again)


def _ties(rule: Rule) -> str:
    which = "any" if rule.ties is None else " or ".join(f"`{basis}`" for basis in sorted(rule.ties))
    return which + (", and more than a match by number" if rule.knows_person else "")


def _offices(rule: Rule) -> list[str]:
    return ["✓" if office else "" for office in (rule.admin, rule.auditor, rule.organization_admin)]


def _words(kind: type[StrEnum]) -> dict[str, str]:
    """Code → Japanese word: the comment beside each member in vocabulary/, where alone it stands."""
    return dict(re.findall(r'^ +\w+ = "([a-z_.]+)"  # (.+)$', inspect.getsource(kind), re.MULTILINE))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    PAGE.write_text(permissions_page(), encoding="utf-8")
