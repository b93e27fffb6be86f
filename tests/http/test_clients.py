"""/v1/clients: registered with keys or a secret, listed without secrets, given others, suspended, resumed."""

from types import SimpleNamespace
from typing import Any

import pytest
from tests.access.signing import Signer, System
from tests.access.world import figure, owner
from tests.factories import Region, Vendor

from renkei.access import identity
from renkei.settings import Settings

EC, WIDE = Signer.make("ec"), Signer.make("wide", "P-384")
GRANT = {"grant_type": "client_credentials"}


@pytest.fixture
def second(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lets the second go by for which verified tokens are remembered."""
    clock = [1000.0]
    monkeypatch.setattr(identity, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    return lambda: clock.append(clock.pop() + identity.REMEMBER_SECONDS)


@pytest.fixture
async def clinic(region: Region) -> Vendor:
    return await region.found("clinic", ["nurse"])


async def me(vendor: Vendor | System, token: str) -> int:
    return (await vendor.http.get("/v1/me", headers={"Authorization": f"Bearer {token}"})).status_code


async def shown(region: Region, client_id: str) -> dict[str, Any]:
    """A client as the list shows it; it is among the newest."""
    page = (await region.admin.get("/v1/clients?limit=200")).json()
    (one,) = [client for client in page["items"] if client["client_id"] == client_id]
    return dict(one)


async def test_a_client_is_listed_with_how_it_proves_itself_and_no_secret(region: Region, clinic: Vendor) -> None:
    by_key = await System.found(region, EC, WIDE)
    uri = "https://keys.example.jp/jwks.json"
    by_address = await System.found(region, jwks_uri=uri)
    assert (await shown(region, clinic.client_id))["auth_method"] == "client_secret_basic"
    listed = await shown(region, by_key.client_id)
    assert (listed["auth_method"], listed["key_ids"], listed["kind"]) == ("private_key_jwt", ["ec", "wide"], "vendor")
    assert (await shown(region, by_address.client_id))["jwks_uri"] == uri
    text = (await region.admin.get("/v1/clients?limit=200")).text
    assert clinic.client_secret not in text
    assert "secret_hash" not in text


async def test_the_list_is_cut_and_searched(region: Region) -> None:
    for number in range(3):
        await region.admin.post("/v1/clients", {"name": f"探される在宅カルテ {number}", "kind": "vendor"})
    first = (await region.admin.get("/v1/clients?name=探される&limit=2")).json()
    rest = (await region.admin.get(f"/v1/clients?name=探される&limit=2&after={first['next']}")).json()
    assert [c["name"][-1] for c in first["items"] + rest["items"]] == ["2", "1", "0"]


WRONG: dict[str, tuple[dict[str, Any], set[tuple[str, str]]]] = {
    "both": ({"jwks": {"keys": [EC.jwk]}, "jwks_uri": "https://example.jp/k"}, {("/jwks_uri", "none_alone")}),
    "a private key": ({"jwks": {"keys": [EC.jwk | {"d": "AA"}]}}, {("/jwks/keys/0/d", "unknown")}),
    "a symmetric key": ({"jwks": {"keys": [{"kty": "oct", "k": "AA", "kid": "k"}]}}, {("/jwks/keys/0/k", "unknown")}),
    "an empty set": ({"jwks": {"keys": []}}, {("/jwks/keys", "empty")}),
    "no set": ({"jwks": "x"}, {("/jwks", "type")}),
    "http": ({"jwks_uri": "http://example.jp/k"}, {("/jwks_uri", "format")}),
    "credentials": ({"jwks_uri": "https://a:b@example.jp/k"}, {("/jwks_uri", "format")}),
    "a private address": ({"jwks_uri": "https://10.0.0.1/k"}, {("/jwks_uri", "format")}),
}


@pytest.mark.parametrize(("keys", "faults"), WRONG.values(), ids=WRONG)
async def test_wrong_keys_are_refused_with_their_place(
    region: Region, clinic: Vendor, keys: dict[str, Any], faults: set[tuple[str, str]]
) -> None:
    for answer in (
        await region.admin.post("/v1/clients", {"name": "x", "kind": "vendor", **keys}),
        await region.admin.put(f"/v1/clients/{clinic.client_id}/keys", keys),
    ):
        assert answer.status_code == 422
        assert {(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]} == faults


async def test_keys_are_replaced_at_once_and_old_tokens_end(region: Region, second: Any) -> None:
    system = await System.found(region, EC)
    token = (await system.ask()).json()["access_token"]
    assert await me(system, token) == 200
    path = f"/v1/clients/{system.client_id}/keys"
    answer = await region.admin.put(path, {"jwks": {"keys": [WIDE.jwk]}})
    assert (answer.status_code, answer.json()["key_ids"]) == (200, ["wide"])
    assert (await system.ask()).status_code == 401
    second()
    assert await me(system, token) == 401
    system.signers = {"wide": WIDE}
    assert await me(system, (await system.ask()).json()["access_token"]) == 200
    figure(f"revoked key: time to effect at most {identity.REMEMBER_SECONDS} s")


async def test_a_system_with_a_secret_goes_over_to_keys(region: Region, clinic: Vendor, second: Any) -> None:
    token = await clinic.token("nurse")
    assert (await region.admin.put(f"/v1/clients/{clinic.client_id}/keys", {})).status_code == 422
    assert await me(clinic, token) == 200
    answer = await region.admin.put(f"/v1/clients/{clinic.client_id}/keys", {"jwks": {"keys": [EC.jwk]}})
    assert answer.json()["auth_method"] == "private_key_jwt"
    assert clinic.organization is not None
    form = GRANT | {"organization": clinic.organization["code"]}
    basic = await clinic.http.post("/oauth/token", data=form, auth=(clinic.client_id, clinic.client_secret))
    assert basic.status_code == 401
    second()
    assert await me(clinic, token) == 401
    system = System(clinic.http, clinic.client_id, clinic.organization, {"ec": EC})
    assert (await system.ask()).status_code == 200


async def test_a_new_secret_ends_the_old_one(region: Region, clinic: Vendor, second: Any) -> None:
    token = await clinic.token("nurse")
    answer = await region.admin.post(f"/v1/clients/{clinic.client_id}/secret", {"reason": "担当者の退職"})
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    assert clinic.organization is not None
    form = GRANT | {"organization": clinic.organization["code"]}
    for secret, status in ((clinic.client_secret, 401), (answer.json()["client_secret"], 200)):
        got = await clinic.http.post("/oauth/token", data=form, auth=(clinic.client_id, secret))
        assert got.status_code == status
    second()
    assert await me(clinic, token) == 401


async def test_a_system_with_keys_gets_no_secret(region: Region) -> None:
    system = await System.found(region, EC)
    answer = await region.admin.post(f"/v1/clients/{system.client_id}/secret", {"reason": "鍵を失くした"})
    assert (answer.status_code, answer.json()["reason_code"]) == (409, "has_keys")
    assert (await system.ask()).status_code == 200


async def test_a_system_is_suspended_and_resumed(region: Region, clinic: Vendor, second: Any) -> None:
    token, path = await clinic.token("nurse"), f"/v1/clients/{clinic.client_id}/suspension"
    assert await me(clinic, token) == 200
    first = await region.admin.post(path, {"reason": "脆弱性の調査"})
    again = await region.admin.post(path, {"reason": "脆弱性の調査"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["suspended_at"] == again.json()["suspended_at"]
    second()
    assert await me(clinic, token) == 401
    assert clinic.organization is not None
    form = GRANT | {"organization": clinic.organization["code"]}
    pair = (clinic.client_id, clinic.client_secret)
    assert (await clinic.http.post("/oauth/token", data=form, auth=pair)).status_code == 401
    assert [(await region.admin.call("DELETE", path)).status_code for _ in range(2)] == [204, 204]
    assert await me(clinic, token) == 200


async def test_a_client_is_named_by_its_id_too_and_an_unknown_one_is_404(region: Region, clinic: Vendor) -> None:
    listed = await shown(region, clinic.client_id)
    assert (await region.admin.post(f"/v1/clients/{listed['id']}/suspension", {"reason": "x"})).status_code == 201
    for name in ("rk-0", "x", "%00", clinic.id):
        for answer in (
            await region.admin.put(f"/v1/clients/{name}/keys", {"jwks": {"keys": [EC.jwk]}}),
            await region.admin.post(f"/v1/clients/{name}/secret", {"reason": "x"}),
            await region.admin.post(f"/v1/clients/{name}/suspension", {"reason": "x"}),
            await region.admin.call("DELETE", f"/v1/clients/{name}/suspension"),
        ):
            assert answer.status_code == 404, answer.text


async def test_only_the_platform_changes_clients(region: Region, clinic: Vendor) -> None:
    auditor = await region.auditor()
    for vendor, lists in ((clinic, 403), (auditor, 200)):
        assert (await vendor.get("/v1/clients")).status_code == lists
        for answer in (
            await vendor.put(f"/v1/clients/{clinic.client_id}/keys", {"jwks": {"keys": [EC.jwk]}}),
            await vendor.post(f"/v1/clients/{clinic.client_id}/secret", {"reason": "x"}),
            await vendor.post(f"/v1/clients/{clinic.client_id}/suspension", {"reason": "x"}),
            await vendor.call("DELETE", f"/v1/clients/{clinic.client_id}/suspension"),
        ):
            assert (answer.status_code, answer.json()["reason_code"]) == (403, "not_administrator")


async def test_each_change_is_on_record_with_its_reason(region: Region, clinic: Vendor, settings: Settings) -> None:
    path = f"/v1/clients/{clinic.client_id}"
    made = [
        await region.admin.post(f"{path}/secret", {"reason": "定期"}),
        await region.admin.put(f"{path}/keys", {"jwks_uri": "https://keys.example.jp/k"}),
        await region.admin.post(f"{path}/suspension", {"reason": "調査"}),
        await region.admin.call("DELETE", f"{path}/suspension"),
    ]
    with owner(settings) as connection:
        query = "SELECT action, outcome, detail FROM service_events WHERE request_id = %s"
        events = [connection.execute(query, [a.headers["x-request-id"]]).fetchall() for a in made]
    named = {"client_id": clinic.client_id}
    assert events == [
        [("client.renew", "allowed", named | {"reason": "定期"})],
        [("client.replace_keys", "allowed", named | {"jwks_uri": "https://keys.example.jp/k"})],
        [("client.suspend", "allowed", named | {"reason": "調査"})],
        [("client.resume", "allowed", named)],
    ]
