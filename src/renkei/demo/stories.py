"""What happens to each patient of the demo, in the order in which it reaches the server. Pure: no HTTP, no clock."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from renkei.demo.dates import TOKYO, anchor, move
from renkei.demo.dice import Dice
from renkei.demo.people import Person, people, read_data
from renkei.demo.region import BY_LABEL
from renkei.demo.reports import care_report, usual_weight, visits
from renkei.demo.sheets import (
    Items,
    clinic_sheet,
    day_service_sheet,
    envelope,
    nurse_sheet,
    pharmacy_sheet,
    present_or_none,
)
from renkei.demo.starting_sheet import start_sheet
from renkei.vocabulary import Part, RecordKind

# The cases that must be there, each at one patient. docs/demo.md tells where.
STALE_ALLERGY = "watanabe-tatsuo"
LATE_ARRIVAL = "yoshida"
WITHDRAWN_RECORD = "hamada"
CORRECTED_RECORD = "yamazaki"
EMERGENCY = "kunieda"
JOIN_REQUEST = "yanagisawa"
ACCESS_REQUEST = "tokunaga"
CONFLICT = "saito-fumi"
"""The patient whose clinic and pharmacy disagree; the one to look at first."""
PICTURE = CONFLICT
DRAFT = CORRECTED_RECORD


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the care team. valid_until None: open."""

    label: str
    part: Part
    valid_from: date
    valid_until: date | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """A document as one office sends it. by: an organization's label; author: the user_id of its staff.

    withdrawn: the reason, when it is taken back afterwards.
    """

    by: str
    author: str
    kind: RecordKind
    body: Mapping[str, Any]
    withdrawn: str | None = None

    @property
    def as_of(self) -> datetime:
        """When it says how things are: ``as_of`` or ``observed_at``."""
        return datetime.fromisoformat(self.body.get("as_of") or self.body["items"]["care_report"]["observed_at"])


@dataclass(frozen=True, slots=True)
class Story:
    """One patient: registered by the first of the team, agreed to, written about. since: when care began.

    joins: who matches the patient by number and waits to be let in. asks: what the nurses ask for, refused as it is.
    picture: what the nurses say of a drawing that they attach to their newest report. draft: what waits to be confirmed.
    """

    person: Person
    since: date
    places: tuple[Place, ...]
    submissions: tuple[Submission, ...]
    emergency: Mapping[str, Any] | None = None
    joins: str | None = None
    asks: Mapping[str, Any] | None = None
    picture: Mapping[str, str] | None = None
    draft: Submission | None = None


def stories(today: date) -> tuple[Story, ...]:
    """All of them, as of ``today`` (Asia/Tokyo). The same day gives the same stories; every document lies before it."""
    return tuple(_story(person, today) for person in people())


def _story(person: Person, today: date) -> Story:
    since = today - timedelta(days=30 * person.months)
    told = _case(person, today) if person.case else ()
    written = sorted((*told, *_sheets(person, since, today, told), *_reports(person, since, today)), key=_arrival)
    return Story(
        person,
        since,
        _places(person, since),
        tuple(_with_special(person, written, today)),
        _EMERGENCY if person.key == EMERGENCY else None,
        "hospital" if person.key == JOIN_REQUEST else None,
        _ASKED if person.key == ACCESS_REQUEST else None,
        _PICTURED if person.key == PICTURE else None,
        _drafted(today) if person.key == DRAFT else None,
    )


_EMERGENCY = {
    "reason": "自宅で倒れているところを新聞配達員が発見し救急搬送。呼びかけに反応が鈍く、家族と連絡がつかない",
    "life_at_risk": True,
    "consent_unobtainable": True,
    "groups": ["medical", "person"],
    "hours": 24,
}


_PICTURED = {"title": "仙骨部の褥瘡(図)", "item": "care_report.pressure_ulcer_assessment"}

_ASKED = {
    "wants": "consent",
    "groups": ["medical"],
    "reason": "訪問のたびにお薬の内容を電話で確かめています。医療情報だけでも見られるよう、ご本人に尋ねていただけますか",
}


def _drafted(today: date) -> Submission:
    """The therapist has typed for the nurse, and does not know how urgent it is: she decides, and confirms."""
    station = BY_LABEL["nurse-station"]
    nurse, typist = station.staff[0], station.staff[2]
    said = {
        "observed_at": datetime.combine(today - timedelta(days=1), time(15, 20), TOKYO).isoformat(),
        "author": {
            "name": {"family": nurse.family, "given": nurse.given},
            "profession": nurse.profession.value,
            "organization": station.name,
        },
        "body": "訪問中に看護師から電話。血圧128/70、脈72。朝の薬は飲めている。午後に少しめまいがあったとのこと。",
    }
    source = {"document_id": "KMR-DRAFT-1", "version": 1, "system": station.system}
    return Submission(
        station.label, typist.user_id, RecordKind.care_report, {"source": source, "items": {"care_report": said}}
    )


def _arrival(submission: Submission) -> datetime:
    return submission.as_of


def _places(person: Person, since: date) -> tuple[Place, ...]:
    return tuple(_place(person, label, since) for label in person.team)


def _place(person: Person, label: str, since: date) -> Place:
    """The part an organization takes. A hospital's place ends some weeks after care at home has begun."""
    part = BY_LABEL[label].part
    if label == person.physician:
        part = Part.attending_physician
    if label == "hospital":
        return Place(label, part, since - timedelta(days=30), since + timedelta(days=21))
    return Place(label, part, since + timedelta(days=28) if label == "day-service" and not person.case else since)


def _case(person: Person, today: date) -> tuple[Submission, ...]:
    case = read_data(f"cases/{person.case}.json")
    newest = date.fromisoformat(case["newest"])
    documents = [(entry, move(entry["body"], newest, today)) for entry in case["documents"]]
    return tuple(
        Submission(entry["by"], entry["staff"], RecordKind(entry["kind"]), body)
        for entry, body in documents
        if isinstance(body, dict)
    )


def _reports(person: Person, since: date, today: date) -> list[Submission]:
    dice = Dice(f"{person.key}/reports")
    first, last = since + timedelta(days=3), today - timedelta(days=dice.between(1, 4))
    if person.case:  # the weeks before the newest day of the case, which itself needs no more
        newest = date.fromisoformat(read_data(f"cases/{person.case}.json")["newest"])
        last = anchor(newest, today) - timedelta(days=8)
    return [
        Submission(
            visit.organization.label, visit.author.user_id, RecordKind.care_report, care_report(person, visit, dice)
        )
        for visit in visits(person, first, last, dice)
    ]


def _sheets(person: Person, since: date, today: date, told: tuple[Submission, ...]) -> list[Submission]:
    """The generated sheets. Of a case only those that its own documents do not bring."""
    dice = Dice(f"{person.key}/sheets")
    stated = {s.by for s in told if s.kind is RecordKind.face_sheet}
    complete = {s.by for s in told if s.body.get("coverage") == "complete"}
    review = since + timedelta(days=6)
    medication = _told_medication(told)
    sheets = []
    if person.registrar not in complete:
        sheets.append(_sheet(person, person.registrar, since, _started(person, since, dice), "start"))
    if person.physician not in stated:
        clinic = clinic_sheet(person, review, dice)
        if not person.case and person.key != STALE_ALLERGY:
            clinic["medical"]["allergy"] = present_or_none(person.allergy)
        medication = medication or clinic["medical"]["medication"]
        sheets.append(_sheet(person, person.physician, review, clinic))
    if "pharmacy" not in stated:
        dispensed = _next_day(told) if person.case else review + timedelta(days=4)
        sheets.append(_sheet(person, "pharmacy", dispensed, pharmacy_sheet(person, medication, dice)))
    if not person.case:
        sheets += _later_sheets(person, since, today, dice)
    return sheets


def _started(person: Person, since: date, dice: Dice) -> Items:
    items = start_sheet(person, since, dice)
    if person.key == STALE_ALLERGY:
        items["medical"]["allergy"] = present_or_none(person.allergy)
    return items


def _later_sheets(person: Person, since: date, today: date, dice: Dice) -> list[Submission]:
    recent = today - timedelta(days=dice.between(16, 27))
    sheets = [_sheet(person, "nurse-station", recent, nurse_sheet(person, recent, usual_weight(person)))]
    if "day-service" in person.team:
        sheets.append(_sheet(person, "day-service", since + timedelta(days=40), day_service_sheet(dice)))
    return sheets


def _sheet(person: Person, label: str, on: date, items: Items, reason: str = "watch_over") -> Submission:
    organization = BY_LABEL[label]
    author = organization.staff[0]
    as_of = datetime.combine(on, time(17, 30), TOKYO).isoformat()
    coverage = "complete" if reason == "start" else "partial"
    document_id = f"{person.key}-{label}-{on:%Y%m%d}"
    body = envelope(organization, author, document_id, as_of, items, reason=reason, coverage=coverage)
    return Submission(label, author.user_id, RecordKind.face_sheet, body)


def _next_day(told: tuple[Submission, ...]) -> date:
    """The day after the case's sheet that names the drugs: the pharmacy has seen the prescription by then."""
    prescribed = next(s for s in told if "medication" in s.body["items"].get("medical", {}))
    return prescribed.as_of.astimezone(TOKYO).date() + timedelta(days=1)


def _told_medication(told: tuple[Submission, ...]) -> list[Mapping[str, Any]]:
    """The drugs of the case's own sheet, so that clinic and pharmacy agree."""
    lists = [s.body["items"].get("medical", {}).get("medication") for s in told if s.kind is RecordKind.face_sheet]
    return next((drugs for drugs in lists if drugs), [])


def _with_special(person: Person, written: list[Submission], today: date) -> list[Submission]:
    """The row of submissions, with the one case this patient is there to show."""
    if person.key == WITHDRAWN_RECORD:
        at = _last(written, "helper-station")
        written[at] = replace(written[at], withdrawn="別の利用者の記録を送信したため")
    if person.key == CORRECTED_RECORD:
        at = _last(written, "nurse-station")
        written[at : at + 1] = _mistyped_and_corrected(written[at])
    if person.key == LATE_ARRIVAL:
        on = today - timedelta(days=100)
        late = _sheet(person, "nurse-station", on, {"medical": {"weight": usual_weight(person) + 2.5}})
        written.append(late)
    return written


def _last(written: list[Submission], label: str) -> int:
    """Where the label's newest care report stands."""
    return max(i for i, s in enumerate(written) if s.by == label and s.kind is RecordKind.care_report)


def _mistyped_and_corrected(right: Submission) -> list[Submission]:
    """Version 1 with a digit wrong (blood pressure), version 2 as it was."""
    report = right.body["items"]["care_report"]
    wrong = {**report, "systolic_bp": report["systolic_bp"] + 60}
    source = right.body["source"]
    return [
        replace(right, body={**right.body, "items": {"care_report": wrong}}),
        replace(right, body={**right.body, "source": {**source, "version": 2}}),
    ]
