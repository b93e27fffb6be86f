"""The vendors' client against the service itself. The flow of docs/vendors.md is run by tests/test_docs_live.py."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey
from tests.factories import EVERY_PROFESSION, Region, Vendor, consent, person, register, report, sheet
from tests.http.feed import publish_all, worker_engine

from renkei.settings import Settings
from renkei_client import FileCursor, Forbidden, Key, NotFound, Renkei, Secret, TokenRefused, User

PHYSICIAN = User("saegusa", "三枝 朋之", "physician")
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a49444154789c63f80f00010101001bb6ee560000000049454e44ae426082"
)
Opened = Callable[[Vendor], Renkei]


@pytest.fixture
def opened(server: str) -> Iterator[Opened]:
    """A client for somebody's office, by its secret."""
    made: list[Renkei] = []

    def open_(vendor: Vendor) -> Renkei:
        assert vendor.organization is not None
        secret = Secret(vendor.client_id, vendor.client_secret)
        made.append(Renkei(server, secret, vendor.organization["code"], patience=20))
        return made[-1]

    yield open_
    for client in made:
        client.close()


async def test_a_key_of_ones_own(server: str, region: Region, tmp_path: Path) -> None:
    clinic = await region.found()
    assert clinic.organization is not None
    key = ECKey.generate_key("P-256", {"kid": "k1"})
    (tmp_path / "private.pem").write_bytes(key.as_pem(private=True))
    delegation = {"organization_id": clinic.id, "professions": EVERY_PROFESSION, "scopes": ["patients", "records.read"]}
    said = {"name": "x", "kind": "vendor", "jwks": {"keys": [key.as_dict(private=False)]}, "delegations": [delegation]}
    made = (await region.admin.post("/v1/clients", said)).json()

    def flow() -> dict[str, Any]:
        proof = Key(made["client_id"], tmp_path / "private.pem", "k1")
        with Renkei(server, proof, clinic.organization["code"], user=PHYSICIAN) as renkei:
            patient = renkei.register(person())
            with pytest.raises(Forbidden) as refused:
                renkei.record_consent(patient.id, consent())
            assert refused.value.reason_code == "scope"
            system = renkei.acting()
            assert "user" not in system.me() or system.me()["user"] is None
            return renkei.me()

    me = await asyncio.to_thread(flow)
    assert me["user"]["name"] == PHYSICIAN.name and me["organization"]["id"] == clinic.id
    with Renkei(server, Secret(made["client_id"], "x"), "o") as none, pytest.raises(TokenRefused):
        await asyncio.to_thread(none.me)  # who has a key has no secret


async def test_what_a_system_does_all_day(region: Region, opened: Opened) -> None:
    clinic, nurses = await region.found(), await region.found("visiting_nursing")
    patient = await register(clinic)

    def day() -> None:
        renkei, station = opened(clinic), opened(nurses)
        doctor = renkei.acting(PHYSICIAN)
        unnumbered = person(identifiers=[])
        first, again = (doctor.register(unnumbered, act=f"act-{patient}") for _ in range(2))
        assert first.id == again.id and first.created
        assert doctor.patient(first.id)["id"] == first.id
        with pytest.raises(NotFound):
            station.summary(patient)
        place = {"part": "visiting_nursing", "valid_from": "2026-01-01"}
        (found,) = renkei.organizations(name=str(nurses.organization["name"]) if nurses.organization else "")
        assert renkei.add_to_team(patient, found["id"], place)["part"] == "visiting_nursing"
        assert doctor.preview_consent(patient, consent())["patient_id"] == patient
        given = doctor.record_consent(patient, consent())
        kept = [station.submit_care_report(patient, report()) for _ in range(3)]
        assert {one.id for one in kept} == {one["id"] for one in doctor.records("care-reports", patient, limit="2")}
        station.withdraw("care-reports", patient, kept[0].id, "誤送信")
        station.withdraw("care-reports", patient, kept[0].id, "誤送信")
        assert station.submit_face_sheet(patient, sheet({"medical": {"weight": 50}})).created
        before = doctor.summary(patient, ["medical", "care_report"])
        assert before["groups"]["medical"]["weight"]["value"] == 50
        assert doctor.summary(patient, ["medical", "care_report"]) is before  # not modified: what was kept
        picture = {"title": "創部", "item": "care_report.wound_treatment"}
        added = doctor.add_attachment(patient, PIXEL, "image/png", **picture)
        assert doctor.add_attachment(patient, PIXEL, "image/png", **picture)["id"] == added["id"]
        assert doctor.attachment(patient, added["id"])[:8] == PIXEL[:8]
        doctor.withdraw_consent(patient, given["id"], "本人の申し出")
        (shown,) = doctor.consents(patient)
        assert shown["withdrawn_at"]
        assert "weight" not in doctor.summary(patient, ["medical", "care_report"])["groups"]["medical"]

    await asyncio.to_thread(day)


async def test_the_feed_is_followed_over_restarts_of_the_reader(
    region: Region, opened: Opened, tmp_path: Path, settings: Settings
) -> None:
    clinic = await region.found()
    patient = await register(clinic)
    cursor = FileCursor(tmp_path / "cursor")

    def follow() -> list[str | None]:
        kinds = ["care_report.submit"]
        return [change.record_id for change in opened(clinic).follow(cursor, kinds=kinds, until_end=True)]

    for _ in range(2):
        sent = [opened(clinic).submit_care_report for _ in range(2)]
        kept = [(await asyncio.to_thread(one, patient, report())).id for one in sent]
        async with worker_engine(settings) as engine:
            await publish_all(engine)
        assert await asyncio.to_thread(follow) == kept
    assert await asyncio.to_thread(follow) == []


async def test_many_are_handed_over_at_once(region: Region, opened: Opened) -> None:
    clinic = await region.found()
    patient = await register(clinic)

    def hand_over() -> None:
        renkei = opened(clinic)
        lines = [{"kind": "care_report", "patient_id": patient, "body": report()} for _ in range(3)]
        taken = renkei.import_lines(lines, check=True)
        assert renkei.import_state(taken["id"])["state"] in ("queued", "running", "waiting")
        assert list(renkei.import_errors(taken["id"])) == []

    await asyncio.to_thread(hand_over)
