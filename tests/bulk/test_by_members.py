"""Imports and exports by a member who has signed in, in place of a system: the same work, with a post's rights, and step-up."""

from datetime import timedelta
from typing import Any

import pytest
from tests.access.world import owner
from tests.bulk.test_exports import export, fetched
from tests.bulk.test_import_lines import NDJSON, line, lines, take_in
from tests.bulk.work import finish
from tests.factories import Region, register, report
from tests.http.problems import problem
from tests.people.posts import Staff

from renkei.access.sessions import cookie_hash
from renkei.settings import Settings
from renkei.worker.labour import Labour


@pytest.fixture
async def staff(region: Region, settings: Settings) -> Staff:
    return Staff.of(await region.found("visiting_nursing"), settings)


def proved(staff: Staff, by: str, ago: timedelta) -> None:
    """When this member last showed a second factor."""
    _, cookie = staff.member(by)
    assert staff.settings is not None
    with owner(staff.settings) as database:
        said = "UPDATE sessions SET authenticated_at = now() - %s WHERE secret_hash = %s"
        database.execute(said, [ago, cookie_hash(cookie)])
    transport: Any = staff.http._transport
    transport.app.state.service.sessions.forget(cookie)


async def test_a_member_takes_in_undoes_and_is_named_on_what_was_made(
    staff: Staff, labour: Labour, settings: Settings
) -> None:
    patient = await register(staff, by="nurse")
    sent = lines(*(line(patient, report()) for _ in range(3)))
    proved(staff, "nurse", timedelta(hours=1))  # taking in asks for no second factor
    job = await take_in(staff, labour.importer, sent)
    assert (job["state"], job["kept"], job["wrong"]) == ("done", 3, 0)
    nurse = staff.account("nurse")
    assert (job["requested_by"]["user_id"], job["requested_by"]["profession"]) == (nurse, "nurse")
    with owner(settings) as database:
        kept = database.execute(
            "SELECT count(*), array_agg(DISTINCT user_id), bool_and(client_id IS NULL) FROM records WHERE patient_id = %s",
            [patient],
        ).fetchone()
        events = database.execute(
            "SELECT DISTINCT actor_kind, user_id FROM audit_events WHERE patient_id = %s AND action = 'care_report.submit'",
            [patient],
        ).fetchall()
    assert kept == (3, [nurse], True) and events == [("member", nurse)]
    # A colleague sees that it was, and not its lines.
    assert (await staff.get(f"/v1/imports/{job['id']}", by="physician")).status_code == 200
    assert (await staff.get(f"/v1/imports/{job['id']}/rejected", by="physician")).status_code == 404
    undo = await staff.post(f"/v1/imports/{job['id']}/undo", {"reason": "別の利用者の記録だった"}, by="nurse")
    assert undo.status_code == 202
    job = await finish(labour.importer, staff, job["id"], by="nurse")
    assert (job["state"], job["undone"]) == ("undone", {"withdrawn": 3, "left": 0})


async def test_an_import_ends_with_the_post_and_goes_on_without_the_session(
    staff: Staff, labour: Labour, settings: Settings
) -> None:
    patient = await register(staff, by="nurse")
    labour.importer.batch = 2
    for sql, by, state, kept in (
        ("UPDATE sessions SET ended_at = now() WHERE member_id = %s", "nurse", "done", 6),
        ("UPDATE members SET ended_at = now() WHERE id = %s", "physician", "failed", 2),
    ):
        sent = lines(*(line(patient, report()) for _ in range(6)))
        started = await staff.call("POST", "/v1/imports", by=by, content=sent, headers=NDJSON)
        assert started.status_code == 202, started.text
        path = started.headers["Location"]
        while (await staff.get(path, by=by)).json()["kept"] < 2:
            await labour.importer.work()
        with owner(settings) as database:
            database.execute(sql, [staff.member(by)[0]])
        job = await finish(labour.importer, staff, started.json()["id"], by="pharmacist")
        assert (job["state"], job["kept"]) == (state, kept), job
    assert job["reason"] == "standing_lost"


async def test_an_office_without_a_profession_takes_nothing_in_and_out(staff: Staff) -> None:
    patient = await register(staff, by="nurse")
    sent = await staff.call("POST", "/v1/imports", content=lines(line(patient, report())), headers=NDJSON)
    assert sent.status_code == 403
    assert (await staff.post("/v1/exports", {"what": "own_records", "format": "ndjson"})).status_code == 403


async def test_a_member_takes_out_only_on_a_second_factor_of_minutes_ago(
    staff: Staff, labour: Labour, settings: Settings
) -> None:
    patient = await register(staff, by="nurse")
    await take_in(staff, labour.importer, lines(line(patient, report())))
    said = {"what": "patient", "patient_id": patient, "format": "ndjson"}
    proved(staff, "nurse", timedelta(minutes=6))
    told = problem(await staff.post("/v1/exports", said, by="nurse"), 403, "forbidden")
    assert told["reason_code"] == "not_proved_recently"
    proved(staff, "nurse", timedelta())
    job = await export(staff, labour, **said)
    assert job["state"] == "done" and b"care_report" in await fetched(staff, job)
    # A colleague's post is another one, and so is the same person's file an hour later without a second factor.
    assert (await staff.get(job["file"], by="physician")).status_code == 404
    proved(staff, "nurse", timedelta(minutes=6))
    for method, path in (("GET", job["file"]), ("GET", "/v1/exports"), ("DELETE", f"/v1/exports/{job['id']}")):
        told = problem(await staff.call(method, path, by="nurse"), 403, "forbidden")
        assert told["reason_code"] == "not_proved_recently", path
    # What was asked for in time is made, though the worker comes later.
    proved(staff, "nurse", timedelta())
    asked = await staff.post(
        "/v1/exports", {"what": "own_records", "format": "csv", "sheet": "care_reports"}, by="nurse"
    )
    proved(staff, "nurse", timedelta(minutes=6))
    for _ in range(20):
        await labour.exporter.work()
    proved(staff, "nurse", timedelta())
    assert (await staff.get(asked.headers["Location"], by="nurse")).json()["state"] == "done"
