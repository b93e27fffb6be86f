"""How full a document is."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from renkei.catalogue import load_catalogue
from renkei.schemas.completeness import Completeness, completeness
from renkei.schemas.documents import read_document
from renkei.vocabulary import RecordKind

CASES = Path(__file__).parents[1] / "cases" / "valid"
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def of(name: str, **changes: Any) -> Completeness:
    case = json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))
    document = read_document(RecordKind(case["kind"]), case["body"] | changes, load_catalogue(), NOW)
    return completeness(document, load_catalogue())


def test_a_nearly_full_face_sheet() -> None:
    full = of("face-als-clinic-complete")
    assert full["basic"] == {"given": 82, "of": 82} and full["optional"]["of"] == 84
    assert full["basic"]["given"] + full["optional"]["given"] == 156
    assert full["missing"] == []


def test_the_smallest_face_sheet_misses_what_is_recommended() -> None:
    least = of("face-copd-day-service-minimal")
    assert least["basic"] == {"given": 5, "of": 82} and least["optional"] == {"given": 0, "of": 84}
    recommended = [code for code, item in load_catalogue().items.items() if item.required == "recommended"]
    assert least["missing"] == [code for code in recommended if not code.startswith("care_report.")]


def test_what_is_declared_absent_is_not_missing() -> None:
    before = of("face-copd-day-service-minimal")["missing"]
    after = of("face-copd-day-service-minimal", absent={"medical.weight": "unknown"})["missing"]
    assert [code for code in before if code != "medical.weight"] == after != before


def test_a_care_report() -> None:
    full = of("care-diabetes-nurse-full")
    assert full == {"basic": {"given": 4, "of": 4}, "optional": {"given": 52, "of": 67}, "missing": []}
    assert of("care-copd-care-manager-phone")["missing"] == ["care_report.service_type"]
