"""The patients of the demo and what is behind each of them: read from ``data/``, checked by type, never changed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from pydantic import TypeAdapter

from renkei.vocabulary import Sex


@dataclass(frozen=True, slots=True)
class Person:
    """One invented patient. Members are those of ``data/people.yaml``, explained at its head."""

    key: str
    name: tuple[str, str, str, str]
    sex: Sex
    birth: date
    ltci: tuple[str, str]
    health: Mapping[str, str]
    address: tuple[str, str, str]
    phone: str
    condition: str
    care_level: str
    grade: str
    household: tuple[str, int]
    relative: tuple[str, str, str, bool, int]
    months: int
    reports: int
    team: tuple[str, ...]
    consents: tuple[Mapping[str, Any], ...]
    wish: str
    life: str
    case: str | None = None
    allergy: Mapping[str, str] | None = None
    infection: Mapping[str, Any] | None = None
    entry: str | None = None

    @property
    def registrar(self) -> str:
        """The label of the organization that registers the patient and writes the starting sheet."""
        return self.team[0]

    @property
    def physician(self) -> str:
        """The label of the clinic that attends (主治医)."""
        return "clinic" if "clinic" in self.team else "deputy-clinic"

    @property
    def person_name(self) -> dict[str, str]:
        return {"family": self.name[0], "given": self.name[1]}

    @property
    def person_name_kana(self) -> dict[str, str]:
        return {"family": self.name[2], "given": self.name[3]}

    @property
    def relative_name(self) -> dict[str, str]:
        return {"family": self.relative[0], "given": self.relative[1]}


@cache
def read_data(name: str) -> Any:
    """One file of ``data/``, parsed. Shared by all callers: not to be changed."""
    text = (files("renkei.demo") / "data" / name).read_text(encoding="utf-8")
    if name.endswith(".json"):
        return json.loads(text)
    return yaml.safe_load(text)


@cache
def people() -> tuple[Person, ...]:
    """All of them, in the order of the file."""
    return TypeAdapter(tuple[Person, ...]).validate_python(read_data("people.yaml"))


def registration(person: Person, local_number: str) -> dict[str, object]:
    """The body of ``POST /v1/patients``; ``local_number`` is the registering office's own number."""
    health = {key: value for key, value in person.health.items() if key != "kind"}
    return {
        "identifiers": [
            {"system": "ltci", "insurer": person.ltci[0], "value": person.ltci[1]},
            {"system": "health_insurance", **health},
            {"system": "local", "value": local_number},
        ],
        "name": person.person_name,
        "name_kana": person.person_name_kana,
        "birth_date": person.birth.isoformat(),
        "sex": person.sex.value,
    }
