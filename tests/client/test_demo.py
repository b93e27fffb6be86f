"""The vendors' client in the region that ``renkei demo`` makes, with the credentials it writes down."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.factories import Vendor, report
from tests.http.feed import publish_all, worker_engine

from renkei.demo import ClientCredentials, seed
from renkei.demo.region import BY_LABEL
from renkei.demo.seed import showcase_patient
from renkei.settings import Settings
from renkei_client import FileCursor, NotFound, Renkei, Secret, User


def entered(server: str, credentials: list[dict[str, Any]], label: str) -> Renkei:
    """The client of an office's system, for the first of its staff."""
    entry = next(one for one in credentials if one["label"] == label)
    staff = BY_LABEL[label].staff[0]
    user = User(staff.user_id, staff.name, staff.profession)
    secret = Secret(entry["client_id"], entry["client_secret"])
    return Renkei(server, secret, entry["organization"]["code"], user=user, patience=20)


async def test_a_report_goes_from_one_vendors_system_to_another(
    server: str, admin: Vendor, settings: Settings, tmp_path: Path
) -> None:
    async with httpx.AsyncClient(base_url=server, timeout=30, trust_env=False) as client:
        credentials = await seed(client, ClientCredentials(admin.client_id, admin.client_secret))
        patient = await showcase_patient(client, credentials)
    cursor = FileCursor(tmp_path / "cursor")

    async def followed(reader: Renkei) -> list[tuple[str, str, str | None]]:
        async with worker_engine(settings) as engine:
            await publish_all(engine)
        changes = await asyncio.to_thread(lambda: list(reader.follow(cursor, until_end=True)))
        return [(one.kind, one.patient_id, one.record_id) for one in changes]

    with entered(server, credentials, "nurse-station") as nurses, entered(server, credentials, "clinic") as clinic:
        told = await followed(clinic)
        assert {"care_report.submit", "face_sheet.submit"} <= {kind for kind, *_ in told}
        assert len({about for _, about, _ in told}) > 1
        kept = await asyncio.to_thread(nurses.submit_care_report, patient, report())
        assert kept.created
        assert await followed(clinic) == [("care_report.submit", patient, kept.id)]
        assert await followed(clinic) == []
        summary = await asyncio.to_thread(clinic.summary, patient)
        assert kept.id in {one["id"] for one in summary["care_reports"]}
        assert summary["groups"]["medical"]["allergy"]
    with entered(server, credentials, "stranger-clinic") as stranger, pytest.raises(NotFound):
        await asyncio.to_thread(stranger.summary, patient)
