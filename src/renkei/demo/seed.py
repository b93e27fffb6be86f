"""Tells the demo region to a running server, through its public HTTP API and nothing else.

Every answer is checked: a SeedError names the request and carries the problem document.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import httpx

from renkei.demo.agreements import consent
from renkei.demo.dates import TOKYO
from renkei.demo.doubles import REASON, Double, doubles
from renkei.demo.people import registration
from renkei.demo.picture import drawing
from renkei.demo.region import BY_LABEL, DELEGATED, ORGANIZATIONS, Organization, Staff
from renkei.demo.stories import CONFLICT, Story, Submission, stories
from renkei.ids import now
from renkei.vocabulary import RecordKind

AT_ONCE = 4
"""How many patients are told at the same time; each patient's own story is told in order."""
_PATHS = {RecordKind.face_sheet: "face-sheets", RecordKind.care_report: "care-reports"}


class SeedError(Exception):
    """The server did not answer as the demo needs."""


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """What a system proves itself with (client_secret_basic)."""

    client_id: str
    client_secret: str


async def seed(client: httpx.AsyncClient, admin: ClientCredentials) -> list[dict[str, Any]]:
    """Fill an empty server with the demo region; the entries of credentials.json, secrets included.

    client: its base_url is the server. admin: the platform administrator's client. Entries have the members label,
    kind (``client`` or ``admin``), organization (``{"id", "code", "name"}`` or None), profession (None),
    client_id, client_secret.
    """
    server = _Server(client)
    today = now().astimezone(TOKYO).date()
    platform = await server.token(admin, {})
    auditor = await server.post(platform, "/v1/clients", {"name": "監査人", "kind": "auditor", "delegations": []})
    credentials = [_entry("platform-admin", "admin", None, _proof(admin)), _entry("auditor", "admin", None, auditor)]
    for organization in ORGANIZATIONS:
        credentials.append(await _register(server, platform, organization, today))
    region = await _Region.enter(server, credentials)
    patients = await _all(region, stories(today))
    for double in doubles():
        await _tell_again(region, double, patients[double.key], today)
    return credentials


async def showcase_patient(client: httpx.AsyncClient, credentials: list[dict[str, Any]]) -> str:
    """The id of the patient to look at first: the one about whom clinic and pharmacy disagree."""
    server = _Server(client)
    clinic = BY_LABEL["clinic"]
    token = await server.token_of(clinic, clinic.staff[0], credentials)
    person = next(story.person for story in stories(now().astimezone(TOKYO).date()) if story.person.key == CONFLICT)
    found = await server.call(token, "GET", "/v1/patients", params={"identifier": f"ltci|{person.ltci[1]}"})
    if not found["items"]:
        raise SeedError(f"the demo's patient {person.key} is not registered")
    return str(found["items"][0]["id"])


def _proof(admin: ClientCredentials) -> dict[str, str]:
    return {"client_id": admin.client_id, "client_secret": admin.client_secret}


class _Server:
    """The server, seen from outside. Every call raises SeedError unless answered 2xx."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def token(self, credentials: ClientCredentials, form: Mapping[str, str]) -> str:
        """An access token. form: organization and user fields; empty for an administrator."""
        answer = _checked(
            await self._client.post(
                "/oauth/token",
                data={"grant_type": "client_credentials", **form},
                auth=(credentials.client_id, credentials.client_secret),
            )
        )
        return str(answer["access_token"])

    async def token_of(self, organization: Organization, staff: Staff, credentials: list[dict[str, Any]]) -> str:
        """A token for one member of staff, whose system asserts name and profession."""
        entry = next(entry for entry in credentials if entry["label"] == organization.label)
        form = {
            "organization": organization.code,
            "user_id": staff.user_id,
            "user_name": staff.name,
            "profession": staff.profession.value,
        }
        return await self.token(ClientCredentials(entry["client_id"], entry["client_secret"]), form)

    async def call(self, token: str, method: str, path: str, **request: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token}"}
        return _checked(await self._client.request(method, path, headers=headers, **request))

    async def post(self, token: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return await self.call(token, "POST", path, json=body)

    async def upload(self, token: str, path: str, media: str, content: bytes, said: Mapping[str, str]) -> None:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": media}
        _checked(await self._client.post(path, params=dict(said), headers=headers, content=content))


def _checked(response: httpx.Response) -> dict[str, Any]:
    if not response.is_success:
        request = response.request
        raise SeedError(f"{request.method} {request.url.path} was answered {response.status_code}: {response.text}")
    answer: dict[str, Any] = response.json() if response.content else {}
    return answer


def _entry(label: str, kind: str, organization: Mapping[str, str] | None, client: Mapping[str, str]) -> dict[str, Any]:
    return {
        "label": label,
        "kind": kind,
        "organization": organization,
        "profession": None,
        "client_id": client["client_id"],
        "client_secret": client["client_secret"],
    }


async def _register(server: _Server, platform: str, organization: Organization, today: date) -> dict[str, Any]:
    """One organization and its vendor's client."""
    body = {"code": organization.code, "name": organization.name, "kind": organization.kind.value}
    made = await server.post(platform, "/v1/organizations", body)
    delegation = {
        "organization_id": made["id"],
        "professions": [profession.value for profession in DELEGATED],
        "valid_from": (today - timedelta(days=1000)).isoformat(),
        "valid_until": None,
    }
    name = f"{organization.system} ({organization.name})"
    client = await server.post(platform, "/v1/clients", {"name": name, "kind": "vendor", "delegations": [delegation]})
    named = {key: made[key] for key in ("id", "code", "name")}
    return _entry(organization.label, "client", named, client)


@dataclass(frozen=True, slots=True)
class _Region:
    """The server with every member of staff signed in. tokens: (label, user_id) → token; ids: label → organization id."""

    server: _Server
    tokens: Mapping[tuple[str, str], str]
    ids: Mapping[str, str]

    @classmethod
    async def enter(cls, server: _Server, credentials: list[dict[str, Any]]) -> "_Region":
        tokens = {
            (organization.label, staff.user_id): await server.token_of(organization, staff, credentials)
            for organization in ORGANIZATIONS
            for staff in organization.staff
        }
        ids = {entry["label"]: entry["organization"]["id"] for entry in credentials if entry["organization"]}
        return cls(server, tokens, ids)

    def first(self, label: str) -> str:
        """The token of the organization's first member of staff."""
        return self.tokens[label, BY_LABEL[label].staff[0].user_id]


async def _all(region: _Region, told: tuple[Story, ...]) -> dict[str, str]:
    """Every story; each patient's path, by the person's key."""
    gate, patients = asyncio.Semaphore(AT_ONCE), dict[str, str]()

    async def one(story: Story) -> None:
        async with gate:
            patients[story.person.key] = await _tell(region, story)

    try:
        async with asyncio.TaskGroup() as tasks:
            for story in told:
                tasks.create_task(one(story))
    except* SeedError as failed:
        raise failed.exceptions[0] from None
    return patients


async def _tell_again(region: _Region, double: Double, first: str, today: date) -> None:
    """The same person once more, by another office; the care office stands in both teams, and has decided about one pair."""
    server, token = region.server, region.first(double.by)
    number = f"{BY_LABEL[double.by].code[:2].upper()}-{double.person.ltci[1][-5:]}"
    made = await server.post(token, "/v1/patients", double.registration(number))
    place = {"part": "care_management", "valid_from": today.isoformat(), "valid_until": None}
    team = f"/v1/patients/{made['id']}/care-team/{region.ids['care-office']}"
    await server.call(token, "PUT", team, json=place)
    if double.linked:
        said = {"patient_id": made["id"], "reason": REASON}
        await server.post(region.first("care-office"), f"{first}/links", said)


async def _tell(region: _Region, story: Story) -> str:
    """One patient: registration, care team, consents, documents, and what is taken back. Their path."""
    server, person = region.server, story.person
    token = region.first(person.registrar)
    patient = await _registered(region, story, person.registrar)
    for place in story.places:
        body = {
            "part": place.part.value,
            "valid_from": place.valid_from.isoformat(),
            "valid_until": place.valid_until.isoformat() if place.valid_until else None,
        }
        await server.call(token, "PUT", f"{patient}/care-team/{region.ids[place.label]}", json=body)
    withdrawals = []
    for short in person.consents:
        given = await server.post(token, f"{patient}/consents", consent(person, short, story.since, region.ids))
        if "withdrawn" in short:
            withdrawals.append((f"{patient}/consents/{given['id']}/withdrawal", short["withdrawn"]))
    sent = [await _submit(region, patient, submission) for submission in story.submissions]
    if story.draft:
        token = region.tokens[story.draft.by, story.draft.author]
        await server.post(token, f"{patient}/{_PATHS[story.draft.kind]}/drafts", story.draft.body)
    if story.picture:
        await _attach(region, patient, story, sent)
    for path, withdrawal in withdrawals:
        await server.post(token, path, withdrawal)
    if story.emergency:
        await server.post(region.first("hospital"), f"{patient}/emergency-access", story.emergency)
    if story.joins:
        await _registered(region, story, story.joins)
    if story.asks:
        await server.post(region.first("nurse-station"), f"{patient}/access-requests", story.asks)
    return patient


async def _registered(region: _Region, story: Story, label: str) -> str:
    """The patient's path: registered by this office under a number of its own, or found by the insured number."""
    local_number = f"{BY_LABEL[label].code[:2].upper()}-{story.person.ltci[1][-5:]}"
    sent = registration(story.person, local_number)
    return f"/v1/patients/{(await region.server.post(region.first(label), '/v1/patients', sent))['id']}"


async def _attach(region: _Region, patient: str, story: Story, sent: list[str]) -> None:
    """A drawing to the nurses' newest report; what is told beside it travels in the address."""
    reports = zip(story.submissions, sent, strict=True)
    theirs = [(s, id_) for s, id_ in reports if s.by == "nurse-station" and s.kind is RecordKind.care_report]
    submission, record = max(theirs, key=lambda pair: pair[0].as_of)
    said = {**(story.picture or {}), "record_id": record, "taken_at": submission.as_of.isoformat()}
    token = region.tokens[submission.by, submission.author]
    await region.server.upload(token, f"{patient}/attachments", "image/png", drawing(), said)


async def _submit(region: _Region, patient: str, submission: Submission) -> str:
    token = region.tokens[submission.by, submission.author]
    path = f"{patient}/{_PATHS[submission.kind]}"
    record = await region.server.post(token, path, submission.body)
    if submission.withdrawn:
        await region.server.post(token, f"{path}/{record['id']}/withdrawal", {"reason": submission.withdrawn})
    return str(record["id"])
