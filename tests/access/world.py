"""Patients in every state of tie and consent, made through the HTTP door."""

import datetime
import itertools
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import psycopg
from tests.access import oracle
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
from tests.schemas.scans import PDF

from renkei.settings import Settings

PROFESSIONS = [*EVERY_PROFESSION, "system"]
FAMILY = {"ichiro": "髙橋 一郎", "jiro": "高橋　次郎"}
"""Who of the family gives a consent, as it is written there."""
MEMBERS: dict[str, Any] = {
    "ichiro": {"name": {"family": "高橋", "given": "一郎"}, "relationship": "husband"},
    "jiro": {"name": {"text": "髙橋次郎"}, "relationship": "son"},
    "": {"relationship": "daughter", "note": "氏名は聞いていない"},
}
"""Their rows of ``family.member``, written otherwise; one has no name, so that no consent can be its own."""
VALUES: dict[str, Any] = {
    "person.wish": "家で過ごしたい",
    "person.preferred_name": "ハナさん",
    "family.household": {"type": "alone", "members": 1, "daytime_alone": True},
    "family.caregiver_health": "腰痛",
    "family.member": list(MEMBERS.values()),
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


def meant(ties: Ties, who: str, code: str, delegated: tuple[str, ...]) -> tuple[Any, str | None]:
    """What the oracle would have shown of the author's statement on an item, and why not all of it."""
    reason, names = oracle.hidden(ties, who, code, delegated=delegated), oracle.members(ties, who)
    if reason is not None or code != "family.member" or names is None:
        return (VALUES[code] if reason is None else None), reason
    rows = [row for key, row in MEMBERS.items() if key in names]
    return rows or None, None if rows == VALUES[code] else "family_consent_missing"


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
    attachment: str = ""
    drafts: list[str] = field(default_factory=list)
    own_sheet: str | None = None
    consents: list[str] = field(default_factory=list)
    emergency: str | None = None
    requests: list[str] = field(default_factory=list)
    evidence: str | None = None

    another: str = ""

    @property
    def path(self) -> str:
        """The patient's path."""
        return f"/v1/patients/{self.id}"


@dataclass
class World:
    """One office that cares and writes, and one whose reading is in question; each may assert every profession.

    another: a patient of the author's whom nothing ties to the reader.
    """

    author: Vendor
    reader: Vendor
    another: str

    @classmethod
    async def found(cls, region: Region, professions: list[str] | None = None) -> "World":
        """Two new organizations."""
        author, reader = await region.found(), await region.found("visiting_nursing", professions)
        return cls(author, reader, await register(author, birth_date="1931-11-03"))

    async def make(self, ties: Ties) -> Made:
        """A new patient of the author's, tied to the reader as said."""
        author, reader = self.author, self.reader
        kana = "タカハシ" + "".join("アイウエオカキクケコ"[int(d)] for d in str(next(_numbers)))
        whole = person(name_kana={"family": kana})
        patient = await register(author, **whole)
        made = Made(patient, kana, "", "", another=self.another)
        made.sheet = (await submit(author, patient, face_sheet(VALUES), by="physician"))["id"]
        made.report = (await submit(author, patient, care_report(VALUES), by="physician"))["id"]
        made.drafts = [await self.draft(made.id), await self.draft(made.id)]
        made.attachment = await self.attach(made.id, "title=1&group=medical&tier=basic")
        if ties.requested or ties.refused:
            matched = await reader.post("/v1/patients", {**whole, "name": {"family": "違う名"}}, by="physician")
            assert matched.json() == {"id": patient, **whole, "name": {"family": "違う名"}, "tie": "requested"}
        elif ties.own or ties.team:
            await join(author, reader, patient)
        if ties.own:
            made.own_sheet = (await submit(reader, patient, face_sheet(OWN, OWN), by="physician"))["id"]
        if ties.refused:
            await self.refuse(made)
        place = f"{made.path}/care-team/{reader.id}"
        if ties.team == "not_yet":
            await join(author, reader, patient, valid_from=tokyo(1))
        elif ties.team == "ended":
            assert (await author.call("DELETE", place)).status_code == 204
        for consent in ties.consents:
            made.consents.append(await self.agree(patient, consent))
        if made.consents:
            made.evidence = await self.sign(made)
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
            "recipients": {
                **to,
                "except_organizations": [self.reader.id] if consent.excepted else [],
                "professions": sorted(consent.professions),
            },
            "groups": sorted(consent.groups),
            "tiers": sorted(consent.tiers),
            "restricted": sorted(consent.restricted),
            "valid_from": start,
            "valid_until": end,
        }
        if consent.about == "family":
            said = {**family_consent(), "family_name": FAMILY[consent.by], **said}
        made = await agree(self.author, patient, **said)
        if consent.when == "withdrawn":
            assert (await self.withdraw(patient, made)).status_code == 201
        elif consent.less:
            answer = await self.withdraw(patient, made, consent.less)
            assert answer.status_code == 201, answer.text
            return str(answer.json()["replaced_by"]["id"])
        return made

    async def sign(self, made: Made) -> str:
        """Keep a copy of what was signed beside the first consent; its id."""
        path, media = f"{made.path}/consents/{made.consents[0]}/evidence", {"Content-Type": "application/pdf"}
        kept = await self.author.call("POST", path, content=PDF, headers=media)
        assert kept.status_code == 201, kept.text
        return str(kept.json()["id"])

    async def attach(self, patient: str, said: str) -> str:
        """A file of the author's in this place; its id."""
        path, media = f"/v1/patients/{patient}/attachments?{said}", {"Content-Type": "application/pdf"}
        kept = await self.author.call("POST", path, by="physician", content=PDF, headers=media)
        assert kept.status_code in (200, 201), kept.text
        return str(kept.json()["id"])

    async def draft(self, patient: str) -> str:
        """A report of the author's that awaits confirmation; its id."""
        entered = await self.author.post(f"/v1/patients/{patient}/care-reports/drafts", care_report(), by="nurse")
        assert entered.status_code == 201, entered.text
        return str(entered.json()["id"])

    async def withdraw(self, patient: str, consent_id: str, less: Iterable[str] = ()) -> httpx.Response:
        """End a consent, or of it only these groups, tiers and restricted items."""
        only = {
            "groups": sorted(set(less) & EVERYTHING),
            "tiers": sorted(set(less) & {"basic", "optional"}),
            "restricted": sorted(set(less) & RESTRICTED),
        }
        body = {"reason": "申し出", **({"only": {k: v for k, v in only.items() if v}} if less else {})}
        return await self.author.post(f"/v1/patients/{patient}/consents/{consent_id}/withdrawal", body)

    async def refuse(self, made: Made) -> None:
        """Tell the reader, who asks to join, no."""
        asked = (await self.author.get(f"{made.path}/access-requests")).json()["items"]
        (request,) = [r["id"] for r in asked if (r["state"], r["by"]) == ("open", "registration")]
        told = await self.author.post(f"{made.path}/access-requests/{request}/refusal", {"comment": "担当外"})
        assert told.status_code == 201, told.text

    async def review(self, made: Made) -> None:
        """The team's finding on the reader's emergency access."""
        path = f"{made.path}/emergency-access/{made.emergency}/review"
        found = await self.author.post(path, {"finding": "justified", "comment": "救急搬送を確認"})
        assert found.status_code == 201, found.text

    async def request(self, made: Made) -> None:
        """The reader asks for two things, one to be approved and one to be refused."""
        for wants in ({"wants": "care_team"}, {"wants": "consent", "groups": ["medical"]}):
            body = {**wants, "reason": "引継ぎのため"}
            asked = await self.reader.post(f"{made.path}/access-requests", body, by="physician")
            assert asked.status_code == 201, asked.text
            made.requests.append(asked.json()["id"])

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
