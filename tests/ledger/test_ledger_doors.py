"""/v1/audit-events, /v1/audit-seals, /v1/breach-report: by office only, each in its own scope, each look on record."""

from base64 import b64decode
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from tests.access.world import tokyo
from tests.factories import Region, Vendor, agree, join, register, report, sheet, submit
from tests.http.inside import as_owner
from tests.http.problems import faults, problem
from tests.ledger.authority import Authority
from tests.ledger.inside import engines, seal_all, sealer, stamp_by_hand

from renkei.access.policy import default_rows
from renkei.access.seals import STATEMENT
from renkei.access.time_stamps import Trust
from renkei.access.tokens import verify_seal
from renkei.catalogue import load_catalogue
from renkei.settings import Settings

DOORS = ["/v1/audit-events", "/v1/audit-seals", f"/v1/breach-report?from={tokyo()}"]


async def listed(vendor: Vendor, path: str) -> list[dict[str, Any]]:
    """All items of a list, page by page."""
    found, following = [], path
    while following:
        answer = await vendor.get(following)
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        following = answer.links["next"]["url"] if "next" in answer.links else ""
    return found


def recorded(settings: Settings, answer: httpx.Response) -> tuple[list[str], list[Any]]:
    """What stands on record of a request: the patients told of, and the acts on none."""
    id_ = answer.headers["x-request-id"]
    patients = as_owner(settings, "SELECT patient_id::text FROM audit_events WHERE request_id = %s", id_)
    none = as_owner(settings, "SELECT detail FROM service_events WHERE request_id = %s", id_)
    return sorted(row[0] for row in patients), [row[0] for row in none]


@pytest.mark.parametrize("path", DOORS)
async def test_only_offices_enter(region: Region, path: str) -> None:
    clinic = await region.found()
    for vendor, by in ((clinic, None), (clinic, "physician"), (clinic, "municipality")):
        refused = await vendor.get(path, by=by)
        assert problem(refused, 403, "forbidden")["reason_code"] == "not_administrator"
    for office in (region.admin, await region.auditor(), await region.organization_admin(clinic)):
        assert (await office.get(path)).status_code == 200


async def test_events_of_both_ledgers_newest_first(region: Region, settings: Settings) -> None:
    auditor, clinic = await region.auditor(), await region.found()
    patient = await register(clinic)
    await clinic.get(f"/v1/patients/{patient}/summary", by="nurse")
    await clinic.get(f"/v1/patients/{patient}/summary", by="family")
    found = await listed(auditor, "/v1/audit-events?limit=200")
    assert [e["at"] for e in found] == sorted((e["at"] for e in found), reverse=True)
    assert len({e["id"] for e in found}) == len(found)
    of_patient = [e for e in found if e["patient_id"] == patient and e["actor"] == "client"]
    assert [(e["action"], e["outcome"]) for e in of_patient] == [
        ("summary.read", "refused" if of_patient[0]["reason"] else "allowed"),
        ("summary.read", "allowed"),
        ("patient.register", "allowed"),
    ]
    one = of_patient[1]
    assert one["organization"]["id"] == clinic.id and one["client"]["client_id"] == clinic.client_id
    assert (one["user"], one["profession"]) == ({"id": "u-nurse", "name": "検査 花子"}, "nurse")
    (made,) = [
        e
        for e in found
        if (e["detail"] or {}).get("organization_id") == clinic.id
        and e["patient_id"] is None
        and e["action"] == "organization.register"
    ]
    assert made["basis"] == [] and made["client"]["client_id"] == region.admin.client_id
    assert "検査" not in str([e["detail"] for e in found if e["action"] == "patient.register"])


async def test_each_filter_and_all_together(region: Region) -> None:
    auditor, clinic, other = await region.auditor(), await region.found(), await region.found()
    patient, another = await register(clinic), await register(other)
    await clinic.get(f"/v1/patients/{patient}/summary", by="nurse")
    await clinic.get(f"/v1/patients/{another}/summary", by="nurse")

    async def asked(**query: str) -> set[tuple[str, str, str]]:
        text = "&".join(f"{name.rstrip('_')}={quote(value)}" for name, value in query.items())
        items = await listed(auditor, f"/v1/audit-events?{text}")
        acts = [e for e in items if e["actor"] == "client" and e["action"] != "token.issue"]
        return {(e["action"], e["outcome"], e["organization"]["id"]) for e in acts}

    mine = {("summary.read", "allowed", clinic.id), ("patient.register", "allowed", clinic.id)}
    assert await asked(patient=patient) == mine
    assert await asked(organization=clinic.id) >= {*mine, ("summary.read", "refused", clinic.id)}
    assert await asked(client=clinic.client_id) >= mine
    identity = (await clinic.get("/v1/me")).json()["client_id"]
    assert await asked(client=identity) == await asked(client=clinic.client_id)
    assert await asked(client=clinic.client_id, user="u-nurse") == {
        ("summary.read", "allowed", clinic.id),
        ("summary.read", "refused", clinic.id),
    }
    assert await asked(organization=clinic.id, action="patient.register") == {
        ("patient.register", "allowed", clinic.id)
    }
    assert await asked(organization=clinic.id, outcome="refused") == {("summary.read", "refused", clinic.id)}
    assert await asked(organization=clinic.id, patient=another) == {("summary.read", "refused", clinic.id)}
    assert await asked(organization=clinic.id, from_=tokyo(), to=tokyo()) == await asked(organization=clinic.id)
    assert (
        await asked(organization=clinic.id, from_=tokyo(1))
        == set()
        == await asked(organization=clinic.id, to=tokyo(-1))
    )
    assert await asked(organization=clinic.id, from_=f"{tokyo(1)}T00:00:00+09:00") == set()
    first = (await listed(auditor, f"/v1/audit-events?patient={patient}&action=summary.read"))[-1]
    assert await asked(patient=patient, to=f"{tokyo()}T23:59:59+09:00") == mine
    assert first["at"][:10] == tokyo()


async def test_an_organizations_administrator_sees_what_it_did_and_no_more(region: Region) -> None:
    clinic, other = await region.found(), await region.found()
    office = await region.organization_admin(clinic)
    patient, another = await register(clinic), await register(other)
    await join(clinic, other, patient)
    await other.get(f"/v1/patients/{patient}/summary", by="nurse")
    for path in (
        "/v1/audit-events?",
        f"/v1/audit-events?patient={patient}&",
        f"/v1/audit-events?client={clinic.client_id}&",
    ):
        found = await listed(office, f"{path}limit=50")
        assert found and {e["organization"]["id"] for e in found} == {clinic.id}, path
    for query in (f"organization={other.id}", f"patient={another}", f"client={other.client_id}"):
        assert (await office.get(f"/v1/audit-events?{query}")).json()["items"] == [], query
    report = (await office.get(f"/v1/breach-report?from={tokyo()}")).json()
    assert [p["patient_id"] for p in report["patients"]] == [patient]
    assert report["counts"]["patients"] == 1
    places = report["patients"][0]["whom_to_tell"]["care_team"]
    assert [place["organization"]["id"] for place in places] == [clinic.id]
    assert (await office.get(f"/v1/breach-report?organization={other.id}")).json()["patients"] == []


async def test_each_look_is_on_record_for_each_patient_told_of(region: Region, settings: Settings) -> None:
    auditor, clinic = await region.auditor(), await region.found()
    patients = sorted([await register(clinic) for _ in range(3)])
    page = await auditor.get(f"/v1/audit-events?organization={clinic.id}&limit=2")
    assert recorded(settings, page) == (sorted({e["patient_id"] for e in page.json()["items"]}), [])
    page = await auditor.get(f"/v1/breach-report?organization={clinic.id}&limit=2")
    assert recorded(settings, page) == (patients[:2], [])
    nothing = await auditor.get(f"/v1/audit-events?organization={clinic.id}&from={tokyo(1)}")
    asked = {"asked": {"organization": clinic.id, "from": tokyo(1)}}
    assert recorded(settings, nothing) == ([], [asked])
    seen = await auditor.get("/v1/audit-seals?limit=1")
    assert recorded(settings, seen) == ([], [{"seals": len(seen.json()["items"])}])


async def test_seals_newest_first_and_as_signed(region: Region, settings: Settings) -> None:
    auditor, by = await region.auditor(), sealer(settings)
    async with engines(settings) as (worker, _):
        for _ in range(3):
            await region.found()
            await seal_all(worker, by)
    found = await listed(auditor, "/v1/audit-seals?limit=2")
    assert [seal["position"] for seal in found] == list(range(len(found), 0, -1)) and len(found) >= 3
    for seal in found:
        assert verify_seal(by.keys.public_pem, seal["signature"]) == {name: seal[name] for name in STATEMENT}


async def test_seals_with_their_time_stamps(region: Region, settings: Settings) -> None:
    auditor, by, authority = await region.auditor(), sealer(settings), Authority()
    async with engines(settings) as (worker, _):
        for _ in range(2):
            await region.found()
            await seal_all(worker, by)
    newest = (await auditor.get("/v1/audit-seals?limit=1")).json()["items"][0]
    assert newest["time_stamp"] is None
    stamp_by_hand(settings, newest["position"], authority.stamp)
    found = (await auditor.get("/v1/audit-seals?limit=2")).json()["items"]
    assert {name: found[0][name] for name in newest if name != "time_stamp"} == {
        name: newest[name] for name in newest if name != "time_stamp"
    }
    stamp = found[0]["time_stamp"]
    at = Trust([authority.root.certificate]).moment(b64decode(stamp["token"], validate=True), newest["signature"])
    assert datetime.fromisoformat(stamp["time"]) == at and stamp.keys() == {"time", "token"}
    assert found[1].keys() == found[0].keys()


async def test_what_a_leak_has_reached(region: Region) -> None:
    auditor, clinic, nurses = await region.auditor(), await region.found(), await region.found("visiting_nursing")
    patient = await register(clinic)
    await join(clinic, nurses, patient)
    await agree(clinic, patient)
    await submit(clinic, patient, sheet({"medical": {"present_illness": "慢性心不全"}}))
    kept = await submit(nurses, patient, report(), by="nurse")
    await nurses.get(f"/v1/patients/{patient}/summary?groups=medical", by="home_helper")
    await nurses.get(f"/v1/patients/{patient}/care-reports/{kept['id']}", by="nurse")
    await nurses.get(f"/v1/patients/{patient}/access-log", by="family")  # refused: it has reached nothing
    (one,) = (await auditor.get(f"/v1/breach-report?client={nurses.client_id}&known_on=2026-11-23")).json()["patients"]
    assert one["patient_id"] == patient and one["events"] == 3 and one["first_at"] <= one["last_at"]
    assert one["actions"] == ["care_report.read", "care_report.submit", "summary.read"]
    assert one["records"] == [kept["id"]]
    rows, catalogue = default_rows(), load_catalogue()
    may = {
        code
        for code, item in catalogue.items.items()
        for who, groups in (("home_helper", ["medical"]), ("nurse", ["care_report"]))
        if item.group in groups
        and "r" in rows[who][f"{item.group}_{item.tier}"]  # type: ignore[index]  # by its code
        and (code not in catalogue.restricted or rows[who]["restricted"])  # type: ignore[index]  # by its code
    }
    assert one["items"] == sorted(may) and may
    assert one["groups"] == sorted({code.split(".")[0] for code in may}, key=["medical", "care_report"].index)
    assert [(p["organization"]["id"], p["part"]) for p in one["whom_to_tell"]["care_team"]] == sorted(
        [(clinic.id, "attending_physician"), (nurses.id, "visiting_nursing")],
        key=lambda place: next(o.organization["name"] for o in (clinic, nurses) if o.id == place[0]),  # type: ignore[index]  # they have one
    )
    by_user = (await auditor.get(f"/v1/breach-report?client={nurses.client_id}&user=u-home_helper")).json()
    assert by_user["counts"] == {"patients": 1, "events": 1}
    assert by_user["patients"][0]["groups"] == ["medical"]


async def test_whom_the_law_wants_told_and_by_when(region: Region) -> None:
    told = (await region.admin.get(f"/v1/breach-report?from={tokyo()}&known_on=2026-11-23")).json()["whom_to_tell"]
    assert told == {
        "authority": "個人情報保護委員会",
        "known_on": "2026-11-23",
        "preliminary_by": "2026-11-25",
        "preliminary_at_latest": "2026-11-27",
        "final_by": "2026-12-22",
        "final_by_if_malicious": "2027-01-21",
    }
    today = (await region.admin.get(f"/v1/breach-report?from={tokyo()}")).json()["whom_to_tell"]
    assert today["known_on"] == tokyo()


async def test_a_leak_page_by_page(region: Region) -> None:
    auditor, clinic = await region.auditor(), await region.found()
    patients = sorted([await register(clinic) for _ in range(5)])
    seen, following, counts = [], f"/v1/breach-report?organization={clinic.id}&limit=2", set()
    while following:
        answer = await auditor.get(following)
        seen += [p["patient_id"] for p in answer.json()["patients"]]
        counts.add(answer.json()["counts"]["patients"])
        following = answer.links["next"]["url"] if "next" in answer.links else ""
    assert (seen, counts) == (patients, {5})


async def test_what_is_wrong_is_named(region: Region) -> None:
    admin = region.admin
    nothing = problem(await admin.get("/v1/breach-report"), 422, "invalid")
    assert faults(nothing) == {(f"?{name}", "required") for name in ("client", "organization", "user", "from")}
    for path, name in (
        ("/v1/audit-events?from=gestern", "from"),
        ("/v1/audit-events?to=2026-02-30", "to"),
        ("/v1/breach-report?from=2026-11-23T10:00:00", "from"),
    ):
        assert faults(problem(await admin.get(path), 422, "invalid")) == {(f"?{name}", "format")}, path
    assert (await admin.get("/v1/audit-events?outcome=maybe")).status_code == 422
    assert (await admin.get("/v1/audit-seals?after=xyz")).status_code == 422
    assert (await admin.get(f"/v1/audit-events?from={tokyo()}T00:00:00%2B09:00&limit=1")).status_code == 200
