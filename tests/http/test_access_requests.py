"""Asking for access: who asks and sees it, what the team answers, and what the answer opens or ends."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from tests.factories import Region, Vendor, consent, join, person, register, report, sheet, submit
from tests.http.inside import as_owner
from tests.http.problems import faults, problem

from renkei.ids import now
from renkei.schemas.dates import tokyo_day
from renkei.settings import Settings

NOBODY = "01890000-0000-7000-8000-000000000000"
JOIN = {"wants": "care_team", "reason": "退院後の訪問を引き継ぐため"}
READ = {"wants": "consent", "groups": ["medical"], "reason": "服薬の確認のため"}
PLACE = {"part": "visiting_nursing", "valid_from": "2026-01-01"}


async def home(region: Region) -> tuple[Vendor, Vendor, str, str]:
    """A clinic, nurses in its patient's team, the patient's id and path."""
    clinic, nurses = await region.found(), await region.found("visiting_nursing")
    patient = await register(clinic)
    await join(clinic, nurses, patient)
    return clinic, nurses, patient, f"/v1/patients/{patient}"


async def left(clinic: Vendor, nurses: Vendor, patient: str) -> None:
    """The nurses have a record of their own and have left the team since."""
    await submit(nurses, patient, report(), by="nurse")
    assert (await clinic.call("DELETE", f"/v1/patients/{patient}/care-team/{nurses.id}")).status_code == 204


async def matched(region: Region) -> tuple[Vendor, Vendor, str, str]:
    """A clinic, an organization that has matched its patient by number, the patient's path, the request's id."""
    clinic, newcomer = await region.found(), await region.found("pharmacy")
    whole = person()
    path = f"/v1/patients/{await register(clinic, **whole)}"
    assert (await newcomer.post("/v1/patients", whole)).json()["tie"] == "requested"
    (request,) = (await clinic.get(f"{path}/access-requests")).json()["items"]
    return clinic, newcomer, path, request["id"]


async def asked(vendor: Vendor, path: str, body: dict[str, Any], by: str | None = "nurse") -> dict[str, Any]:
    answer = await vendor.post(f"{path}/access-requests", body, by=by)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_who_says_only_to_what_wants_a_consent(region: Region) -> None:
    _, nurses, _, path = await home(region)
    assert (await asked(nurses, path, {"groups": ["medical"], "reason": "確認"}))["wants"] == "consent"


async def test_a_request_is_kept_once_and_announced(region: Region, settings: Settings) -> None:
    clinic, nurses, patient, path = await home(region)
    body = {**READ, "groups": ["medical", "living"], "restricted": ["medical.infection"]}
    made = await asked(nurses, path, body)
    assert made["organization"]["id"] == nurses.id
    assert (made["wants"], made["by"], made["state"], made["decision"]) == ("consent", "request", "open", None)
    assert (made["groups"], made["restricted"], made["reason"]) == (
        ["living", "medical"],
        ["medical.infection"],
        READ["reason"],
    )
    assert (made["requested_by"]["user_id"], made["requested_by"]["profession"]) == ("u-nurse", "nurse")
    again = await nurses.post(f"{path}/access-requests", {**body, "groups": ["living", "medical"], "reason": "再送"})
    assert (again.status_code, again.json()) == (200, made)
    other = await asked(nurses, path, READ)
    assert (await asked(clinic, path, READ))["id"] not in (made["id"], other["id"])  # another organization's
    kinds = "SELECT kind FROM changes WHERE patient_id = %s AND record_id = %s"
    assert as_owner(settings, kinds, patient, made["id"]) == [("access_request.submit",)]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({}, {("/reason", "required")}),
        ({"reason": "見たい"}, {("/groups", "required")}),
        ({**READ, "groups": []}, {("/groups", "required")}),
        ({**READ, "wants": "x"}, {("/wants", "code")}),
        ({**READ, "groups": ["medical", "medical"]}, {("/groups", "repeated")}),
        ({**READ, "restricted": ["medical.weight"]}, {("/restricted/0", "code")}),
        ({**JOIN, "reason": " "}, {("/reason", "blank")}),
    ],
)
async def test_a_faulty_request(region: Region, body: dict[str, Any], found: set[tuple[str, str]]) -> None:
    clinic = await region.found()
    answer = await clinic.post(f"/v1/patients/{NOBODY}/access-requests", body)
    assert faults(problem(answer, 422, "invalid")) == found


async def test_who_sees_which_requests(region: Region) -> None:
    clinic, nurses, patient, path = await home(region)
    await left(clinic, nurses, patient)
    pharmacy = await region.found("pharmacy")
    await join(clinic, pharmacy, patient)
    theirs, others = await asked(nurses, path, JOIN), await asked(pharmacy, path, READ, by="pharmacist")
    both = [others["id"], theirs["id"]]
    for vendor, by, seen in (
        (clinic, None, both),
        (region.admin, None, both),
        (await region.auditor(), None, both),
        (nurses, "nurse", [theirs["id"]]),
        (pharmacy, "pharmacist", [others["id"]]),
        (clinic, "home_helper", []),
    ):
        answer = await vendor.get(f"{path}/access-requests", by=by)
        assert [one["id"] for one in answer.json()["items"]] == seen
    stranger = await region.found()
    problem(await stranger.get(f"{path}/access-requests"), 404, "not-found")
    problem(await stranger.post(f"{path}/access-requests", JOIN), 404, "not-found")
    problem(await region.admin.post(f"{path}/access-requests", JOIN), 403, "forbidden")
    first = (await clinic.get(f"{path}/access-requests?limit=1")).json()
    then = (await clinic.get(f"{path}/access-requests?limit=1&after={first['next']}")).json()
    assert [one["id"] for one in first["items"] + then["items"]] == both and then["next"] is None


async def test_approving_a_request_to_join_gives_the_place(region: Region, settings: Settings) -> None:
    clinic, nurses, patient, path = await home(region)
    await left(clinic, nurses, patient)
    made = await asked(nurses, path, JOIN)
    target = f"{path}/access-requests/{made['id']}/approval"
    wrong = await clinic.post(target, {"consent": consent(), "comment": "可"})
    assert faults(problem(wrong, 422, "invalid")) == {("/place", "required"), ("/consent", "unknown")}
    done = await clinic.post(target, {"place": PLACE, "comment": "本人と確認"}, by="physician")
    assert done.status_code == 201
    assert (done.json()["state"], done.json()["decision"]["approved"]) == ("approved", True)
    assert done.json()["decision"]["comment"] == "本人と確認"
    assert done.json()["decision"]["decided_by"]["organization"]["id"] == clinic.id
    assert (await nurses.get(path)).json()["part"] == "visiting_nursing"
    again = await clinic.post(target, {"place": {**PLACE, "part": "rehabilitation"}})
    assert (again.status_code, again.json()) == (200, done.json())
    assert (await nurses.get(path)).json()["part"] == "visiting_nursing"
    contrary = await clinic.post(f"{path}/access-requests/{made['id']}/refusal", {"comment": "不可"})
    assert problem(contrary, 409, "conflict")["reason_code"] == "already_decided"
    kinds = "SELECT kind FROM changes WHERE patient_id = %s AND kind <> 'patient.register' ORDER BY at, id"
    assert [kind for (kind,) in as_owner(settings, kinds, patient)][-3:] == [
        "access_request.submit",
        "care_team.place",
        "access_request.approve",
    ]


async def test_approving_a_request_to_read_keeps_the_consent(region: Region) -> None:
    clinic, nurses, patient, path = await home(region)
    await submit(clinic, patient, sheet({"medical": {"weight": 50}}), by="physician")
    made = await asked(nurses, path, {**READ, "restricted": ["medical.infection"]})
    target = f"{path}/access-requests/{made['id']}/approval"
    named = {"care_team": False, "organizations": [nurses.id]}
    tomorrow = (tokyo_day(now()) + timedelta(1)).isoformat()
    medical, infection = ("/consent/groups/medical", "required"), ("/consent/restricted/medical.infection", "required")
    uncovering = [
        (consent(), {infection}),
        (consent(groups=["living"], restricted=["medical.infection"]), {medical, infection}),
        (consent(restricted=["medical.infection"], recipients={"organizations": [clinic.id]}), {medical, infection}),
        (consent(restricted=["medical.infection"], valid_from=tomorrow), {medical, infection}),
        (
            consent(restricted=["medical.infection"], recipients={**named, "professions": ["physician"]}),
            {medical, infection},
        ),
        (consent(recipients={"organizations": [NOBODY]}), {("/consent/recipients/organizations/0", "unknown")}),
        (consent(given_on=tomorrow), {("/consent/given_on", "future")}),
        (consent(replaces=[NOBODY]), {("/consent/replaces", "unknown")}),
    ]
    for said, found in uncovering:
        assert faults(problem(await clinic.post(target, {"consent": said}), 422, "invalid")) == found
    assert (await clinic.get(f"{path}/consents")).json()["items"] == []  # what did not cover it was not kept

    given = consent(
        groups=["medical"], restricted=["medical.infection"], recipients={**named, "professions": ["nurse"]}
    )
    assert (await nurses.get(f"{path}/summary", by="nurse")).json()["groups"]["medical"] == {}
    done = await clinic.post(target, {"consent": given})
    assert (done.status_code, done.json()["state"]) == (201, "approved")
    assert (await nurses.get(f"{path}/summary", by="nurse")).json()["groups"]["medical"]["weight"]["value"] == 50
    assert len((await clinic.get(f"{path}/consents")).json()["items"]) == 1
    assert (await clinic.post(target, {"consent": given})).status_code == 200
    assert len((await clinic.get(f"{path}/consents")).json()["items"]) == 1


async def test_a_system_may_ask_and_any_profession_may_be_meant(region: Region) -> None:
    clinic, nurses, _, path = await home(region)
    made = await asked(nurses, path, READ, by=None)
    given = consent(recipients={"care_team": True, "professions": ["nurse"]})
    done = await clinic.post(f"{path}/access-requests/{made['id']}/approval", {"consent": given})
    assert done.status_code == 201, done.text


async def test_the_permission_table_is_the_administrators(region: Region) -> None:
    clinic, nurses, _, path = await home(region)
    made = await asked(
        nurses, path, {"wants": "permission", "groups": ["medical"], "reason": "夜間の対応"}, by="home_helper"
    )
    target = f"{path}/access-requests/{made['id']}"
    for end, body in (("approval", {"comment": "可"}), ("refusal", {"comment": "不可"})):
        refused = problem(await clinic.post(f"{target}/{end}", body), 403, "forbidden")
        assert refused["reason_code"] == "not_administrator"
    assert faults(problem(await region.admin.post(f"{target}/approval", {}), 422, "invalid")) == {
        ("/comment", "required")
    }
    done = await region.admin.post(f"{target}/approval", {"comment": "次の版で変更"})
    assert (done.status_code, done.json()["decision"]["decided_by"]["actor"]) == (201, "admin")


async def test_who_decides_and_once(region: Region) -> None:
    clinic, nurses, _, path = await home(region)
    made = await asked(nurses, path, READ)
    target = f"{path}/access-requests/{made['id']}"
    approve = {"consent": consent()}
    for end, body in (("approval", approve), ("refusal", {"comment": "不可"})):
        own = problem(await nurses.post(f"{target}/{end}", body, by="nurse"), 403, "forbidden")
        assert (own["reason_code"], own["request_access"]) == ("own_matter", None)
        problem(await clinic.post(f"{target}/{end}", body, by="home_helper"), 403, "forbidden")
        problem(await (await region.auditor()).post(f"{target}/{end}", body), 403, "forbidden")
        problem(await (await region.found()).post(f"{target}/{end}", body), 404, "not-found")
        problem(await clinic.post(f"{path}/access-requests/{NOBODY}/{end}", body), 404, "not-found")
    assert faults(problem(await clinic.post(f"{target}/refusal", {}), 422, "invalid")) == {("/comment", "required")}
    first = await clinic.post(f"{target}/refusal", {"comment": "本人が望まない"}, by="physician")
    assert (first.status_code, first.json()["state"]) == (201, "refused")
    again = await clinic.post(f"{target}/refusal", {"comment": "本人が望まない"}, by="physician")
    assert (again.status_code, again.json()) == (200, first.json())
    contrary = problem(await clinic.post(f"{target}/approval", approve), 409, "conflict")
    assert contrary["reason_code"] == "already_decided"
    assert (await clinic.get(f"{path}/consents")).json()["items"] == []
    assert (await asked(nurses, path, READ))["id"] != made["id"]  # what was refused may be asked for anew


async def test_sent_by_many_at_once_it_is_kept_and_answered_once(region: Region) -> None:
    clinic, nurses, _, path = await home(region)
    answers = await asyncio.gather(*(nurses.post(f"{path}/access-requests", READ) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    target = f"{path}/access-requests/{answers[0].json()['id']}"
    no, yes = {"comment": "不可"}, {"consent": consent()}
    told = await asyncio.gather(
        *(clinic.post(f"{target}/refusal", no) for _ in range(4)),
        *(clinic.post(f"{target}/approval", yes) for _ in range(4)),
    )
    assert sorted(answer.status_code for answer in told) == [200] * 3 + [201] + [409] * 4


async def test_a_request_by_registration_stands_in_the_list(region: Region) -> None:
    clinic, newcomer, path, request = await matched(region)
    (one,) = (await clinic.get(f"{path}/access-requests")).json()["items"]
    assert (one["wants"], one["by"], one["part"], one["state"]) == ("care_team", "registration", "pharmacy", "open")
    assert (await newcomer.get(f"{path}/access-requests")).json()["items"] == [one]
    problem(await clinic.call("DELETE", f"{path}/care-team/{newcomer.id}"), 404, "not-found")
    done = await clinic.post(f"{path}/access-requests/{request}/approval", {"place": {**PLACE, "part": "pharmacy"}})
    assert (done.status_code, done.json()["state"]) == (201, "approved")
    assert (await newcomer.get(path)).json()["tie"] == "care_team"
    assert (await clinic.get(f"{path}/care-team")).json()["requests"] == []


async def test_refusing_it_ends_the_tie_that_asking_made(region: Region) -> None:
    clinic, newcomer, path, request = await matched(region)
    assert (await newcomer.get(path)).status_code == 200
    done = await clinic.post(f"{path}/access-requests/{request}/refusal", {"comment": "別人"})
    assert (done.status_code, done.json()["state"]) == (201, "refused")
    problem(await newcomer.get(path), 404, "not-found")
    problem(await newcomer.post(f"{path}/care-reports", report()), 404, "not-found")
    assert (await clinic.get(f"{path}/care-team")).json()["requests"] == []
    answered = (await clinic.get(f"{path}/access-requests")).json()["items"]
    assert [one["state"] for one in answered] == ["refused"]


async def test_a_place_given_otherwise_answers_it_too(region: Region) -> None:
    clinic, newcomer, path, request = await matched(region)
    assert (await clinic.put(f"{path}/care-team/{newcomer.id}", {**PLACE, "part": "pharmacy"})).status_code == 201
    (one,) = (await clinic.get(f"{path}/access-requests")).json()["items"]
    assert (one["id"], one["state"], one["decision"]) == (request, "approved", None)
    contrary = await clinic.post(f"{path}/access-requests/{request}/refusal", {"comment": "不可"})
    assert problem(contrary, 409, "conflict")["reason_code"] == "already_decided"
    assert (await newcomer.get(path)).json()["tie"] == "care_team"


async def test_the_queue_of_a_team_and_of_the_offices(region: Region, settings: Settings) -> None:
    clinic, nurses, patient, path = await home(region)
    made = await asked(nurses, path, READ)
    whole = person()
    second = await register(clinic, **whole)
    pharmacy = await region.found("pharmacy")
    await pharmacy.post("/v1/patients", whole)
    await register(clinic)  # about whom nobody asks
    queue = await clinic.get("/v1/access-requests")
    items = queue.json()["items"]
    assert [(one["patient_id"], one["by"]) for one in items] == [(second, "registration"), (patient, "request")]
    shown = "SELECT patient_id::text FROM audit_events WHERE request_id = %s AND action = 'access_request.read'"
    assert sorted(as_owner(settings, shown, queue.headers["x-request-id"])) == sorted([(patient,), (second,)])
    assert (await pharmacy.get("/v1/access-requests")).json()["items"] == []  # not yet of the team
    problem(await clinic.get("/v1/access-requests", by="home_helper"), 403, "forbidden")
    for vendor in (clinic, region.admin, await region.auditor()):
        first = (await vendor.get("/v1/access-requests?limit=1")).json()
        then = (await vendor.get(f"/v1/access-requests?limit=1&after={first['next']}")).json()
        assert [first["items"], then["items"]] == [items[:1], items[1:]]
    await clinic.post(f"{path}/access-requests/{made['id']}/refusal", {"comment": "不可"})
    assert [one["id"] for one in (await clinic.get("/v1/access-requests")).json()["items"]] == [items[0]["id"]]
    refused = (await clinic.get("/v1/access-requests?state=refused")).json()["items"]
    assert [one["id"] for one in refused] == [made["id"]]
