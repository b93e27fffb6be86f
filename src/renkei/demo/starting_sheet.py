"""The sheet an office writes when care at home starts (在宅療養の開始): who the person is, the family, how they live."""

from datetime import date, timedelta
from typing import Any

from renkei.demo.dates import month_start
from renkei.demo.dice import Dice
from renkei.demo.people import Person, read_data
from renkei.demo.region import BY_LABEL
from renkei.demo.sheets import Items

SERVICES = {  # service type, frequency, content
    "clinic": ("med_home_visit", "月2回", "訪問診療"),
    "deputy-clinic": ("med_outpatient", "月1回", "診察・往診"),
    "nurse-station": ("13", "週1回", "病状の観察、服薬の確認"),
    "helper-station": ("11", "週2回", "掃除、調理、身体の介助"),
    "day-service": ("15", "週2回", "入浴、機能訓練、昼食"),
    "pharmacy": ("31", "月2回", "訪問薬剤管理指導"),
}
_PHONE = "090-0000-{:04}"


def start_sheet(person: Person, since: date, dice: Dice) -> Items:
    """A whole statement when care starts (在宅療養の開始): who the person is, the family, and how they live."""
    items = {
        "person": _person_items(person, since, dice),
        "family": _family_items(person, dice),
        "medical": _started_medical(person),
        "living": _living_items(person, since, dice),
    }
    if person.case:  # the case tells the rest, and better
        for name in ("certification_period", "health_insured", "ltci_copay", "housing"):
            del items["person"][name]
        items["family"] = {name: items["family"][name] for name in ("household", "member", "care_capacity")}
        items["living"] = {name: items["living"][name] for name in ("transfer", "iadl", "care_manager", "service_use")}
    return items


def _person_items(person: Person, since: date, dice: Dice) -> dict[str, Any]:
    postal_code, city, line = person.address
    kind = person.health["kind"]
    certified = month_start(since)
    return {
        "name": person.person_name,
        "name_kana": person.person_name_kana,
        "sex": person.sex.value,
        "birth_date": person.birth.isoformat(),
        "address": {"postal_code": postal_code, "prefecture": "みさき県", "city": city, "line": line},
        "phone": [person.phone],
        "current_status": {"status": "home"},
        "ltci_insurer_number": person.ltci[0],
        "ltci_insured_number": person.ltci[1],
        "care_level": person.care_level,
        "certification_period": {
            "start": certified.isoformat(),
            "end": (certified.replace(year=certified.year + 3) - timedelta(1)).isoformat(),
        },
        "health_insurer_number": person.health["insurer"],
        "health_insured": {"kind": kind, "number": person.health["value"]},
        "wish": f"「{person.wish.rstrip('。')}」",
        "life_history": person.life,
        "ltci_copay": {"rate": dice.pick(("1", "1", "1", "2"))},
        "housing": {
            "kind": "detached",
            "ownership": "owned",
            "floors": 2,
            "own_room_floor": 1,
            "detail": dice.pick(("玄関に段差15cm。手すりあり。", "廊下と浴室に手すり。", "居間の隣の和室で過ごす。")),
        },
    }


def _family_items(person: Person, dice: Dice) -> dict[str, Any]:
    _, _, relationship, together, age = person.relative
    kind, members = person.household
    named = {"name": person.relative_name, "relationship": relationship}
    phone = _PHONE.format(dice.between(3000, 6999))
    items: dict[str, Any] = {
        "household": {"type": kind, "members": members, "daytime_alone": dice.chance(30) or kind == "alone"},
        "key_person": {**named, "phone": phone, "living_together": together},
        "emergency_contact": [{"priority": 1, **named, "phone": phone, "available_hours": "終日"}],
        "member": [{**named, "age": age, "living_together": together}],
        "care_capacity": {"level": "partial" if together else "none"},
        "wish": [
            {
                **named,
                "content": dice.pick(("できるだけ家で過ごさせたい。", "本人の望むように。無理のない範囲で支えたい。")),
            }
        ],
    }
    if together:
        items["primary_caregiver"] = {**named, "age": age, "living_together": True}
    if relationship in ("wife", "husband"):
        items["household_issue"] = [{"kind": "elderly_carer" if age >= 70 else "work_conflict"}]
    return items


def _started_medical(person: Person) -> dict[str, Any]:
    clinic, nurses = BY_LABEL[person.physician], BY_LABEL["nurse-station"]
    physician = clinic.staff[0]
    hospital = read_data("words.yaml")["backup"]
    medical: dict[str, Any] = {
        "attending_physician": {
            "name": {"family": physician.family, "given": physician.given},
            "institution": clinic.name,
            "institution_code": clinic.number[1],
            "phone": clinic.phone,
            "visit_frequency": SERVICES[clinic.label][1],
        },
        "backup_hospital": [hospital],
        "pressure_ulcer": [{"presence": "none"}],
    }
    if nurses.label in person.team:
        medical["visiting_nurse_station"] = [
            {"organization": nurses.name, "provider_number": nurses.number[1], "phone": nurses.phone}
        ]
    return medical


def _living_items(person: Person, since: date, dice: Dice) -> dict[str, Any]:
    grade = read_data("words.yaml")["living"][person.grade]
    forgetful = person.condition == "dementia"
    manager = BY_LABEL["care-office"]
    living: dict[str, Any] = {item: {"level": level} for item, level in grade["levels"].items()}
    living |= {item: grade[item] for item in ("mobility", "eating", "iadl", "excretion_aid")}
    living |= {
        "bedridden_level": dice.pick(grade["bedridden_level"]),
        "dementia_level": dice.pick(("IIb", "IIIa") if forgetful else ("independent", "I", "IIa")),
        "cognition": {
            "short_term_memory": "problem" if forgetful else "ok",
            "decision_making": "some_difficulty" if forgetful else "independent",
            "expression": "able",
        },
        "communication": {"vision": "some", "hearing": "some", "speech": "none", "understanding": "none"},
        "food_texture": {"texture": "4" if person.grade == "heavy" else "regular", "thickness": "0"},
        "diet_restriction": {"food_restriction": person.condition == "heart_failure", "fluid_restriction": False},
        "oral_hygiene": {"denture": dice.pick(("partial", "full")), "cleanliness": "good"},
        "sleep": {"status": dice.pick(("good", "good", "poor"))},
        "care_manager": {
            "name": {"family": manager.staff[0].family, "given": manager.staff[0].given},
            "organization": manager.name,
            "provider_number": manager.number[1],
            "phone": manager.phone,
            "since": since.isoformat(),
        },
        "service_use": [_service(label) for label in person.team if label in SERVICES],
        "fall_risk": {"fallen_last_year": person.condition in ("femur", "parkinson")},
    }
    if person.entry:
        living["home_access"] = {"entry": person.entry}
    return living


def _service(label: str) -> dict[str, str]:
    service, frequency, content = SERVICES[label]
    organization = BY_LABEL[label]
    return {
        "service": service,
        "organization": organization.name,
        "phone": organization.phone,
        "frequency": frequency,
        "content": content,
    }
