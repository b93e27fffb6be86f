"""Registering people: whom a number proves, whom it does not, and what one learns by it (design §7)."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from tests.factories import (
    Region,
    Vendor,
    agree,
    insured_number,
    insurer,
    join,
    person,
    register,
    report,
    sheet,
    submit,
)
from tests.http.inside import as_owner
from tests.http.problems import faults, problem

from renkei.settings import Settings

LOCAL = {"system": "local", "value": "A-001"}


def ltci() -> dict[str, str]:
    return {"system": "ltci", "insurer": insurer(), "value": insured_number()}


def health(**changes: Any) -> dict[str, str]:
    return {"system": "health_insurance", "insurer": "39990015", "value": insured_number(), **changes}


async def post(vendor: Vendor, body: dict[str, Any], by: str | None = None) -> tuple[int, dict[str, Any]]:
    answer = await vendor.post("/v1/patients", body, by=by)
    assert answer.status_code in (200, 201), answer.text
    assert answer.headers["location"] == f"/v1/patients/{answer.json()['id']}"
    return answer.status_code, dict(answer.json())


async def test_a_new_person_and_the_team_begins(region: Region) -> None:
    for kind, part in (
        ("clinic", "attending_physician"),
        ("care_management", "care_management"),
        ("pharmacy", "pharmacy"),
    ):
        office = await region.found(kind)
        body = person()
        status, made = await post(office, body)
        assert status == 201 and made == {"id": made["id"], **body, "tie": "care_team", "part": part}
        assert await post(office, body) == (200, made)
        team = (await office.get(f"/v1/patients/{made['id']}/care-team")).json()["items"]
        assert [(p["organization"]["id"], p["part"], p["current"]) for p in team] == [(office.id, part, True)]


@pytest.mark.parametrize("number", [ltci, health, lambda: health(symbol="記号12", branch="01")])
async def test_a_whole_number_with_birth_date_and_sex_is_the_same_person(region: Region, number: Any) -> None:
    clinic, nurses = await region.found(), await region.found("visiting_nursing")
    known = number()
    patient = await register(clinic, identifiers=[known], name={"family": "神谷", "given": "清"})
    sent = person(identifiers=[known, {"system": "local", "value": "N-77"}], name={"family": "神谷", "given": "キヨシ"})
    status, matched = await post(nurses, sent)
    assert status == 200 and matched == {"id": patient, **sent, "tie": "requested"}
    assert (await nurses.get(f"/v1/patients/{patient}")).json() == matched
    assert await post(nurses, sent) == (200, matched)  # and asks once
    team = (await clinic.get(f"/v1/patients/{patient}/care-team")).json()
    assert [(r["organization"]["id"], r["part"]) for r in team["requests"]] == [(nurses.id, "visiting_nursing")]
    assert [place["organization"]["id"] for place in team["items"]] == [clinic.id]


@pytest.mark.parametrize(
    "change",
    [{"insurer": insurer("99013")}, {"value": "1234567890"}],
    ids=["another insurer", "another number"],
)
async def test_part_of_a_number_proves_nothing(region: Region, change: dict[str, str]) -> None:
    clinic, other = await region.found(), await region.found()
    known = ltci()
    patient = await register(clinic, identifiers=[known])
    status, made = await post(other, person(identifiers=[{**known, **change}]))
    assert status == 201 and made["id"] != patient


@pytest.mark.parametrize("change", [{"symbol": "別"}, {"branch": "02"}, {"symbol": None, "branch": None}])
async def test_symbol_and_branch_belong_to_the_number(region: Region, change: dict[str, Any]) -> None:
    clinic, other = await region.found(), await region.found()
    known = health(symbol="記号12", branch="01")
    patient = await register(clinic, identifiers=[known])
    sent = {name: value for name, value in {**known, **change}.items() if value is not None}
    status, made = await post(other, person(identifiers=[sent]))
    assert status == 201 and made["id"] != patient


async def test_widths_of_letters_do_not_make_another_number(region: Region) -> None:
    clinic, other = await region.found(), await region.found()
    known = health(symbol="記号12", value="0012")
    patient = await register(clinic, identifiers=[known])
    wide = {**known, "symbol": "記号１２", "value": "００１２"}
    status, matched = await post(other, person(identifiers=[wide]))
    assert (status, matched["id"]) == (200, patient) and matched["identifiers"] == [wide]


@pytest.mark.parametrize("change", [{"birth_date": "1938-04-03"}, {"sex": "male"}])
async def test_same_number_of_another_person_is_a_possible_duplicate(
    region: Region, settings: Settings, change: dict[str, str]
) -> None:
    clinic, nurses = await region.found(), await region.found("visiting_nursing")
    known = ltci()
    patient = await register(clinic, identifiers=[known])
    status, made = await post(nurses, person(identifiers=[known], **change))
    assert status == 201 and made["id"] != patient and made["tie"] == "care_team"
    noticed = as_owner(settings, "SELECT other_patient_id FROM possible_duplicates WHERE patient_id = %s", made["id"])
    assert [str(id_) for (id_,) in noticed] == [patient]
    # Each is then found by number and birth date as the one it is.
    assert (await post(clinic, person(identifiers=[known], **change)))[1]["id"] == made["id"]
    assert (await post(nurses, person(identifiers=[known])))[1]["id"] == patient


async def test_ones_own_number_is_enough_and_is_nobody_elses(region: Region) -> None:
    clinic, other = await region.found(), await region.found()
    patient = await register(clinic, identifiers=[LOCAL])
    status, matched = await post(clinic, person(identifiers=[LOCAL], birth_date="1940-01-01"))
    assert (status, matched["id"], matched["birth_date"]) == (200, patient, "1938-04-02")
    status, made = await post(other, person(identifiers=[LOCAL]))
    assert status == 201 and made["id"] != patient


async def test_numbers_of_two_people_in_one_request_are_a_conflict(region: Region) -> None:
    clinic = await region.found()
    number = ltci()
    await register(clinic, identifiers=[LOCAL])
    await register(clinic, identifiers=[number])
    answer = await clinic.post("/v1/patients", person(identifiers=[LOCAL, number]))
    assert problem(answer, 409, "conflict")["reason_code"] == "identifiers_disagree"


async def test_without_a_number_everybody_is_new(region: Region) -> None:
    clinic = await region.found()
    assert len({(await post(clinic, person(identifiers=[])))[1]["id"] for _ in range(3)}) == 3


async def test_sixteen_at_once_make_one_person(region: Region) -> None:
    offices = [await region.found() for _ in range(4)]
    for office in offices:
        await office.get("/v1/me")  # whoever still has to ask for a token, or prove it, would come late to the race
    for _ in range(5):
        body = person(identifiers=[ltci(), health()])
        back = {**body, "identifiers": list(reversed(body["identifiers"]))}
        made = await asyncio.gather(*(post(office, sent) for office in offices for sent in (body, back) * 2))
        assert len({answer["id"] for _, answer in made}) == 1
        assert Counter(status for status, _ in made) == {201: 1, 200: 15}
        assert Counter(answer["tie"] for _, answer in made) == {"care_team": 4, "requested": 12}


async def test_who_only_matched_a_number_works_apart_until_let_in(region: Region) -> None:
    clinic, nurses = await region.found(), await region.found("visiting_nursing")
    known = ltci()
    patient = await register(clinic, identifiers=[known, LOCAL], name={"family": "秘密", "given": "花"})
    path = f"/v1/patients/{patient}"
    await agree(clinic, patient)
    await submit(clinic, patient, sheet({"medical": {"weight": 50}}))
    hidden = await submit(clinic, patient, report())
    sent = person(identifiers=[known])
    assert (await post(nurses, sent))[1]["tie"] == "requested"

    kept = await submit(nurses, patient, sheet({"medical": {"weight": 40}}), by="nurse")
    assert kept["warnings"] == []
    mine = await submit(nurses, patient, report(), by="nurse")
    seen = (await nurses.get(f"{path}/summary", by="nurse")).json()
    assert seen["groups"]["medical"]["weight"]["value"] == 40 and seen["groups"]["medical"]["weight"]["others"] == []
    assert [r["id"] for r in seen["care_reports"]] == [mine["id"]]
    assert {w["reason"] for w in seen["withheld"]} == {"no_consent"}
    assert [r["id"] for r in (await nurses.get(f"{path}/care-reports", by="nurse")).json()["items"]] == [mine["id"]]
    problem(await nurses.get(f"{path}/care-reports/{hidden['id']}", by="nurse"), 403, "forbidden")
    shown = (await nurses.get(path)).json()
    assert shown == {"id": patient, **sent, "tie": shown["tie"]} and shown["tie"] in ("requested", "own")
    for forbidden in ("consents", "access", "access-log"):
        assert (await nurses.get(f"{path}/{forbidden}")).status_code == 403
    for answer in (
        await nurses.post(f"{path}/consents", {}),
        await nurses.put(f"{path}/care-team/{nurses.id}", {"part": "other", "valid_from": "2020-01-01"}),
        await nurses.call("DELETE", f"{path}/care-team/{clinic.id}"),
    ):
        assert answer.status_code in (403, 422) and "秘密" not in answer.text
    assert "秘密" not in (await nurses.get(path)).text + (await nurses.get("/v1/patients")).text
    for query in ({"name": "秘密"}, {"kana": "タカハシ"}, {"birth_date": "1938-04-02"}):
        assert (await nurses.get("/v1/patients", params=query)).json()["items"] == []

    await join(clinic, nurses, patient)
    seen = (await nurses.get(f"{path}/summary", by="nurse")).json()
    assert len(seen["care_reports"]) == 2 and seen["groups"]["medical"]["weight"]["others"]
    assert (await nurses.get(path)).json()["name"]["family"] == "秘密"
    assert (await clinic.get(f"{path}/care-team")).json()["requests"] == []


async def test_ones_own_number_is_shown_to_oneself_only(region: Region) -> None:
    clinic, nurses = await region.found(), await region.found("visiting_nursing")
    known = ltci()
    patient = await register(clinic, identifiers=[known, LOCAL])
    await join(clinic, nurses, patient)
    other = {"system": "local", "value": "N-9"}
    assert (await post(nurses, person(identifiers=[known, other])))[1]["identifiers"] == [known, other]
    assert (await clinic.get(f"/v1/patients/{patient}")).json()["identifiers"] == [known, LOCAL]


BAD: dict[str, tuple[dict[str, Any], set[tuple[str, str]]]] = {
    "check digit": ({"identifiers": [{**ltci(), "insurer": "990129"}]}, {("/identifiers/0/insurer", "check_digit")}),
    "half-width kana": (
        {"name_kana": {"family": "ﾀｶﾊｼ", "given": "ﾊﾅ"}},
        {("/name_kana/family", "pattern"), ("/name_kana/given", "pattern")},
    ),
    "unknown system": ({"identifiers": [{"system": "my_number", "value": "1"}]}, {("/identifiers/0", "code")}),
    "no name": ({"name": {}}, {("/name/family", "required")}),
    "blank": ({"name": {"family": " "}}, {("/name/family", "blank")}),
    "long": ({"name": {"family": "髙" * 101}}, {("/name/family", "length")}),
    "twice": ({"identifiers": [LOCAL, LOCAL]}, {("/identifiers", "repeated")}),
    "sex": ({"sex": "f"}, {("/sex", "code")}),
    "day": ({"birth_date": "1938-02-30"}, {("/birth_date", "format")}),
    "future": ({"birth_date": "2999-01-01"}, {("/birth_date", "future")}),
    "all at once": ({"sex": 1, "birth_date": 19380402, "x": 1}, {("/sex", "code"), ("/birth_date", "type"), ("/x", "unknown")}),
}  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), BAD.values(), ids=BAD.keys())
async def test_a_faulty_registration(region: Region, change: dict[str, Any], expected: set[tuple[str, str]]) -> None:
    clinic = await region.found()
    told = problem(await clinic.post("/v1/patients", person(**change)), 422, "invalid")
    assert faults(told) == expected
    assert (await clinic.get("/v1/patients")).json()["items"] == []
