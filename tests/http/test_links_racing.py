"""Links made and ended while others write, and while others link."""

import asyncio

import psycopg
import pytest
from tests.factories import Region, agree, register, report
from tests.http.inside import as_owner
from tests.http.problems import problem
from tests.http.twice import Twice, link, part, registered_twice

from renkei.settings import Settings


@pytest.fixture
async def twice(region: Region) -> Twice:
    return await registered_twice(region)


async def test_links_racing_with_writers_lose_nothing(twice: Twice) -> None:
    t = twice
    await agree(t.first, t.one)
    for turn in range(3):
        writes = [submit_or_again(t, patient, turn, n) for n in range(4) for patient in (t.one, t.two)]
        act = link(t.office, t.one, t.two) if turn != 1 else part(t.office, t.one, t.two)
        done, *_ = await asyncio.gather(act, *writes)
        assert done.status_code in (201, 409)
        summaries = [await t.get(t.office, patient, "/summary", by="nurse") for patient in (t.one, t.two)]
        lists = [await t.get(t.office, patient, "/care-reports", by="nurse") for patient in (t.one, t.two)]
        for summary, listed in zip(summaries, lists, strict=True):
            assert {r["id"] for r in summary["care_reports"]} == {r["id"] for r in listed["items"][:20]}


async def submit_or_again(t: Twice, patient: str, turn: int, n: int) -> None:
    """A report, sent again as 503 asks for when somebody has linked or parted the person in that very moment."""
    body = report(items={"observed_at": f"2026-06-0{turn + 1}T10:0{n}:00+09:00"})
    for _ in range(3):
        answer = await t.office.post(f"/v1/patients/{patient}/care-reports", body, by="nurse")
        if answer.status_code != 503:
            break
    assert answer.status_code in (200, 201), answer.text


async def test_two_links_at_once_make_one_person_or_one_conflict(twice: Twice) -> None:
    t = twice
    three = await register(t.office, identifiers=[])
    answers = await asyncio.gather(
        link(t.office, t.one, t.two), link(t.office, t.two, three), link(t.office, three, t.one)
    )
    assert {answer.status_code for answer in answers} <= {201, 409}
    for _ in range(2):  # who was told to look again does
        for one, two in ((t.one, t.two), (t.two, three)):
            assert (await link(t.office, one, two)).status_code in (200, 201)
    held = [(await t.get(t.office, patient, "/links"))["linked"] for patient in (t.one, t.two, three)]
    assert [{patient, *others} for patient, others in zip((t.one, t.two, three), held, strict=True)] == [
        {t.one, t.two, three}
    ] * 3


async def test_who_was_let_in_before_a_link_and_writes_after_it_is_asked_to_come_again(
    twice: Twice, settings: Settings
) -> None:
    """Between the gate's decision and the patient's lock two became one: the summary of the other id would miss it."""
    t, url = twice, settings.owner_database_url
    assert url is not None
    await t.office.get(f"/v1/patients/{t.one}", by="nurse")
    with psycopg.connect(url.get_secret_value()) as owner:
        owner.execute("SELECT FROM summaries WHERE patient_id = %s FOR UPDATE", [t.one])
        writing = asyncio.create_task(t.office.post(f"/v1/patients/{t.one}/care-reports", report(), by="nurse"))
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        for _ in range(200):
            await asyncio.sleep(0.02)
            if as_owner(settings, waiting) != [(0,)]:
                break
        save = "INSERT INTO linked_patients (patient_id, members, audit_event_id) VALUES (%s, %s::uuid[], %s)"
        for patient in (t.one, t.two):
            owner.execute(save, [patient, [t.one, t.two], t.one])
    problem(await writing, 503, "unavailable")
    again = await t.office.post(f"/v1/patients/{t.one}/care-reports", report(), by="nurse")
    assert again.status_code == 201
    for patient in (t.one, t.two):
        summary = await t.get(t.office, patient, "/summary", by="nurse")
        assert [line["id"] for line in summary["care_reports"]] == [again.json()["id"]]
