"""What programs and people are told of the catalogue is the catalogue."""

import csv
import json
from pathlib import Path

from renkei.catalogue import CURRENT, load_catalogue
from renkei.catalogue import load as loading
from renkei.catalogue.describe import describe, describe_item
from renkei.catalogue.page import PAGE, catalogue_page

CATALOGUE = load_catalogue()
ITEMS = Path(loading.__file__).parent / "data" / CURRENT / "items.csv"


def test_groups_and_items_are_counted() -> None:
    answer = describe(CATALOGUE)
    assert answer["version"] == CURRENT and len(answer["items"]) == 237
    assert len(answer["groups"]) == 10 and sum(group["count"] for group in answer["groups"]) == 237
    assert answer["groups"][0] == {
        "group": "person",
        "tier": "basic",
        "count": 15,
        "name_ja": "本人情報",
        "name_en": "The person",
    }


def test_items_have_the_columns_of_the_file_by_name() -> None:
    with ITEMS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row, item in zip(rows, describe(CATALOGUE)["items"], strict=True):
        assert list(item) == list(row)
        for column in set(row) - {"repeats", "fields", "min", "max", "max_length"}:
            assert item[column] == (row[column] or None)
        assert item["repeats"] is (row["repeats"] == "true")
        for bound in ("min", "max", "max_length"):
            assert ("" if item[bound] is None else str(item[bound])) == row[bound]
        text = "; ".join(_field(field) for field in item["fields"] or ())
        assert text == row["fields"]


def _field(field: dict[str, object]) -> str:
    value_set = f":{field['value_set']}" if field["value_set"] else ""
    return f"{field['name']}:{field['type']}{value_set}{'?' if field['optional'] else ''}"


def test_an_item_comes_with_the_words_of_its_codes() -> None:
    answer = describe_item(CATALOGUE.items["medical.allergy"], CATALOGUE)
    assert set(answer["value_sets"]) == {"presence", "allergy_category", "reaction_severity"}
    assert {"code": "none", "ja": "なし(確認済み)", "en": "None (confirmed)"} in answer["value_sets"]["presence"][
        "codes"
    ]
    assert describe_item(CATALOGUE.items["medical.weight"], CATALOGUE)["value_sets"] == {}


def test_all_of_it_is_json() -> None:
    assert json.loads(json.dumps(describe(CATALOGUE))) == describe(CATALOGUE)


def test_the_page_is_up_to_date() -> None:
    page = catalogue_page(CATALOGUE)
    assert PAGE.read_text(encoding="utf-8") == page, "run: python -m renkei.catalogue.page"
    assert all(f"`{code}`" in page for code in CATALOGUE.items)
