"""Bad input: always a problem document of the right status, never a 500, nothing stored."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.factories import Region, Vendor, person, register, report, sheet
from tests.http.problems import faults, problem

JSON = {"Content-Type": "application/json"}
UNPARSABLE = {
    "empty": b"",
    "blank": b"  \n",
    "word": b"hello",
    "cut off": b'{"source": {"document_id": "A"',
    "two values": b"{} {}",
    "trailing comma": b'{"items": {},}',
    "single quotes": b"{'a': 1}",
    "byte order mark": b"\xef\xbb\xbf{}",
    "utf-16": '{"a": 1}'.encode("utf-16"),
    "shift_jis": '{"a": "髙橋"}'.encode("cp932"),
    "duplicate member": b'{"items": {}, "items": {}}',
    "duplicate deep": b'{"items": {"medical": {"weight": 50, "weight": 60}}}',
    "NaN": b'{"items": {"medical": {"weight": NaN}}}',
    "Infinity": b'{"items": {"medical": {"weight": -Infinity}}}',
    "1e400": b'{"items": {"medical": {"weight": 1e400}}}',
    "10,000 digits": b'{"items": {"medical": {"weight": ' + b"9" * 10_000 + b"}}}",
    "lists 20,000 deep": b"[" * 20_000 + b"]" * 20_000,
    "objects 20,000 deep": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "unclosed 20,000 deep": b'[{"a":' * 10_000,
}


async def home(region: Region) -> tuple[Vendor, str]:
    clinic = await region.found()
    return clinic, f"/v1/patients/{await register(clinic)}"


async def nothing_stored(vendor: Vendor, path: str) -> None:
    for collection in ("face-sheets", "care-reports", "consents"):
        assert (await vendor.get(f"{path}/{collection}")).json()["items"] == []
    assert (await vendor.get(f"{path}/summary")).json()["groups"]["medical"] == {}


@pytest.mark.parametrize("body", UNPARSABLE.values(), ids=UNPARSABLE.keys())
async def test_what_cannot_be_parsed(region: Region, body: bytes) -> None:
    clinic, path = await home(region)
    targets = [f"{path}/face-sheets", f"{path}/care-reports", f"{path}/consents", "/v1/patients"]
    for target in targets:
        problem(await clinic.call("POST", target, content=body, headers=JSON), 400, "unparsable")
    await nothing_stored(clinic, path)


@pytest.mark.parametrize("body", [b"null", b"[]", b'"text"', b"17", b"true", b"[{}]"])
async def test_json_that_is_no_object(region: Region, body: bytes) -> None:
    clinic, path = await home(region)
    for target, kind in ((f"{path}/face-sheets", "invalid-items"), (f"{path}/consents", "invalid")):
        told = problem(await clinic.call("POST", target, content=body, headers=JSON), 422, kind)
        assert faults(told) == {("", "type")}


async def _chunks(total: int) -> AsyncIterator[bytes]:
    yield b'{"a": "'
    for _ in range(total // 50_000):
        yield b"x" * 50_000
    yield b'"}'


async def test_too_large_with_and_without_length(region: Region) -> None:
    clinic, path = await home(region)
    for target in (f"{path}/face-sheets", f"{path}/consents", "/v1/patients"):
        large = await clinic.call("POST", target, content=b'"' + b"x" * 1_000_000 + b'"', headers=JSON)
        assert "1000000" in problem(large, 413, "too-large")["detail"]
        streamed = await clinic.call("POST", target, content=_chunks(1_200_000), headers=JSON)
        problem(streamed, 413, "too-large")
    lying = await clinic.call(
        "POST", f"{path}/face-sheets", content=b"{}", headers={**JSON, "Content-Length": "9" * 30}
    )
    problem(lying, 413, "too-large")
    await nothing_stored(clinic, path)


@pytest.mark.parametrize("media", ["text/plain", "application/xml", "application/jsonp", "text/json", "", None])
async def test_another_media_type(region: Region, media: str | None) -> None:
    clinic, path = await home(region)
    headers = {} if media is None else {"Content-Type": media}
    for target in (f"{path}/face-sheets", f"{path}/consents", "/v1/patients", f"{path}/emergency-access"):
        answer = await clinic.call("POST", target, content=json.dumps(report()).encode(), headers=headers)
        problem(answer, 415, "wrong-media-type")
    await nothing_stored(clinic, path)


async def test_a_charset_beside_the_media_type_is_no_fault(region: Region) -> None:
    clinic, path = await home(region)
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    body = json.dumps(report()).encode()
    assert (await clinic.call("POST", f"{path}/care-reports", content=body, headers=headers)).status_code == 201


CHARACTERS = ["\0", "\ud800", "\udfff", "\ue000", "\U000f0000", "\u202e", "\u0007", "\ufffe", "\x7f"]


@pytest.mark.parametrize("character", CHARACTERS, ids=[f"U+{ord(c):04X}" for c in CHARACTERS])
async def test_refused_characters_everywhere(region: Region, character: str) -> None:
    clinic, path = await home(region)
    bad = f"髙{character}橋"
    report_ = report(items={"body": bad})
    told = problem(await _raw(clinic, f"{path}/care-reports", report_), 422, "invalid-items")
    assert faults(told) == {("/items/care_report/body", "character")}
    sheet_ = sheet({"person": {"name": {"family": bad, "given": "清"}}})
    sheet_["source"]["document_id"] = bad
    told = problem(await _raw(clinic, f"{path}/face-sheets", sheet_), 422, "invalid-items")
    assert faults(told) == {("/items/person/name/family", "character"), ("/source/document_id", "character")}
    local = [{"system": "local", "value": bad}]
    told = problem(
        await _raw(clinic, "/v1/patients", person(name={"family": bad, "given": "清"}, identifiers=local)),
        422,
        "invalid",
    )
    assert faults(told) == {("/name/family", "character"), ("/identifiers/0/value", "character")}
    await nothing_stored(clinic, path)


@pytest.mark.parametrize("character", CHARACTERS, ids=[f"U+{ord(c):04X}" for c in CHARACTERS])
async def test_refused_characters_in_member_names(region: Region, character: str) -> None:
    clinic, path = await home(region)
    name = f"x{character}y"
    told = problem(await _raw(clinic, f"{path}/face-sheets", sheet({"medical": {name: 1}})), 422, "invalid-items")
    assert (f"/items/medical/x\\u{ord(character):04x}y", "unknown") in faults(told)
    for target, body in (("/v1/patients", person()), (f"{path}/consents", {})):
        told = problem(await _raw(clinic, target, {**body, name: 1}), 422, "invalid")
        # A lone surrogate has no UTF-8 form: there the object is named in which it is.
        where = ("", "character") if "\ud800" <= character <= "\udfff" else (f"/x\\u{ord(character):04x}y", "unknown")
        assert where in faults(told)
        assert character not in json.dumps(told, ensure_ascii=False)
    await nothing_stored(clinic, path)


async def _raw(vendor: Vendor, target: str, body: Any) -> httpx.Response:
    """httpx would refuse lone surrogates; as escapes they are plain ASCII."""
    return await vendor.call("POST", target, content=json.dumps(body).encode(), headers=JSON)


TIMES = ["2026-06-01T10:00:00", "2026-06-01 10:00:00+09:00", "20260601T100000Z", "2026-06-01", "1780000000", ""]


@pytest.mark.parametrize("time", TIMES)
async def test_times_without_offset_or_of_another_form(region: Region, time: str) -> None:
    clinic, path = await home(region)
    told = problem(
        await clinic.post(f"{path}/face-sheets", sheet({"medical": {"weight": 50}}, as_of=time)), 422, "invalid-items"
    )
    assert faults(told) == {("/as_of", "format")}
    told = problem(await clinic.post(f"{path}/care-reports", report(items={"observed_at": time})), 422, "invalid-items")
    assert faults(told) == {("/items/care_report/observed_at", "format")}


async def test_very_many_unknown_members_make_a_short_answer(region: Region) -> None:
    clinic, path = await home(region)
    many = {f"x{n}": 1 for n in range(15_000)}
    for target, body in (("/v1/patients", person()), (f"{path}/face-sheets", sheet({"medical": {"weight": 50}}))):
        # So many that reading them would hold up everybody else are not read at all.
        more = await clinic.post(target, {**body, **many, **{f"y{n}": 1 for n in range(65_000)}})
        problem(more, 400, "unparsable")
        answer = await clinic.post(target, {**body, **many})
        assert answer.status_code == 422 and len(answer.json()["errors"]) == 200 and len(answer.content) < 50_000


@pytest.mark.parametrize("size", [2**31, 2**63, 10**300])
async def test_numbers_no_column_holds(region: Region, size: int) -> None:
    clinic, path = await home(region)
    document = sheet({"medical": {"weight": size}})
    document["source"]["version"] = size
    told = problem(await clinic.post(f"{path}/face-sheets", document), 422, "invalid-items")
    assert faults(told) == {("/source/version", "bounds"), ("/items/medical/weight", "bounds")}
    emergency = {"reason": "r", "life_at_risk": True, "consent_unobtainable": True, "hours": size}
    told = problem(await clinic.post(f"{path}/emergency-access", emergency, by="physician"), 422, "invalid")
    assert faults(told) == {("/hours", "bounds")}
    problem(await clinic.get(f"/v1/patients?limit={size}"), 422, "invalid")


async def test_days_at_the_ends_of_the_calendar(region: Region) -> None:
    clinic, path = await home(region)
    assert (await clinic.get(f"{path}/care-reports?from=0001-01-01&to=9999-12-31")).status_code == 200
    place = {"part": "pharmacy", "valid_from": "0001-01-01", "valid_until": "9999-12-31"}
    pharmacy = await region.found("pharmacy")
    assert (await clinic.put(f"{path}/care-team/{pharmacy.id}", place)).status_code == 201
    for day in ("0000-01-01", "10000-01-01", "2026-02-30", "2026-2-3", "+2026-01-01"):
        told = problem(await clinic.get(f"{path}/care-reports", params={"from": day}), 422, "invalid")
        assert faults(told) == {("?from", "format")}
