"""The care reports of the invented patients: weekly visits of several months, told by the professions that visit."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from renkei.demo.dates import TOKYO
from renkei.demo.dice import Dice
from renkei.demo.people import Person, read_data
from renkei.demo.region import BY_LABEL, Organization, Staff
from renkei.demo.starting_sheet import SERVICES

_VISITORS = {  # who tells the reports written under this key of conditions.yaml
    "nurse": ("nurse-station", ("sakuma", "kishimoto")),
    "pt": ("nurse-station", ("hirose",)),
    "helper": ("helper-station", ("akamine", "hori")),
    "day": ("day-service", ("hayakawa", "noda")),
    "care_manager": ("care-office", ("isaka",)),
    "pharmacist": ("pharmacy", ("kosuge",)),
    "physician": ("clinic", ("saegusa",)),
}
_ROUND = ("nurse", "helper", "nurse", "day", "physician", "pt", "nurse", "pharmacist", "helper", "day", "care_manager")
_MODES = {"day": "day_service", "care_manager": "phone"}
_MEASURES = ("nurse", "day", "physician")


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit before it is written down. voice: a key of ``_VISITORS``; turn: how many times this voice has told before."""

    voice: str
    organization: Organization
    author: Staff
    when: datetime
    turn: int


def visits(person: Person, first: date, last: date, dice: Dice) -> tuple[Visit, ...]:
    """``person.reports`` visits, oldest first, the newest on or shortly before ``last``, none before ``first``.

    About a week apart; closer when months are few, and professions take turns.
    """
    voices = _turns(person)
    told = Counter[str]()
    step = min(7.0, (last - first).days / max(person.reports, 1))
    found = []
    for place in range(person.reports):
        voice = next(voices)
        label, members = _VISITORS[voice]
        organization = BY_LABEL[person.physician if voice == "physician" else label]
        author = organization.staff[0] if voice == "physician" else organization.member(dice.pick(members))
        hour = time(dice.between(9, 16), dice.pick((0, 10, 20, 30, 40, 50)), tzinfo=TOKYO)
        day = _weekday(last - timedelta(days=int((person.reports - 1 - place) * step)))
        found.append(Visit(voice, organization, author, datetime.combine(day, hour), told[voice]))
        told[voice] += 1
    return tuple(found)


def care_report(person: Person, visit: Visit, dice: Dice) -> dict[str, Any]:
    """The body of one care report."""
    changed = not person.case and visit.turn % 4 == 2 and visit.voice in read_data("words.yaml")["change"]
    report: dict[str, Any] = {
        "observed_at": visit.when.isoformat(timespec="seconds"),
        "author": author_of(visit.organization, visit.author),
        "body": _body(person, visit, changed, dice),
        "urgency": "change" if changed else "routine",
        "visit": {"mode": _MODES.get(visit.voice, "home_visit"), "status": "done"},
    }
    if visit.organization.label in SERVICES:
        report["service_type"] = {"service": SERVICES[visit.organization.label][0]}
    if visit.voice in _MEASURES:
        report |= _measured(person, dice)
    if visit.voice == "day":
        report["meal_intake"] = [{"meal": "lunch", "staple_percent": dice.pick((70, 80, 100)), "appetite": "good"}]
        report["bathing"] = {"method": "machine" if person.grade == "heavy" else "general", "done": not changed}
    if visit.voice == "helper":
        report["service_provided"] = [{"kind": "cleaning", "duration_min": 20}, {"kind": "watch", "duration_min": 10}]
        report["safety_check"] = {"result": "concern" if changed else "ok"}
    if visit.voice in ("nurse", "helper") and not person.case:
        report["person_remark"] = dice.pick(read_data("words.yaml")["remark"])
        report["mood"] = {"mood": "calm" if changed else dice.pick(("calm", "cheerful"))}
    if visit.voice == "nurse":
        report["next_visit"] = [{"kind": "next_visit", "on_date": (visit.when.date() + timedelta(days=7)).isoformat()}]
    return {
        "source": {
            "document_id": f"{person.key}-{visit.organization.label}-{visit.when:%Y%m%d%H%M}",
            "version": 1,
            "system": visit.organization.system,
        },
        "items": {"care_report": report},
    }


def author_of(organization: Organization, author: Staff) -> dict[str, Any]:
    """The ``care_report.author`` item."""
    kind, number = organization.number
    return {
        "name": {"family": author.family, "given": author.given},
        "profession": author.profession.value,
        "organization": organization.name,
        kind: number,
    }


def usual_weight(person: Person) -> float:
    """The patient's weight in kg, around which the measured ones lie."""
    dice = Dice(f"{person.key}/weight")
    return dice.near(440 if person.sex == "female" else 540, 60) / 10


def _weekday(day: date) -> date:
    """``day``, or the Friday before a weekend."""
    return day - timedelta(days=max(0, day.weekday() - 4))


def _turns(person: Person) -> Iterator[str]:
    """Who visits, one after the other, for ever."""
    told: Mapping[str, Any] = read_data("conditions.yaml")[person.condition]["reports"]
    able = [v for v in _ROUND if v in told and (v == "physician" or _VISITORS[v][0] in person.team)]
    while True:
        yield from able


def _body(person: Person, visit: Visit, changed: bool, dice: Dice) -> str:
    words = read_data("words.yaml")
    if changed:
        options = words["change"][visit.voice]
        return str(dice.pick(options[:-1] if person.grade == "heavy" else options))
    told = read_data("conditions.yaml")[person.condition]["reports"][visit.voice]
    own = told[visit.turn % len(told)]
    if person.case:
        return str(own)
    return f"{own}{dice.pick(words['general'][visit.voice])}"


def _measured(person: Person, dice: Dice) -> dict[str, Any]:
    temperature, systolic, diastolic, pulse, oxygen = read_data("conditions.yaml")[person.condition]["vitals"]
    return {
        "body_temperature": dice.near(temperature, 4) / 10,
        "systolic_bp": dice.near(systolic, 14),
        "diastolic_bp": dice.near(diastolic, 8),
        "pulse_rate": dice.near(pulse, 10),
        "spo2": min(99, dice.near(oxygen, 2)),
        "body_weight": dice.near(round(usual_weight(person) * 10), 6) / 10,
    }
