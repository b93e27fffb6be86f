"""Two registrations of one person, linked: read as one, opening no more than was consented to; and parted again."""

import pytest
from tests.factories import Region, agree, change, join, person, register, report, sheet, submit
from tests.http.feed import publish_all, read, worker_engine
from tests.http.inside import as_owner
from tests.http.problems import problem
from tests.http.twice import WHY, Twice, link, part, registered_twice, weigh, weights

from renkei.settings import Settings


@pytest.fixture
async def twice(region: Region) -> Twice:
    return await registered_twice(region)


async def test_a_linked_pair_reads_as_one_at_every_door(twice: Twice, settings: Settings) -> None:
    t = twice
    sheets = [await weigh(t.first, t.one, 50, 1), await weigh(t.second, t.two, 52, 2)]
    reports = [await submit(t.first, t.one, report()), await submit(t.second, t.two, report())]
    consents = [await agree(t.first, t.one), await agree(t.second, t.two)]
    made = await link(t.office, t.one, t.two)
    assert (made.status_code, made.json()) == (201, {"patient_id": t.one, "linked": [t.two]})
    for here, there in ((t.one, t.two), (t.two, t.one)):
        shown = await t.get(t.office, here)
        assert shown["id"] == here and [other["id"] for other in shown["linked"]] == [there]
        assert len(shown["identifiers"]) == 2
        summary = await t.get(t.office, here, "/summary")
        assert summary["linked"] == [there] and weights(summary) == [52, 50]
        assert {r["id"] for r in summary["care_reports"]} == {r["id"] for r in reports}
        listed = (await t.get(t.office, here, "/face-sheets"))["items"]
        assert [r["id"] for r in listed] == [sheets[1]["id"], sheets[0]["id"]]
        for record in sheets:
            assert (await t.get(t.office, here, f"/face-sheets/{record['id']}"))["id"] == record["id"]
        assert {c["id"] for c in (await t.get(t.office, here, "/consents"))["items"]} == set(consents)
        team = {place["organization"]["id"] for place in (await t.get(t.office, here, "/care-team"))["items"]}
        assert team == {v.id for v in (t.first, t.second, t.nurses, t.pharmacy, t.office)}
        access = {entry["organization"]["id"] for entry in (await t.get(t.office, here, "/access"))["items"]}
        assert access == team
        assert (await t.get(t.office, here, "/candidates"))["items"] == []
        (held,) = (await t.get(t.office, here, "/links"))["items"]
        assert (held["verdict"], held["reason"], held["patient_id"]) == ("linked", WHY, here)
    for query in ({}, {"kana": "タカハシ"}, {"birth_date": "1938-04-02"}, {"birth_date": "1938-04-12"}):
        (hit,) = (await t.office.get("/v1/patients", params=query)).json()["items"]
        assert hit["id"] == t.two and hit["linked"][0]["id"] == t.one
    # Who is tied under one id only finds the person there, and is told the whole of them.
    (hit,) = (await t.nurses.get("/v1/patients")).json()["items"]
    assert hit["id"] == t.one
    async with worker_engine(settings) as worker:
        await publish_all(worker)
    told = {line["record_id"] for line in await read(t.nurses, "nurse")}
    assert {*(s["id"] for s in sheets), *(r["id"] for r in reports)} <= told


async def test_each_consent_covers_whom_it_covered_and_stands_for_the_whole_person(twice: Twice) -> None:
    t = twice
    await weigh(t.first, t.one, 50, 1)
    await weigh(t.second, t.two, 52, 2)
    consent = await agree(t.first, t.one)
    await link(t.office, t.one, t.two)

    async def seen() -> list[list[int]]:
        readers = [(t.nurses, t.one), (t.nurses, t.two), (t.pharmacy, t.one), (t.pharmacy, t.two)]
        return [weights(await t.get(vendor, patient, "/summary", by="nurse")) for vendor, patient in readers]

    # The first team was consented to, the second never was: not by the link either.
    assert await seen() == [[52, 50], [52, 50], [], []]
    refused = await t.pharmacy.get(f"/v1/patients/{t.one}/face-sheets", by="nurse")
    assert refused.json()["items"] == []
    # A place in the first team is what its consent says.
    await join(t.first, t.pharmacy, t.one)
    assert await seen() == [[52, 50]] * 4
    withdrawn = await t.second.post(f"/v1/patients/{t.two}/consents/{consent}/withdrawal", {"reason": "申し出"})
    assert withdrawn.status_code == 201
    assert await seen() == [[]] * 4


async def test_an_exception_and_a_name_keep_their_meaning(twice: Twice, region: Region) -> None:
    t, named = twice, await region.found()
    await weigh(t.first, t.one, 50, 1)
    await weigh(t.second, t.two, 52, 2)
    await agree(t.first, t.one, recipients={"care_team": True, "except_organizations": [t.nurses.id]})
    await agree(t.second, t.two, recipients={"care_team": False, "organizations": [named.id]}, groups=["medical"])
    await link(t.office, t.one, t.two)
    assert weights(await t.get(t.nurses, t.one, "/summary", by="nurse")) == []
    assert weights(await t.get(named, t.one, "/summary", by="nurse")) == [52, 50]
    summary = await t.get(named, t.one, "/summary", by="nurse")
    assert {w["group"] for w in summary["withheld"]} >= {"living", "family"}


async def test_what_is_written_goes_to_the_id_addressed_and_corrections_to_their_document(twice: Twice) -> None:
    t = twice
    await agree(t.first, t.one)
    before = await weigh(t.second, t.two, 52, 2)
    await link(t.office, t.one, t.two)
    new = await weigh(t.nurses, t.two, 55, 3)
    assert new["patient_id"] == t.two
    for patient in (t.one, t.two):
        assert weights(await t.get(t.nurses, patient, "/summary", by="nurse")) == [55, 52]
    # Sent again, and corrected, under the other id: the document is where it was.
    source = before["source"]
    again = sheet({"medical": {"weight": 52}}, as_of="2026-06-02T10:00:00+09:00", source=source)
    repeated = await t.second.post(f"/v1/patients/{t.one}/face-sheets", again, by="nurse")
    assert (repeated.status_code, repeated.json()["patient_id"]) == (200, t.two)
    again["source"] = {**source, "version": 2}
    again["items"]["medical"]["weight"] = 53
    corrected = await submit(t.second, t.one, again, by="nurse")
    assert corrected["patient_id"] == t.two
    assert weights(await t.get(t.nurses, t.one, "/summary", by="nurse")) == [55, 53]
    taken_back = {"reason": "誤って送信"}
    path = f"/v1/patients/{t.one}/face-sheets/{new['id']}/withdrawal"
    assert (await t.nurses.post(path, taken_back, by="nurse")).status_code == 201
    assert weights(await t.get(t.nurses, t.two, "/summary", by="nurse")) == [53]


async def test_a_place_ends_for_the_whole_person(twice: Twice) -> None:
    t = twice
    await link(t.office, t.one, t.two)
    await t.first.call("DELETE", f"/v1/patients/{t.one}/care-team/{t.pharmacy.id}")
    await t.first.call("DELETE", f"/v1/patients/{t.two}/care-team/{t.office.id}")
    for vendor in (t.pharmacy, t.office):
        for patient in (t.one, t.two):
            assert (await vendor.get(f"/v1/patients/{patient}")).status_code == 404


async def test_who_may_link(twice: Twice, region: Region) -> None:
    t, stranger = twice, await region.found()
    for vendor in (t.first, t.second, t.nurses, stranger):
        assert (await link(vendor, t.one, t.two)).status_code == 404
    assert (await link(t.office, t.one, t.two, by="home_helper")).status_code == 403
    assert (await link(t.office, t.one, t.one)).status_code == 422
    assert (await link(region.admin, t.one, t.two)).status_code == 201
    assert (await link(t.office, t.one, t.two)).status_code == 200
    assert (await region.admin.get(f"/v1/patients/{t.two}/links")).json()["linked"] == [t.one]
    distinct = {"patient_id": t.two, "reason": "別人"}
    refused = await t.office.post(f"/v1/patients/{t.one}/distinctions", distinct)
    assert problem(refused, 409, "conflict")["reason_code"] == "linked"
    assert (await part(stranger, t.one, t.two)).status_code == 404
    assert (await part(t.nurses, t.one, t.two, by="home_helper")).status_code == 403
    assert (await part(t.nurses, t.one, t.two, by="nurse")).status_code == 201
    assert (await part(t.office, t.one, t.two)).status_code == 200
    assert (await part(t.first, t.one, stranger.id)).status_code == 404
    # Parted, each is a stranger to the other's team again, who learns nothing of what was.
    assert (await t.nurses.get(f"/v1/patients/{t.two}")).status_code == 404
    assert (await t.get(t.nurses, t.one, "/links"))["items"] == []


async def test_a_refusal_is_on_record_for_both(twice: Twice, settings: Settings) -> None:
    t = twice
    for refused in (
        await link(t.first, t.one, t.two),  # the other is hidden
        await link(t.second, t.one, t.two),  # the one addressed is
        await link(t.office, t.one, t.two, by="home_helper"),
    ):
        query = "SELECT patient_id::text, action, outcome, reason FROM audit_events WHERE request_id = %s"
        reason = refused.json().get("reason_code", "not-found")
        rows = as_owner(settings, query, refused.headers["x-request-id"])
        assert sorted(rows) == sorted((id_, "patient.link", "refused", reason) for id_ in (t.one, t.two))


async def test_numbers_of_both_are_one_person(twice: Twice, region: Region) -> None:
    t = twice
    numbers = [(await t.get(t.office, patient))["identifiers"][0] for patient in (t.one, t.two)]
    local = {"system": "local", "value": "C-1"}
    await change(t.office, t.two, identifiers=[local])
    sent = person(identifiers=[numbers[0], local])
    assert (await t.office.post("/v1/patients", sent)).status_code == 409
    await link(t.office, t.one, t.two)
    assert (await t.office.post("/v1/patients", sent)).json()["id"] == t.two
    emergency = {"reason": "意識なし", "life_at_risk": True, "consent_unobtainable": True}
    stranger = await region.found()
    kana = {"name_kana": {"family": "タカハシ", "given": "ハナ"}, "birth_date": "1938-04-12", "sex": "female"}
    await change(t.office, t.one, reason="correction", birth_date="1938-04-12")
    opened = await stranger.post("/v1/emergency-access", {**emergency, **kana}, by="physician")
    assert opened.status_code in (201, 404)  # other tests register people of this name, too
    by_number = {**emergency, "identifier": numbers[1]}
    opened = await stranger.post("/v1/emergency-access", by_number, by="physician")
    assert opened.status_code == 201 and opened.json()["patient_id"] == t.two


async def test_a_number_is_ended_where_it_stands(twice: Twice) -> None:
    t = twice
    await link(t.office, t.one, t.two)
    (number,) = (await t.get(t.second, t.two))["identifiers"][-1:]
    ended = await change(t.office, t.one, identifiers=[{**number, "valid_until": "2026-01-31"}])
    assert ended.status_code == 200, ended.text
    for patient in (t.one, t.two):
        shown = [n for n in (await t.get(t.office, patient))["identifiers"] if n["value"] == number["value"]]
        assert [n["valid_until"] for n in shown] == ["2026-01-31"]
    await part(t.office, t.one, t.two)
    assert number["value"] not in str((await t.get(t.office, t.one))["identifiers"])


async def test_three_are_one_and_part_where_they_were_joined(twice: Twice) -> None:
    t = twice
    three = await register(t.office, identifiers=[])
    await weigh(t.office, three, 60, 3)
    await weigh(t.office, t.one, 50, 1)
    await link(t.office, t.one, t.two)
    assert (await link(t.office, t.two, three)).json()["linked"] == sorted([t.one, three])
    for patient in (t.one, t.two, three):
        assert weights(await t.get(t.office, patient, "/summary", by="nurse")) == [60]
    refused = await part(t.office, t.one, three)
    assert problem(refused, 409, "conflict")["reason_code"] == "linked_through_another"
    assert (await part(t.office, t.two, t.one)).json() == {"patient_id": t.two, "linked": [three]}
    assert weights(await t.get(t.office, t.one, "/summary", by="nurse")) == [50]
    assert weights(await t.get(t.office, t.two, "/summary", by="nurse")) == [60]


async def test_an_event_for_each_id_and_one_line_in_the_log(twice: Twice, settings: Settings) -> None:
    t = twice
    await link(t.office, t.one, t.two)
    answer = await t.nurses.get(f"/v1/patients/{t.two}/summary", by="nurse")
    request = answer.headers["x-request-id"]
    rows = as_owner(settings, "SELECT patient_id::text, action FROM audit_events WHERE request_id = %s", request)
    assert sorted(rows) == sorted((patient, "summary.read") for patient in (t.one, t.two))
    for patient in (t.one, t.two):
        log = (await t.get(t.office, patient, "/access-log"))["items"]
        assert [e["action"] for e in log if e["request_id"] == request] == ["summary.read"]
    await part(t.office, t.one, t.two)
    for patient in (t.one, t.two):  # each still tells who has seen it
        log = (await t.get(t.office, patient, "/access-log"))["items"]
        assert [e["action"] for e in log if e["request_id"] == request] == ["summary.read"]
