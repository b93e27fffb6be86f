"""NDJSON: many lines at once, each decided, recorded and announced as if it had been sent alone; through crashes, once."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from tests.bulk.work import finish, importer
from tests.factories import Region, Vendor, agree, join, person, register, report, sheet, submit
from tests.http.inside import as_owner

from renkei.settings import Settings
from renkei.store import jobs
from renkei.worker import importing
from renkei.worker.importing import Importer

NDJSON = {"Content-Type": "application/x-ndjson"}
COUNTS = """
SELECT (SELECT count(*) FROM records WHERE patient_id = p.id), (SELECT count(*) FROM changes WHERE patient_id = p.id AND record_id IS NOT NULL),
  (SELECT count(*) FROM audit_events WHERE patient_id = p.id AND action LIKE '%%.submit' AND outcome = 'allowed'),
  (SELECT count(*) FROM import_rows WHERE patient_id = p.id)
FROM (SELECT %s::uuid AS id) p
"""


@pytest.fixture
async def worker(settings: Settings) -> AsyncIterator[Importer]:
    async with importer(settings) as made:
        yield made


def lines(*said: dict[str, Any]) -> bytes:
    """One object a line."""
    return b"".join(json.dumps(one, ensure_ascii=False).encode() + b"\n" for one in said)


def line(patient: str, body: dict[str, Any]) -> dict[str, Any]:
    """A document about somebody."""
    kind = "care_report" if "care_report" in body["items"] else "face_sheet"
    return {"kind": kind, "patient_id": patient, "body": body}


async def take_in(
    vendor: Vendor, worker: Importer, content: bytes, by: str | None = "nurse", **query: Any
) -> dict[str, Any]:
    """Send lines and see them done."""
    sent = await vendor.call("POST", "/v1/imports", by=by, content=content, headers=NDJSON, params=query)
    assert sent.status_code == 202, sent.text
    return await finish(worker, vendor, sent.json()["id"], by=by)


async def errors(vendor: Vendor, import_id: str, by: str = "nurse") -> dict[int, set[tuple[str, str]]]:
    """Row → pointer and code of each fault."""
    told = (await vendor.get(f"/v1/imports/{import_id}/errors", by=by)).json()["items"]
    return {row["row"]: {(one["pointer"], one["code"]) for one in row["errors"]} for row in told}


async def test_people_sheets_and_reports_in_one_file(region: Region, worker: Importer, settings: Settings) -> None:
    nurses = await region.found("visiting_nursing")
    somebody = person(identifiers=[{"system": "local", "value": "A-1"}])
    about = {"identifier": {"system": "local", "value": "A-1"}}
    documents = [report(items={"body_temperature": 36.5 + n / 10}) for n in range(3)]
    sent = lines(
        {"kind": "patient", "body": somebody},
        {"kind": "face_sheet", **about, "body": sheet({"medical": {"weight": 51}})},
        *({"kind": "care_report", **about, "body": body} for body in documents),
    )
    job = await take_in(nurses, worker, sent)
    assert (job["state"], job["kept"], job["wrong"], job["rejected"]) == ("done", 5, 0, None), job
    (found,) = (await nurses.get("/v1/patients", by="nurse")).json()["items"]
    summary = (await nurses.get(f"/v1/patients/{found['id']}/summary", by="nurse")).json()
    assert summary["groups"]["medical"]["weight"]["value"] == 51
    assert len(summary["care_reports"]) == 3
    assert as_owner(settings, COUNTS, UUID(found["id"])) == [(4, 4, 4, 4)]
    again = await take_in(nurses, worker, sent)
    assert (again["kept"], again["repeated"]) == (0, 5)
    assert as_owner(settings, COUNTS, UUID(found["id"])) == [(4, 4, 8, 4)]  # each retry is an event, and nothing else


async def test_each_line_is_decided_as_if_it_had_been_sent_alone(region: Region, worker: Importer) -> None:
    clinic, nurses, stranger = await region.found(), await region.found("visiting_nursing"), await region.found()
    mine, hidden = await register(clinic), await register(stranger)
    await join(clinic, nurses, mine)
    first = report()
    await submit(nurses, mine, first, by="nurse")
    other = {**first, "items": {"care_report": {**first["items"]["care_report"], "body": "別の内容"}}}
    twice = report()
    differs = {**twice, "items": {"care_report": {**twice["items"]["care_report"], "body": "また別"}}}
    newer = {**twice, "source": {**twice["source"], "version": 2}}
    sent = lines(
        line(mine, first),
        line(mine, other),
        line(hidden, report()),
        line("01a21c06-468d-702d-8b24-b3b382df978c", report()),
        line(mine, report(items={"body_temperature": 60})),
        line(mine, sheet({"medical": {"diagnosis": [{"name": "肺炎", "role": "primary"}]}})),
        line(mine, twice),
        line(mine, twice),
        line(mine, differs),
        line(mine, newer),
        {"kind": "care_report", "identifier": {"system": "local", "value": "nobody's"}, "body": report()},
    )
    job = await take_in(nurses, worker, sent, by="home_helper")
    told = await errors(nurses, job["id"], by="home_helper")
    assert told[2] == {("", "content_differs")} == told[9]
    assert told[3] == told[4] == told[11] == {("", "not_found")}
    assert told[5] == {("/items/care_report/body_temperature", "bounds")}
    assert told[6] == {("", "profession")}
    assert set(told) == {2, 3, 4, 5, 6, 9, 11}
    assert (job["kept"], job["repeated"], job["wrong"]) == (2, 2, 7)
    rejected = (await nurses.get(f"/v1/imports/{job['id']}/rejected", by="home_helper")).text.splitlines()
    assert [json.loads(one)["line"] for one in rejected] == [2, 3, 4, 5, 6, 9, 11]
    assert (await nurses.get(f"/v1/imports/{job['id']}/rejected", by="nurse")).status_code == 404
    log = (await clinic.get(f"/v1/patients/{mine}/access-log", by="physician")).json()["items"]
    assert sum(one["outcome"] == "refused" for one in log) == 3


async def test_the_summary_is_the_same_as_by_one_request_each(region: Region, worker: Importer) -> None:
    clinic = await region.found()
    alone, many = await register(clinic), await register(clinic)
    moments = [f"2026-05-{1 + n * 7 % 28:02}T10:00:00+09:00" for n in range(28)]
    reports = [report(items={"observed_at": moment, "body": f"第{n}回"}) for n, moment in enumerate(moments)]
    sheets = [sheet({"medical": {"weight": 40 + n}}, as_of=f"2026-05-{20 - n:02}T10:00:00+09:00") for n in range(3)] + [
        sheet({"medical": {"height": 150}}, as_of="2026-05-25T10:00:00+09:00")
    ]
    for body in [*reports, *sheets]:
        await submit(clinic, alone, body, by="physician")
    job = await take_in(clinic, worker, lines(*(line(many, body) for body in [*reports, *sheets])), by="physician")
    assert (job["kept"], job["wrong"]) == (32, 0)
    shown = []
    for patient in (alone, many):
        summary = (await clinic.get(f"/v1/patients/{patient}/summary", by="physician")).json()
        told = [(one["observed_at"], one["body"]) for one in summary["care_reports"]]
        values = {name: entry["value"] for name, entry in summary["groups"]["medical"].items()}
        shown.append((told, values))
    assert shown[0] == shown[1] and len(shown[0][0]) == 20


async def test_a_worker_that_dies_leaves_a_batch_whole_or_not_at_all(
    region: Region, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic = await region.found()
    patient = await register(clinic)
    sent = [{"kind": "patient", "body": person(identifiers=[{"system": "local", "value": "B-1"}])}]
    sent += [line(patient, report()) for _ in range(40)]
    started = await clinic.call("POST", "/v1/imports", by="nurse", content=lines(*sent), headers=NDJSON)
    import_id = started.json()["id"]
    noted, dies = jobs.note, {"at": 3}

    def note(tx: Any, job: Any, **changes: Any) -> None:
        """Dies between what a batch has written and its commit, again and again."""
        if str(job.id) == import_id and changes.get("done", 0) > dies["at"]:
            dies["at"] += 11
            raise KeyboardInterrupt
        noted(tx, job, **changes)

    monkeypatch.setattr(importing.jobs, "note", note)
    for _ in range(100):
        async with importer(settings, batch=7) as worker:  # another worker after each death
            try:
                while await worker.work():
                    pass
                break
            except KeyboardInterrupt:
                continue
    job = (await clinic.get(f"/v1/imports/{import_id}", by="nurse")).json()
    assert dies["at"] > 20
    assert (job["state"], job["progress"], job["kept"], job["wrong"]) == ("done", {"done": 41, "total": 41}, 41, 0)
    assert as_owner(settings, COUNTS, UUID(patient)) == [(40, 40, 40, 40)]


async def test_who_may_no_longer_act_stops_in_the_middle(region: Region, settings: Settings) -> None:
    clinic = await region.found()
    patient = await register(clinic)
    started = await clinic.call(
        "POST", "/v1/imports", by="nurse", content=lines(*(line(patient, report()) for _ in range(20))), headers=NDJSON
    )
    path = f"/v1/imports/{started.json()['id']}"
    async with importer(settings, batch=5) as worker:
        while (await clinic.get(path, by="nurse")).json()["kept"] < 10:
            await worker.work()
        as_owner(settings, "UPDATE delegations SET professions = '{pt}' WHERE organization_id = %s", UUID(clinic.id))
        for _ in range(3):
            await worker.work()
    as_owner(settings, "UPDATE delegations SET professions = '{nurse}' WHERE organization_id = %s", UUID(clinic.id))
    job = (await clinic.get(path, by="nurse")).json()
    assert (job["state"], job["reason"], job["kept"]) == ("failed", "standing_lost", 10)


async def test_undone_and_cancelled(region: Region, worker: Importer) -> None:
    clinic = await region.found()
    patient = await register(clinic)
    await agree(clinic, patient)
    before = await submit(clinic, patient, report(), by="physician")
    bodies = [report() for _ in range(3)]
    job = await take_in(
        clinic,
        worker,
        lines(*(line(patient, body) for body in bodies), line(patient, sheet({"medical": {"weight": 60}}))),
        by="physician",
    )
    path = f"/v1/imports/{job['id']}"
    records = (await clinic.get(f"/v1/patients/{patient}/care-reports", by="physician")).json()["items"]
    gone = next(one["id"] for one in records if one["id"] != before["id"])
    await clinic.post(f"/v1/patients/{patient}/care-reports/{gone}/withdrawal", {"reason": "別の理由"}, by="physician")
    answer = await clinic.post(f"{path}/undo", {"reason": "別の利用者の記録だった"}, by="physician")
    assert answer.status_code == 202 and answer.json()["state"] == "queued"
    job = await finish(worker, clinic, job["id"], by="physician")
    assert (job["state"], job["undone"]) == ("undone", {"withdrawn": 3, "left": 1})
    records = (await clinic.get(f"/v1/patients/{patient}/care-reports", by="physician")).json()["items"]
    assert [one["id"] for one in records if "withdrawn_at" not in one] == [before["id"]]
    assert {one.get("withdrawal_reason") for one in records} == {None, "別の理由", "別の利用者の記録だった"}
    summary = (await clinic.get(f"/v1/patients/{patient}/summary", by="physician")).json()
    assert [one["id"] for one in summary["care_reports"]] == [before["id"]]
    assert (await clinic.post(f"{path}/undo", {"reason": "もう一度"}, by="physician")).status_code == 409
    assert (await clinic.call("DELETE", path, by="physician")).status_code == 409
    waiting = await clinic.call(
        "POST", "/v1/imports?check=true", by="nurse", content=lines(line(patient, report())), headers=NDJSON
    )
    path = f"/v1/imports/{waiting.json()['id']}"
    assert (await clinic.post(f"{path}/undo", {"reason": "まだ"}, by="nurse")).status_code == 409
    assert (await clinic.call("DELETE", path, by="nurse")).json()["state"] == "cancelled"
    assert (await clinic.call("DELETE", path, by="nurse")).json()["state"] == "cancelled"
    assert (await clinic.post(f"{path}/confirmation", {}, by="nurse")).status_code == 409


async def test_all_or_nothing(region: Region, worker: Importer, settings: Settings) -> None:
    clinic = await region.found()
    patient = await register(clinic)
    bad = report(items={"body_temperature": 99})
    job = await take_in(clinic, worker, lines(line(patient, report()), line(patient, bad)), partial="false")
    assert (job["state"], job["reason"], job["kept"], job["wrong"]) == ("failed", "rows_invalid", 0, 1)
    assert as_owner(settings, COUNTS, UUID(patient)) == [(0, 0, 0, 0)]
    job = await take_in(clinic, worker, lines(line(patient, report())), partial="false")
    assert (job["state"], job["kept"]) == ("done", 1)


async def test_nobody_else_sees_an_import(region: Region, worker: Importer) -> None:
    clinic, stranger = await region.found(), await region.found()
    patient = await register(clinic)
    job = await take_in(clinic, worker, lines(line(patient, report())))
    assert (await stranger.get(f"/v1/imports/{job['id']}", by="nurse")).status_code == 404
    assert (await stranger.get("/v1/imports", by="nurse")).json()["items"] == []
    assert [one["id"] for one in (await clinic.get("/v1/imports", by="nurse")).json()["items"]] == [job["id"]]
    family = await clinic.call(
        "POST", "/v1/imports", by="family", content=lines(line(patient, report())), headers=NDJSON
    )
    assert family.status_code == 403
    assert (await region.admin.get("/v1/imports")).status_code == 403
