"""By which provider an organization's staff sign in: set, shown without its secret, removed; by whom, and on record."""

from typing import Any

import pytest
from tests.access.world import owner
from tests.factories import Region, Vendor
from tests.http.problems import problem

from renkei.ids import new_id
from renkei.secret_box import CannotOpen, SecretBox
from renkei.settings import Settings

SECRET = "a-secret-that-the-hospital-gave"


def provider(**changes: Any) -> dict[str, Any]:
    base = {
        "issuer": "https://login.hospital.example.jp",
        "client_id": "renkei",
        "auth_method": "client_secret_basic",
        "client_secret": SECRET,
        "profession": {"claim": "job", "values": {"RN": "nurse"}},
        "second_factor": {"acr": ["urn:two"], "amr": ["otp"]},
    }
    return {name: value for name, value in {**base, **changes}.items() if value is not ...}


def path(of: Vendor) -> str:
    return f"/v1/organizations/{of.id}/login-provider"


@pytest.mark.parametrize("who", ["platform", "own"])
async def test_set_shown_replaced_and_removed(who: str, region: Region) -> None:
    clinic = await region.found()
    office = region.admin if who == "platform" else await region.organization_admin(clinic)
    problem(await office.get(path(clinic)), 404, "not-found")
    problem(await office.call("DELETE", path(clinic)), 404, "not-found")
    made = await office.put(path(clinic), provider())
    assert made.status_code == 201, made.text
    shown = made.json()
    assert SECRET not in made.text
    assert shown.pop("set_at")
    assert shown == {
        "organization_id": clinic.id,
        "issuer": "https://login.hospital.example.jp",
        "client_id": "renkei",
        "auth_method": "client_secret_basic",
        "scopes": ["profile", "email"],
        "organization": None,
        "profession": {"claim": "job", "values": {"RN": "nurse"}},
        "second_factor": {"acr": ["urn:two"], "amr": ["otp"]},
        "redirect_uri": f"http://127.0.0.1:8000/login/organizations/{clinic.id}/callback",
    }
    changed = await office.put(path(clinic), provider(client_secret=..., organization={"claim": "f", "values": ["h"]}))
    assert (changed.status_code, changed.json()["organization"]) == (200, {"claim": "f", "values": ["h"]})
    by_key = await office.put(path(clinic), provider(client_secret=..., auth_method="private_key_jwt"))
    assert by_key.json()["jwks_uri"] == "http://127.0.0.1:8000/.well-known/jwks.json"
    assert (await office.get(path(clinic))).json() == by_key.json()
    assert (await office.call("DELETE", path(clinic))).status_code == 204
    problem(await office.get(path(clinic)), 404, "not-found")


async def test_the_secret_lies_sealed_and_goes_to_no_other_address(region: Region, settings: Settings) -> None:
    clinic = await region.found()
    await region.admin.put(path(clinic), provider())
    with owner(settings) as database:
        row = database.execute("SELECT secret FROM login_providers WHERE organization_id = %s", [clinic.id]).fetchone()
    assert row is not None
    box = SecretBox.load(settings.box_keys_dir)
    assert box.open(bytes(row[0]), f"login_provider:{clinic.id}") == SECRET.encode()
    with pytest.raises(CannotOpen):
        box.open(bytes(row[0]), f"login_provider:{new_id()}")
    for change in ({"issuer": "https://evil.example"}, {"client_id": "another"}):
        answer = await region.admin.put(path(clinic), provider(client_secret=..., **change))
        (error,) = problem(answer, 422, "invalid")["errors"]
        assert (error["pointer"], error["code"]) == ("/client_secret", "required")
    told = "SELECT detail::text FROM service_events WHERE detail ->> 'organization_id' = %s"
    with owner(settings) as database:
        events = database.execute(told, [clinic.id]).fetchall()
    assert len(events) >= 2
    assert not [detail for (detail,) in events if SECRET in detail]


async def test_others_administrators_find_nothing_and_nobody_else_may(region: Region) -> None:
    clinic, other = await region.found(), await region.found()
    await region.admin.put(path(clinic), provider())
    stranger, auditor = await region.organization_admin(other), await region.auditor()
    for absent in (clinic.id, str(new_id()), "x"):
        where = f"/v1/organizations/{absent}/login-provider"
        problem(await stranger.get(where), 404, "not-found")
        problem(await stranger.put(where, provider()), 404, "not-found")
        problem(await stranger.call("DELETE", where), 404, "not-found")
    assert (await auditor.get(path(clinic))).status_code == 200
    problem(await auditor.put(path(clinic), provider()), 403, "forbidden")
    for method, body in (("GET", {}), ("PUT", {"json": provider()}), ("DELETE", {})):
        problem(await clinic.call(method, path(clinic), by="physician", **body), 403, "forbidden")
    assert (await region.admin.get(path(clinic))).status_code == 200


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"issuer": "http://login.hospital.example.jp"}, "/issuer", "format"),
    ({"issuer": "https://127.0.0.1"}, "/issuer", "format"),
    ({"issuer": "https://user:secret@login.example.jp"}, "/issuer", "format"),
    ({"issuer": "https://login.example.jp?tenant=1"}, "/issuer", "format"),
    ({"issuer": "file:///etc/passwd"}, "/issuer", "format"),
    ({"client_id": "ren kei"}, "/client_id", "pattern"),
    ({"client_secret": "short"}, "/client_secret", "blank"),
    ({"client_secret": ...}, "/client_secret", "required"),
    ({"auth_method": "private_key_jwt"}, "/client_secret", "unknown"),
    ({"auth_method": "none"}, "/auth_method", "code"),
    ({"scopes": ["openid profile"]}, "/scopes/0", "pattern"),
    ({"profession": {"claim": "job", "values": {"RN": "nursing"}}}, "/profession/values/RN", "code"),
    ({"profession": {"claim": "job", "values": {"root": "system"}}}, "/profession/values/root", "code"),
    ({"profession": {"claim": "job", "values": {}}}, "/profession/values", "empty"),
    ({"organization": {"claim": "f", "values": []}}, "/organization/values", "empty"),
    ({"second_factor": {"amr": ["otp", "otp"]}}, "/second_factor/amr", "repeated"),
    ({"organization_id": "x"}, "/organization_id", "unknown"),
]


@pytest.mark.parametrize(("change", "pointer", "code"), WRONG)
async def test_what_is_wrong_is_told(change: dict[str, Any], pointer: str, code: str, region: Region) -> None:
    clinic = await region.found()
    errors = problem(await region.admin.put(path(clinic), provider(**change)), 422, "invalid")["errors"]
    assert [(error["pointer"], error["code"]) for error in errors] == [(pointer, code)]
