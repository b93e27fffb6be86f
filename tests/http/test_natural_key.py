"""The natural key (patient, organization, document id, version): the retry rule, corrections and withdrawals."""

import asyncio
import json
from collections import Counter
from typing import Any

import pytest
from tests.access.world import figure
from tests.factories import Region, Vendor, join, register, report, sheet, submit
from tests.http.problems import problem

JSON = {"Content-Type": "application/json"}
AT_ONCE = 64


async def home(region: Region) -> tuple[Vendor, str]:
    clinic = await region.found()
    return clinic, await register(clinic)


def versioned(document: dict[str, Any], version: int, **items: Any) -> dict[str, Any]:
    source = {**document["source"], "version": version}
    return {**document, "source": source, **({"items": {"medical": items}} if items else {})}


async def standing(vendor: Vendor, patient: str) -> dict[str, Any]:
    summary = (await vendor.get(f"/v1/patients/{patient}/summary")).json()
    return {name: entry["value"] for name, entry in summary["groups"]["medical"].items()}


SPELLINGS = {
    "as sent": lambda text: text,
    "spaced": lambda text: json.dumps(json.loads(text), indent=3),
    "reordered": lambda text: json.dumps(dict(reversed(json.loads(text).items()))),
    "escaped": lambda text: json.dumps(json.loads(text), ensure_ascii=True),
    "not escaped": lambda text: json.dumps(json.loads(text), ensure_ascii=False),
    "36.0": lambda text: text.replace(": 36,", ": 36.0,"),
    "3.6e1": lambda text: text.replace(": 36,", ": 3.6e1,"),
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS.keys())
async def test_the_same_again_in_another_spelling_is_answered_as_the_first_time(region: Region, spelling: Any) -> None:
    clinic, patient = await home(region)
    medical = {"weight": 36, "allergy": [{"presence": "present", "substance": "ペニシリン"}]}
    text = json.dumps(sheet({"medical": medical}))
    assert ": 36," in text
    path = f"/v1/patients/{patient}/face-sheets"
    first = await clinic.call("POST", path, content=text.encode(), headers=JSON)
    again = await clinic.call("POST", path, content=spelling(text).encode(), headers=JSON)
    assert (first.status_code, again.status_code) == (201, 200), again.text
    assert first.content == again.content
    assert first.headers["location"] == again.headers["location"] and first.headers["etag"] == again.headers["etag"]
    assert len((await clinic.get(path)).json()["items"]) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"reason": "efficiency"},
        {"as_of": "2026-06-01T01:00:00Z"},
        {"author": {"name": "検査 花子", "profession": "physician"}},
        {"coverage": "complete"},
        {"absent": {"medical.weight": "unknown"}},
        {"items": {"medical": {"height": 160}}},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_other_content_under_the_same_key_is_a_conflict(region: Region, change: dict[str, Any]) -> None:
    clinic, patient = await home(region)
    document = sheet({"medical": {"height": 161}})
    await submit(clinic, patient, document)
    told = problem(await clinic.post(f"/v1/patients/{patient}/face-sheets", {**document, **change}), 409, "conflict")
    assert told["reason_code"] == "content_differs"
    assert await standing(clinic, patient) == {"height": 161}


async def test_versions_replace_each_other(region: Region) -> None:
    clinic, patient = await home(region)
    path = f"/v1/patients/{patient}/face-sheets"
    document = versioned(sheet({}), 4, weight=50, height=160)  # the first may have any number
    first = await submit(clinic, patient, document)
    told = problem(await clinic.post(path, versioned(document, 3)), 409, "conflict")
    assert told["reason_code"] == "lower_version"
    second = await submit(clinic, patient, versioned(document, 9, weight=51))
    assert second["id"] != first["id"]
    assert await standing(clinic, patient) == {"weight": 51}  # replaced whole: the height is gone
    old = (await clinic.get(f"{path}/{first['id']}")).json()
    assert old["replaced_by"] == second["id"] and old["items"]["medical"]["height"] == 160
    assert "replaced_by" not in (await clinic.get(f"{path}/{second['id']}")).json()
    assert {r["id"]: r.get("replaced_by") for r in (await clinic.get(path)).json()["items"]} == {
        first["id"]: second["id"],
        second["id"]: None,
    }
    # An old version sent again is a repeat; another one below the newest is not.
    again = await clinic.post(path, document)
    assert again.status_code == 200 and again.json() == first
    problem(await clinic.post(path, versioned(document, 5)), 409, "conflict")


async def test_a_higher_version_of_a_report_replaces_it_in_the_summary(region: Region) -> None:
    clinic, patient = await home(region)
    document = report(items={"body": "誤り"})
    first = await submit(clinic, patient, document)
    corrected = versioned(document, 2)
    corrected["items"] = report(items={"body": "訂正"})["items"]
    second = await submit(clinic, patient, corrected)
    reports = (await clinic.get(f"/v1/patients/{patient}/summary")).json()["care_reports"]
    assert [(r["id"], r["body"]) for r in reports] == [(second["id"], "訂正")]
    old = (await clinic.get(f"/v1/patients/{patient}/care-reports/{first['id']}")).json()
    assert old["replaced_by"] == second["id"]


async def test_one_document_id_is_of_one_kind(region: Region) -> None:
    clinic, patient = await home(region)
    sheet_ = sheet({"medical": {"weight": 50}})
    await submit(clinic, patient, sheet_)
    for version in (1, 2):
        other = report()
        other["source"] = {"document_id": sheet_["source"]["document_id"], "version": version}
        problem(await clinic.post(f"/v1/patients/{patient}/care-reports", other), 409, "conflict")
    assert (await clinic.get(f"/v1/patients/{patient}/care-reports")).json()["items"] == []


async def test_keys_of_two_organizations_and_of_two_patients_are_apart(region: Region) -> None:
    clinic, patient = await home(region)
    nurses, other = await region.found("visiting_nursing"), await register(clinic)
    await join(clinic, nurses, patient)
    document = sheet({"medical": {"weight": 50}})
    ids = {
        (await submit(who, to, document))["id"] for who, to in ((clinic, patient), (nurses, patient), (clinic, other))
    }
    assert len(ids) == 3


async def test_withdrawal_takes_a_record_out_and_a_repeat_tells_of_it(region: Region) -> None:
    clinic, patient = await home(region)
    path = f"/v1/patients/{patient}/face-sheets"
    await submit(clinic, patient, sheet({"medical": {"weight": 49}}, as_of="2026-05-01T10:00:00+09:00"))
    document = sheet({"medical": {"weight": 50, "height": 160}})
    first = await submit(clinic, patient, document)
    done = await clinic.post(f"{path}/{first['id']}/withdrawal", {"reason": "別の利用者の記録"})
    assert done.status_code == 201 and done.json()["record_id"] == first["id"]
    assert await standing(clinic, patient) == {"weight": 49}
    again = await clinic.post(path, document)
    assert again.status_code == 200
    assert again.json() == {**first, "withdrawn_at": done.json()["withdrawn_at"]}
    record = (await clinic.get(f"{path}/{first['id']}")).json()
    assert record["withdrawn_at"] == done.json()["withdrawn_at"]
    assert record["withdrawal_reason"] == "別の利用者の記録"
    # The same withdrawal again is the same answer; with another reason it contradicts.
    repeat = await clinic.post(f"{path}/{first['id']}/withdrawal", {"reason": "別の利用者の記録"})
    assert (repeat.status_code, repeat.json()) == (200, done.json())
    problem(await clinic.post(f"{path}/{first['id']}/withdrawal", {"reason": "x"}), 409, "conflict")
    # A higher version says it anew.
    await submit(clinic, patient, versioned(document, 2))
    assert await standing(clinic, patient) == {"weight": 50, "height": 160}


async def test_withdrawing_the_newest_version_does_not_bring_back_the_one_it_replaced(region: Region) -> None:
    clinic, patient = await home(region)
    document = versioned(sheet({}), 1, weight=50)
    await submit(clinic, patient, document)
    second = await submit(clinic, patient, versioned(document, 2, weight=51))
    path = f"/v1/patients/{patient}/face-sheets/{second['id']}/withdrawal"
    assert (await clinic.post(path, {"reason": "誤送信"})).status_code == 201
    assert await standing(clinic, patient) == {}


async def test_only_the_sender_withdraws(region: Region) -> None:
    clinic, patient = await home(region)
    nurses = await region.found("visiting_nursing")
    await join(clinic, nurses, patient)
    kept = await submit(clinic, patient, report())
    answer = await nurses.post(f"/v1/patients/{patient}/care-reports/{kept['id']}/withdrawal", {"reason": "r"})
    assert problem(answer, 403, "forbidden")["reason_code"] == "not_own_record"
    assert len((await clinic.get(f"/v1/patients/{patient}/summary")).json()["care_reports"]) == 1


@pytest.mark.parametrize("kind", ["face-sheets", "care-reports"])
async def test_64_identical_posts_at_once_make_one_record(region: Region, kind: str) -> None:
    clinic, patient = await home(region)
    document = sheet({"medical": {"weight": 50}}) if kind == "face-sheets" else report()
    path = f"/v1/patients/{patient}/{kind}"
    await clinic.token()
    answers = await asyncio.gather(*(clinic.post(path, document) for _ in range(AT_ONCE)))
    statuses, records = Counter(a.status_code for a in answers), len((await clinic.get(path)).json()["items"])
    figure(f"natural key: {kind}, {AT_ONCE} at once: records {records}, 201 {statuses[201]}, 200 {statuses[200]}")
    assert (statuses, records) == ({201: 1, 200: AT_ONCE - 1}, 1)
    assert len({a.content for a in answers}) == 1


async def test_of_64_contents_at_once_under_one_key_one_stands(region: Region) -> None:
    clinic, patient = await home(region)
    document = sheet({})
    path = f"/v1/patients/{patient}/face-sheets"
    await clinic.token()
    weights = range(30, 30 + AT_ONCE)
    answers = await asyncio.gather(*(clinic.post(path, versioned(document, 1, weight=w)) for w in weights))
    statuses = Counter(a.status_code for a in answers)
    figure(f"natural key: {AT_ONCE} contents at once: 201 {statuses[201]}, 409 {statuses[409]}")
    assert statuses == {201: 1, 409: AT_ONCE - 1}
    won = next(w for w, a in zip(weights, answers, strict=True) if a.status_code == 201)
    assert await standing(clinic, patient) == {"weight": won}
