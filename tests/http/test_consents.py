"""Consents through HTTP: what is recorded decides from that moment, in its period, for whom it names."""

from datetime import date, timedelta
from typing import Any

import pytest
from tests.factories import Region, Vendor, agree, consent, family_consent, join, register, report, sheet, submit
from tests.http.problems import faults, problem

from renkei.ids import now
from renkei.schemas.dates import tokyo_day


def day(distance: int) -> str:
    """A Tokyo day so many days from today."""
    return (tokyo_day(now()) + timedelta(distance)).isoformat()


async def team(region: Region) -> tuple[Vendor, Vendor, str]:
    clinic, nurses = await region.found(), await region.found("visiting_nursing")
    patient = await register(clinic)
    await join(clinic, nurses, patient)
    await submit(clinic, patient, sheet({"medical": {"weight": 50}}))
    await submit(clinic, patient, report())
    return clinic, nurses, patient


async def reads(vendor: Vendor, patient: str, by: str = "nurse") -> bool:
    """Whether the clinic's weight is shown."""
    summary = (await vendor.get(f"/v1/patients/{patient}/summary", by=by)).json()
    return "weight" in summary.get("groups", {}).get("medical", {})


async def test_recorded_listed_and_withdrawn(region: Region) -> None:
    clinic, nurses, patient = await team(region)
    path = f"/v1/patients/{patient}/consents"
    assert not await reads(nurses, patient)
    sent = consent(groups=["medical"], restricted=["medical.infection"])
    recorded = (await clinic.post(path, sent)).json()
    assert {**sent, "id": recorded["id"], "recorded_at": recorded["recorded_at"]} == recorded
    assert await reads(nurses, patient)
    oral = consent(form="oral", wording="よいです", recorded_by="検査 花子", valid_until=None)
    second = (await nurses.post(path, oral)).json()
    listed = (await nurses.get(path)).json()["items"]
    assert listed == [second, recorded]

    done = await clinic.post(f"{path}/{recorded['id']}/withdrawal", {"reason": "本人の申し出"})
    assert done.status_code == 201 and done.json()["withdrawal_reason"] == "本人の申し出"
    again = await clinic.post(f"{path}/{recorded['id']}/withdrawal", {"reason": "本人の申し出"})
    assert (again.status_code, again.json()) == (200, done.json())
    problem(await clinic.post(f"{path}/{recorded['id']}/withdrawal", {"reason": "他"}), 409, "conflict")
    assert await reads(nurses, patient)  # the oral one still stands
    await clinic.post(f"{path}/{second['id']}/withdrawal", {"reason": "本人の申し出"})
    assert not await reads(nurses, patient)
    assert [c["id"] for c in (await clinic.get(path)).json()["items"] if "withdrawn_at" in c] == [
        second["id"],
        recorded["id"],
    ]


@pytest.mark.parametrize(
    ("valid_from", "valid_until", "shown"),
    [(-9, None, True), (0, 0, True), (-9, 0, True), (0, None, True), (-9, -1, False), (1, None, False), (1, 9, False)],
)
async def test_both_ends_of_its_period_are_inclusive(
    region: Region, valid_from: int, valid_until: int | None, shown: bool
) -> None:
    clinic, nurses, patient = await team(region)
    until = None if valid_until is None else day(valid_until)
    await agree(clinic, patient, valid_from=day(valid_from), valid_until=until)
    assert await reads(nurses, patient) is shown


@pytest.mark.parametrize(
    ("recipients", "by", "shown"),
    [
        ({"care_team": True, "professions": ["nurse", "physician"]}, "nurse", True),
        ({"care_team": True, "professions": ["physician"]}, "nurse", False),
        ({"organizations": ["nurses"]}, "nurse", True),
        ({"organizations": ["nurses"], "professions": ["physician"]}, "nurse", False),
        ({"organizations": ["clinic"]}, "nurse", False),
        ({"care_team": True, "organizations": ["clinic"]}, "nurse", True),
    ],
)
async def test_whom_it_lets_read(region: Region, recipients: dict[str, Any], by: str, shown: bool) -> None:
    clinic, nurses, patient = await team(region)
    ids = {"clinic": clinic.id, "nurses": nurses.id}
    named = [ids[name] for name in recipients.get("organizations", [])]
    await agree(clinic, patient, recipients={**recipients, "organizations": named})
    assert await reads(nurses, patient, by) is shown


async def test_all_of_the_team_but_some_as_it_changes(region: Region) -> None:
    clinic, nurses, patient = await team(region)
    later = await region.found("home_help")
    to = {"care_team": True, "organizations": [], "except_organizations": [later.id], "professions": []}
    await agree(clinic, patient, recipients=to)
    await join(clinic, later, patient)
    assert await reads(nurses, patient) and not await reads(later, patient)


@pytest.mark.parametrize(("tiers", "shown"), [(["basic"], True), (["optional"], False), (["optional", "basic"], True)])
async def test_which_tiers_it_opens(region: Region, tiers: list[str], shown: bool) -> None:
    clinic, nurses, patient = await team(region)
    await agree(clinic, patient, tiers=tiers, groups=["medical"])
    assert await reads(nurses, patient) is shown
    withheld = (await nurses.get(f"/v1/patients/{patient}/summary?groups=medical", by="nurse")).json()["withheld"]
    assert {w["tier"] for w in withheld if "tier" in w} == {"basic", "optional"} - set(tiers)


async def test_today_is_a_day_on_which_it_may_be_given(region: Region) -> None:
    clinic, _, patient = await team(region)
    assert await agree(clinic, patient, given_on=day(0))


async def test_a_named_organization_needs_no_place_in_the_team(region: Region) -> None:
    clinic, _, patient = await team(region)
    hospital = await region.found("hospital")
    path = f"/v1/patients/{patient}"
    problem(await hospital.get(f"{path}/summary", by="physician"), 404, "not-found")
    recipients = {"care_team": False, "organizations": [hospital.id], "professions": []}
    given = await agree(clinic, patient, recipients=recipients, groups=["medical"])
    assert await reads(hospital, patient, "physician")
    seen = (await hospital.get(f"{path}/summary", by="physician")).json()
    assert seen["care_reports"] == [] and {w["group"] for w in seen["withheld"]} >= {"care_report", "living"}
    told = problem(await hospital.post(f"{path}/care-reports", report(), by="physician"), 403, "forbidden")
    assert told["reason_code"] == "not_in_care_team"
    await clinic.post(f"{path}/consents/{given}/withdrawal", {"reason": "申し出"})
    problem(await hospital.get(f"{path}/summary", by="physician"), 404, "not-found")


async def test_who_records_consents(region: Region) -> None:
    _, nurses, patient = await team(region)
    path = f"/v1/patients/{patient}/consents"
    for by, status in (("nurse", 201), ("care_manager", 201), ("pt", 403), ("home_helper", 403), ("pharmacist", 403)):
        assert (await nurses.post(path, consent(), by=by)).status_code == status, by
    assert (await region.admin.post(path, consent())).status_code == 201
    assert (await (await region.auditor()).post(path, consent())).status_code == 403
    assert (await (await region.auditor()).get(path)).status_code == 200
    stranger = await region.found()
    problem(await stranger.post(path, consent(), by="physician"), 404, "not-found")
    problem(await stranger.get(path, by="physician"), 404, "not-found")


async def test_the_familys_items_need_the_familys_consent(region: Region) -> None:
    clinic, nurses, patient = await team(region)
    await submit(clinic, patient, sheet({"family": {"caregiver_health": "腰痛"}}))
    await agree(clinic, patient)

    async def family() -> tuple[dict[str, Any], list[str]]:
        seen = (await nurses.get(f"/v1/patients/{patient}/summary?groups=family", by="nurse")).json()
        return seen["groups"]["family"], [w["reason"] for w in seen["withheld"] if "tier" in w]

    assert await family() == ({}, ["family_consent_missing"] * 2)
    given = (await clinic.post(f"/v1/patients/{patient}/consents", family_consent())).json()
    shown, withheld = await family()
    assert shown["caregiver_health"]["value"] == "腰痛" and withheld == []
    await clinic.post(f"/v1/patients/{patient}/consents/{given['id']}/withdrawal", {"reason": "申し出"})
    assert await family() == ({}, ["family_consent_missing"] * 2)


NOBODY = "01890000-0000-7000-8000-000000000000"
BAD: dict[str, tuple[dict[str, Any], set[tuple[str, str]]]] = {
    "reversed": (
        {"valid_from": "2026-02-01", "valid_until": "2026-01-31"},
        {("/valid_until", "reversed")},
    ),
    "nobody": ({"recipients": {"care_team": False}}, {("/recipients", "empty")}),
    "unknown organization": (
        {"recipients": {"organizations": [NOBODY]}},
        {("/recipients/organizations/0", "unknown")},
    ),
    "no id": ({"recipients": {"organizations": ["x"]}}, {("/recipients/organizations/0", "format")}),
    "oral": ({"form": "oral"}, {("/wording", "required"), ("/recorded_by", "required")}),
    "no groups": ({"groups": []}, {("/groups", "empty")}),
    "group twice": ({"groups": ["medical", "medical"]}, {("/groups", "repeated")}),
    "unknown group": ({"groups": ["medical", "x"]}, {("/groups/1", "code")}),
    "not restricted": ({"restricted": ["medical.weight"]}, {("/restricted/0", "code")}),
    "proxy": (
        {"given_by": {"relation": "proxy", "kind": "guardian"}},
        {("/given_by/name", "required"), ("/given_by/document", "required")},
    ),
    "nobody gave it": ({"given_by": {}}, {("/given_by", "required")}),
    "a neighbour": ({"given_by": {"relation": "neighbour"}}, {("/given_by", "code")}),
    "proxy too old": (
        {"given_by": {"relation": "proxy", "kind": "後見人", "name": "甲", "document": "登記事項証明書", "valid_until": "2019-12-31"}},
        {("/given_by/valid_until", "order")},
    ),
    "given tomorrow": ({"given_on": day(1)}, {("/given_on", "future")}),
    "all but some, of nobody": (
        {"recipients": {"organizations": [NOBODY], "except_organizations": [NOBODY]}},
        {("/recipients/care_team", "required"), ("/recipients/except_organizations/0", "repeated")},
    ),
    "unknown exception": (
        {"given_on": day(1), "recipients": {"care_team": True, "except_organizations": [NOBODY]}},
        {("/given_on", "future"), ("/recipients/except_organizations/0", "unknown")},
    ),
    "no tier": ({"tiers": []}, {("/tiers", "empty")}),
    "unknown tier": ({"tiers": ["basic", "x"]}, {("/tiers/1", "code")}),
    "family unnamed": ({"about": "family", "groups": ["medical"]}, {("/family_name", "required"), ("/groups", "required")}),
    "whether": ({"recipients": {"care_team": 1}}, {("/recipients/care_team", "type")}),
}  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), BAD.values(), ids=BAD.keys())
async def test_a_faulty_consent(region: Region, change: dict[str, Any], expected: set[tuple[str, str]]) -> None:
    clinic = await region.found()
    path = f"/v1/patients/{await register(clinic)}/consents"
    assert faults(problem(await clinic.post(path, consent(**change)), 422, "invalid")) == expected
    assert (await clinic.get(path)).json()["items"] == []


async def test_a_proxys_consent_is_kept_as_given(region: Region) -> None:
    clinic, nurses, patient = await team(region)
    by = {
        "relation": "proxy",
        "kind": "成年後見人",
        "name": "髙橋 一郎",
        "document": "登記事項証明書",
        "valid_until": "2026-01-05",
    }
    for form in ("notice", "joint_use", "entrusted", "law"):
        sent = consent(given_by=by, form=form, given_on=date(2026, 1, 5).isoformat())
        answer = await clinic.post(f"/v1/patients/{patient}/consents", sent)
        assert answer.status_code == 201 and answer.json()["given_by"] == by and answer.json()["form"] == form
        assert (await clinic.get(f"/v1/patients/{patient}/consents")).json()["items"][0]["given_by"] == by
    assert await reads(nurses, patient)  # what was given on the mandate's last day stands after it


@pytest.mark.parametrize(("form", "status"), [("written", 422), ("notice", 201), ("law", 201)])
async def test_only_what_somebody_gives_needs_a_giver(region: Region, form: str, status: int) -> None:
    clinic = await region.found()
    patient = await register(clinic)
    sent = consent(form=form)
    del sent["given_by"]
    answer = await clinic.post(f"/v1/patients/{patient}/consents", sent)
    assert answer.status_code == status
    if status == 422:
        assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [("/given_by", "required")]
