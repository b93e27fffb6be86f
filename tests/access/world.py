"""Patients in every state of tie and consent, made through the HTTP door."""

import datetime
import itertools
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from tests.access.oracle import RESTRICTED, Consent, Ties
from tests.factories import (
    EVERY_PROFESSION,
    Region,
    Vendor,
    agree,
    family_consent,
    join,
    person,
    register,
    report,
    sheet,
    submit,
)

from renkei.settings import Settings

PROFESSIONS = [*EVERY_PROFESSION, "system"]
VALUES: dict[str, Any] = {
    "person.wish": "家で過ごしたい",
    "person.preferred_name": "ハナさん",
    "family.household": {"type": "alone", "members": 1, "daytime_alone": True},
    "family.caregiver_health": "腰痛",
    "medical.present_illness": "慢性心不全",
    "medical.stability": {"level": "stable"},
    "living.bedridden_level": "B2",
    "living.night_care": "夜間1回",
    "care_report.body": "定期訪問。変わりなし。",
    "care_report.person_remark": "よく眠れた",
    "family.abuse_concern": [{"kind": "psychological"}],
    "family.contact_restriction": [{"person": "次女"}],
    "medical.infection": [{"presence": "present", "disease": "mrsa"}],
    "medical.mental_symptom": {"presence": "present", "symptom": "不安"},
    "medical.prognosis": {"estimate": "年単位", "estimated_on": "2026-02-10"},
    "living.home_access": {"entry": "勝手口から"},
    "living.special_situation": [{"kind": "terminal"}],
    "care_report.abuse_suspicion": [{"kind": "psychological", "finding": "怒声"}],
}
"""One item of every (group, tier), and every restricted item."""

OWN = {"person.preferred_name": "ハナちゃん", "medical.infection": [{"presence": "none"}], "living.night_care": "なし"}


def tokyo(days: int = 0) -> str:
    """A Tokyo day, so many days from today."""
    return (datetime.datetime.now(ZoneInfo("Asia/Tokyo")).date() + datetime.timedelta(days)).isoformat()


def grouped(codes: Iterable[str], values: dict[str, Any] = VALUES) -> dict[str, dict[str, Any]]:
    """Items as a document carries them."""
    items: dict[str, dict[str, Any]] = {}
    for code in codes:
        group, _, name = code.partition(".")
        items.setdefault(group, {})[name] = values[code]
    return items


def face_sheet(codes: Iterable[str], values: dict[str, Any] = VALUES, **changes: Any) -> dict[str, Any]:
    """A partial sheet of these items, reports' left out."""
    return sheet(grouped([c for c in codes if not c.startswith("care_report.")], values), **changes)


def care_report(codes: Iterable[str] = (), **changes: Any) -> dict[str, Any]:
    """A report of these items beside the basic four."""
    return report(items=grouped(c for c in codes if c.startswith("care_report.")).get("care_report", {}), **changes)


@dataclass
class Made:
    """A patient in a state: the author's two records, the reader's own if it has any, and ids for paths."""

    id: str
    kana: str
    sheet: str
    report: str
    own_sheet: str | None = None
    consents: list[str] = field(default_factory=list)
    emergency: str | None = None

    @property
    def path(self) -> str:
        """The patient's path."""
        return f"/v1/patients/{self.id}"


@dataclass
class World:
    """One office that cares and writes, and one whose reading is in question; each may assert every profession."""

    author: Vendor
    reader: Vendor

    @classmethod
    async def found(cls, region: Region, professions: list[str] | None = None) -> "World":
        """Two new organizations."""
        return cls(await region.found(), await region.found("visiting_nursing", professions))

    async def make(self, ties: Ties) -> Made:
        """A new patient of the author's, tied to the reader as said."""
        author, reader = self.author, self.reader
        kana = "タカハシ" + "".join("アイウエオカキクケコ"[int(d)] for d in str(next(_numbers)))
        whole = person(name_kana={"family": kana})
        patient = await register(author, **whole)
        made = Made(patient, kana, "", "")
        made.sheet = (await submit(author, patient, face_sheet(VALUES), by="physician"))["id"]
        made.report = (await submit(author, patient, care_report(VALUES), by="physician"))["id"]
        if ties.requested:
            matched = await reader.post("/v1/patients", {**whole, "name": {"family": "違う名"}})
            assert matched.json() == {"id": patient, **whole, "name": {"family": "違う名"}, "tie": "requested"}
        elif ties.own or ties.team:
            await join(author, reader, patient)
        if ties.own:
            made.own_sheet = (await submit(reader, patient, face_sheet(OWN, OWN), by="physician"))["id"]
        place = f"{made.path}/care-team/{reader.id}"
        if ties.team == "not_yet":
            await join(author, reader, patient, valid_from=tokyo(1))
        elif ties.team == "ended":
            assert (await author.call("DELETE", place)).status_code == 204
        for consent in ties.consents:
            made.consents.append(await self.agree(patient, consent))
        if ties.emergency:
            made.emergency = await self.break_glass(patient, ties.emergency)
        return made

    async def agree(self, patient: str, consent: Consent) -> str:
        """Record a consent in its state; its id."""
        start, end = {"expired": (tokyo(-9), tokyo(-1)), "not_yet": (tokyo(1), None)}.get(
            consent.when, (tokyo(), tokyo() if consent.when == "now" else None)
        )
        named = {"named": [self.reader.id], "other": [self.author.id]}.get(consent.to, [])
        to = {"care_team": consent.to == "team", "organizations": named}
        said = {
            "recipients": {**to, "professions": sorted(consent.professions)},
            "groups": sorted(consent.groups),
            "restricted": sorted(consent.restricted),
            "valid_from": start,
            "valid_until": end,
        }
        if consent.about == "family":
            said = {**family_consent(), **said}
        made = await agree(self.author, patient, **said)
        if consent.when == "withdrawn":
            done = await self.author.post(f"/v1/patients/{patient}/consents/{made}/withdrawal", {"reason": "申し出"})
            assert done.status_code == 201
        return made

    async def break_glass(self, patient: str, groups: Iterable[str]) -> str:
        """Open an emergency access for the reader; its id."""
        opened = await self.reader.post(
            f"/v1/patients/{patient}/emergency-access", emergency(groups=sorted(groups)), by="physician"
        )
        assert opened.status_code == 201, opened.text
        return str(opened.json()["id"])


def emergency(**changes: Any) -> dict[str, Any]:
    """The body that breaks the glass."""
    return {"reason": "意識なし", "life_at_risk": True, "consent_unobtainable": True, **changes}


def figure(text: str) -> None:
    """A measured figure, seen with ``pytest -s``."""
    sys.stdout.write(f"\n{text}\n")


def owner(settings: Settings) -> psycopg.Connection:
    """The database as its owner, whom row-level security does not bind: to look, and to turn what no route turns yet."""
    assert settings.owner_database_url is not None
    return psycopg.connect(settings.owner_database_url.get_secret_value(), autocommit=True)


_numbers = itertools.count(1)
EVERYTHING = frozenset({"person", "family", "medical", "living", "care_report"})
ALL_RESTRICTED = frozenset(RESTRICTED)
