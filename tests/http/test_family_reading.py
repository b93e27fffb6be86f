"""A family member's row is read by others when that member has agreed by name: in the summary, in sheets, in lists."""

from typing import Any

from tests.access.world import emergency
from tests.factories import Region, Vendor, agree, family_consent, join, register, sheet, submit

ICHIRO = {"name": {"family": "高橋", "given": "一郎"}, "relationship": "husband"}
JIRO = {"name": {"text": "髙橋次郎"}, "relationship": "son"}
NOBODY = {"relationship": "daughter"}
MISSING = {"group": "family", "item": "family.member", "reason": "family_consent_missing"}


async def cared_for(region: Region) -> tuple[Vendor, Vendor, str, str]:
    """A clinic that knows three of the family, a station beside it, and the clinic's sheet."""
    clinic, nurses = await region.found(), await region.found("visiting_nursing")
    patient = await register(clinic)
    await join(clinic, nurses, patient)
    await agree(clinic, patient)
    family = {"member": [ICHIRO, JIRO, NOBODY], "caregiver_health": "腰痛"}
    kept = await submit(clinic, patient, sheet({"family": family}), by="physician")
    return clinic, nurses, patient, kept["id"]


async def shown(vendor: Vendor, patient: str, record: str) -> tuple[list[Any], bool]:
    """The rows a nurse is shown, alike in summary, sheet and list; and whether some are said to be withheld."""
    path, told = f"/v1/patients/{patient}", []
    summary = (await vendor.get(f"{path}/summary", by="nurse")).json()
    rows = summary["groups"].get("family", {}).get("member", {}).get("value", [])
    told.append((rows, MISSING in summary["withheld"]))
    one = (await vendor.get(f"{path}/face-sheets/{record}", by="nurse")).json()
    (listed,) = (await vendor.get(f"{path}/face-sheets", by="nurse")).json()["items"]
    for found in (one, listed):
        told.append((found["items"].get("family", {}).get("member", []), MISSING in found["withheld"]))
    assert told[0] == told[1] == told[2]
    return told[0]


async def test_each_row_opens_by_the_name_on_a_consent(region: Region) -> None:
    clinic, nurses, patient, record = await cared_for(region)
    path = f"/v1/patients/{patient}/consents"
    # Before anybody of the family has agreed the whole column is withheld, and says so itself.
    assert await shown(nurses, patient, record) == ([], False)
    given = (await clinic.post(path, family_consent())).json()  # 髙橋 一郎
    assert await shown(nurses, patient, record) == ([ICHIRO], True)
    assert await shown(clinic, patient, record) == ([ICHIRO, JIRO, NOBODY], False)
    jiro = {**family_consent(), "family_name": {"family": "高橋", "given": "次郎"}}
    second = (await clinic.post(path, jiro)).json()
    assert await shown(nurses, patient, record) == ([ICHIRO, JIRO], True)
    assert (await clinic.post(f"{path}/{given['id']}/withdrawal", {"reason": "申し出"})).status_code == 201
    assert await shown(nurses, patient, record) == ([JIRO], True)
    assert (await clinic.post(f"{path}/{second['id']}/withdrawal", {"reason": "申し出"})).status_code == 201
    assert await shown(nurses, patient, record) == ([], False)


async def test_a_copy_is_no_longer_good_when_a_member_agrees(region: Region) -> None:
    clinic, nurses, patient, _ = await cared_for(region)
    await clinic.post(f"/v1/patients/{patient}/consents", family_consent())
    path = f"/v1/patients/{patient}/summary"
    first = await nurses.get(path, by="nurse")
    known = {"If-None-Match": first.headers["etag"]}
    assert (await nurses.get(path, by="nurse", headers=known)).status_code == 304
    jiro = {**family_consent(), "family_name": "髙橋 次郎"}
    assert (await clinic.post(f"/v1/patients/{patient}/consents", jiro)).status_code == 201
    again = await nurses.get(path, by="nurse", headers=known)
    assert again.status_code == 200 and again.json()["groups"]["family"]["member"]["value"] == [ICHIRO, JIRO]


async def test_ones_own_rows_stay_whole_beside_anothers(region: Region) -> None:
    clinic, nurses, patient, _ = await cared_for(region)
    await clinic.post(f"/v1/patients/{patient}/consents", family_consent())
    family = {"member": [ICHIRO, JIRO, NOBODY]}
    own = sheet({"family": family}, as_of="2026-05-01T10:00:00+09:00")
    assert (await nurses.post(f"/v1/patients/{patient}/face-sheets", own, by="nurse")).status_code == 201
    seen = (await nurses.get(f"/v1/patients/{patient}/summary", by="nurse")).json()
    member = seen["groups"]["family"]["member"]
    assert (member["value"], member["organization"]["id"]) == ([ICHIRO], clinic.id)
    assert [(o["value"], o["organization"]["id"]) for o in member["others"]] == [(family["member"], nurses.id)]
    assert MISSING in seen["withheld"] and seen["groups"]["family"]["caregiver_health"]["value"] == "腰痛"


async def test_to_protect_life_nobody_is_asked_for_their_name(region: Region) -> None:
    _, _, patient, record = await cared_for(region)
    hospital = await region.found("hospital")
    opened = emergency(groups=["family", "medical"])
    answer = await hospital.post(f"/v1/patients/{patient}/emergency-access", opened, by="physician")
    assert answer.status_code == 201, answer.text
    assert await shown(hospital, patient, record) == ([ICHIRO, JIRO, NOBODY], False)
