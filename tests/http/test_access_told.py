"""What ``access`` tells is what each is then shown; the log tells who looked; ``me`` who I am; and the lists of offices."""

from itertools import product
from typing import Any

import pytest
from tests.factories import (
    EVERY_PROFESSION,
    Region,
    Vendor,
    agree,
    family_consent,
    insured_number,
    insurer,
    join,
    person,
    register,
    report,
    sheet,
    submit,
)
from tests.http.problems import faults, problem

from renkei.vocabulary import Group, Tier

PARTS = [f"{group}.{tier}" for group, tier in product(Group, Tier)]


async def shown_parts(vendor: Vendor, path: str, by: str) -> tuple[set[str], list[dict[str, str]]]:
    """The parts of others' statements that a summary opens: all that it does not withhold."""
    answer = await vendor.get(f"{path}/summary", by=by)
    if answer.status_code == 403:
        return set(), []
    assert answer.status_code == 200, answer.text
    withheld = answer.json()["withheld"]
    closed = {f"{w['group']}.{w['tier']}" for w in withheld if "tier" in w}
    return set(PARTS) - closed, withheld


async def test_it_is_what_each_is_shown(region: Region) -> None:
    clinic, nurses, helpers = (
        await region.found(),
        await region.found("visiting_nursing"),
        await region.found("home_help"),
    )
    requested, named = await region.found("pharmacy"), await region.found("hospital")
    number = [{"system": "ltci", "insurer": insurer(), "value": insured_number()}]
    patient = await register(clinic, identifiers=number)
    path = f"/v1/patients/{patient}"
    for office in (nurses, helpers):
        await join(clinic, office, patient)
    await requested.post("/v1/patients", person(identifiers=number))
    only = {"care_team": True, "organizations": [], "professions": ["physician", "nurse", "care_worker"]}
    await agree(clinic, patient, recipients=only, groups=["medical", "living"], restricted=["medical.infection"])
    to_hospital = {"care_team": False, "organizations": [named.id], "professions": []}
    await agree(clinic, patient, recipients=to_hospital, groups=["person", "medical", "family"])
    await clinic.post(f"{path}/consents", family_consent())
    body = {"reason": "r", "life_at_risk": True, "consent_unobtainable": True, "groups": ["care_report"]}
    assert (await helpers.post(f"{path}/emergency-access", body, by="nurse")).status_code == 201

    told = (await clinic.get(f"{path}/access")).json()
    assert told["patient_id"] == patient and told["permission_table"] >= 1
    by_id = {entry["organization"]["id"]: entry for entry in told["items"]}
    assert by_id.keys() == {clinic.id, nurses.id, helpers.id, requested.id, named.id}
    assert by_id[requested.id]["basis"] == ["requested"] and by_id[named.id]["basis"] == ["consent"]
    assert by_id[helpers.id]["basis"] == ["care_team", "emergency"]
    assert by_id[nurses.id]["part"] == "visiting_nursing" and "part" not in by_id[named.id]
    professions = ["physician", "nurse", "care_worker", "pt", "paramedic", "medical_clerk", "other", "family"]
    for office in (clinic, nurses, helpers, requested, named):
        rows = {row["profession"]: row for row in by_id[office.id]["professions"]}
        for profession in professions:
            parts, withheld = await shown_parts(office, path, profession)
            row = rows.get(profession, {"read": [], "withheld": []})
            assert {part for part in row["read"] if part in PARTS} == parts, (office, profession)
            if profession in rows:
                assert row["withheld"] == withheld
    nurse = next(r for r in by_id[nurses.id]["professions"] if r["profession"] == "nurse")
    assert "medical.infection" in nurse["read"] and nurse["write"]


async def test_what_it_says_of_writing_holds(region: Region) -> None:
    clinic, nurses = await region.found(), await region.found("visiting_nursing")
    patient = await register(clinic)
    await join(clinic, nurses, patient)
    told = (await clinic.get(f"/v1/patients/{patient}/access")).json()["items"]
    entry = next(e for e in told if e["organization"]["id"] == nurses.id)
    writes = {row["profession"]: set(row["write"]) for row in entry["professions"]}
    samples: dict[str, Any] = {
        "medical.basic": {"medical": {"weight": 50}},
        "family.basic": {"family": {"caregiver_health": "腰痛"}},
    }
    for profession in EVERY_PROFESSION:
        for part, items in samples.items():
            answer = await nurses.post(f"/v1/patients/{patient}/face-sheets", sheet(items), by=profession)
            assert (answer.status_code == 201) is (part in writes.get(profession, ())), (profession, part)


async def test_who_may_see_access_and_log(region: Region) -> None:
    clinic, nurses, stranger = await region.found(), await region.found("visiting_nursing"), await region.found()
    patient = await register(clinic)
    await join(clinic, nurses, patient)
    for name in ("access", "access-log"):
        path = f"/v1/patients/{patient}/{name}"
        for by, status in (("nurse", 200), ("medical_clerk", 200), ("pt", 403), ("home_helper", 403)):
            assert (await nurses.get(path, by=by)).status_code == status
        problem(await stranger.get(path, by="physician"), 404, "not-found")
        assert (await region.admin.get(path)).status_code == 200
        assert (await (await region.auditor()).get(path)).status_code == 200


async def test_the_log_tells_who_looked_and_who_was_refused(region: Region) -> None:
    clinic, nurses, stranger = await region.found(), await region.found("visiting_nursing"), await region.found()
    patient = await register(clinic)
    path = f"/v1/patients/{patient}"
    await join(clinic, nurses, patient)
    await agree(clinic, patient)
    kept = await submit(nurses, patient, report(), by="nurse")
    requests = [
        await clinic.get(f"{path}/summary", by="physician"),
        await clinic.get(f"{path}/care-reports/{kept['id']}", by="physician"),
        await stranger.get(f"{path}/summary", by="physician"),
        await nurses.post(f"{path}/face-sheets", sheet({"medical": {"weight": 50}}), by="home_helper"),
        await clinic.get(f"{path}/care-reports/01890000-0000-7000-8000-000000000000", by="physician"),
        await nurses.get("/v1/patients", by="nurse"),
    ]
    log = (await clinic.get(f"{path}/access-log?limit=200")).json()["items"]
    assert [e["at"] for e in log] == sorted((e["at"] for e in log), reverse=True)
    by_request = {e["request_id"]: e for e in log}
    assert len(by_request) == len(log)  # one event per request and patient
    looked, read, refused, barred, absent, listed = (by_request[r.headers["x-request-id"]] for r in requests)
    assert looked["action"] == "summary.read" and looked["outcome"] == "allowed" and looked["reason"] is None
    assert looked["organization"] == {
        "id": clinic.id,
        "name": clinic.organization["name"] if clinic.organization else "",
    }
    assert looked["user"] == {"id": "u-physician", "name": "検査 花子"} and looked["profession"] == "physician"
    assert looked["basis"] == ["care_team"] and looked["groups"] == list(Group)
    assert read["record_id"] == kept["id"] and read["groups"] == ["care_report"]
    assert (refused["outcome"], refused["reason"], refused["basis"]) == ("refused", "not-found", [])
    assert refused["organization"]["id"] == stranger.id
    assert (barred["outcome"], barred["reason"]) == ("refused", "profession")
    assert (absent["outcome"], absent["reason"]) == ("refused", "not-found")
    assert (listed["action"], listed["groups"]) == ("patient.search", ["person"])


async def test_reading_the_log_is_in_the_log(region: Region) -> None:
    clinic = await region.found()
    path = f"/v1/patients/{await register(clinic)}/access-log"
    first = await clinic.get(path)
    again = (await clinic.get(path)).json()["items"]
    assert first.headers["x-request-id"] in {e["request_id"] for e in again if e["action"] == "access_log.read"}


async def test_me(region: Region) -> None:
    clinic = await region.found(professions=["physician", "pt"])
    assert clinic.organization is not None
    me = (await clinic.get("/v1/me", by="pt")).json()
    organization = {name: clinic.organization[name] for name in ("id", "code", "name", "kind")}
    assert me["organization"] == organization and me["kind"] == "client"
    assert me["user"] == {"id": "u-pt", "name": "検査 花子"} and me["profession"] == "pt"
    assert me["rights"]["read"] == PARTS and me["rights"]["restricted"] is False
    assert me["rights"]["write"] == ["living.basic", "living.optional", "care_report.basic", "care_report.optional"]
    system = (await clinic.get("/v1/me")).json()
    assert system["user"] is None and system["profession"] == "system" and system["professions"] == ["physician", "pt"]
    assert set(system["rights"]["write"]) == set(PARTS)
    admin = (await region.admin.get("/v1/me")).json()
    assert admin["kind"] == "admin" and admin["organization"] is None
    assert admin["rights"] == {**admin["rights"], "read": [], "write": [], "restricted": False}


async def test_a_delegation_bounds_whom_a_client_may_name(region: Region) -> None:
    clinic = await region.found(professions=["pt"])
    form = {
        "grant_type": "client_credentials",
        "organization": clinic.organization["code"] if clinic.organization else "",
    }
    user = {"user_id": "1", "user_name": "甲", "profession": "physician"}
    answer = await clinic.http.post("/oauth/token", data=form | user, auth=(clinic.client_id, clinic.client_secret))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")
    patient = await register(clinic)
    told = problem(
        await clinic.post(f"/v1/patients/{patient}/face-sheets", sheet({"medical": {"weight": 50}})), 403, "forbidden"
    )
    assert told["reason_code"] == "profession"


async def test_organizations_are_registered_searched_and_paged(region: Region) -> None:
    clinic = await region.found()
    mark = f"ﾋｲﾗｷﾞ{insured_number()}"
    made = []
    for place in range(5):
        kind = "pharmacy" if place % 2 else "clinic"
        body = {"code": f"c-{mark[5:]}-{place}", "name": f"医療法人 {mark} Clinic {place}", "kind": kind}
        answer = await region.admin.post("/v1/organizations", body)
        assert answer.status_code == 201, answer.text
        assert answer.json() == {"id": answer.json()["id"], **body}
        made.append(answer.json()["id"])

    async def listed(**query: Any) -> list[str]:
        answer = await clinic.get("/v1/organizations", params=query)
        return [item["id"] for item in answer.json()["items"]]

    assert await listed(name=mark) == made[::-1] == await listed(name=f"{mark} cLINIC")
    assert await listed(name=mark, kind="pharmacy") == [made[3], made[1]]
    assert await listed(name="%") == [] and await listed(name="_" + mark) == []
    first = (await clinic.get("/v1/organizations", params={"name": mark, "limit": 2})).json()
    assert await listed(name=mark, limit=3, after=first["next"]) == made[2::-1]
    told = problem(await clinic.get("/v1/organizations?kind=shop"), 422, "invalid")
    assert faults(told) == {("?kind", "code")}
    taken = {"code": f"c-{mark[5:]}-0", "name": "別", "kind": "clinic"}
    assert problem(await region.admin.post("/v1/organizations", taken), 409, "conflict")["reason_code"] == "code_taken"


@pytest.mark.parametrize("code", ["", " ", "a b", "a/b", "-a", "ａ", "x" * 65, "a\n"])
async def test_codes_of_organizations_are_plain(region: Region, code: str) -> None:
    told = problem(
        await region.admin.post("/v1/organizations", {"code": code, "name": "甲", "kind": "clinic"}), 422, "invalid"
    )
    assert faults(told) == {("/code", "pattern")}


async def test_only_the_administrator_registers(region: Region) -> None:
    clinic = await region.found()
    organization = {"code": "never", "name": "甲", "kind": "clinic"}
    for vendor in (clinic, await region.auditor()):
        for path, body in (("/v1/organizations", organization), ("/v1/clients", {"name": "甲", "kind": "vendor"})):
            assert problem(await vendor.post(path, body), 403, "forbidden")["reason_code"] == "not_administrator"
    unknown = {"organization_id": "01890000-0000-7000-8000-000000000000", "professions": ["nurse"]}
    told = problem(
        await region.admin.post("/v1/clients", {"name": "甲", "kind": "vendor", "delegations": [unknown]}),
        422,
        "invalid",
    )
    assert faults(told) == {("/delegations/0/organization_id", "unknown")}


async def test_a_clients_secret_is_told_once_and_proves_it(region: Region) -> None:
    made = await region.admin.post("/v1/clients", {"name": "甲", "kind": "auditor"})
    proof = made.json()
    assert made.headers["cache-control"] == "no-store" and len(proof["client_secret"]) >= 43
    form = {"grant_type": "client_credentials"}
    token = await region.http.post("/oauth/token", data=form, auth=(proof["client_id"], proof["client_secret"]))
    assert token.status_code == 200 and token.json()["token_type"] == "Bearer"
    wrong = await region.http.post("/oauth/token", data=form, auth=(proof["client_id"], proof["client_secret"] + "x"))
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
