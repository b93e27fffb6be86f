"""What is registered of a person changes or is corrected: names, numbers with periods, who moved or died."""

import asyncio
from typing import Any

import pytest
from tests.access.world import tokyo
from tests.factories import Region, Vendor, agree, change, insured_number, insurer, join, person, register
from tests.http.feed import publish_all, read, worker_engine
from tests.http.inside import as_owner
from tests.http.problems import faults, problem

from renkei.settings import Settings

MARRIED = {
    "name": {"family": "𠮷田", "given": "ハナ"},
    "name_kana": {"family": "ヨシダ", "given": "ハナ"},
}


def ltci(prefix: str = "99012") -> dict[str, str]:
    return {"system": "ltci", "insurer": insurer(prefix), "value": insured_number()}


async def found(vendor: Vendor, **query: str) -> list[tuple[str, str | None]]:
    items = (await vendor.get("/v1/patients", params=query)).json()["items"]
    return [(item["id"], item.get("found_by")) for item in items]


async def numbers(vendor: Vendor, patient: str) -> list[dict[str, Any]]:
    return list((await vendor.get(f"/v1/patients/{patient}")).json()["identifiers"])


async def test_a_new_name_is_shown_and_the_old_one_still_finds_marked(region: Region) -> None:
    clinic = await region.found()
    patient = await register(clinic)
    before = await clinic.get(f"/v1/patients/{patient}")
    answer = await change(clinic, patient, **MARRIED)
    after = await clinic.get(f"/v1/patients/{patient}")
    assert answer.status_code == 200 and answer.json() == after.json()
    assert answer.headers["etag"] == after.headers["etag"] != before.headers["etag"]
    assert not answer.headers["etag"].startswith("W/")
    shown = after.json()
    (former,) = shown.pop("former_names")
    assert shown == {**before.json(), **MARRIED}
    assert {name: former[name] for name in MARRIED} == {name: before.json()[name] for name in MARRIED}
    assert await found(clinic, kana="ヨシダ") == await found(clinic, name="𠮷田") == [(patient, None)]
    assert await found(clinic, kana="たかはし") == await found(clinic, name="高橋") == [(patient, "earlier_name")]


async def test_a_correction_leaves_no_former_name(region: Region) -> None:
    clinic = await region.found()
    patient = await register(clinic)
    wrong = {"birth_date": "1938-04-12", "sex": "male", "name": {"family": "髙橋", "given": "華"}}
    shown = (await change(clinic, patient, reason="correction", **wrong)).json()
    assert "former_names" not in shown and {name: shown[name] for name in wrong} == wrong
    assert await found(clinic, birth_date="S13.4.12", name="高橋華") == [(patient, None)]
    taken = person(identifiers=shown["identifiers"])
    assert (await clinic.post("/v1/patients", taken | wrong)).json()["id"] == patient
    # As it was registered first, it is somebody else now.
    assert (await clinic.post("/v1/patients", taken)).status_code == 201


async def test_moving_to_another_insurer(region: Region) -> None:
    clinic, nurses, pharmacy = [await region.found(kind) for kind in ("clinic", "visiting_nursing", "pharmacy")]
    old, new = ltci(), ltci("99013")
    patient = await register(clinic, identifiers=[old])
    moved = {"on": tokyo(-3), "to": "架空県あかね市"}
    said = {"moved": moved, "identifiers": [{**old, "valid_until": tokyo(-4)}, {**new, "valid_from": tokyo(-3)}]}
    shown = (await change(clinic, patient, **said)).json()
    periods = [
        {**old, "valid_until": tokyo(-4), "current": False},
        {**new, "valid_from": tokyo(-3), "current": True},
    ]
    assert (shown["identifiers"], shown["moved"]) == (periods, moved)
    for number in (old, new):
        assert await found(clinic, identifier=f"ltci|{number['value']}") == [(patient, None)]
    # The new number finds the person, and so does the card of before: with birth date and sex.
    for office, number in ((nurses, new), (pharmacy, old)):
        answer = await office.post("/v1/patients", person(identifiers=[number]))
        assert (answer.status_code, answer.json()["id"], answer.json()["tie"]) == (200, patient, "requested")


async def test_a_number_that_has_ended_may_pass_on(region: Region, settings: Settings) -> None:
    clinic, other, third = [await region.found() for _ in range(3)]
    number = ltci()
    first = await register(clinic, identifiers=[number])
    await change(clinic, first, identifiers=[{**number, "valid_until": tokyo(-1)}])
    second = await register(other, identifiers=[number], birth_date="1950-01-01")
    noticed = "SELECT count(*) FROM possible_duplicates WHERE patient_id = %s"
    assert as_owner(settings, noticed, second) == [(0,)]
    for body, meant in (({}, first), ({"birth_date": "1950-01-01"}, second)):
        assert (await third.post("/v1/patients", person(identifiers=[number], **body))).json()["id"] == meant
    # Who has it now goes before who had it, though born on the same day.
    twin = await change(other, second, reason="correction", birth_date="1938-04-02")
    assert twin.status_code == 200
    assert (await third.post("/v1/patients", person(identifiers=[number]))).json()["id"] == second


async def test_ones_own_number_that_has_ended_proves_nothing(region: Region) -> None:
    clinic = await region.found()
    local = {"system": "local", "value": "A-1"}
    patient = await register(clinic, identifiers=[local])
    await change(clinic, patient, identifiers=[{**local, "valid_until": tokyo(-1)}])
    assert (await clinic.post("/v1/patients", person(identifiers=[local]))).status_code == 201


async def test_a_number_recorded_in_error_finds_nobody(region: Region) -> None:
    clinic, other = await region.found(), await region.found()
    wrong, right = ltci(), ltci()
    patient = await register(clinic, identifiers=[wrong])
    shown = await change(clinic, patient, reason="correction", identifiers=[{**wrong, "mistaken": True}, right])
    assert shown.json()["identifiers"] == [right]
    assert await found(clinic, identifier=f"ltci|{wrong['value']}") == []
    assert await found(clinic, identifier=f"ltci|{right['value']}") == [(patient, None)]
    assert (await other.post("/v1/patients", person(identifiers=[wrong]))).status_code == 201
    # And it may turn out to have been right after all.
    assert (await change(clinic, patient, reason="correction", identifiers=[wrong])).json()["identifiers"] == [
        wrong,
        right,
    ]
    assert await found(clinic, identifier=f"ltci|{wrong['value']}") == [(patient, None)]


async def test_a_number_somebody_else_has_is_noted_and_nothing_told(region: Region, settings: Settings) -> None:
    clinic, other = await region.found(), await region.found()
    number = ltci()
    one, two = await register(clinic, identifiers=[number]), await register(other, identifiers=[])
    answer = await change(other, two, identifiers=[number])
    assert answer.status_code == 200 and one not in answer.text
    noticed = "SELECT other_patient_id::text FROM possible_duplicates WHERE patient_id = %s"
    assert as_owner(settings, noticed, two) == [(one,)]


async def test_death_is_a_fact_with_a_day_and_can_be_taken_back(region: Region) -> None:
    clinic = await region.found()
    patient = await register(clinic)
    assert (await change(clinic, patient, died={"on": tokyo(-1)})).json()["died"] == {"on": tokyo(-1)}
    assert "died" not in (await change(clinic, patient, reason="correction", died=None)).json()


async def test_a_stale_or_missing_etag_is_412_and_the_answer_has_the_one_that_holds(region: Region) -> None:
    clinic = await region.found()
    patient = await register(clinic)
    path, body = f"/v1/patients/{patient}", {"reason": "change", **MARRIED}
    stale = (await clinic.get(path)).headers["etag"]
    await change(clinic, patient, died={"on": tokyo()})
    for sent in ({"If-Match": stale}, {}, {"If-Match": "*"}):
        refused = await clinic.call("PATCH", path, json=body, headers=sent)
        problem(refused, 412, "precondition-failed")
        assert refused.headers["etag"] == (await clinic.get(path)).headers["etag"]
    assert "former_names" not in (await clinic.get(path)).json()


async def test_of_racing_changes_one_stands(region: Region, settings: Settings) -> None:
    clinic = await region.found()
    patient = await register(clinic)
    path = f"/v1/patients/{patient}"
    for turn in range(3):
        stands = {"If-Match": (await clinic.get(path)).headers["etag"]}
        bodies = [{"reason": "change", "moved": {"on": tokyo(), "to": f"{turn}の{n}"}} for n in range(8)]
        race = [clinic.call("PATCH", path, json=body, headers=stands) for body in bodies]
        answers = await asyncio.gather(*race)
        (won,) = [body for body, answer in zip(bodies, answers, strict=True) if answer.status_code == 200]
        assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7
        assert (await clinic.get(path)).json()["moved"] == won["moved"]
    rows = as_owner(settings, "SELECT count(*) FROM patient_particulars WHERE patient_id = %s", patient)
    assert rows == [(4,)]


async def test_registering_by_a_number_that_is_just_being_given_finds_the_person(region: Region) -> None:
    clinic, nurses = await region.found(), await region.found("visiting_nursing")
    await nurses.get("/v1/me")
    for _ in range(3):
        patient, number = await register(clinic, identifiers=[ltci()]), ltci("99013")
        changed, registered = await asyncio.gather(
            change(clinic, patient, identifiers=[number]), nurses.post("/v1/patients", person(identifiers=[number]))
        )
        assert changed.status_code == 200
        if registered.status_code == 200:
            assert registered.json()["id"] == patient
        again = await nurses.post("/v1/patients", person(identifiers=[number]))
        assert again.status_code == 200 and again.json()["id"] in (patient, registered.json()["id"])


async def test_the_same_again_changes_nothing_and_is_no_news(region: Region) -> None:
    clinic, nurses = await region.found(), await region.found("visiting_nursing")
    patient = await register(clinic)
    await join(clinic, nurses, patient)
    first = await change(clinic, patient, **MARRIED)
    again = await change(clinic, patient, **MARRIED)
    assert (again.json(), again.headers["etag"]) == (first.json(), first.headers["etag"])


async def test_the_team_is_told_and_who_only_matched_a_number_is_not(region: Region, settings: Settings) -> None:
    clinic, nurses, stranger = [await region.found(kind) for kind in ("clinic", "visiting_nursing", "pharmacy")]
    number = ltci()
    patient = await register(clinic, identifiers=[number])
    await join(clinic, nurses, patient)
    await stranger.post("/v1/patients", person(identifiers=[number]))
    await change(clinic, patient, **MARRIED)
    async with worker_engine(settings) as worker:
        await publish_all(worker)
    told = [await read(vendor, None, patient=patient) for vendor in (nurses, stranger)]
    (line,) = [line for line in told[0] if line["kind"] == "patient.change"]
    assert line["href"] == f"/v1/patients/{patient}"
    assert "patient.change" not in {line["kind"] for line in told[1]}
    assert "𠮷田" not in (await stranger.get(f"/v1/patients/{patient}")).text
    assert (await change(stranger, patient, died={"on": tokyo()})).status_code == 403


async def test_who_may_change_a_person(region: Region) -> None:
    clinic, nurses, named, stranger = [await region.found() for _ in range(4)]
    patient = await register(clinic)
    await join(clinic, nurses, patient)
    await agree(clinic, patient, recipients={"care_team": False, "organizations": [named.id], "professions": []})
    died: dict[str, Any] = {"died": {"on": tokyo()}}
    assert (await change(nurses, patient, by="nurse", **died)).status_code == 200
    assert (await change(nurses, patient, by="home_helper", **died)).status_code == 403
    refused = problem(await change(named, patient, by="physician", **died), 403, "forbidden")
    assert refused["reason_code"] == "not_in_care_team"
    assert (await change(stranger, patient, by="physician", **died)).status_code == 404
    assert (await change(region.admin, patient, **died)).status_code == 403


BAD: dict[str, tuple[dict[str, Any], set[tuple[str, str]]]] = {
    "nothing": ({}, {("", "empty")}),
    "no kana": ({"name": MARRIED["name"]}, {("/name_kana", "required")}),
    "no name": ({"reason": "correction", "name": None}, {("/name", "type")}),
    "no reason": ({"reason": None, "died": {"on": "2026-01-01"}}, {("/reason", "code")}),
    "period": (
        {"identifiers": [{**ltci(), "valid_from": "2026-02-01", "valid_until": "2026-01-01"}]},
        {("/identifiers/0/valid_until", "reversed")},
    ),
    "twice": ({"identifiers": [{"system": "local", "value": "1", "valid_until": d} for d in (None, "2026-01-01")]},
              {("/identifiers", "repeated")}),
    "never there": ({"identifiers": [{**ltci(), "mistaken": True}]}, {("/identifiers/0", "unknown")}),
    "future": ({"birth_date": "2999-01-01"}, {("/birth_date", "future")}),
    "not yet dead": ({"died": {"on": "2999-01-01"}}, {("/died/on", "future")}),
    "before birth": ({"died": {"on": "1938-04-01"}, "moved": {"on": "1938-04-01"}},
                     {("/died/on", "order"), ("/moved/on", "order")}),
    "unknown": ({"died": {"on": "2026-01-01", "of": "x"}, "address": "x"}, {("/died/of", "unknown"), ("/address", "unknown")}),
}  # fmt: skip


@pytest.mark.parametrize(("said", "expected"), BAD.values(), ids=BAD.keys())
async def test_a_faulty_change(region: Region, said: dict[str, Any], expected: set[tuple[str, str]]) -> None:
    clinic = await region.found()
    patient = await register(clinic)
    before = (await clinic.get(f"/v1/patients/{patient}")).json()
    assert faults(problem(await change(clinic, patient, **said), 422, "invalid")) == expected
    assert (await clinic.get(f"/v1/patients/{patient}")).json() == before


async def test_a_period_that_would_end_before_it_began_is_refused_though_said_in_two_steps(region: Region) -> None:
    clinic = await region.found()
    number = ltci()
    patient = await register(clinic, identifiers=[number])
    await change(clinic, patient, identifiers=[{**number, "valid_from": "2026-03-01"}])
    refused = problem(
        await change(clinic, patient, identifiers=[{**number, "valid_until": "2026-02-01"}]), 422, "invalid"
    )
    assert faults(refused) == {("/identifiers/0/valid_until", "reversed")}
    assert (await numbers(clinic, patient))[0]["valid_from"] == "2026-03-01"
