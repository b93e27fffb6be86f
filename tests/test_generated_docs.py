"""What docs/permissions.md says is the permission table and the rules that decide."""

from renkei.access.page import PAGE, permissions_page
from renkei.access.policy import COLUMNS, default_rows
from renkei.access.rules import RULES
from renkei.vocabulary import Permission, Profession


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == permissions_page(), "run: python -m renkei.access.page"


def test_every_profession_has_its_row_of_rights() -> None:
    rows = [line.split(" | ") for line in permissions_page().splitlines()]
    for profession in Profession:
        (row,) = [row for row in rows if len(row) > 8 and row[1] == f"`{profession}`"]
        shown = [cell.strip(" |").replace("–", "") for cell in row[2:]]
        rights = default_rows()[profession]
        assert shown == [rights[f"{group}_{tier}"] for group, tier in COLUMNS] + [rights["restricted"]]
        assert row[0].strip("| "), profession


def test_every_act_has_its_row() -> None:
    page = permissions_page()
    assert set(RULES) == set(Permission)
    assert all(f"| `{permission}` | " in page for permission in Permission)
