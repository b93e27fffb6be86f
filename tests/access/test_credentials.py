"""The token endpoint (RFC 6749), and how soon what is taken away is gone."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote_plus

import httpx
import psycopg
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from tests.access.world import figure, owner, tokyo
from tests.factories import Region, Vendor

from renkei.access import identity, tokens
from renkei.access.identity import secret_hash
from renkei.access.tokens import Keys
from renkei.ids import now
from renkei.settings import Settings

GRANT = {"grant_type": "client_credentials"}


@pytest.fixture
def catalog(settings: Settings) -> Iterator[psycopg.Connection]:
    with owner(settings) as connection:
        yield connection


@pytest.fixture
async def clinic(region: Region) -> Vendor:
    return await region.found("clinic", ["nurse", "pt"])


async def ask(vendor: Vendor, form: dict[str, str] | None = None, **changes: object) -> httpx.Response:
    """A token request, right but for the changes."""
    assert vendor.organization is not None
    whole = {**GRANT, "organization": vendor.organization["code"], **(form or {})}
    options = {
        "data": {k: v for k, v in whole.items() if v is not None},
        "auth": (vendor.client_id, vendor.client_secret),
        **changes,
    }
    return await vendor.http.post("/oauth/token", **options)


async def me(vendor: Vendor, token: str) -> int:
    """Whether a token still names somebody."""
    return (await vendor.http.get("/v1/me", headers={"Authorization": f"Bearer {token}"})).status_code


async def test_a_token_answers_as_rfc_6749_asks(clinic: Vendor) -> None:
    answer = await ask(clinic, {"unknown_parameter": "ignored", "scope": ""})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body.keys() == {"access_token", "token_type", "expires_in"}
    assert body["token_type"] == "Bearer"
    by_id = await ask(clinic, {"organization": clinic.id})
    assert by_id.status_code == 200


async def test_a_token_verifies_with_the_published_key_alone(clinic: Vendor, settings: Settings) -> None:
    """By another implementation than the server's: the key of jwks.json, and bare ECDSA."""
    token = await clinic.token("nurse")
    first, second, third = token.split(".")
    header, claims, signature = (base64.urlsafe_b64decode(p + "==") for p in (first, second, third))
    keys = (await clinic.http.get("/.well-known/jwks.json")).json()["keys"]
    jwk = next(k for k in keys if k["kid"] == json.loads(header)["kid"])
    assert not {"d", "k"} & jwk.keys()
    x, y = (int.from_bytes(base64.urlsafe_b64decode(jwk[c] + "=="), "big") for c in "xy")
    der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key().verify(
        der, f"{first}.{second}".encode(), ec.ECDSA(hashes.SHA256())
    )
    assert json.loads(header)["alg"] == "ES256"
    said = json.loads(claims)
    assert said["exp"] - said["iat"] == settings.token_seconds
    assert clinic.client_secret not in claims.decode()


REFUSED = {
    "no grant_type": ({"grant_type": None}, "unsupported_grant_type"),
    "another grant": ({"grant_type": "password"}, "unsupported_grant_type"),
    "no organization": ({"organization": None}, "invalid_request"),
    "an empty organization": ({"organization": ""}, "invalid_request"),
    "an unknown organization": ({"organization": "nobody"}, "invalid_target"),
    "a user without a profession": ({"user_id": "1", "user_name": "花子"}, "invalid_request"),
    "a profession without a user": ({"profession": "nurse"}, "invalid_request"),
    "a profession not delegated": ({"user_id": "1", "user_name": "花子", "profession": "physician"}, "invalid_scope"),
    "a user as the system": ({"user_id": "1", "user_name": "花子", "profession": "system"}, "invalid_scope"),
    "a profession that is none": ({"user_id": "1", "user_name": "花子", "profession": "king"}, "invalid_scope"),
    "a user_id too long": ({"user_id": "x" * 101, "user_name": "花子", "profession": "nurse"}, "invalid_request"),
    "a user_name too long": ({"user_id": "x", "user_name": "花" * 101, "profession": "nurse"}, "invalid_request"),
    "NUL": ({"user_id": "\0", "user_name": "花子", "profession": "nurse"}, "invalid_request"),
    "a line break": ({"user_id": "1", "user_name": "花\n子", "profession": "nurse"}, "invalid_request"),
}


@pytest.mark.parametrize(("form", "error"), REFUSED.values(), ids=REFUSED)
async def test_a_wrong_form_is_refused_in_the_words_of_rfc_6749(
    clinic: Vendor, form: dict[str, str], error: str
) -> None:
    answer = await ask(clinic, form)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"].startswith("application/json")


async def test_the_longest_names_of_a_user(clinic: Vendor) -> None:
    form = {"user_id": "x" * 100, "user_name": "花" * 100, "profession": "nurse"}
    assert (await ask(clinic, form)).status_code == 200


async def test_a_form_that_is_none_is_refused(clinic: Vendor) -> None:
    form = "application/x-www-form-urlencoded"
    for content, media in (
        (b"{}", "application/json"),
        (b"grant_type=client_credentials&grant_type=client_credentials", form),
        (b"grant_type=client_credentials&organization=%ff", form),
        (b"a=b&" * 60, form),
        (b"a=" + b"x" * 20_000, form),
        ("grant_type=client_credentials&organization=é".encode("latin-1"), form),
    ):
        answer = await ask(clinic, content=content, data=None, headers={"Content-Type": media})
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), content[:60]


async def test_who_does_not_prove_itself_is_no_client(clinic: Vendor) -> None:
    pair = f"{clinic.client_id}:{clinic.client_secret}"
    headers = [
        {},
        {"Authorization": "Basic"},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Bearer " + base64.b64encode(pair.encode()).decode()},
        {"Authorization": "Basic " + base64.b64encode(clinic.client_id.encode()).decode()},
        {"Authorization": "Basic " + base64.b64encode(b"\xff:x").decode()},
        {"Authorization": "Basic " + base64.b64encode(b"a\0:x").decode()},
        {"Authorization": "Basic " + base64.b64encode(f"{pair} ".encode()).decode()},
        {"Authorization": "Basic " + base64.b64encode(f"{clinic.client_id}:".encode()).decode()},
        {"Authorization": "Basic " + base64.b64encode(f"nobody:{clinic.client_secret}".encode()).decode()},
    ]
    for header in headers:
        answer = await ask(clinic, auth=None, headers=header)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), header
        assert answer.headers["www-authenticate"].startswith("Basic")


async def test_unknown_and_wrong_answer_alike(clinic: Vendor) -> None:
    unknown, wrong = await ask(clinic, auth=("nobody", "x")), await ask(clinic, auth=(clinic.client_id, "x"))
    assert (unknown.status_code, unknown.content) == (wrong.status_code, wrong.content)


async def test_id_and_secret_are_form_encoded_before_they_are_joined(
    clinic: Vendor, catalog: psycopg.Connection
) -> None:
    """RFC 6749 §2.3.1: a colon, a plus, a percent sign and kanji in either part."""
    name, secret = f"係:{clinic.client_id}+ %41", "秘密:+ %41&=語"
    catalog.execute(
        "UPDATE clients SET client_id = %s, secret_hash = %s WHERE client_id = %s",
        [name, secret_hash(secret), clinic.client_id],
    )
    encoded = base64.b64encode(f"{quote_plus(name)}:{quote_plus(secret)}".encode()).decode()
    assert (await ask(clinic, auth=None, headers={"Authorization": f"Basic {encoded}"})).status_code == 200
    bare = base64.b64encode(f"{name}:{secret}".encode()).decode()
    assert (await ask(clinic, auth=None, headers={"Authorization": f"Basic {bare}"})).status_code == 401


async def test_administrators_leave_the_organization_out(region: Region, clinic: Vendor) -> None:
    pair = (region.admin.client_id, region.admin.client_secret)
    assert clinic.organization is not None
    answer = await ask(clinic, auth=pair)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert (await ask(clinic, {"organization": ""}, auth=pair)).status_code == 200


ENDINGS = {
    "client disabled": "UPDATE clients SET disabled_at = now() WHERE client_id = %(client)s",
    "delegation ended": "UPDATE delegations SET ended_at = now() WHERE organization_id = %(organization)s",
    "delegation expired": "UPDATE delegations SET valid_until = %(yesterday)s WHERE organization_id = %(organization)s",
    "delegation not yet": "UPDATE delegations SET valid_from = %(tomorrow)s WHERE organization_id = %(organization)s",
    "profession taken": "UPDATE delegations SET professions = '{pt}' WHERE organization_id = %(organization)s",
    "organization suspended": "UPDATE organizations SET suspended_at = now() WHERE id = %(organization)s",
}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
async def test_what_is_taken_away_is_gone_within_a_second(
    clinic: Vendor, catalog: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    """A verified token is remembered for a second and no longer; the clock of that memory is turned, not waited for."""
    clock = [1000.0]
    monkeypatch.setattr(identity, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    token = await clinic.token("nurse")
    assert await me(clinic, token) == 200
    days = {"yesterday": tokyo(-1), "tomorrow": tokyo(1)}
    catalog.execute(ending, {"client": clinic.client_id, "organization": clinic.id, **days})
    assert await me(clinic, token) == 200
    clock[0] += 1.0
    assert await me(clinic, token) == 401
    if "professions" not in ending:
        assert (await ask(clinic)).status_code in (400, 401)
    figure(f"revocation: time to effect at most {identity.REMEMBER_SECONDS} s")


async def test_what_is_taken_from_the_system_alone(clinic: Vendor, catalog: psycopg.Connection) -> None:
    """A system's rights follow its delegation, also under a token issued before."""
    token = await clinic.token()
    catalog.execute("UPDATE delegations SET professions = '{pt}' WHERE organization_id = %s", [clinic.id])
    answer = await clinic.http.get("/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert answer.json()["professions"] == ["pt"]


async def test_an_administrator_disabled_or_turned_is_none(
    region: Region, catalog: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(identity, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    auditor = await region.auditor()
    token = await auditor.token()
    assert await me(auditor, token) == 200
    for change in ("kind = 'admin'", "kind = 'auditor', disabled_at = now()"):
        catalog.execute(
            psycopg.sql.SQL("UPDATE clients SET {} WHERE client_id = %s").format(psycopg.sql.SQL(change)),
            [auditor.client_id],
        )
        clock[0] += 1.0
        assert await me(auditor, token) == 401
    again = await auditor.http.post("/oauth/token", data=GRANT, auth=(auditor.client_id, auditor.client_secret))
    assert (again.status_code, again.json()["error"]) == (401, "invalid_client")


async def test_the_memory_of_tokens_is_bounded(clinic: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "REMEMBER_AT_MOST", 1)
    assert [await me(clinic, await clinic.token(by)) for by in ("nurse", "pt", "nurse")] == [200, 200, 200]


def test_keys_are_private_and_the_newest_signs_once_it_is_known(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    made = Keys.load(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [p.stat().st_mode & 0o777 for p in folder.iterdir()] == [0o600]
    assert Keys.load(folder) == made
    assert made.jwks["keys"][0]["kid"] == made.signing_kid
    (folder / "0001.pem").rename(folder / "0000.pem")
    other = Keys.load(tmp_path / "other")
    (folder / "0002.pem").write_bytes((tmp_path / "other" / "0001.pem").read_bytes())
    both, moment = Keys.load(folder), now().timestamp()
    assert both.signing_kid == made.signing_kid
    assert Keys.load(folder, moment + tokens.PUBLISHED_SECONDS + 1).signing_kid == other.signing_kid
    assert both.public_pem.keys() == {made.signing_kid, other.signing_kid}


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    pem = ec.generate_private_key(ec.SECP384R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "0001.pem").write_bytes(pem)
    with pytest.raises(ValueError, match="P-256"):
        Keys.load(tmp_path)


def test_of_two_that_start_at_once_one_key_wins(tmp_path: Path) -> None:
    """The second finds the first one's key although it saw an empty folder."""
    first = Keys.load(tmp_path)
    tokens.write_new_key(tmp_path)
    assert Keys.load(tmp_path) == first
    assert [p.name for p in tmp_path.iterdir()] == ["0001.pem"]
