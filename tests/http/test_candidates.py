"""名寄せの候補: who might be the same person, told to who cares for both, to nobody else."""

from typing import Any

import pytest
from tests.factories import Region, Vendor, agree, change, insured_number, insurer, join, person, register
from tests.http.problems import faults, problem


def ltci() -> dict[str, str]:
    return {"system": "ltci", "insurer": insurer(), "value": insured_number()}


async def candidates(vendor: Vendor, patient: str, by: str | None = None) -> list[dict[str, Any]]:
    answer = await vendor.get(f"/v1/patients/{patient}/candidates", by=by)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def codes(vendor: Vendor, patient: str) -> dict[str, list[str]]:
    return {c["patient"]["id"]: [r["code"] for r in c["reasons"]] for c in await candidates(vendor, patient)}


async def test_a_duplicate_is_told_with_its_reasons(region: Region) -> None:
    clinic = await region.found()
    number = ltci()
    first = await register(clinic, identifiers=[number])
    slip = await register(
        clinic, identifiers=[number], birth_date="1924-04-02", name={"family": "高橋", "given": "ハナ"}
    )
    nameless = await register(clinic, identifiers=[])
    await register(clinic, identifiers=[], birth_date="1951-10-23")  # a name alone
    twin = {"name": {"family": "髙橋", "given": "ハル"}, "name_kana": {"family": "タカハシ", "given": "ハル"}}
    await register(clinic, **twin)
    assert await codes(clinic, first) == {
        slip: ["number_equal", "birth_date_era", "sex_equal", "kana_equal", "name_equal"],
        nameless: ["birth_date_equal", "sex_equal", "kana_equal", "name_equal"],
    }
    (best, other) = await candidates(clinic, first)
    assert (best["score"], other["score"]) == (100, 75)
    assert best["patient"]["name"] == {"family": "高橋", "given": "ハナ"}
    assert best["reasons"][0]["text_ja"] == "被保険者番号が同じ"
    assert first in await codes(clinic, slip) and first in await codes(clinic, nameless)


async def test_only_patients_of_ones_own_teams_are_compared(region: Region) -> None:
    clinic, other, named = await region.found(), await region.found(), await region.found()
    number = ltci()
    mine = await register(clinic, identifiers=[number])
    theirs = await register(other, identifiers=[number], birth_date="1938-04-12")
    assert await candidates(clinic, mine) == await candidates(other, theirs) == []
    recipients = {"care_team": False, "organizations": [named.id], "professions": []}
    for office, patient in ((clinic, mine), (other, theirs)):
        await agree(office, patient, recipients=recipients)
    assert (await named.get(f"/v1/patients/{mine}/candidates")).status_code == 403
    await join(other, clinic, theirs)
    assert list(await codes(clinic, mine)) == [theirs]
    assert (await clinic.get(f"/v1/patients/{mine}/candidates", by="home_helper")).status_code == 403
    assert (await named.get(f"/v1/patients/{theirs}/candidates", by="nurse")).status_code == 403
    stranger = await region.found()
    assert (await stranger.get(f"/v1/patients/{mine}/candidates")).status_code == 404


async def test_who_only_matched_a_number_is_compared_with_nobody(region: Region) -> None:
    clinic, nurses = await region.found(), await region.found("visiting_nursing")
    number = ltci()
    await register(clinic, identifiers=[number])
    matched = (await nurses.post("/v1/patients", person(identifiers=[number]))).json()
    assert matched["tie"] == "requested"
    mine = await register(nurses, identifiers=[])
    assert await candidates(nurses, mine) == []


async def test_not_the_same_person_is_remembered(region: Region) -> None:
    clinic, other = await region.found(), await region.found()
    one, two = await register(clinic, identifiers=[]), await register(clinic, identifiers=[])
    alone = await register(other)
    path, said = f"/v1/patients/{one}/distinctions", {"patient_id": two, "reason": "同姓同名の別人"}
    assert list(await codes(clinic, two)) == [one]
    made = await clinic.post(path, said)
    assert made.status_code == 201 and made.json()["verdict"] == "distinct" and made.json()["other_patient_id"] == two
    again = await clinic.post(f"/v1/patients/{two}/distinctions", {**said, "patient_id": one, "reason": "別の理由"})
    assert again.status_code == 200 and again.json()["reason"] == "同姓同名の別人"
    assert await codes(clinic, one) == await codes(clinic, two) == {}
    problem(await clinic.post(path, {**said, "patient_id": alone}), 404, "not-found")
    assert faults(problem(await clinic.post(path, {**said, "patient_id": one}), 422, "invalid")) == {
        ("/patient_id", "repeated")
    }
    assert (await region.admin.post(path, said)).status_code == 200


async def test_a_former_name_is_compared_too(region: Region) -> None:
    clinic = await region.found()
    one = await register(clinic, identifiers=[])
    await change(clinic, one, name={"family": "𠮷田", "given": "ハナ"}, name_kana={"family": "ヨシダ", "given": "ハナ"})
    two = await register(clinic, identifiers=[])
    assert "earlier_kana_equal" in (await codes(clinic, one))[two]
    assert "earlier_kana_equal" in (await codes(clinic, two))[one]


@pytest.fixture
async def pair(region: Region) -> tuple[Vendor, Vendor, str, str]:
    clinic, other = await region.found(), await region.found("pharmacy")
    number = ltci()
    one = await register(clinic, identifiers=[number], name={"family": "秘密", "given": "花"})
    return clinic, other, one, await register(other, identifiers=[number], birth_date="1938-04-03")


async def test_the_administrator_is_told_ids_and_whom_to_ask(
    region: Region, pair: tuple[Vendor, Vendor, str, str]
) -> None:
    clinic, other, one, two = pair
    answer = await region.admin.get("/v1/possible-duplicates", params={"limit": 200})
    assert answer.status_code == 200 and "秘密" not in answer.text and "1938" not in answer.text
    (found,) = [p for p in answer.json()["items"] if p["patients"][0]["patient_id"] == two]
    teams = {side["patient_id"]: [o["id"] for o in side["care_team"]] for side in found["patients"]}
    assert teams == {two: [other.id], one: [clinic.id]}
    assert found["decision"] is None and found["reasons"][0]["code"] == "number_equal"
    assert (await clinic.get("/v1/possible-duplicates")).status_code == 403
    assert (await (await region.auditor()).get("/v1/possible-duplicates")).status_code == 200
    said = {"patient_id": two, "reason": "番号の誤り"}
    assert (await region.admin.post(f"/v1/patients/{one}/distinctions", said)).status_code == 201
    rest = (await region.admin.get("/v1/possible-duplicates", params={"limit": 200})).json()["items"]
    assert two not in str(rest)
    decided = {"limit": 200, "state": "decided"}
    (found,) = [
        p for p in (await region.admin.get("/v1/possible-duplicates", params=decided)).json()["items"] if two in str(p)
    ]
    assert found["decision"]["verdict"] == "distinct"
