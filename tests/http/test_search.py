"""Finding one's own patients again, page by page; and the other lists."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.factories import Region, Vendor, agree, insured_number, insurer, join, register, report, submit
from tests.http.problems import faults, problem


async def found(vendor: Vendor, **query: str) -> list[str]:
    answer = await vendor.get("/v1/patients", params=query)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


async def pages(vendor: Vendor, path: str, **query: Any) -> list[list[str]]:
    """The ids page by page, following ``Link``, which must say what ``next`` says."""
    shown: list[list[str]] = []
    answer = await vendor.get(path, params=query)
    while True:
        body = answer.json()
        shown.append([item["id"] for item in body["items"]])
        if body["next"] is None:
            assert "link" not in answer.headers
            return shown
        link = answer.headers["link"]
        assert link.startswith("<") and link.endswith('>; rel="next"')
        target = link[1 : link.index(">")]
        after = parse_qs(urlsplit(target).query)["after"]
        assert after == [body["next"]] and body["next"].replace("-", "").replace("_", "").isalnum()
        answer = await vendor.get(target)
        assert answer.status_code == 200, answer.text


KANA = ["タカハシ", "たかはし", "ﾀｶﾊｼ", "タカハシハナ", "ﾀｶﾊｼ ﾊﾅ", "たか"]
NAMES = ["髙橋", "高橋", "髙橋ハナ", "高橋　ハナ", "髙"]
BIRTHS = ["1938-04-02", "昭和13年4月2日", "S13.4.2", "㍼13年4月2日", "ｓ１３．４．２", "昭和13/4/2"]


@pytest.mark.parametrize(
    "query",
    [{"kana": k} for k in KANA] + [{"name": n} for n in NAMES] + [{"birth_date": b} for b in BIRTHS],
    ids=lambda query: "-".join(query.values()),
)
async def test_one_person_in_every_spelling(region: Region, query: dict[str, str]) -> None:
    clinic = await region.found()
    patient = await register(clinic)
    other = {"name": {"family": "渡邉", "given": "和子"}, "name_kana": {"family": "ワタナベ", "given": "カズコ"}}
    await register(clinic, **other, birth_date="1944-01-31")
    assert await found(clinic, **query) == [patient]


@pytest.mark.parametrize(
    ("registered", "asked"),
    [("山﨑", "山崎"), ("渡邉", "渡辺"), ("渡邊", "渡辺"), ("渡辺", "渡邉"), ("齋藤", "斎藤"), ("濵田", "浜田")],
)
async def test_kanji_in_a_variant_form(region: Region, registered: str, asked: str) -> None:
    clinic = await region.found()
    patient = await register(clinic, name={"family": registered, "given": "ハナ"})
    assert await found(clinic, name=asked) == [patient]


async def test_by_number_and_by_everything_together(region: Region) -> None:
    clinic = await region.found()
    number = {"system": "ltci", "insurer": insurer(), "value": insured_number()}
    local = {"system": "local", "value": "A-17"}
    patient = await register(clinic, identifiers=[number, local])
    await register(clinic)
    assert await found(clinic, identifier=f"ltci|{number['value']}") == [patient]
    assert await found(clinic, identifier="local|A-17") == [patient]
    assert await found(clinic, identifier="local|A-1") == []
    assert await found(clinic, identifier=f"local|{number['value']}") == []
    both = {"kana": "タカ", "name": "高橋", "birth_date": "S13.4.2", "identifier": "local|A-17"}
    assert await found(clinic, **both) == [patient]
    assert await found(clinic, **both | {"birth_date": "S13.4.3"}) == []


async def test_only_ones_own_patients_are_found(region: Region) -> None:
    clinic, other, nurses = await region.found(), await region.found(), await region.found("visiting_nursing")
    patient = await register(clinic, identifiers=[{"system": "local", "value": "A-17"}])
    assert await found(other) == await found(other, name="髙橋") == await found(other, identifier="local|A-17") == []
    await join(clinic, nurses, patient)
    assert await found(nurses) == await found(nurses, name="髙橋") == [patient]
    await clinic.call("DELETE", f"/v1/patients/{patient}/care-team/{nurses.id}")
    assert await found(nurses) == []
    await agree(clinic, patient, recipients={"care_team": False, "organizations": [other.id], "professions": []})
    assert await found(other, kana="たか") == [patient]


BAD = [
    ({"birth_date": "昭和64年1月8日"}, ("?birth_date", "format")),
    ({"birth_date": "1938/04/02"}, ("?birth_date", "format")),
    ({"kana": "・"}, ("?kana", "blank")),
    ({"name": " "}, ("?name", "blank")),
    ({"name": ""}, ("?name", "blank")),
    ({"name": "髙\0橋"}, ("?name", "character")),
    ({"name": "髙" * 101}, ("?name", "length")),
    ({"identifier": "0000012345"}, ("?identifier", "format")),
    ({"identifier": "my_number|1"}, ("?identifier", "code")),
]


@pytest.mark.parametrize(("query", "fault"), BAD, ids=[f"{q}" for q, _ in BAD])
async def test_a_faulty_search(region: Region, query: dict[str, str], fault: tuple[str, str]) -> None:
    clinic = await region.found()
    told = problem(await clinic.get("/v1/patients", params=query), 422, "invalid")
    assert faults(told) == {fault}


async def test_paging_through_patients(region: Region) -> None:
    clinic = await region.found()
    patients = [await register(clinic) for _ in range(7)]
    newest = patients[::-1]
    assert await pages(clinic, "/v1/patients", limit=3) == [newest[:3], newest[3:6], newest[6:]]
    assert await pages(clinic, "/v1/patients", limit=7) == [newest]
    filtered = await pages(clinic, "/v1/patients", limit=2, name="高橋", kana="タカ")
    assert filtered == [newest[:2], newest[2:4], newest[4:6], newest[6:]]
    first = (await clinic.get("/v1/patients?limit=3")).json()["next"]
    late = await register(clinic)
    rest = await clinic.get("/v1/patients", params={"limit": 10, "after": first})
    assert [item["id"] for item in rest.json()["items"]] == newest[3:] and late not in rest.text


async def test_paging_through_records_consents_and_the_log(region: Region) -> None:
    clinic = await region.found()
    patient = await register(clinic)
    path = f"/v1/patients/{patient}"
    days = [3, 1, 5, 2, 4]
    ids = {}
    for day in days:
        sent = report(items={"observed_at": f"2026-06-0{day}T10:00:00+09:00"})
        ids[day] = (await submit(clinic, patient, sent))["id"]
    newest = [ids[day] for day in (5, 4, 3, 2, 1)]
    assert await pages(clinic, f"{path}/care-reports", limit=2) == [newest[:2], newest[2:4], newest[4:]]
    between = {"from": "2026-06-02", "to": "2026-06-04", "limit": 2}
    assert await pages(clinic, f"{path}/care-reports", **between) == [newest[1:3], newest[3:4]]
    consents = [await agree(clinic, patient) for _ in range(5)][::-1]
    assert await pages(clinic, f"{path}/consents", limit=2) == [consents[:2], consents[2:4], consents[4:]]
    log = await pages(clinic, f"{path}/access-log", limit=4)
    flat = [id_ for page in log for id_ in page]
    assert len(flat) == len(set(flat)) and {len(page) for page in log[:-1]} == {4}


async def test_filters_of_reports(region: Region) -> None:
    clinic, nurses = await region.found(), await region.found("visiting_nursing")
    patient = await register(clinic)
    await join(clinic, nurses, patient)
    await agree(clinic, patient)
    # A Tokyo day begins nine hours before the UTC one.
    early = await submit(clinic, patient, report(items={"observed_at": "2026-05-31T15:00:00Z"}), by="physician")
    late = await submit(nurses, patient, report(items={"observed_at": "2026-06-01T23:59:59+09:00"}), by="nurse")
    after = await submit(nurses, patient, report(items={"observed_at": "2026-06-01T15:00:00Z"}), by="pt")

    async def listed(**query: str) -> list[str]:
        answer = await clinic.get(f"/v1/patients/{patient}/care-reports", params=query)
        return [item["id"] for item in answer.json()["items"]]

    assert await listed() == [after["id"], late["id"], early["id"]]
    assert await listed(**{"from": "2026-06-01", "to": "2026-06-01"}) == [late["id"], early["id"]]
    assert await listed(organization=nurses.id, profession="pt") == [after["id"]]
    assert await listed(organization=clinic.id) == [early["id"]]
    told = problem(
        await clinic.get(f"/v1/patients/{patient}/care-reports?profession=healer&organization=x"), 422, "invalid"
    )
    assert faults(told) == {("?profession", "code"), ("?organization", "format")}
