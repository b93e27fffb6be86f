"""Copies of signed forms: kept once, given back byte for byte, as a file and nothing else."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.factories import Region, Vendor, agree, join, register
from tests.http.problems import faults, problem
from tests.schemas.scans import JPEG, PDF, PNG, pdf

from renkei.ids import new_id
from renkei.settings import Settings

TITLE = "同意書 2026-11-01 署名・押印"


async def signed(region: Region) -> tuple[Vendor, str, str]:
    """A clinic, its patient's path, and the path of the evidence of a consent."""
    clinic = await region.found()
    patient = await register(clinic)
    path = f"/v1/patients/{patient}/consents"
    return clinic, path, f"{path}/{await agree(clinic, patient)}/evidence"


async def send(
    vendor: Vendor, path: str, content: Any, media: str = "application/pdf", **options: Any
) -> httpx.Response:
    """Upload these bytes as they are."""
    return await vendor.call("POST", path, content=content, headers={"Content-Type": media}, **options)


async def test_kept_once_listed_and_given_back(region: Region) -> None:
    clinic, path, evidence = await signed(region)
    first = await send(clinic, evidence, PDF, params={"title": TITLE})
    assert first.status_code == 201, first.text
    kept = first.json()
    assert kept == {
        "id": kept["id"],
        "consent_id": evidence.split("/")[-2],
        "media_type": "application/pdf",
        "size": len(PDF),
        "sha256": hashlib.sha256(PDF).hexdigest(),
        "title": TITLE,
        "added_at": kept["added_at"],
    }
    assert first.headers["location"] == f"{evidence}/{kept['id']}"
    again = await send(clinic, evidence, PDF, params={"title": "別の題"})
    assert (again.status_code, again.json()) == (200, kept)
    others = [
        (await send(clinic, evidence, content, f"image/{of}")).json() for content, of in ((PNG, "png"), (JPEG, "jpeg"))
    ]
    assert [one["title"] for one in others] == [None, None]
    listed = (await clinic.get(evidence)).json()
    assert listed == {"items": [others[1], others[0], kept], "next": None}
    page = (await clinic.get(f"{evidence}?limit=2")).json()
    assert page["items"] == [others[1], others[0]]
    assert (await clinic.get(f"{evidence}?after={page['next']}")).json()["items"] == [kept]
    assert [c["evidence"] for c in (await clinic.get(path)).json()["items"]] == [3]
    for one, content, name in ((kept, PDF, "pdf"), (others[0], PNG, "png"), (others[1], JPEG, "jpg")):
        file = await clinic.get(f"{evidence}/{one['id']}")
        assert (file.status_code, file.content) == (200, content)
        assert file.headers["content-type"] == one["media_type"]
        assert file.headers["content-disposition"] == f'attachment; filename="{one["id"]}.{name}"'
        assert file.headers["x-content-type-options"] == "nosniff"
        assert file.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert file.headers["etag"] == f'"{one["sha256"]}"' and file.headers["cache-control"] == "no-store"


async def test_sent_many_times_at_once_it_is_kept_once(region: Region) -> None:
    clinic, _, evidence = await signed(region)
    answers = await asyncio.gather(*(send(clinic, evidence, PDF) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(content), 1_000_000):
        yield content[at : at + 1_000_000]


async def test_what_is_refused(region: Region, settings: Settings) -> None:
    clinic, _, evidence = await signed(region)
    for media in ("application/json", "text/html", "image/svg+xml", "multipart/form-data; boundary=x", ""):
        told = problem(await send(clinic, evidence, PDF, media), 415, "wrong-media-type")
        assert "application/pdf" in told["detail"]
    problem(await send(clinic, evidence, b""), 400, "unparsable")
    largest = settings.max_evidence_bytes
    whole = pdf(b"%" * (largest - len(pdf(b""))))
    assert len(whole) == largest and (await send(clinic, evidence, whole)).status_code == 201
    problem(await send(clinic, evidence, whole + b"\n"), 413, "too-large")
    # Counted as it comes, too: a body may come in pieces and without its length.
    problem(await send(clinic, evidence, _pieces(whole + b"\n")), 413, "too-large")
    for content in (PNG, pdf(b"<< /S /JavaScript /JS (app.alert(1)) >>")):
        assert faults(problem(await send(clinic, evidence, content), 422, "invalid")) == {("", "format")}
    told = problem(await send(clinic, evidence, PDF, params={"title": " ", "x": "1"}), 422, "invalid")
    assert faults(told) == {("?x", "unknown")}
    assert faults(problem(await send(clinic, evidence, PDF, params={"title": " "}), 422, "invalid")) == {
        ("?title", "blank")
    }
    assert len((await clinic.get(evidence)).json()["items"]) == 1


async def test_who_adds_and_who_reads(region: Region) -> None:
    clinic, path, evidence = await signed(region)
    nurses, stranger, auditor = await region.found("visiting_nursing"), await region.found(), await region.auditor()
    await join(clinic, nurses, path.split("/")[3])
    kept = (await send(clinic, evidence, PDF)).json()["id"]
    expected = [
        (nurses, "nurse", 200),
        (nurses, "pt", 403),
        (region.admin, None, 200),
        (auditor, None, 403),
        (stranger, "physician", 404),
    ]
    for vendor, by, status in expected:
        assert (await send(vendor, evidence, PDF, by=by)).status_code == status
        assert (await vendor.get(evidence, by=by)).status_code == status
        assert (await vendor.get(f"{evidence}/{kept}", by=by)).status_code == status
    for absent in (f"{path}/{new_id()}/evidence", f"{path}/x/evidence"):
        problem(await send(clinic, absent, PDF), 404, "not-found")
        problem(await clinic.get(absent), 404, "not-found")
        problem(await clinic.get(f"{absent}/{kept}"), 404, "not-found")
    problem(await clinic.get(f"{evidence}/{new_id()}"), 404, "not-found")


async def test_one_of_another_consent_is_not_found(region: Region) -> None:
    clinic, path, evidence = await signed(region)
    other = f"{path}/{await agree(clinic, path.split('/')[3])}/evidence"
    kept = (await send(clinic, evidence, PDF)).json()["id"]
    problem(await clinic.get(f"{other}/{kept}"), 404, "not-found")
    assert (await clinic.get(other)).json()["items"] == []
    assert (await send(clinic, other, PDF)).status_code == 201  # the same scan may show two consents


@pytest.mark.parametrize("media", ["application/pdf", "image/png", "image/jpeg"])
async def test_the_description_names_the_files(region: Region, media: str) -> None:
    paths = (await region.http.get("/openapi.json")).json()["paths"]
    evidence = paths["/v1/patients/{patient_id}/consents/{consent_id}/evidence"]["post"]
    assert media in evidence["requestBody"]["content"]
    one = paths["/v1/patients/{patient_id}/consents/{consent_id}/evidence/{evidence_id}"]["get"]
    assert media in one["responses"]["200"]["content"]
