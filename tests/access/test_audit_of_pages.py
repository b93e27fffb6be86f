"""What tells of many patients at once: one event for each of them, no more and no fewer; what tells of none: one, of the act."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.access.oracle import Consent, Ties
from tests.access.test_audit_events import Ledger, ledger
from tests.access.world import EVERYTHING, Made, World, emergency, figure, tokyo
from tests.factories import Region, Vendor, person, register
from tests.factories import consent as consent_body
from tests.http.feed import publish_all, worker_engine

from renkei.ids import new_id
from renkei.settings import Settings

__all__ = ["ledger"]


def told_of(body: Any) -> Iterator[str]:
    """Every patient an answer names."""
    if isinstance(body, dict):
        for name, value in body.items():
            if name == "patient_id" and value:
                yield value
            elif name == "handed_over":
                yield from value
            else:
                yield from told_of(value)
    if isinstance(body, list):
        for value in body:
            yield from told_of(value)


async def two_patients(region: Region) -> tuple[World, list[Made]]:
    """Two patients with all there is to tell of them."""
    world = await World.found(region)
    state = Ties("now", emergency=frozenset({"medical"}), consents=(Consent(EVERYTHING, to="named"),))
    made = [await world.make(state) for _ in range(2)]
    for one in made:
        await world.request(one)
    return world, made


def exactly(ledger: Ledger, answer: httpx.Response, action: str, least: int = 1) -> None:
    """One allowed event for each patient of the answer, none in the ledger of acts on no patient."""
    assert answer.status_code in (200, 201), answer.text
    shown = sorted(set(told_of(answer.json())))
    events = ledger.of(answer)
    assert len(shown) >= least, answer.text[:300]
    assert sorted(str(e["patient_id"]) for e in events) == shown, (answer.url, answer.text[:300])
    assert {(e["action"], e["outcome"]) for e in events} <= {(action, "allowed")}
    assert ledger.of(answer, "service_events") == []


async def test_queues_and_the_feed(region: Region, settings: Settings, ledger: Ledger) -> None:
    world, made = await two_patients(region)
    async with worker_engine(settings) as engine:
        await publish_all(engine)
    pages = 0
    for vendor, by in ((world.author, "physician"), (region.admin, None), (await region.auditor(), None)):
        for path, action in (
            ("/v1/emergency-access?review=awaiting&limit=200", "emergency_access.read"),
            ("/v1/access-requests?limit=200", "access_request.read"),
            ("/v1/changes?limit=1000", "change.read"),
            (f"/v1/changes?patient={made[0].id}", "change.read"),
        ):
            exactly(ledger, await vendor.get(path, by=by), action)
            pages += 1
    figure(f"audit: pages of queues and feed {pages}, each with exactly one event for each patient on it")


async def test_what_the_ledger_tells_of_patients(region: Region, ledger: Ledger) -> None:
    world, made = await two_patients(region)
    await world.reader.get(f"{made[0].path}/summary", by="nurse")
    offices = [(region.admin, 1), (await region.auditor(), 1), (await region.organization_admin(world.reader), 1)]
    pages = 0
    for office, least in offices:
        for path, action in (
            (f"/v1/audit-events?organization={world.reader.id}&limit=50", "audit.read"),
            (f"/v1/audit-events?patient={made[0].id}", "audit.read"),
            (f"/v1/breach-report?organization={world.reader.id}&from={tokyo()}", "breach.read"),
            (f"/v1/access-review?kind=place&since={tokyo()}&limit=200", "access_review.read"),
            (f"/v1/access-review?kind=consent&since={tokyo()}&limit=200", "access_review.read"),
        ):
            answer = await office.get(path)
            exactly(ledger, answer, action, least if "review" not in path else 0) if any(
                told_of(answer.json())
            ) else nothing(ledger, answer, action)
            pages += 1
    figure(f"audit: pages of the ledger {pages}, each with exactly one event for each patient it tells of")


def nothing(ledger: Ledger, answer: httpx.Response, action: str, outcome: str = "allowed") -> None:
    """It told of no patient: one event among the acts on none."""
    assert ledger.of(answer) == []
    events = [(e["action"], e["outcome"]) for e in ledger.of(answer, "service_events")]
    assert events == [(action, outcome)], (str(answer.url), answer.text[:300])


async def test_a_handover_is_on_record_for_each_patient_handed_over(region: Region, ledger: Ledger) -> None:
    world, made = await two_patients(region)
    gone = await world.make(Ties("ended", own=True))  # known to it still, but no place to hand over
    heir = await region.found("visiting_nursing")
    body = {"to": heir.id, "reason": "廃止"}
    done = await region.admin.post(f"/v1/organizations/{world.reader.id}/handover", body)
    assert sorted(done.json()["handed_over"]) == sorted(one.id for one in made)
    assert sorted(str(e["patient_id"]) for e in ledger.of(done)) == sorted(one.id for one in made)
    team = (await world.author.get(f"{gone.path}/care-team")).json()["items"]
    assert heir.id not in [place["organization"]["id"] for place in team]
    # And the act itself, with its reason and both organizations, which concerns more than its patients.
    (act,) = ledger.of(done, "service_events")
    assert (act["action"], act["outcome"]) == ("care_team.hand_over", "allowed")


async def test_acts_of_administration(region: Region, ledger: Ledger) -> None:
    """Each 2xx and each refusal once; what only reads what is the same for all is no act on anybody."""
    admin, clinic = region.admin, await region.found()
    office = await region.organization_admin(clinic)
    organization, table = f"/v1/organizations/{clinic.id}", (await admin.get("/v1/permissions")).json()
    code = {"code": clinic.organization["code"], "name": "別の名", "kind": "pharmacy"} if clinic.organization else {}
    reason = {"reason": "休止"}
    for who, method, path, body, action, status in (
        (admin, "POST", f"{organization}/suspension", reason, "organization.suspend", 201),
        (admin, "DELETE", f"{organization}/suspension", None, "organization.resume", 204),
        (admin, "POST", "/v1/organizations", code, "organization.register", 409),
        (clinic, "POST", f"{organization}/suspension", reason, "organization.suspend", 403),
        (office, "POST", f"{organization}/suspension", reason, "organization.suspend", 403),
        (admin, "POST", f"/v1/organizations/{new_id()}/suspension", reason, "organization.suspend", 404),
        (admin, "PUT", "/v1/permissions", {"rows": table["rows"]}, "permission_table.edit", 412),
        (clinic, "PUT", "/v1/permissions", {"rows": table["rows"]}, "permission_table.edit", 403),
        (clinic, "POST", "/v1/permissions/preview", {"rows": table["rows"]}, "permission_table.preview", 403),
        (clinic, "GET", "/v1/audit-events", None, "audit.read", 403),
        (clinic, "GET", "/v1/audit-seals", None, "audit_seal.read", 403),
        (clinic, "GET", f"/v1/breach-report?from={tokyo()}", None, "breach.read", 403),
        (clinic, "GET", f"/v1/access-review?kind=place&since={tokyo()}", None, "access_review.read", 403),
        (office, "GET", "/v1/changes", None, "change.read", 403),
        (office, "GET", "/v1/patients", None, "patient.search", 403),
        (admin, "GET", "/v1/audit-seals", None, "audit_seal.read", 200),
    ):
        answer = await who.call(method, path, **({} if body is None else {"json": body}))
        assert answer.status_code == status, (method, path, answer.text)
        nothing(ledger, answer, action, "allowed" if status < 300 else "refused")


@pytest.mark.parametrize("how", ["identifier", "person"])
async def test_breaking_the_glass_without_an_id(region: Region, ledger: Ledger, how: str) -> None:
    """Found: the patient's one event. Not found: one of an act on no patient, which counts against the limit."""
    world, whole = await World.found(region), person(name_kana={"family": "ヒトリ", "given": str(new_id())[-6:]})
    kana = {
        "family": "ヒトリダケ",
        "given": "".join("アイウエオカキクケコ"[int(c, 16) % 10] for c in str(new_id())[-9:]),
    }
    patient = await register(world.author, **{**whole, "name_kana": kana})
    by_person = {"name_kana": kana, "birth_date": whole["birth_date"], "sex": whole["sex"]}
    said = {"identifier": whole["identifiers"][0]} if how == "identifier" else by_person
    found = await world.reader.post("/v1/emergency-access", emergency(**said), by="physician")
    assert (found.status_code, found.json()["patient_id"]) == (201, patient)
    exactly(ledger, found, "emergency_access.open")
    nobody = (
        {"identifier": person()["identifiers"][0]} if how == "identifier" else {**by_person, "birth_date": "1901-01-01"}
    )
    absent = await world.reader.post("/v1/emergency-access", emergency(**nobody), by="physician")
    assert absent.status_code == 404
    nothing(ledger, absent, "emergency_access.open", "refused")
    refused = await world.reader.post("/v1/emergency-access", emergency(**said), by="welfare_commissioner")
    assert refused.status_code == 403
    nothing(ledger, refused, "emergency_access.open", "refused")


async def test_conflicts_of_consents_requests_and_reviews(region: Region, ledger: Ledger) -> None:
    world, (made, _) = await two_patients(region)
    author: Vendor = world.author
    consent, request = f"{made.path}/consents/{made.consents[0]}", f"{made.path}/access-requests/{made.requests[1]}"
    review = f"{made.path}/emergency-access/{made.emergency}/review"
    assert (await author.post(f"{request}/refusal", {"comment": "担当外"})).status_code == 201
    await world.review(made)
    assert (await world.withdraw(made.id, made.consents[0], {"medical"})).status_code == 201
    again = [
        await author.post(f"{request}/approval", {"consent": consent_body()}),
        await author.post(review, {"finding": "unjustified", "comment": "根拠なし"}),
        await author.post(f"{consent}/withdrawal", {"reason": "別の理由"}),
        await author.post(f"{consent}/withdrawal/preview", {}),
    ]
    for answer in again:
        assert answer.status_code == 409, answer.text
        event = ledger.one(answer)
        assert (str(event["patient_id"]), event["outcome"]) == (made.id, "refused")
        assert event["reason"] == answer.json()["reason_code"]
