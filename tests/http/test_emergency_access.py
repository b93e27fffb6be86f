"""Emergency access: found without an id, within a limit, listed, reviewed once by others, marked for ever."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.factories import Region, Vendor, insured_number, insurer, join, person, register
from tests.http.inside import as_owner
from tests.http.problems import faults, problem

from renkei.settings import Settings

REASON = {"reason": "自宅で倒れているところを発見、意識なし", "life_at_risk": True, "consent_unobtainable": True}
FOUND = {"finding": "justified", "comment": "搬送記録と照合した"}
SEARCH = "/v1/emergency-access"
NOBODY = "01890000-0000-7000-8000-000000000000"


def unique() -> dict[str, Any]:
    """A person whose kana nobody shares."""
    kana = "".join("アイウエオカキクケコ"[int(digit)] for digit in insured_number())
    return person(name_kana={"family": kana, "given": "ハナ"})


def described(whole: dict[str, Any]) -> dict[str, Any]:
    return {name: whole[name] for name in ("name_kana", "birth_date", "sex")}


async def opened(region: Region) -> tuple[Vendor, Vendor, str, dict[str, Any]]:
    """A clinic, a stranger who has opened an emergency access to its patient, the patient's path, the answer."""
    clinic, stranger = await region.found(), await region.found("hospital")
    path = f"/v1/patients/{await register(clinic)}"
    answer = await stranger.post(f"{path}/emergency-access", REASON, by="physician")
    assert answer.status_code == 201
    return clinic, stranger, path, answer.json()


async def test_what_is_not_said_is_the_least(region: Region) -> None:
    """Four hours, and what an emergency needs."""
    _, _, _, told = await opened(region)
    lasts = datetime.fromisoformat(told["expires_at"]) - datetime.fromisoformat(told["opened_at"])
    assert (lasts, sorted(told["groups"])) == (timedelta(hours=4), ["medical", "person"])


async def test_found_by_number_or_by_kana_birth_date_and_sex(region: Region, settings: Settings) -> None:
    clinic, stranger = await region.found(), await region.found("hospital")
    whole = unique()
    health = {"system": "health_insurance", "insurer": insurer("0699999"), "symbol": "12", "value": insured_number()}
    whole["identifiers"].append(health)
    answer = await clinic.post("/v1/patients", whole)
    assert answer.status_code == 201, answer.text
    patient = answer.json()["id"]
    spelt = {"family": whole["name_kana"]["family"], "given": "ハナ"}
    ways = [
        ({"identifier": whole["identifiers"][0]}, "identifier"),
        ({"identifier": health}, "identifier"),
        ({**described(whole), "name_kana": spelt}, "person"),
    ]
    for way, told in ways:
        answer = await stranger.post(SEARCH, {**REASON, **way, "groups": ["medical"], "hours": 2}, by="physician")
        assert answer.status_code == 201, answer.text
        body = answer.json()
        assert body.keys() == {"id", "patient_id", "reason", "groups", "opened_at", "expires_at"}
        assert (body["patient_id"], body["groups"]) == (patient, ["medical"])
        kept = as_owner(settings, "SELECT opened_by ->> 'found_by' FROM emergency_accesses WHERE id = %s", body["id"])
        assert kept == [(told,)]
        about = as_owner(
            settings,
            "SELECT action, outcome, patient_id::text FROM audit_events WHERE request_id = %s",
            answer.headers["x-request-id"],
        )
        assert about == [("emergency_access.open", "allowed", patient)]
        change = "SELECT kind, organization_id::text FROM changes WHERE patient_id = %s AND record_id = %s"
        assert as_owner(settings, change, patient, body["id"]) == [("emergency_access.open", stranger.id)]
    assert (await stranger.get(f"/v1/patients/{patient}/summary", by="physician")).status_code == 200


async def test_none_or_several_is_nobody(region: Region, settings: Settings) -> None:
    clinic, stranger = await region.found(), await region.found("hospital")
    twin = unique()
    for _ in range(2):
        number = {"system": "ltci", "insurer": insurer(), "value": insured_number()}
        await register(clinic, **{**twin, "identifiers": [number]})
    # One number, two birth dates: two people, and the number alone does not tell which.
    shared = unique()
    for born in ("1938-04-02", "1938-04-03"):
        await register(clinic, **{**shared, "birth_date": born})
    ways = [
        described(twin),
        {"identifier": shared["identifiers"][0]},
        {"identifier": {"system": "ltci", "insurer": insurer(), "value": insured_number()}},
        {**described(twin), "birth_date": "1930-01-01"},
        {**described(shared), "sex": "male"},
    ]
    told = []
    for way in ways:
        answer = await stranger.post(SEARCH, {**REASON, **way}, by="physician")
        told.append({k: v for k, v in problem(answer, 404, "not-found").items() if k not in ("instance", "request_id")})
        kept = "SELECT action, outcome, reason FROM service_events WHERE request_id = %s"
        assert as_owner(settings, kept, answer.headers["x-request-id"]) == [
            ("emergency_access.open", "refused", "not-found")
        ]
    assert all(one == told[0] for one in told)
    assert (await stranger.post(SEARCH, {**REASON, **described(shared)}, by="physician")).status_code == 201


async def test_who_may_not_is_told_so_before_anybody_is_looked_for(region: Region) -> None:
    clinic, stranger = await region.found(), await region.found("hospital")
    whole = unique()
    await register(clinic, **whole)
    told = []
    for sex in ("female", "male"):  # there, and not there
        answer = await stranger.post(SEARCH, {**REASON, **described(whole), "sex": sex}, by="welfare_commissioner")
        told.append(problem(answer, 403, "forbidden"))
    assert told[0]["reason_code"] == told[1]["reason_code"] == "profession"
    assert told[0]["request_access"] is None
    problem(await region.admin.post(SEARCH, {**REASON, **described(whole)}), 403, "forbidden")


NUMBER = {"system": "ltci", "insurer": insurer(), "value": "0000000001"}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, {("/identifier", "required")}),
        ({"sex": "female"}, {("/name_kana", "required"), ("/birth_date", "required")}),
        ({"identifier": NUMBER, "sex": "female"}, {("/sex", "unknown")}),
        ({"identifier": {"system": "local", "value": "A-1"}}, {("/identifier", "code")}),
        ({"identifier": {**NUMBER, "value": "12"}}, {("/identifier/value", "pattern")}),
        ({"identifier": NUMBER, "life_at_risk": False}, {("/life_at_risk", "code")}),
    ],
)
async def test_a_faulty_search(region: Region, changes: dict[str, Any], found: set[tuple[str, str]]) -> None:
    stranger = await region.found("hospital")
    assert faults(problem(await stranger.post(SEARCH, {**REASON, **changes}, by="physician"), 422, "invalid")) == found


async def test_searches_are_limited_whether_they_find_or_not(region: Region, settings: Settings) -> None:
    clinic, stranger, other = await region.found(), await region.found("hospital"), await region.found("hospital")
    whole = unique()
    patient = await register(clinic, **whole)
    there, nowhere = {**REASON, **described(whole)}, {**REASON, **described(unique())}
    for _ in range(3):  # who lacks the right has looked for nobody, and must not use up a physician's searches
        assert (await stranger.post(SEARCH, there, by="family")).status_code == 403
    by_id = f"/v1/patients/{patient}/emergency-access"
    assert (await stranger.post(by_id, REASON, by="physician")).status_code == 201  # is no search
    most = settings.emergency_searches_per_hour
    statuses = [
        (await stranger.post(SEARCH, there if n % 2 else nowhere, by="physician")).status_code for n in range(most)
    ]
    assert set(statuses) == {201, 404}
    for body in (there, nowhere):
        answer = await stranger.post(SEARCH, body, by="physician")
        problem(answer, 429, "too-many-requests")
        assert int(answer.headers["retry-after"]) > 0
    # Neither another organization's searches nor opening by id are touched.
    assert (await other.post(SEARCH, there, by="physician")).status_code == 201
    assert (await stranger.post(by_id, REASON, by="physician")).status_code == 201
    earlier = "UPDATE emergency_accesses SET opened_at = opened_at - interval '61 minutes' WHERE organization_id = %s"
    as_owner(settings, earlier, stranger.id)
    assert (await stranger.post(SEARCH, there, by="physician")).status_code == 201


async def test_the_team_and_the_offices_see_what_was_opened(region: Region) -> None:
    clinic, stranger, path, told = await opened(region)
    auditor = await region.auditor()
    for vendor in (clinic, region.admin, auditor):
        (one,) = (await vendor.get(f"{path}/emergency-access")).json()["items"]
        assert one["organization"]["id"] == stranger.id
        assert {key: one[key] for key in ("id", "reason", "groups", "opened_at", "expires_at")} == told
        assert (one["open"], one["review"], "closed_at" in one) == (True, None, False)
        by = {"user_id": "u-physician", "profession": "physician", "found_by": "id"}
        assert {key: one["opened_by"][key] for key in by} == by
    problem(await clinic.get(f"{path}/emergency-access", by="home_helper"), 403, "forbidden")
    problem(await stranger.get(f"{path}/emergency-access", by="physician"), 403, "forbidden")
    problem(await (await region.found()).get(f"{path}/emergency-access"), 404, "not-found")
    assert (await stranger.call("DELETE", f"{path}/emergency-access/{told['id']}", by="physician")).status_code == 204
    await stranger.post(f"{path}/emergency-access", REASON, by="physician")
    newest, oldest = (await clinic.get(f"{path}/emergency-access")).json()["items"]
    assert (newest["open"], oldest["open"], oldest["id"]) == (True, False, told["id"])
    assert oldest["closed_at"]
    first = (await clinic.get(f"{path}/emergency-access?limit=1")).json()
    then = (await clinic.get(f"{path}/emergency-access?limit=1&after={first['next']}")).json()
    assert [first["items"], then["items"], then["next"]] == [[newest], [oldest], None]


async def test_a_review_is_given_once_by_others_and_announced(region: Region, settings: Settings) -> None:
    clinic, stranger, path, told = await opened(region)
    target = f"{path}/emergency-access/{told['id']}/review"
    problem(await clinic.post(f"{path}/emergency-access/{NOBODY}/review", FOUND), 404, "not-found")
    problem(await clinic.post(target, FOUND, by="home_helper"), 403, "forbidden")
    assert (
        problem(await stranger.post(target, FOUND, by="physician"), 403, "forbidden")["reason_code"]
        == "not_in_care_team"
    )
    await join(clinic, stranger, path.rsplit("/", 1)[1], part="hospital")
    own = problem(await stranger.post(target, FOUND, by="physician"), 403, "forbidden")
    assert (own["reason_code"], own["request_access"]) == ("own_matter", None)
    problem(await (await region.auditor()).post(target, FOUND), 403, "forbidden")
    bad = {"finding": "fine", "comment": " ", "x": 1}
    wrong = faults(problem(await clinic.post(target, bad), 422, "invalid"))
    assert wrong == {("/finding", "code"), ("/comment", "blank"), ("/x", "unknown")}

    first = await clinic.post(target, FOUND, by="physician")
    assert first.status_code == 201
    review = first.json()["review"]
    assert {key: review[key] for key in FOUND} == FOUND
    assert review["reviewed_by"]["organization"]["id"] == clinic.id
    assert (review["reviewed_by"]["user_id"], review["reviewed_by"]["actor"]) == ("u-physician", "client")
    again = await region.admin.post(target, FOUND)
    assert (again.status_code, again.json()) == (200, first.json())
    for other in ({**FOUND, "finding": "unclear"}, {**FOUND, "comment": "別の所見"}):
        refused = problem(await clinic.post(target, other), 409, "conflict")
        assert refused["reason_code"] == "already_reviewed"
    kinds = "SELECT kind FROM changes WHERE patient_id = %s AND record_id = %s ORDER BY at, id"
    told_of = as_owner(settings, kinds, path.rsplit("/", 1)[1], told["id"])
    assert told_of == [("emergency_access.open",), ("emergency_access.review",)]


async def test_reviewed_by_many_at_once_it_is_reviewed_once(region: Region) -> None:
    clinic, _, path, told = await opened(region)
    target = f"{path}/emergency-access/{told['id']}/review"
    answers = await asyncio.gather(*(clinic.post(target, FOUND) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]


async def test_the_admin_reviews_too(region: Region) -> None:
    _, _, path, told = await opened(region)
    done = await region.admin.post(f"{path}/emergency-access/{told['id']}/review", {**FOUND, "finding": "unjustified"})
    assert done.status_code == 201
    assert done.json()["review"]["reviewed_by"]["actor"] == "admin"
    assert done.json()["review"]["reviewed_by"]["organization"] is None


async def test_the_access_log_keeps_the_mark_for_ever(region: Region) -> None:
    clinic, stranger, path, told = await opened(region)
    await stranger.get(f"{path}/summary", by="physician")
    await stranger.call("DELETE", f"{path}/emergency-access/{told['id']}", by="physician")
    await clinic.post(f"{path}/emergency-access/{told['id']}/review", FOUND)
    log = (await clinic.get(f"{path}/access-log")).json()["items"]
    theirs = [e for e in log if e["organization"] and e["organization"]["id"] == stranger.id]
    assert {e["action"] for e in theirs} == {"emergency_access.open", "summary.read", "emergency_access.close"}
    assert all(e["basis"] == ["emergency"] for e in theirs)


async def test_the_queue_of_a_team(region: Region, settings: Settings) -> None:
    clinic, stranger, path, told = await opened(region)
    second = f"/v1/patients/{await register(clinic)}"
    later = (await stranger.post(f"{second}/emergency-access", REASON, by="physician")).json()
    await register(clinic)  # with nothing to review
    left = f"/v1/patients/{await register(clinic)}"
    await stranger.post(f"{left}/emergency-access", REASON, by="physician")
    other = await region.found()
    await join(clinic, other, left.rsplit("/", 1)[1])
    assert (await other.call("DELETE", f"{left}/care-team/{clinic.id}")).status_code == 204

    queue = await clinic.get(SEARCH)
    assert [one["id"] for one in queue.json()["items"]] == [later["id"], told["id"]]
    shown = "SELECT patient_id::text FROM audit_events WHERE request_id = %s AND action = 'emergency_access.read'"
    events = as_owner(settings, shown, queue.headers["x-request-id"])
    assert sorted(events) == sorted([(p.rsplit("/", 1)[1],) for p in (path, second)])
    first = (await clinic.get(f"{SEARCH}?limit=1")).json()
    then = (await clinic.get(f"{SEARCH}?limit=1&after={first['next']}")).json()
    assert [first["items"][0]["id"], then["items"][0]["id"], then["next"]] == [later["id"], told["id"], None]

    await clinic.post(f"{path}/emergency-access/{told['id']}/review", FOUND)
    assert [one["id"] for one in (await clinic.get(SEARCH)).json()["items"]] == [later["id"]]
    assert [one["id"] for one in (await clinic.get(f"{SEARCH}?review=done")).json()["items"]] == [told["id"]]
    assert (await stranger.get(SEARCH, by="physician")).json() == {"items": [], "next": None}
    problem(await clinic.get(SEARCH, by="home_helper"), 403, "forbidden")
    assert faults(problem(await clinic.get(f"{SEARCH}?review=x"), 422, "invalid")) == {("?review", "code")}


async def test_the_queue_of_the_offices(region: Region, settings: Settings) -> None:
    _, _, path, told = await opened(region)
    _, _, newer, _ = await opened(region)
    for vendor in (region.admin, await region.auditor()):
        first = await vendor.get(f"{SEARCH}?limit=1")
        assert [one["patient_id"] for one in first.json()["items"]] == [newer.rsplit("/", 1)[1]]
        then = (await vendor.get(f"{SEARCH}?limit=1&after={first.json()['next']}")).json()
        assert [one["id"] for one in then["items"]] == [told["id"]]
        shown = "SELECT patient_id::text, basis FROM audit_events WHERE request_id = %s"
        kept = as_owner(settings, shown, first.headers["x-request-id"])
        assert kept == [(newer.rsplit("/", 1)[1], ["administration"])]
    await region.admin.post(f"{path}/emergency-access/{told['id']}/review", FOUND)
    done = (await region.admin.get(f"{SEARCH}?review=done")).json()["items"]
    assert told["id"] in [one["id"] for one in done]
    assert told["id"] not in [one["id"] for one in (await region.admin.get(SEARCH)).json()["items"]]
