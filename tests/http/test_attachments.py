"""添付: kept as a file outside the rows, seen as the item or column it belongs to, lost never, half never."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.access.world import owner
from tests.factories import Region, Vendor, agree, family_consent, join, register, report, submit, team
from tests.http.feed import publish_all, read, worker_engine
from tests.http.problems import faults, problem
from tests.schemas.scans import PDF, PNG, pdf
from tests.schemas.test_pictures import HTML, jpeg, points

from renkei.ids import new_id
from renkei.settings import Settings

WOUND = {"title": "右踵の褥瘡", "item": "care_report.wound_treatment"}
TAKEN = "2026-06-01T10:00:00+09:00"


async def attach(
    vendor: Vendor, patient: str, content: Any = PNG, media: str = "image/png", *, by: str | None = None, **said: str
) -> httpx.Response:
    """Send a file as it is."""
    path, headers = f"/v1/patients/{patient}/attachments", {"Content-Type": media}
    return await vendor.call("POST", path, by=by, content=content, headers=headers, params=said or WOUND)


async def kept(vendor: Vendor, patient: str, *args: Any, **options: Any) -> dict[str, Any]:
    answer = await attach(vendor, patient, *args, **options)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def on_disk(settings: Settings) -> set[str]:
    return {str(f.relative_to(settings.blobs_dir)) for f in settings.blobs_dir.rglob("*") if f.is_file()}


async def test_a_photo_is_kept_told_and_given_back(region: Region) -> None:
    clinic, nurses, patient = await team(region)
    sent = jpeg()
    answer = await attach(nurses, patient, sent, "image/jpeg", by="nurse", **WOUND, taken_at=TAKEN)
    assert answer.status_code == 201, answer.text
    one, path = answer.json(), f"/v1/patients/{patient}/attachments"
    assert answer.headers["location"] == f"{path}/{one['id']}"
    assert one == {
        "id": one["id"],
        "patient_id": patient,
        "organization": {"id": nurses.id, "name": nurses.organization["name"] if nurses.organization else None},
        "profession": "nurse",
        "user_name": "検査 花子",
        "group": "care_report",
        "tier": "optional",
        "item": "care_report.wound_treatment",
        "title": "右踵の褥瘡",
        "taken_at": TAKEN,
        "media_type": "image/jpeg",
        "size": one["size"],
        "sha256": one["sha256"],
        "metadata_removed": True,
        "added_at": one["added_at"],
    }
    for reader in (nurses, clinic):
        listed = (await reader.get(path, by="physician")).json()
        assert (listed["items"], listed["next"]) == ([one], None)
        assert (await reader.get(f"{path}/{one['id']}", by="physician")).json() == one
        file = await reader.get(f"{path}/{one['id']}/content", by="physician")
        assert file.status_code == 200
        assert points(file.content) == points(sent) and b"Secret" not in file.content
        assert hashlib.sha256(file.content).hexdigest() == one["sha256"] and len(file.content) == one["size"]
        assert file.headers["content-type"] == "image/jpeg"
        assert file.headers["content-length"] == str(one["size"])
        assert file.headers["content-disposition"] == f'attachment; filename="{one["id"]}.jpg"'
        assert file.headers["x-content-type-options"] == "nosniff"
        assert file.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert file.headers["etag"] == f'"{one["sha256"]}"' and file.headers["cache-control"] == "no-store"


async def test_the_same_again_is_answered_as_the_first_time_also_at_once(region: Region, settings: Settings) -> None:
    clinic = await region.found()
    patient, before = await register(clinic), on_disk(settings)
    answers = await asyncio.gather(*(attach(clinic, patient, jpeg(), "image/jpeg") for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200] * 4 + [201]
    assert len({answer.text for answer in answers}) == 1
    assert len(on_disk(settings) - before) == 1
    elsewhere = await attach(clinic, patient, jpeg(), "image/jpeg", title="同じ写真", group="medical", tier="basic")
    assert elsewhere.status_code == 201
    assert len(on_disk(settings) - before) == 2


async def test_nobody_learns_that_another_has_the_same_file(region: Region) -> None:
    clinic, other = await region.found(), await region.found()
    one, two = await register(clinic), await register(other)
    first = await kept(clinic, one)
    assert (await attach(other, two)).status_code == 201
    assert (await attach(clinic, await register(clinic))).status_code == 201
    withdrawn = f"/v1/patients/{one}/attachments/{first['id']}/withdrawal"
    assert (await clinic.post(withdrawn, {"reason": "取違え"})).status_code == 201
    again = await kept(clinic, one)  # what was withdrawn by mistake is sent once more
    assert again["id"] != first["id"]


async def test_what_is_refused(region: Region, settings: Settings) -> None:
    clinic = await region.found()
    patient, before = await register(clinic), on_disk(settings)
    for media in ("application/json", "text/html", "image/svg+xml", "image/heic", "application/zip", ""):
        problem(await attach(clinic, patient, PNG, media), 415, "wrong-media-type")
    problem(await attach(clinic, patient, b""), 400, "unparsable")
    script = pdf(b"<< /S /JavaScript /JS (app.alert(1)) >>")
    zip_ = b"PK\x03\x04" + b"\0" * 26
    for content, media in (
        (script, "application/pdf"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "image/png"),
        (zip_, "application/pdf"),
        (PDF, "image/jpeg"),
        (HTML, "image/jpeg"),
        (jpeg()[:-40], "image/jpeg"),
    ):
        assert faults(problem(await attach(clinic, patient, content, media), 422, "invalid")) == {("", "format")}
    wrong: list[tuple[dict[str, str], set[tuple[str, str]]]] = [
        ({"title": "x"}, {("?group", "required"), ("?tier", "required")}),
        ({"title": "x", "group": "medical"}, {("?tier", "required")}),
        ({**WOUND, "tier": "basic"}, {("?tier", "unknown")}),
        ({"title": "x", "item": "medical.nothing"}, {("?item", "code")}),
        ({"title": "x", "item": "family.member"}, {("?item", "code")}),
        ({**WOUND, "title": " "}, {("?title", "blank")}),
        ({**WOUND, "taken_at": "2026-06-01"}, {("?taken_at", "format")}),
        ({**WOUND, "taken_at": "2999-01-01T00:00:00Z"}, {("?taken_at", "future")}),
        ({**WOUND, "record_id": str(new_id())}, {("?record_id", "unknown")}),
        ({**WOUND, "key": "attachments/20261127/x"}, {("?key", "unknown")}),
    ]
    for said, expected in wrong:
        told = problem(await attach(clinic, patient, PNG, "image/png", **said), 422, "invalid")
        assert faults(told) == expected, said
    assert on_disk(settings) == before


async def pieces(size: int) -> AsyncIterator[bytes]:
    for _ in range(0, size, 1_000_000):
        yield b"\0" * 1_000_000


async def test_too_large_is_told_while_it_comes_and_leaves_nothing(region: Region, settings: Settings) -> None:
    clinic = await region.found()
    patient, before = await register(clinic), on_disk(settings)
    problem(await attach(clinic, patient, pieces(settings.max_attachment_bytes + 1)), 413, "too-large")
    problem(await attach(clinic, patient, b"\0" * (settings.max_attachment_bytes + 1)), 413, "too-large")
    assert on_disk(settings) == before


async def test_it_belongs_to_a_record_of_ones_own(region: Region) -> None:
    clinic, nurses, patient = await team(region)
    mine = (await submit(nurses, patient, report(), by="nurse"))["id"]
    one = await kept(nurses, patient, by="nurse", **WOUND, record_id=mine)
    assert one["record_id"] == mine
    path = f"/v1/patients/{patient}/attachments"
    await kept(nurses, patient, PDF, "application/pdf", by="nurse", title="手紙", group="medical", tier="basic")
    assert [a["id"] for a in (await clinic.get(f"{path}?record_id={mine}", by="physician")).json()["items"]] == [
        one["id"]
    ]
    assert len((await clinic.get(path, by="physician")).json()["items"]) == 2
    assert len((await clinic.get(f"{path}?group=medical", by="physician")).json()["items"]) == 1
    page = (await clinic.get(f"{path}?limit=1", by="physician")).json()
    rest = (await clinic.get(f"{path}?limit=1&after={page['next']}", by="physician")).json()
    assert [page["items"][0]["title"], rest["items"][0]["id"], rest["next"]] == ["手紙", one["id"], None]
    # Another organization's record is as unknown as none.
    told = problem(await attach(clinic, patient, **WOUND, record_id=mine), 422, "invalid")
    assert faults(told) == {("?record_id", "unknown")}


async def test_who_writes(region: Region) -> None:
    clinic, nurses, patient = await team(region)
    stranger, auditor, left = await region.found(), await region.auditor(), await region.found("pharmacy")
    medical = {"title": "検査結果", "group": "medical", "tier": "optional"}
    expected = [
        (clinic, "physician", medical, 201),
        (clinic, "pt", medical, 403),  # reads it, may not write it
        (clinic, "pt", WOUND, 201),
        (clinic, "welfare_commissioner", WOUND, 403),
        (region.admin, None, medical, 403),
        (auditor, None, medical, 403),
        (stranger, "physician", medical, 404),
        (nurses, None, medical, 201),
        (nurses, None, {"title": "x", "item": "medical.infection"}, 201),  # writes what it may not read
    ]
    for vendor, by, said, status in expected:
        assert (await attach(vendor, patient, by=by, **said)).status_code == status, (by, said)
    await join(clinic, left, patient, "pharmacy")
    await kept(left, patient, by="pharmacist", **medical)
    assert (await clinic.call("DELETE", f"/v1/patients/{patient}/care-team/{left.id}")).status_code == 204
    assert (await attach(left, patient, PDF, "application/pdf", by="pharmacist", **medical)).status_code == 403


async def test_withdrawn_it_stays_marked_and_only_ones_own_can_be(region: Region, settings: Settings) -> None:
    clinic, nurses, patient = await team(region)
    one = await kept(nurses, patient, by="nurse")
    path = f"/v1/patients/{patient}/attachments/{one['id']}"
    refused = problem(await clinic.post(f"{path}/withdrawal", {"reason": "x"}, by="physician"), 403, "forbidden")
    assert refused["reason_code"] == "not_own_record"
    assert (await nurses.post(f"{path}/withdrawal", {"reason": "取違え"}, by="medical_clerk")).status_code == 403
    first = await nurses.post(f"{path}/withdrawal", {"reason": "別の利用者の写真"}, by="nurse")
    again = await nurses.post(f"{path}/withdrawal", {"reason": "別の利用者の写真"}, by="nurse")
    assert (first.status_code, again.status_code) == (201, 200) and first.json() == again.json()
    assert first.json() == {
        **one,
        "withdrawn_at": first.json()["withdrawn_at"],
        "withdrawal_reason": "別の利用者の写真",
    }
    other = problem(await nurses.post(f"{path}/withdrawal", {"reason": "x"}, by="nurse"), 409, "conflict")
    assert other["reason_code"] == "already_withdrawn"
    assert (await clinic.get(path, by="physician")).json() == first.json()
    assert (await clinic.get(f"{path}/content", by="physician")).status_code == 200
    async with worker_engine(settings) as worker:
        await publish_all(worker)
    lines = await read(clinic, "physician", patient=patient)
    told = [(line["kind"], line["record_id"], line["href"]) for line in lines if "attachment" in line["kind"]]
    assert told == [("attachment.add", one["id"], path), ("attachment.withdraw", one["id"], path)]


async def test_what_is_restricted_is_not_told_of_at_all(region: Region, settings: Settings) -> None:
    clinic, nurses, patient = await team(region)
    hidden = await kept(clinic, patient, by="physician", title="検査票", item="medical.infection")
    path = f"/v1/patients/{patient}/attachments"
    listed = (await nurses.get(path, by="nurse")).json()
    assert listed["items"] == []
    assert {"group": "medical", "item": "medical.infection", "reason": "restricted"} in listed["withheld"]
    absent = await nurses.get(f"{path}/{new_id()}", by="nurse")
    for ask in (f"{path}/{hidden['id']}", f"{path}/{hidden['id']}/content"):
        told = await nurses.get(ask, by="nurse")
        assert told.status_code == 404 and told.json()["title"] == absent.json()["title"]
    problem(await nurses.post(f"{path}/{hidden['id']}/withdrawal", {"reason": "x"}, by="nurse"), 404, "not-found")
    async with worker_engine(settings) as worker:
        await publish_all(worker)
        assert "attachment.add" not in {line["kind"] for line in await read(nurses, "nurse", patient=patient)}
        await agree(clinic, patient, restricted=["medical.infection"])
        await publish_all(worker)
        assert "attachment.add" in {line["kind"] for line in await read(nurses, "nurse", patient=patient)}
    assert [a["id"] for a in (await nurses.get(path, by="nurse")).json()["items"]] == [hidden["id"]]
    assert (await nurses.get(f"{path}/{hidden['id']}/content", by="pt")).status_code == 404
    assert (await nurses.get(f"{path}/{hidden['id']}/content", by="nurse")).content == PNG


async def test_the_familys_needs_the_familys_consent(region: Region) -> None:
    clinic, nurses, patient = await team(region)
    one = await kept(clinic, patient, by="physician", title="家系図", group="family", tier="basic")
    path = f"/v1/patients/{patient}/attachments/{one['id']}"
    assert (await nurses.get(path, by="nurse")).status_code == 404
    assert (await clinic.post(f"/v1/patients/{patient}/consents", family_consent())).status_code == 201
    assert (await nurses.get(path, by="nurse")).status_code == 200


async def test_every_look_is_on_record_with_the_group_looked_at(region: Region, settings: Settings) -> None:
    clinic, nurses, patient = await team(region)
    one = await kept(clinic, patient, by="physician", title="手紙", group="medical", tier="basic")
    path = f"/v1/patients/{patient}/attachments"
    await nurses.get(f"{path}/{one['id']}/content", by="nurse")
    await nurses.get(f"{path}/{one['id']}", by="pt")
    await nurses.get(f"{path}/{new_id()}", by="nurse")
    with owner(settings) as connection:
        events = connection.execute(
            "SELECT action, outcome, groups, record_id::text FROM audit_events WHERE patient_id = %s AND action LIKE 'attachment%%' "
            "ORDER BY at, id",
            [patient],
        ).fetchall()
    assert [(a, o, g) for a, o, g, _ in events] == [
        ("attachment.add", "allowed", ["medical"]),
        ("attachment.read", "allowed", ["medical"]),
        ("attachment.read", "allowed", ["medical"]),
        ("attachment.read", "refused", []),
    ]
    assert [record for *_, record in events][1:3] == [one["id"]] * 2
    log = (await clinic.get(f"/v1/patients/{patient}/access-log", by="physician")).json()["items"]
    assert any("看護師 検査 花子さんが、添付(医療情報)を見ました" in entry["text"] for entry in log)


@pytest.mark.parametrize("media", ["application/pdf", "image/png", "image/jpeg"])
async def test_the_description_names_the_files(region: Region, media: str) -> None:
    paths = (await region.http.get("/openapi.json")).json()["paths"]
    assert media in paths["/v1/patients/{patient_id}/attachments"]["post"]["requestBody"]["content"]
    content = paths["/v1/patients/{patient_id}/attachments/{attachment_id}/content"]["get"]
    assert media in content["responses"]["200"]["content"]
