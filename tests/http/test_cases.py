"""The cases of tests/cases, as a vendor's system meets them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.factories import Region, Vendor, register
from tests.http.problems import problem

CASES = Path(__file__).parents[1] / "cases"
PATHS = {"face_sheet": "face-sheets", "care_report": "care-reports"}
JAPANESE = re.compile(r"[ぁ-んァ-ヶ一-龠]")
ENGLISH = re.compile(r"(is|has|does|cannot|contains|lies|ends|breaks|'none') ")
NAMES = ["神谷", "髙橋", "﨑山", "渡邉", "葛\U000e0100飾", "𠮷野", "辻\ufe00"]
"""神 U+FA19, which normalising would change; variants; ideographic and plain variation sequences; outside the BMP."""


def cases(folder: str) -> list[Any]:
    files = sorted((CASES / folder).glob("*.json"))
    return [pytest.param(json.loads(file.read_text(encoding="utf-8")), id=file.stem) for file in files]


async def home(region: Region) -> tuple[Vendor, str]:
    clinic = await region.found()
    return clinic, f"/v1/patients/{await register(clinic)}"


@pytest.mark.parametrize("case", cases("valid"))
async def test_a_valid_case_is_kept_and_read_back_as_sent(region: Region, case: dict[str, Any]) -> None:
    clinic, patient = await home(region)
    answer = await clinic.post(f"{patient}/{PATHS[case['kind']]}", case["body"], by="physician")
    assert answer.status_code == 201, answer.text
    kept = answer.json()
    given = [f"{group}.{name}" for group, items in case["body"]["items"].items() for name in items]
    counts = kept["completeness"]
    assert counts["basic"]["given"] + counts["optional"]["given"] == len(given)
    sizes = {"face_sheet": (82, 84), "care_report": (4, 67)}
    assert (counts["basic"]["of"], counts["optional"]["of"]) == sizes[case["kind"]]
    assert not {*given, *case["body"].get("absent", {})} & set(counts["missing"])
    assert answer.headers["location"] == f"{patient}/{PATHS[case['kind']]}/{kept['id']}"
    assert kept["source"] == case["body"]["source"]
    record = (await clinic.get(answer.headers["location"], by="physician")).json()
    assert json.dumps(record["items"]) == json.dumps(case["body"]["items"])  # also 36 is not 36.0
    assert record.get("absent", {}) == case["body"].get("absent", {})


@pytest.mark.parametrize("case", cases("invalid"))
async def test_an_invalid_case_is_refused_with_exactly_its_faults(region: Region, case: dict[str, Any]) -> None:
    clinic, patient = await home(region)
    path = f"{patient}/{PATHS[case['kind']]}"
    told = problem(await clinic.post(path, case["body"], by="physician"), 422, "invalid-items")
    expected = sorted((e["pointer"], str(e["item"])) for e in case["expect"])
    assert sorted((e["pointer"], str(e["item"])) for e in told["errors"]) == expected
    assert all(JAPANESE.search(e["message"]) for e in told["errors"]) and JAPANESE.search(told["title"])
    english = await clinic.post(path, case["body"], by="physician", headers={"Accept-Language": "en-GB, ja;q=0.5"})
    told = problem(english, 422, "invalid-items")
    assert english.headers["content-language"] == "en" and "fault" in told["detail"]
    assert all(ENGLISH.match(e["message"]) for e in told["errors"])
    assert (await clinic.get(path, by="physician")).json()["items"] == []


@pytest.mark.parametrize("family", NAMES)
async def test_names_come_back_byte_for_byte(region: Region, family: str) -> None:
    clinic = await region.found()
    patient = await register(clinic, name={"family": family, "given": "清"})
    path = f"/v1/patients/{patient}"
    assert (await clinic.get(path)).json()["name"] == {"family": family, "given": "清"}
    body = {
        "source": {"document_id": family, "version": 1},
        "reason": "watch_over",
        "as_of": "2026-06-01T10:00:00+09:00",
        "author": {"name": family, "profession": "nurse"},
        "coverage": "partial",
        "items": {"person": {"name": {"family": family, "given": "清"}}},
    }
    kept = await clinic.post(f"{path}/face-sheets", body)
    assert kept.status_code == 201 and kept.json()["warnings"] == [], kept.text
    record = await clinic.get(kept.headers["location"])
    summary = await clinic.get(f"{path}/summary")
    for answer in (record, summary):
        assert family.encode() in answer.content
    assert record.json()["items"]["person"]["name"]["family"] == family
    assert record.json()["source"]["document_id"] == family == record.json()["author"]["name"]
    assert summary.json()["groups"]["person"]["name"]["value"]["family"] == family
