"""Invented organizations, people and documents for tests, all through the HTTP door."""

import asyncio
import copy
import itertools
import secrets
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any

import httpx

from renkei.catalogue.checks import mod10_w21

EVERY_PROFESSION = [
    "physician",
    "dentist",
    "pharmacist",
    "public_health_nurse",
    "nurse",
    "assistant_nurse",
    "midwife",
    "pt",
    "ot",
    "st",
    "dietitian",
    "nutritionist",
    "dental_hygienist",
    "judo_therapist",
    "acupuncturist",
    "psychologist",
    "care_manager",
    "consultation_support",
    "daily_life_counselor",
    "care_worker",
    "home_helper",
    "service_manager",
    "facility_care_staff",
    "social_worker",
    "psychiatric_social_worker",
    "medical_social_worker",
    "equipment_specialist",
    "community_support_center",
    "coordinator",
    "municipality",
    "paramedic",
    "welfare_commissioner",
    "family",
    "person",
    "medical_clerk",
    "other",
]
ALL_GROUPS = ["person", "family", "medical", "living", "care_report"]
_numbers = itertools.count(1)


@dataclass
class Vendor:
    """A client: asks for tokens and calls the API. ``organization`` None for administrators."""

    http: httpx.AsyncClient
    client_id: str
    client_secret: str
    organization: dict[str, str] | None = None
    _tokens: dict[str | None, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The organization's id."""
        assert self.organization is not None
        return self.organization["id"]

    async def token(self, profession: str | None = None) -> str:
        """A token for the system itself, or for a named user of this profession."""
        if profession not in self._tokens:
            form = {"grant_type": "client_credentials"}
            if self.organization:
                form["organization"] = self.organization["code"]
            if profession:
                form |= {"user_id": f"u-{profession}", "user_name": "検査 花子", "profession": profession}
            answer = await self.http.post("/oauth/token", data=form, auth=(self.client_id, self.client_secret))
            assert answer.status_code == 200, answer.text
            self._tokens[profession] = answer.json()["access_token"]
        return self._tokens[profession]

    def forget_tokens(self) -> None:
        """Ask for new ones from here on."""
        self._tokens.clear()

    async def call(self, method: str, path: str, *, by: str | None = None, **options: Any) -> httpx.Response:
        """One request, as the system itself or ``by`` a profession."""
        headers = {"Authorization": f"Bearer {await self.token(by)}", **options.pop("headers", {})}
        return await self.http.request(method, path, headers=headers, **options)

    async def get(self, path: str, *, by: str | None = None, **options: Any) -> httpx.Response:
        """GET."""
        return await self.call("GET", path, by=by, **options)

    async def post(self, path: str, body: Any, *, by: str | None = None, **options: Any) -> httpx.Response:
        """POST of a JSON body."""
        return await self.call("POST", path, by=by, json=body, **options)

    async def put(self, path: str, body: Any, *, by: str | None = None) -> httpx.Response:
        """PUT of a JSON body."""
        return await self.call("PUT", path, by=by, json=body)


@dataclass
class Region:
    """Founds organizations, each with a client of its own."""

    http: httpx.AsyncClient
    admin: Vendor

    async def found(self, kind: str = "clinic", professions: list[str] | None = None) -> Vendor:
        """An organization and the client that acts for it."""
        code = f"org-{secrets.token_hex(6)}"
        made = await self.admin.post("/v1/organizations", {"code": code, "name": f"検査事業所 {code}", "kind": kind})
        assert made.status_code == 201, made.text
        organization = made.json()
        delegation = {"organization_id": organization["id"], "professions": professions or EVERY_PROFESSION}
        client = await self.admin.post(
            "/v1/clients", {"name": "検査システム", "kind": "vendor", "delegations": [delegation]}
        )
        assert client.status_code == 201, client.text
        proof = client.json()
        return Vendor(self.http, proof["client_id"], proof["client_secret"], organization)

    async def auditor(self) -> Vendor:
        """An auditor's client."""
        made = await self.admin.post("/v1/clients", {"name": "監査", "kind": "auditor"})
        proof = made.json()
        return Vendor(self.http, proof["client_id"], proof["client_secret"])

    async def organization_admin(self, of: Vendor) -> Vendor:
        """The administrator of somebody's organization."""
        made = await self.admin.post(
            "/v1/clients", {"name": "事業所管理", "kind": "organization_admin", "organization_id": of.id}
        )
        proof = made.json()
        return Vendor(self.http, proof["client_id"], proof["client_secret"])


async def at_once(tasks: Iterable[Coroutine[Any, Any, Any]], width: int = 8) -> None:
    """All of them, so many at a time: what waits for the database, or for a 404's time, waits beside the others."""
    room = asyncio.Semaphore(width)

    async def one(task: Coroutine[Any, Any, Any]) -> None:
        async with room:
            await task

    async with asyncio.TaskGroup() as group:
        for task in tasks:
            group.create_task(one(task))


def insured_number() -> str:
    """A 介護保険 被保険者番号 nobody has."""
    return f"{secrets.randbelow(10**10):010d}"


def insurer(prefix: str = "99012") -> str:
    """A 保険者番号 with its check digit, of a prefecture that does not exist."""
    return next(prefix + str(d) for d in range(10) if mod10_w21(prefix + str(d)))


def person(**changes: Any) -> dict[str, Any]:
    """A registration of an invented person with a number of their own."""
    base = {
        "identifiers": [{"system": "ltci", "insurer": insurer(), "value": insured_number()}],
        "name": {"family": "髙橋", "given": "ハナ"},
        "name_kana": {"family": "タカハシ", "given": "ハナ"},
        "birth_date": "1938-04-02",
        "sex": "female",
    }
    return base | changes


async def register(vendor: Vendor, by: str | None = None, **changes: Any) -> str:
    """Register an invented person; the patient's id."""
    answer = await vendor.post("/v1/patients", person(**changes), by=by)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def change(vendor: Vendor, patient: str, by: str | None = None, **said: Any) -> httpx.Response:
    """PATCH the registered person as it stands now."""
    path, body = f"/v1/patients/{patient}", {"reason": "change", **said}
    stands = await vendor.get(path, by=by)
    return await vendor.call("PATCH", path, by=by, json=body, headers={"If-Match": stands.headers.get("etag", "")})


async def join(member: Vendor, newcomer: Vendor, patient: str, part: str = "visiting_nursing", **period: Any) -> None:
    """Give an organization a place in the team, from long ago."""
    place = {"part": part, "valid_from": "2020-01-01", **period}
    answer = await member.put(f"/v1/patients/{patient}/care-team/{newcomer.id}", place)
    assert answer.status_code in (200, 201), answer.text


def consent(**changes: Any) -> dict[str, Any]:
    """A written consent of the person to the care team, for all groups."""
    base: dict[str, Any] = {
        "form": "written",
        "given_by": {"relation": "self"},
        "given_on": "2020-01-01",
        "valid_from": "2020-01-01",
        "recipients": {"care_team": True, "organizations": [], "professions": []},
        "groups": ALL_GROUPS,
        "restricted": [],
    }
    return base | changes


def family_consent(**changes: Any) -> dict[str, Any]:
    """The family's own consent."""
    return consent(about="family", family_name="髙橋 一郎", groups=["family"], **changes)


async def agree(vendor: Vendor, patient: str, **changes: Any) -> str:
    """Record a consent; its id."""
    answer = await vendor.post(f"/v1/patients/{patient}/consents", consent(**changes))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def shared_patient(one: Vendor, other: Vendor) -> str:
    """A patient of both, who has consented that their team reads everything but restricted items."""
    patient = await register(one)
    await join(one, other, patient)
    await agree(one, patient)
    return patient


async def team(region: "Region") -> tuple[Vendor, Vendor, str]:
    """A clinic, nurses in its patient's team, and the patient, who has consented."""
    clinic, nurses = await region.found(), await region.found("visiting_nursing")
    return clinic, nurses, await shared_patient(clinic, nurses)


def sheet(items: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A partial face sheet with these items by group, under a document id of its own."""
    base: dict[str, Any] = {
        "source": {"document_id": f"FS-{next(_numbers)}-{secrets.token_hex(4)}", "version": 1},
        "reason": "watch_over",
        "as_of": "2026-06-01T10:00:00+09:00",
        "author": {"name": "検査 花子", "profession": "nurse"},
        "coverage": "partial",
        "items": items,
    }
    return base | changes


def report(**changes: Any) -> dict[str, Any]:
    """A care report of the four basic items; ``items`` adds more."""
    extra = changes.pop("items", {})
    base: dict[str, Any] = {
        "source": {"document_id": f"CR-{next(_numbers)}-{secrets.token_hex(4)}", "version": 1},
        "items": {
            "care_report": {
                "observed_at": "2026-06-01T10:00:00+09:00",
                "author": {"name": {"family": "検査"}, "profession": "nurse", "organization": "検査事業所"},
                "body": "定期訪問。変わりなし。",
                "urgency": "routine",
                **extra,
            }
        },
    }
    return copy.deepcopy(base | changes)


async def submit(vendor: Vendor, patient: str, document: dict[str, Any], by: str | None = None) -> dict[str, Any]:
    """Submit a document of either kind; the answer's body."""
    kind = "care-reports" if "care_report" in document["items"] else "face-sheets"
    answer = await vendor.post(f"/v1/patients/{patient}/{kind}", document, by=by)
    assert answer.status_code in (200, 201), answer.text
    return dict(answer.json())
