"""The face sheets of the invented patients: what clinic, pharmacy, nurses and day service add to the starting sheet.

The builders return the ``items`` of a sheet by group; ``envelope`` makes a document of them.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from renkei.demo.dates import month_start
from renkei.demo.dice import Dice
from renkei.demo.people import Person, read_data
from renkei.demo.region import BY_LABEL, Organization, Staff

Items = dict[str, dict[str, Any]]


def envelope(
    organization: Organization, author: Staff, document_id: str, as_of: str, items: Items, **members: Any
) -> dict[str, Any]:
    """A face sheet's body. ``members``: reason, coverage and, where needed, absent."""
    return {
        "source": {"document_id": document_id, "version": 1, "system": organization.system},
        "as_of": as_of,
        "author": {"name": author.name, "profession": author.profession.value},
        "items": items,
        **members,
    }


def clinic_sheet(person: Person, on: date, dice: Dice) -> Items:
    """What the attending physician states; for a patient of the cases only what the case leaves open."""
    condition = _condition(person)
    medical: dict[str, Any] = {"treatment_policy": condition["policy"], "precaution": condition["precaution"]}
    if person.case:
        return {"medical": medical}
    medical |= {
        "present_illness": condition["illness"],
        "diagnosis": condition["diagnosis"],
        "past_history": condition["past_history"],
        "reporting_criteria": condition["reporting"],
        "predicted_condition": condition["predicted"],
        "medication": condition["medication"],
        "contraindication": [{"presence": "none"}],
        "infection": present_or_none(person.infection),
        "special_treatment": condition["special_treatment"],
        "height": dice.near(1480 if person.sex == "female" else 1620, 80) / 10,
        "stability": {"level": "stable"},
        "emergency_policy": {"first_action": "call_nurse", "transport": "depends", "confirmed_on": on.isoformat()},
        "dnar": {"policy": "undecided" if person.grade == "heavy" else "not_confirmed"},
        "end_of_life_policy": {"place": dice.pick(("home", "undecided"))},
        "disclosure": {"to_person": "full", "to_family": "full"},
        "smoking_alcohol": {"smoking": dice.pick(("never", "former")), "alcohol": dice.pick(("none", "occasional"))},
    }
    return {"medical": medical | _special_medical(person, on)}


def pharmacy_sheet(person: Person, medication: Sequence[Mapping[str, Any]], dice: Dice) -> Items:
    """What the pharmacy states: the same drugs as dispensed, and how they are kept and taken."""
    organization = BY_LABEL["pharmacy"]
    pharmacist = organization.staff[0]
    return {
        "medical": {
            "medication": list(medication),
            "medication_management": {
                "manager": "self" if person.grade == "light" else "family",
                "method": dice.pick(("one_dose", "calendar", "box")),
                "adherence": dice.pick(("as_prescribed", "as_prescribed", "sometimes_missed")),
            },
            "pharmacy": [
                {
                    "organization": organization.name,
                    "institution_code": organization.number[1],
                    "pharmacist": {"family": pharmacist.family, "given": pharmacist.given},
                    "phone": organization.phone,
                    "home_visit": True,
                }
            ],
        }
    }


def nurse_sheet(person: Person, on: date, weight: float) -> Items:
    """What the visiting nurses look at again after some weeks (見守り): weight, skin, order in force."""
    order_end = month_start(on + timedelta(days=100))
    return {
        "medical": {
            "weight": weight,
            "pressure_ulcer": [{"presence": "none"}],
            "visiting_nursing_order": [
                {"kind": "regular", "valid": {"start": on.isoformat(), "end": (order_end - timedelta(1)).isoformat()}}
            ],
            "nutrition_assessment": {"status": "good", "risk": "low", "weight_change": "stable"},
        },
        "family": {"caregiver_burden": {"level": "mild" if person.grade == "light" else "moderate"}},
    }


def day_service_sheet(dice: Dice) -> Items:
    """What the day service adds about how a day is spent."""
    words = read_data("words.yaml")
    return {
        "living": {
            "hobby": dice.pick(words["hobby"]),
            "strength": dice.pick(words["strength"]),
            "social_participation": {"outing": "several_week", "place": "デイサービス"},
            "bathing_support": {
                "method": "general",
                "frequency": "週2回",
                "criteria": "体温37.5℃以上の日は清拭に替える",
            },
            "food_preference": dice.pick(("煮魚と豆腐。", "甘いもの。とくに羊羹。", "麺類。辛いものは苦手。")),
        }
    }


def present_or_none(found: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """A list of the kind that says none itself (なし・確認済み)."""
    if found is None:
        return [{"presence": "none"}]
    return [{"presence": "present", **{key: _plain(value) for key, value in found.items()}}]


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


def _condition(person: Person) -> Mapping[str, Any]:
    condition: Mapping[str, Any] = read_data("conditions.yaml")[person.condition]
    return condition


def _special_medical(person: Person, on: date) -> dict[str, Any]:
    """What only some conditions have; prognosis and mental symptoms are restricted items."""
    condition = _condition(person)
    special: dict[str, Any] = {}
    if "respiratory" in condition:
        special["respiratory_support"] = condition["respiratory"]
    if person.condition == "prostate":
        special["prognosis"] = {
            "estimate": "数か月から半年",
            "estimated_on": on.isoformat(),
            "disclosed_to_person": "partial",
        }
    if person.condition == "parkinson":
        special["mental_symptom"] = {
            "presence": "present",
            "symptom": "夜間の幻視(虫が見える)",
            "specialist_visit": False,
        }
    return special
