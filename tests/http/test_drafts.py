"""下書きと代行入力: prepared by one, confirmed by another; nobody else's to see, and no record until then."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest
from tests.access.world import VALUES, grouped, owner
from tests.factories import Region, Vendor, agree, join, register, report, sheet, submit
from tests.http.feed import publish_all, read, worker_engine
from tests.http.problems import faults, problem

from renkei.ids import new_id
from renkei.settings import Settings
from renkei.worker.forgetting import forget_drafts

CLERK = {"user_name": "検査 花子", "profession": "medical_clerk"}
DOCTOR = {"user_name": "検査 花子", "profession": "physician"}


async def team(region: Region) -> tuple[Vendor, Vendor, str]:
    """A clinic, nurses of its patient's team, and the patient's path; everything may be read by the team."""
    clinic, nurses = await region.found(), await region.found("visiting_nursing")
    patient = await register(clinic)
    await join(clinic, nurses, patient)
    await agree(clinic, patient)
    return clinic, nurses, f"/v1/patients/{patient}"


async def enter(
    vendor: Vendor, path: str, document: dict[str, Any] | None = None, by: str | None = "medical_clerk"
) -> httpx.Response:
    """Enter a draft of either kind."""
    said = report() if document is None else document
    collection = "care-reports" if "care_report" in said.get("items", {}) else "face-sheets"
    return await vendor.post(f"{path}/{collection}/drafts", said, by=by)


async def entered(vendor: Vendor, path: str, document: dict[str, Any] | None = None, **options: Any) -> tuple[str, str]:
    """The draft's path and its tag."""
    answer = await enter(vendor, path, document, **options)
    assert answer.status_code == 201, answer.text
    return answer.headers["location"], answer.headers["etag"]


async def confirm(vendor: Vendor, draft: str, tag: str | None, by: str | None = "physician") -> httpx.Response:
    headers = {} if tag is None else {"If-Match": tag}
    return await vendor.post(f"{draft}/confirmation", {}, by=by, headers=headers)


async def test_entered_by_one_confirmed_by_another_with_both_names(region: Region, settings: Settings) -> None:
    clinic, nurses, path = await team(region)
    document = report(items={"body_temperature": 36.8})
    answer = await enter(clinic, path, document)
    assert answer.status_code == 201, answer.text
    draft, tag = answer.headers["location"], answer.headers["etag"]
    told = answer.json()
    assert told == {
        "id": told["id"],
        "patient_id": path.rpartition("/")[2],
        "kind": "care_report",
        "source": document["source"],
        "entered_by": CLERK,
        "entered_at": told["entered_at"],
        "changed_at": told["changed_at"],
        "expires_at": told["expires_at"],
        "faults": 0,
        "document": document,
        "problems": [],
        "withheld": [],
    }
    assert (await clinic.get(draft, by="physician")).json() == told
    done = await confirm(clinic, draft, tag)
    assert done.status_code == 201, done.text
    record = done.json()
    assert (record["entered_by"], record["confirmed_by"]) == (CLERK, DOCTOR)
    assert done.headers["location"] == f"{path}/care-reports/{record['id']}"
    again = await confirm(clinic, draft, tag)  # the answer was lost: no second record
    assert (again.status_code, again.json()) == (200, record)
    shown = (await nurses.get(done.headers["location"], by="nurse")).json()
    assert (shown["entered_by"], shown["confirmed_by"], shown["profession"]) == (CLERK, DOCTOR, "physician")
    assert (await clinic.get(draft, by="physician")).json()["record_id"] == record["id"]
    assert (await clinic.get(f"{path}/care-reports/drafts", by="physician")).json() == {"items": [], "next": None}
    summary = (await nurses.get(f"{path}/summary", by="nurse")).json()
    assert [line["id"] for line in summary["care_reports"]] == [record["id"]]
    async with worker_engine(settings) as worker:
        await publish_all(worker)
    kinds = [line["kind"] for line in await read(nurses, "nurse", patient=path.rpartition("/")[2])]
    assert kinds.count("care_report.submit") == 1 and not any(kind.startswith("draft") for kind in kinds)
    # Sent by its own route as well, it is the same record.
    same = await clinic.post(f"{path}/care-reports", document, by="physician")
    assert (same.status_code, same.json()["id"]) == (200, record["id"])
    log = (await clinic.get(f"{path}/access-log", by="physician")).json()["items"]
    assert any("下書きを確認して記録を提出しました" in entry["text"] for entry in log)


async def test_ones_own_is_marked_and_what_was_sent_as_it_is_has_no_names(region: Region) -> None:
    clinic, _, path = await team(region)
    draft, tag = await entered(clinic, path, by="physician")
    record = (await confirm(clinic, draft, tag)).json()
    assert record["entered_by"] == DOCTOR
    assert record["confirmed_by"] == {**DOCTOR, "same_person": True}
    plain = await submit(clinic, path.rpartition("/")[2], report(), by="physician")
    assert not {"entered_by", "confirmed_by"} & plain.keys()
    assert (
        not {"entered_by", "confirmed_by"}
        & (await clinic.get(f"{path}/care-reports/{plain['id']}", by="nurse")).json().keys()
    )


async def test_nobody_else_sees_a_draft(region: Region) -> None:
    clinic, nurses, path = await team(region)
    document = sheet({"medical": {"allergy": [{"presence": "none"}]}})
    draft, tag = await entered(clinic, path, document)
    before = (await nurses.get(f"{path}/summary", by="nurse")).json()
    assert "allergy" not in before["groups"]["medical"]
    assert (await nurses.get(f"{path}/face-sheets", by="nurse")).json()["items"] == []
    for ask in (
        nurses.get(draft, by="nurse"),
        confirm(nurses, draft, tag, "nurse"),
        nurses.call("DELETE", draft, by="nurse"),
        nurses.call("PUT", draft, by="nurse", json=document, headers={"If-Match": tag}),
        clinic.get(draft.replace("face-sheets", "care-reports"), by="physician"),
        clinic.get(draft.replace("face-sheets", "consents"), by="physician"),
    ):
        problem(await ask, 404, "not-found")
    assert (await nurses.get(f"{path}/face-sheets/drafts", by="nurse")).json()["items"] == []
    problem(await region.admin.get(f"{path}/face-sheets/drafts"), 403, "forbidden")
    problem(await (await region.found()).get(draft, by="physician"), 404, "not-found")


async def test_faults_are_told_and_refused_only_when_confirmed(region: Region) -> None:
    clinic, _, path = await team(region)
    document = report(items={"body_temperature": "36.8", "nothing": 1, "body": "\ud800"})
    json_headers = {"Content-Type": "application/json"}
    answer = await clinic.call(
        "POST", f"{path}/care-reports/drafts", by="medical_clerk", content=json.dumps(document), headers=json_headers
    )
    assert answer.status_code == 201, answer.text
    told, draft, tag = answer.json(), answer.headers["location"], answer.headers["etag"]
    assert told["document"] == document and told["faults"] == 3
    assert {(p["pointer"].rpartition("/")[2], p["code"]) for p in told["problems"]} == {
        ("body_temperature", "type"),
        ("nothing", "unknown"),
        ("body", "character"),
    }
    english = await clinic.get(draft, by="medical_clerk", headers={"Accept-Language": "en"})
    assert "is not a known member here" in {p["message"] for p in english.json()["problems"]}
    refused = problem(await confirm(clinic, draft, tag), 422, "invalid-items")
    assert len(refused["errors"]) == 3
    corrected = report(source=document["source"])
    put = await clinic.call("PUT", draft, by="medical_clerk", json=corrected, headers={"If-Match": tag})
    assert (put.status_code, put.json()["problems"]) == (200, [])
    problem(await confirm(clinic, draft, tag), 412, "precondition-failed")  # of what was seen before
    assert (await confirm(clinic, draft, put.headers["etag"])).status_code == 201


async def test_a_draft_must_be_found_again(region: Region) -> None:
    clinic, _, path = await team(region)
    for body, expected in (
        ({"items": {"care_report": {}}}, {("/source", "required")}),
        (
            {"source": {"document_id": "", "version": 0}},
            {("/source/document_id", "blank"), ("/source/version", "bounds")},
        ),
        ([], {("", "type")}),
    ):
        told = problem(await clinic.post(f"{path}/care-reports/drafts", body, by="medical_clerk"), 422, "invalid-items")
        assert expected <= faults(told) and all(p in ("",) or p.startswith("/source") for p, _ in faults(told))


async def test_repeats_and_who_was_first(region: Region) -> None:
    clinic, _, path = await team(region)
    document = report()
    answers = await asyncio.gather(*(enter(clinic, path, document) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200] * 4 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    draft, tag = answers[0].headers.get("location"), answers[0].headers["etag"]
    other = report(source=document["source"], items={"urgency": "prompt"})
    assert problem(await enter(clinic, path, other), 409, "conflict")["reason_code"] == "draft_exists"
    problem(await clinic.call("PUT", draft, by="nurse", json=other), 412, "precondition-failed")
    tries = [clinic.call("PUT", draft, by="nurse", json=other, headers={"If-Match": tag}) for _ in range(4)]
    assert sorted(answer.status_code for answer in await asyncio.gather(*tries)) == [200, 412, 412, 412]
    second, second_tag = await entered(clinic, path)
    taken = await clinic.call("PUT", second, by="nurse", json=other, headers={"If-Match": second_tag})
    assert problem(taken, 409, "conflict")["reason_code"] == "draft_exists"
    tag = (await clinic.get(draft, by="nurse")).headers["etag"]
    once = await asyncio.gather(*(confirm(clinic, draft, tag, "nurse") for _ in range(4)))
    assert sorted(answer.status_code for answer in once) == [200, 200, 200, 201]
    assert len({answer.json()["id"] for answer in once}) == 1
    assert (await enter(clinic, path, other)).json()["record_id"] == once[0].json()["id"]
    problem(await clinic.call("DELETE", draft, by="nurse"), 404, "not-found")  # it is a record now


async def test_rights_are_the_confirming_persons(region: Region) -> None:
    clinic, nurses, path = await team(region)
    medical = sheet({"medical": {"allergy": [{"presence": "none"}]}})
    draft, tag = await entered(clinic, path, medical)
    refused = problem(await confirm(clinic, draft, tag, "medical_clerk"), 403, "forbidden")
    assert [fault["item"] for fault in refused["errors"]] == ["medical.allergy"]
    problem(await confirm(clinic, draft, tag, "pt"), 403, "forbidden")
    problem(await confirm(clinic, draft, tag, None), 403, "forbidden")  # a system is nobody
    assert (await confirm(clinic, draft, tag, "nurse")).status_code == 201
    for by in ("family", "person"):
        problem(await enter(clinic, path, by=by), 403, "forbidden")
    left, left_tag = await entered(nurses, path)
    assert (await clinic.call("DELETE", f"{path}/care-team/{nurses.id}", by="physician")).status_code == 204
    problem(await confirm(nurses, left, left_tag, "nurse"), 404, "not-found")


async def test_whoever_may_not_read_it_all_neither_reads_nor_confirms_it(region: Region) -> None:
    clinic, _, path = await team(region)
    secret = sheet(grouped(["medical.infection", "living.bedridden_level"]))
    draft, tag = await entered(clinic, path, secret)
    mine = (await clinic.get(draft, by="medical_clerk")).json()
    assert mine["document"] == secret  # who typed it has seen it
    others = (await clinic.get(draft, by="care_worker")).json()
    assert not {"document", "problems"} & others.keys()
    assert {"group": "medical", "item": "medical.infection", "reason": "profession"} in others["withheld"]
    refused = problem(await confirm(clinic, draft, tag, "care_worker"), 403, "forbidden")
    assert refused["rule"] == "permission_table.read"
    put = clinic.call("PUT", draft, by="care_worker", json=secret, headers={"If-Match": tag})
    problem(await put, 403, "forbidden")
    unknown = sheet({"living": {"bedridden_level": VALUES["living.bedridden_level"], "typed_wrong": "HBV"}})
    hidden, _ = await entered(clinic, path, unknown)  # what it says cannot be told: all or nothing
    assert "document" not in (await clinic.get(hidden, by="care_worker")).json()
    assert (await clinic.get(hidden, by="nurse")).json()["document"] == unknown
    assert (await confirm(clinic, draft, tag, "nurse")).status_code == 201


async def test_listed_discarded_and_expired(region: Region, settings: Settings) -> None:
    clinic, _, path = await team(region)
    made = [await entered(clinic, path) for _ in range(3)]
    first = (await clinic.get(f"{path}/care-reports/drafts?limit=2", by="nurse")).json()
    rest = (await clinic.get(f"{path}/care-reports/drafts?after={first['next']}", by="nurse")).json()
    listed = [one["id"] for one in first["items"] + rest["items"]]
    assert listed == [draft.rpartition("/")[2] for draft, _ in reversed(made)]
    assert "document" not in first["items"][0] and rest["next"] is None
    assert (await clinic.call("DELETE", made[0][0], by="nurse")).status_code == 204
    problem(await clinic.get(made[0][0], by="nurse"), 404, "not-found")
    with owner(settings) as connection:
        age(connection, made[1][0])
        problem(await clinic.get(made[1][0], by="nurse"), 404, "not-found")  # at its hour, before anybody removes it
        problem(await confirm(clinic, *made[1]), 404, "not-found")
        async with worker_engine(settings) as worker:
            while await forget_drafts(worker):
                pass
        id_ = made[1][0].rpartition("/")[2]
        assert connection.execute("SELECT count(*) FROM drafts WHERE id = %s", [id_]).fetchone() == (0,)
        events = connection.execute(
            "SELECT actor_kind, action, outcome FROM audit_events WHERE record_id = %s AND action = 'draft.expire'",
            [id_],
        ).fetchall()
    assert events == [("worker", "draft.expire", "allowed")]
    left = (await clinic.get(f"{path}/care-reports/drafts", by="nurse")).json()["items"]
    assert [one["id"] for one in left] == [made[2][0].rpartition("/")[2]]
    log = (await clinic.get(f"{path}/access-log", by="physician")).json()["items"]
    assert any(entry["text"].endswith("基盤の定期処理が、期限の過ぎた記録の下書きを消去しました。") for entry in log)


def age(connection: psycopg.Connection, draft: str) -> None:
    connection.execute(
        "UPDATE drafts SET expires_at = now() - %s WHERE id = %s", [timedelta(seconds=1), draft.rpartition("/")[2]]
    )


async def test_one_that_is_over_makes_room_for_the_same_document(region: Region, settings: Settings) -> None:
    clinic, _, path = await team(region)
    document = report()
    draft, _ = await entered(clinic, path, document)
    with owner(settings) as connection:
        age(connection, draft)
    again, _ = await entered(clinic, path, report(source=document["source"], items={"urgency": "prompt"}))
    assert again != draft


@pytest.mark.parametrize("collection", ["face-sheets", "care-reports"])
async def test_drafts_is_no_records_id(region: Region, collection: str) -> None:
    clinic, _, path = await team(region)
    assert (await clinic.get(f"{path}/{collection}/drafts", by="nurse")).status_code == 200
    problem(await clinic.get(f"{path}/{collection}/drafts/{new_id()}", by="nurse"), 404, "not-found")
    problem(await clinic.get(f"{path}/{collection}/{new_id()}", by="nurse"), 404, "not-found")
