"""What is done to a thing by another id of a linked person is told under the id it stands under, and found there when parted."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.factories import Region, agree, report, submit
from tests.http.feed import publish_all, read, worker_engine
from tests.http.test_attachments import attach
from tests.http.test_consent_evidence import send
from tests.http.twice import link, part, registered_twice
from tests.schemas.scans import PDF

from renkei.settings import Settings

WHY = {"reason": "誤り"}
OPENED = {"reason": "意識なし", "life_at_risk": True, "consent_unobtainable": True}
REVIEWED = {"finding": "justified", "comment": "確認した"}


@pytest.fixture
async def engine(settings: Settings) -> AsyncIterator[AsyncEngine]:
    async with worker_engine(settings) as made:
        yield made


async def test_what_is_done_by_the_other_id_is_told_under_the_things_own(region: Region, engine: AsyncEngine) -> None:
    t = await registered_twice(region)
    hospital = await region.found("hospital")
    one, two = f"/v1/patients/{t.one}", f"/v1/patients/{t.two}"
    kept, consent = await submit(t.first, t.one, report()), await agree(t.first, t.one)
    photo = (await attach(t.first, t.one, by="physician")).json()["id"]
    opened = (await hospital.post(f"{one}/emergency-access", OPENED, by="physician")).json()["id"]
    wanted = {"wants": "consent", "groups": ["medical"], "reason": "転倒の経過を見る"}
    asked = await t.office.post(f"{one}/access-requests", wanted, by="care_manager")
    assert asked.status_code == 201, asked.text
    assert (await link(t.office, t.one, t.two)).status_code == 201
    acts = (
        await t.first.post(f"{two}/care-reports/{kept['id']}/withdrawal", WHY),
        await t.first.post(f"{two}/attachments/{photo}/withdrawal", WHY, by="physician"),
        await send(t.second, f"{two}/consents/{consent}/evidence", PDF),
        await t.second.post(f"{two}/consents/{consent}/withdrawal", WHY),
        await hospital.call("DELETE", f"{two}/emergency-access/{opened}", by="physician"),
        await t.second.post(f"{two}/emergency-access/{opened}/review", REVIEWED, by="physician"),
        await t.second.post(f"{two}/access-requests/{asked.json()['id']}/refusal", {"comment": "退院した"}),
        await t.second.call("DELETE", f"{two}/care-team/{t.nurses.id}"),
    )
    assert [answer.status_code for answer in acts] == [201, 201, 201, 201, 204, 201, 201, 204], [a.text for a in acts]
    assert (await part(t.office, t.one, t.two)).status_code == 201
    await publish_all(engine)
    told = {entry["kind"]: entry for entry in await read(t.first, patient=t.one)}
    assert {
        "care_report.withdraw",
        "attachment.withdraw",
        "consent_evidence.add",
        "consent.withdraw",
        "emergency_access.close",
        "emergency_access.review",
        "access_request.refuse",
        "care_team.end",
    } <= set(told)
    for kind in ("care_report.withdraw", "attachment.withdraw", "consent_evidence.add", "care_team.end"):
        assert (await t.first.get(told[kind]["href"], by="physician")).status_code == 200, kind


async def test_a_place_that_changes_under_both_ids_is_told_under_both(region: Region, engine: AsyncEngine) -> None:
    t = await registered_twice(region)
    assert (await link(t.office, t.one, t.two)).status_code == 201
    said = {"part": "care_management", "valid_from": "2026-11-01", "valid_until": "2099-12-31"}
    assert (await t.first.put(f"/v1/patients/{t.one}/care-team/{t.office.id}", said)).status_code in (200, 201)
    assert (await t.second.call("DELETE", f"/v1/patients/{t.two}/care-team/{t.office.id}")).status_code == 204
    await part(t.first, t.one, t.two)
    await publish_all(engine)
    for reader, patient in ((t.first, t.one), (t.second, t.two)):
        kinds = [entry["kind"] for entry in await read(reader, patient=patient)]
        assert [kind for kind in kinds if kind.startswith("care_team.")][-2:] == ["care_team.place", "care_team.end"]
