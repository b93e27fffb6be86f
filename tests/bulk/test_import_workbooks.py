"""Excel files and saved mappings through the door; files made to hurt; files forgotten."""

import io
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from openpyxl import Workbook
from tests.bulk.test_imports import XLSX, confirm, people, send
from tests.bulk.work import finish, importer
from tests.factories import Region
from tests.http.inside import as_owner

from renkei.blobs import open_blobs
from renkei.settings import Settings
from renkei.worker.exporting import Exporter
from renkei.worker.importing import Importer
from renkei.worker.labour import Labour

DATA = Path(__file__).parents[1] / "data"
SHEETS = {
    "columns": {
        "利用者番号": "patient.local",
        "記載日": "as_of",
        "要介護度": "person.care_level",
        "認定有効期間": "person.certification_period",
        "アレルギー": "medical.allergy",
        "アレルギー物質": "medical.allergy.substance",
        "主病名": "medical.diagnosis.name",
        "キーパーソン氏名": "family.key_person.name",
        "続柄": "family.key_person.relationship",
        "身長": "medical.height",
        "体重": "medical.weight",
    },
    "fixed": {
        "medical.diagnosis.role": "primary",
        "reason": "見守り体制の強化",
        "coverage": "partial",
        "author.name": "三枝 朋之",
        "author.profession": "医師",
    },
}


@pytest.fixture
async def worker(settings: Settings) -> AsyncIterator[Importer]:
    async with importer(settings) as made:
        yield made


async def test_face_sheets_of_a_workbook_by_a_saved_mapping(region: Region, worker: Importer) -> None:
    clinic = await region.found()
    await people(clinic, worker)
    saved = await clinic.call(
        "PUT", "/v1/import-mappings/フェイスシート", by="physician", json={"sheet": "face_sheets", "mapping": SHEETS}
    )
    assert saved.status_code == 200, saved.text
    (listed,) = (await clinic.get("/v1/import-mappings", by="physician")).json()["items"]
    assert listed["mapping"] == SHEETS
    content = (DATA / "face-sheets.xlsx").read_bytes()
    job = await send(clinic, content, XLSX, by="physician", sheet="face_sheets", mapping="フェイスシート")
    job = await finish(worker, clinic, job["id"], by="physician")
    assert (job["state"], job["wrong"]) == ("waiting", 2), job
    told = (await clinic.get(f"/v1/imports/{job['id']}/errors", by="physician")).json()["items"]
    assert {(row["row"], one.get("column"), one["code"]) for row in told for one in row["errors"]} >= {
        (3, "L", "formula"),
        (4, "B", "format"),
        (4, "D", "code"),
        (4, "L", "bounds"),
    }
    await confirm(clinic, job["id"], by="physician")
    job = await finish(worker, clinic, job["id"], by="physician")
    assert (job["state"], job["kept"], job["wrong"]) == ("done", 1, 2)
    found = (await clinic.get("/v1/patients?kana=タカハシ", by="physician")).json()["items"]
    summary = (await clinic.get(f"/v1/patients/{found[0]['id']}/summary", by="physician")).json()["groups"]
    assert summary["medical"]["allergy"]["value"] == [{"presence": "present", "substance": "卵"}]
    assert summary["person"]["certification_period"]["value"] == {"start": "2024-04-01", "end": "2027-03-31"}
    assert summary["person"]["care_level"]["as_of"] == "2026-06-01T00:00:00+09:00"
    assert (summary["medical"]["height"]["value"], summary["medical"]["weight"]["value"]) == (148.5, 42)


async def test_a_mapping_that_fits_nothing_is_refused(region: Region, worker: Importer) -> None:
    clinic = await region.found()
    wrong = {"columns": {"a": "no.such"}, "fixed": {"care_report.urgency": "どれか"}}
    answer = await clinic.call(
        "PUT", "/v1/import-mappings/x", by="nurse", json={"sheet": "care_reports", "mapping": wrong}
    )
    assert {one["pointer"] for one in answer.json()["errors"]} == {
        "/mapping/columns/a",
        "/mapping/fixed/care_report.urgency",
    }
    job = await send(clinic, "利用者番号,内容\nA,b\n".encode(), sheet="care_reports")
    await finish(worker, clinic, job["id"], by="nurse")
    unfit = {"columns": {"ない列": "care_report.body"}, "fixed": {}}
    answer = await clinic.post(f"/v1/imports/{job['id']}/confirmation", {"mapping": unfit}, by="nurse")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/mapping/columns/ない列")
    answer = await clinic.post(f"/v1/imports/{job['id']}/confirmation", {"saved": "ない"}, by="nurse")
    assert answer.json()["errors"][0]["pointer"] == "/saved"
    for query, pointer in (("", "?sheet"), ("?sheet=care_reports&mapping=x", "?mapping"), ("?sheet=x", "?sheet")):
        headers = {"Content-Type": "text/csv"}
        answer = await clinic.call("POST", f"/v1/imports{query}", by="nurse", content=b"a\n1\n", headers=headers)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"].replace("/", "?")) == (422, pointer)
    answer = await clinic.call(
        "POST", "/v1/imports?sheet=patients", by="nurse", content=b"x", headers={"Content-Type": "text/html"}
    )
    assert answer.status_code == 415


def bomb() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 210_000_000)
    return made.getvalue()


async def test_files_made_to_hurt_only_fail(region: Region, worker: Importer) -> None:
    clinic = await region.found()
    empty = io.BytesIO()
    Workbook().save(empty)
    for content, headers, reason in (
        (bomb(), XLSX, "too_large"),
        (b"PK\x03\x04 nothing", XLSX, "format"),
        (empty.getvalue(), XLSX, "empty"),
        (b"\x81\x20\xff\xfd", {"Content-Type": "text/csv"}, "encoding"),
    ):
        job = await send(clinic, content, headers, sheet="care_reports")
        job = await finish(worker, clinic, job["id"], by="nurse")
        assert (job["state"], job["reason"]) == ("failed", reason)
        assert job["message"]


async def test_files_are_kept_as_long_as_the_setting_says(region: Region, worker: Importer, settings: Settings) -> None:
    clinic = await region.found()
    job = await send(clinic, "利用者番号,内容\nA,b\n".encode(), sheet="care_reports")
    await finish(worker, clinic, job["id"], by="nurse")
    (key,) = as_owner(settings, "SELECT file_key FROM jobs WHERE id = %s", UUID(job["id"]))[0]
    blobs = open_blobs(settings)
    labour = Labour(worker.engine, blobs, worker, Exporter(worker.engine, blobs), {"import": settings.import_days})
    await labour.forget_files()
    assert await labour.blobs.exists(key)
    as_owner(settings, "UPDATE jobs SET touched_at = now() - interval '8 days' WHERE id = %s", UUID(job["id"]))
    await labour.forget_files()
    assert not await labour.blobs.exists(key)
    told = (await clinic.get(f"/v1/imports/{job['id']}", by="nurse")).json()
    assert (told["state"], told["reason"]) == ("cancelled", "expired")
    assert (await clinic.get(f"/v1/imports/{job['id']}/errors", by="nurse")).json()["items"] == []
