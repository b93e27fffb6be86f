"""The published schemas: valid themselves, take every valid case, refuse what a schema can refuse."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from renkei.catalogue import load_catalogue
from renkei.catalogue.json_schema import json_schema, schema_parts
from renkei.catalogue.models import document_model
from renkei.vocabulary import RecordKind

CASES = Path(__file__).parents[1] / "cases"
SCHEMAS = {kind: json_schema(kind, load_catalogue()) for kind in RecordKind}
VALIDATORS = {kind: Draft202012Validator(schema) for kind, schema in SCHEMAS.items()}
# Rules that JSON Schema has no words for: arithmetic, comparison and check digits.
BEYOND = {"check-digit", "period-reversed", "rule-barthel-sum", "rule-blood-pressure"}


@pytest.mark.parametrize("kind", RecordKind)
def test_the_schema_passes_its_meta_schema(kind: RecordKind) -> None:
    Draft202012Validator.check_schema(SCHEMAS[kind])
    assert SCHEMAS[kind]["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("path", sorted((CASES / "valid").glob("*.json")), ids=lambda path: path.stem)
def test_valid_cases_validate(path: Path) -> None:
    case = json.loads(path.read_text(encoding="utf-8"))
    assert list(VALIDATORS[RecordKind(case["kind"])].iter_errors(case["body"])) == []


@pytest.mark.parametrize("path", sorted((CASES / "invalid").glob("*.json")), ids=lambda path: path.stem)
def test_invalid_cases_are_refused_where_a_schema_can(path: Path) -> None:
    case = json.loads(path.read_text(encoding="utf-8"))
    assert VALIDATORS[RecordKind(case["kind"])].is_valid(case["body"]) is (path.stem in BEYOND)


def test_names_units_and_words_are_in_the_schema() -> None:
    items = SCHEMAS[RecordKind.face_sheet]["properties"]["items"]["properties"]
    weight = items["medical"]["properties"]["weight"]
    assert weight["title"] == "体重 / Weight" and weight["x-unit"] == "kg" and weight["x-item"] == "medical.weight"
    sex = SCHEMAS[RecordKind.face_sheet]["$defs"]["sex"]
    assert {"const": "female", "title": "女 / Female"} in sex["oneOf"]
    assert sex["x-system"].endswith("administrative-gender")
    assert items["person"]["properties"]["birth_date"]["x-minimum"] == "1900-01-01"


@pytest.mark.parametrize("kind", RecordKind)
def test_every_item_of_the_kind_is_in_its_schema(kind: RecordKind) -> None:
    groups = SCHEMAS[kind]["properties"]["items"]["properties"]
    codes = {f"{group}.{name}" for group, schema in groups.items() for name in schema["properties"]}
    assert codes == {code for code, item in load_catalogue().items.items() if item.group in kind.groups}


@pytest.mark.parametrize("kind", RecordKind)
def test_references_point_at_definitions_wherever_they_are_put(kind: RecordKind) -> None:
    schema, definitions = schema_parts(kind, load_catalogue(), refs="#/components/schemas/")
    used = {ref.removeprefix("#/components/schemas/") for ref in _references(schema)}
    assert used == set(definitions)


def _references(schema: Any) -> list[str]:
    if isinstance(schema, dict):
        own = [schema["$ref"]] if "$ref" in schema else []
        return own + [ref for value in schema.values() for ref in _references(value)]
    return [ref for value in schema for ref in _references(value)] if isinstance(schema, list) else []


@pytest.mark.parametrize("kind", RecordKind)
def test_the_model_takes_the_valid_cases_too(kind: RecordKind) -> None:
    model = document_model(kind, load_catalogue())
    assert model is document_model(kind, load_catalogue()) and model.__name__ in {"FaceSheet", "CareReport"}
    for path in (CASES / "valid").glob("*.json"):
        case = json.loads(path.read_text(encoding="utf-8"))
        if case["kind"] == kind:
            assert model.model_validate(case["body"]).root == case["body"]
