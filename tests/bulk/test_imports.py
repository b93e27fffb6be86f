"""Imports through their door, done by a worker's own steps: checked, confirmed, taken in, told of by cell."""

import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.bulk.work import finish, importer
from tests.factories import Region, Vendor, insured_number

from renkei.settings import Settings
from renkei.worker.importing import Importer

DATA = Path(__file__).parents[1] / "data"
CSV = {"Content-Type": "text/csv"}
XLSX = {"Content-Type": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


@pytest.fixture
async def worker(settings: Settings) -> AsyncIterator[Importer]:
    async with importer(settings) as made:
        yield made


async def send(
    vendor: Vendor, content: bytes, headers: dict[str, str] = CSV, by: str | None = "nurse", **query: Any
) -> dict[str, Any]:
    """Ask for an import."""
    answer = await vendor.call("POST", "/v1/imports", by=by, content=content, headers=headers, params=query)
    assert answer.status_code == 202, answer.text
    assert answer.headers["Location"] == f"/v1/imports/{answer.json()['id']}"
    return dict(answer.json())


async def confirm(vendor: Vendor, import_id: str, by: str | None = "nurse", **said: Any) -> dict[str, Any]:
    """Go on with one."""
    answer = await vendor.post(f"/v1/imports/{import_id}/confirmation", said, by=by)
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def sample_people() -> bytes:
    """The sample file, with numbers that nobody has."""
    text = (DATA / "patients-ms932.csv").read_bytes().decode("cp932")
    for number in ("0000012345", "０００００１２３４６", "0000012347"):
        text = text.replace(number, insured_number())
    return text.encode("cp932")


async def people(vendor: Vendor, worker: Importer) -> None:
    """Register the people of the sample file."""
    job = await send(vendor, sample_people(), sheet="patients")
    job = await finish(worker, vendor, job["id"], by="nurse")
    assert (job["state"], job["wrong"]) == ("waiting", 0), job
    await confirm(vendor, job["id"])
    job = await finish(worker, vendor, job["id"], by="nurse")
    assert (job["state"], job["kept"], job["wrong"]) == ("done", 3, 0), job


async def test_people_of_a_small_office(region: Region, worker: Importer) -> None:
    nurses = await region.found("visiting_nursing")
    await people(nurses, worker)
    found = (await nurses.get("/v1/patients", by="nurse")).json()["items"]
    assert {one["name"]["family"] for one in found} == {"髙橋", "山﨑", "㈱"}
    hana = next(one for one in found if one["name"]["family"] == "髙橋")
    assert (hana["birth_date"], hana["sex"], hana["name_kana"]["family"]) == ("1935-03-05", "female", "タカハシ")


async def test_reports_with_errors_by_cell_and_the_rest_to_be_mended(region: Region, worker: Importer) -> None:
    nurses = await region.found("visiting_nursing")
    await people(nurses, worker)
    job = await send(nurses, (DATA / "care-reports-utf8.csv").read_bytes(), sheet="care_reports")
    job = await finish(worker, nurses, job["id"], by="nurse")
    assert job["state"] == "waiting" and job["progress"] == {"done": 3, "total": 3}
    targets = {one["heading"]: one.get("target") for one in job["columns"]}
    assert targets["血圧"] == "care_report.blood_pressure" and targets["体温(℃)"] == "care_report.body_temperature"
    assert job["wrong"] == 3  # the author's organization is in no column
    fixed = {"care_report.author.organization": "こもれび"}
    await confirm(nurses, job["id"], mapping={**job["mapping"], "fixed": fixed}, check=True, save_as="訪問記録")
    job = await finish(worker, nurses, job["id"], by="nurse")
    assert (job["state"], job["wrong"]) == ("waiting", 1)
    errors = (await nurses.get(f"/v1/imports/{job['id']}/errors", by="nurse", headers={"Accept-Language": "ja"})).json()
    (row,) = errors["items"]
    assert row["row"] == 4
    assert {(one["column"], one["heading"], one["code"]) for one in row["errors"]} == {
        ("F", "体温(℃)", "unit"),
        ("G", "血圧", "format"),
    }
    assert all(one["message"] for one in row["errors"]) and "98F" not in str(errors)
    await confirm(nurses, job["id"])
    job = await finish(worker, nurses, job["id"], by="nurse")
    assert (job["state"], job["kept"], job["wrong"], job["repeated"]) == ("done", 2, 1, 0)
    rejected = await nurses.get(f"/v1/imports/{job['id']}/rejected", by="nurse")
    assert rejected.content.startswith("\ufeff".encode())
    (headings, mended) = csv.reader(io.StringIO(rejected.content.decode("utf-8-sig")))
    assert headings[-1] == "誤りの内容" and "体温" in mended[-1]
    mended[5], mended[6] = "37.8℃", "120/70"
    written = io.StringIO()
    csv.writer(written).writerows([headings, mended])
    job = await send(nurses, written.getvalue().encode(), sheet="care_reports", mapping="訪問記録", check="false")
    job = await finish(worker, nurses, job["id"], by="nurse")
    assert (job["state"], job["kept"], job["wrong"]) == ("done", 1, 0), job
    again = await send(
        nurses, (DATA / "care-reports-utf8.csv").read_bytes(), sheet="care_reports", mapping="訪問記録", check="false"
    )
    job = await finish(worker, nurses, again["id"], by="nurse")
    assert (job["kept"], job["repeated"], job["wrong"]) == (0, 2, 1)
