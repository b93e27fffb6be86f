"""再送の鍵 (Idempotency-Key): tried again, an act is done once, answered alike, and asked anew whether it may be known."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from tests.access.world import figure
from tests.factories import Region, Vendor, consent, insured_number, join, person, register
from tests.http.inside import as_owner
from tests.http.problems import problem

from renkei.ids import new_id
from renkei.settings import Settings

REASON = {"reason": "自宅で倒れているところを発見、意識なし", "life_at_risk": True, "consent_unobtainable": True}
AT_ONCE = 64


@dataclass(frozen=True)
class Act:
    """One route that takes a key. made: the rows it makes for one patient."""

    path: str
    body: Callable[[], dict[str, Any]]
    made: str


def unknown() -> dict[str, Any]:
    """Somebody without any number: nothing but the key tells a retry from a second person."""
    kana = "".join("アイウエオカキクケコ"[int(digit)] for digit in insured_number())
    return person(identifiers=[], name_kana={"family": kana, "given": "ハナ"})


ACTS = {
    "patients": Act("/v1/patients", unknown, "SELECT count(*) FROM search_keys WHERE kana_key = %s"),
    "consents": Act("/v1/patients/{}/consents", consent, "SELECT count(*) FROM consents WHERE patient_id = %s"),
    "emergency": Act(
        "/v1/patients/{}/emergency-access",
        lambda: dict(REASON),
        "SELECT count(*) FROM emergency_accesses WHERE patient_id = %s",
    ),
    "emergency search": Act(
        "/v1/emergency-access",
        lambda: dict(REASON),
        "SELECT count(*) FROM emergency_accesses WHERE patient_id = %s",
    ),
    "access requests": Act(
        "/v1/patients/{}/access-requests",
        lambda: {"wants": "consent", "groups": ["living"], "reason": "引継ぎのため"},
        "SELECT count(*) FROM access_requests WHERE patient_id = %s",
    ),
}


@dataclass
class Ready:
    """An act that may be done, and how many times it was."""

    vendor: Vendor
    patient: str
    path: str
    body: dict[str, Any]
    settings: Settings
    act: Act

    @classmethod
    async def of(cls, name: str, region: Region, settings: Settings) -> "Ready":
        act, clinic, whole = ACTS[name], await region.found(), person()
        answer = await clinic.post("/v1/patients", whole)
        patient = str(answer.json()["id"])
        body = act.body() | ({"identifier": whole["identifiers"][0]} if name == "emergency search" else {})
        return cls(clinic, patient, act.path.format(patient), body, settings, act)

    async def send(self, key: str, body: Any = None, by: str | None = "physician") -> httpx.Response:
        return await self.vendor.post(self.path, body or self.body, by=by, headers={"Idempotency-Key": key})

    @property
    def done(self) -> int:
        about = self.body["name_kana"]["family"] + "ハナ" if "name_kana" in self.body else self.patient
        return int(as_owner(self.settings, self.act.made, about)[0][0])  # type: ignore[arg-type]  # one of ACTS


@pytest.fixture(params=ACTS)
async def ready(request: pytest.FixtureRequest, region: Region, settings: Settings) -> Ready:
    return await Ready.of(request.param, region, settings)


def events(settings: Settings, answer: httpx.Response) -> list[tuple[Any, ...]]:
    query = "SELECT action, outcome, patient_id::text FROM audit_events WHERE request_id = %s"
    return as_owner(settings, query, answer.headers["x-request-id"])


async def test_tried_again_it_is_done_once_and_answered_alike(ready: Ready) -> None:
    key = str(new_id())
    first = await ready.send(key)
    assert first.status_code == 201, first.text
    spaced = json.dumps(dict(reversed(ready.body.items())), indent=2)
    for again in (
        await ready.send(key),
        await ready.send(f'"{key}"'),  # the quoted form of RFC 8941
        await ready.vendor.call(
            "POST",
            ready.path,
            by="physician",
            content=spaced.encode(),
            headers={"Idempotency-Key": key, "Content-Type": "application/json"},
        ),
    ):
        assert (again.status_code, again.content) == (201, first.content), again.text
        assert again.headers.get("location") == first.headers.get("location")
        # Each request is on record once: what was told was told twice.
        assert events(ready.settings, again) == events(ready.settings, first)
        assert len(events(ready.settings, again)) == 1
    assert ready.done == 1
    assert (await ready.send(str(new_id()))).status_code in (200, 201)
    # An open request for the same is found again without any key.
    assert ready.done == (1 if "access-requests" in ready.path else 2)


async def test_of_64_at_once_one_acts_and_the_others_are_answered_alike(ready: Ready) -> None:
    await ready.vendor.token("physician")
    key = str(new_id())
    answers = await asyncio.gather(*(ready.send(key) for _ in range(AT_ONCE)))
    statuses = Counter(answer.status_code for answer in answers)
    figure(f"key: {ready.act.path}, {AT_ONCE} at once: acts {ready.done}, 201 {statuses[201]}")
    assert (statuses, ready.done) == ({201: AT_ONCE}, 1)
    assert len({answer.content for answer in answers}) == 1


async def test_the_key_of_something_else_is_refused(ready: Ready, region: Region) -> None:
    key = str(new_id())
    assert (await ready.send(key)).status_code == 201
    other = ready.body | ({"sex": "male"} if "sex" in ready.body else {"groups": ["medical"]})
    problem(await ready.send(key, other), 422, "key-reused")
    assert ready.done == 1
    if ready.patient in ready.path:
        ready.path = ready.path.replace(ready.patient, await register(ready.vendor))
        problem(await ready.send(key), 422, "key-reused")


async def test_a_key_is_of_one_organization_and_client_and_route(region: Region) -> None:
    offices, key, body = [await region.found() for _ in range(2)], {"Idempotency-Key": str(new_id())}, unknown()
    delegations = [{"organization_id": office.id, "professions": ["physician"]} for office in offices]
    made = []
    for _ in range(2):  # two products, each for both organizations
        client = {"name": "検査システム", "kind": "vendor", "delegations": delegations}
        proof = (await region.admin.post("/v1/clients", client)).json()
        for office in offices:
            vendor = Vendor(region.http, proof["client_id"], proof["client_secret"], office.organization)
            answers = [await vendor.post("/v1/patients", body, by="physician", headers=key) for _ in range(2)]
            assert answers[0].status_code == 201 and answers[0].content == answers[1].content
            made.append(answers[0].json()["id"])
    assert len(set(made)) == 4
    recorded = await vendor.post(f"/v1/patients/{made[-1]}/consents", consent(), by="physician", headers=key)
    assert recorded.status_code == 201


async def test_a_refusal_is_not_remembered(region: Region, settings: Settings) -> None:
    ready, nurses = await Ready.of("consents", region, settings), await region.found("visiting_nursing")
    mine, ready.vendor = ready.vendor, nurses
    problem(await ready.send("k", by="nurse"), 404, "not-found")
    await join(mine, nurses, ready.patient)
    assert (await ready.send("k", by="nurse")).status_code == 201


async def test_who_has_lost_the_right_is_not_answered(region: Region, settings: Settings) -> None:
    ready, nurses = await Ready.of("consents", region, settings), await region.found("visiting_nursing")
    await join(ready.vendor, nurses, ready.patient)
    mine, ready.vendor = ready.vendor, nurses
    assert (await ready.send("k", by="nurse")).status_code == 201
    problem(await ready.send("k", by="home_helper"), 403, "forbidden")
    await mine.call("DELETE", f"/v1/patients/{ready.patient}/care-team/{nurses.id}")
    refused = await ready.send("k", by="nurse")
    problem(refused, 404, "not-found")
    assert events(settings, refused) == [("consent.record", "refused", ready.patient)]
    assert ready.done == 1


async def test_who_has_left_the_team_is_not_told_whom_it_registered(region: Region, settings: Settings) -> None:
    ready, clinic = await Ready.of("patients", region, settings), await region.found()
    patient = (await ready.send("k")).json()["id"]
    await join(ready.vendor, clinic, patient)
    assert (await clinic.call("DELETE", f"/v1/patients/{patient}/care-team/{ready.vendor.id}")).status_code == 204
    problem(await ready.send("k"), 404, "not-found")
    assert ready.done == 1


async def test_breaking_the_glass_again_asks_for_the_profession_again(region: Region, settings: Settings) -> None:
    for name in ("emergency", "emergency search"):
        ready = await Ready.of(name, region, settings)
        assert (await ready.send("k")).status_code == 201
        problem(await ready.send("k", by="welfare_commissioner"), 403, "forbidden")
        assert ready.done == 1


async def test_a_retry_is_no_search(region: Region, settings: Settings) -> None:
    ready = await Ready.of("emergency search", region, settings)
    most = settings.emergency_searches_per_hour
    first = await ready.send("k")
    for _ in range(most + 5):
        assert (await ready.send("k")).content == first.content
    for number in range(most - 1):
        assert (await ready.send(f"k{number}")).status_code == 201
    problem(await ready.send("another"), 429, "too-many-requests")
    assert (await ready.send("k")).content == first.content


async def test_what_would_be_refused_by_now_was_done(region: Region, settings: Settings) -> None:
    ready, named = await Ready.of("consents", region, settings), await region.found()
    ready.body["recipients"] = {"care_team": True, "organizations": [named.id]}
    first = await ready.send("k")
    suspended = await region.admin.post(f"/v1/organizations/{named.id}/suspension", {"reason": "休止"})
    assert (first.status_code, suspended.status_code) == (201, 201)
    problem(await ready.send("another"), 422, "invalid")
    assert (await ready.send("k")).content == first.content


async def test_what_has_changed_since_is_told(region: Region, settings: Settings) -> None:
    ready = await Ready.of("consents", region, settings)
    first = (await ready.send("k")).json()
    follows = consent(replaces=[first["id"]])
    second = await ready.send("l", follows)
    assert second.status_code == 201
    # Recorded a second time it would be refused, because what it replaces has ended: a retry is answered.
    again = await ready.send("l", follows)
    assert (again.status_code, again.content) == (201, second.content)
    told = (await ready.send("k")).json()
    assert told.items() > first.items() and told["replaced_by"] == second.json()["id"]


@pytest.mark.parametrize(
    "keys", [[""], ['""'], ["k" * 256], ["鍵".encode()], [b"a\x07"], ["a", "a"]], ids=lambda keys: str(keys)[:20]
)
async def test_what_is_no_key_is_refused(region: Region, keys: list[str | bytes]) -> None:
    clinic, body = await region.found(), unknown()
    headers = [("Authorization", f"Bearer {await clinic.token()}"), *(("Idempotency-Key", key) for key in keys)]
    given = httpx.Headers([(name.encode(), v if isinstance(v, bytes) else v.encode()) for name, v in headers])
    problem(await clinic.http.post("/v1/patients", json=body, headers=given), 400, "bad-request")
    assert (await clinic.get("/v1/patients")).json()["items"] == []


async def test_the_longest_key(region: Region) -> None:
    clinic, body = await region.found(), unknown()
    answers = [await clinic.post("/v1/patients", body, headers={"Idempotency-Key": "k" * 255}) for _ in range(2)]
    assert answers[0].content == answers[1].content


async def test_the_description_names_the_routes_that_take_a_key(http: httpx.AsyncClient) -> None:
    paths = (await http.get("/openapi.json")).json()["paths"]
    takes = {
        (path, parameter["required"])
        for path, methods in paths.items()
        for method, operation in methods.items()
        for parameter in operation.get("parameters", [])
        if (method, parameter["in"], parameter["name"]) == ("post", "header", "Idempotency-Key")
    }
    assert takes == {(act.path.replace("{}", "{patient_id}"), False) for act in ACTS.values()}
