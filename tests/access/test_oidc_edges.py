"""What of a provider's answers must hold, each at its edge: no provider runs, and no clock. Whole answers: test_oidc_forged.py."""

from dataclasses import replace
from typing import Any

import pytest

from renkei.access import oidc
from renkei.access.jws import Signed, sign
from renkei.access.oidc import NotProven, Proven, Question, RelyingClient
from renkei.access.tokens import Keys
from renkei.schemas.key_sets import PublicKey

NOW = 1_800_000_000
DOCUMENT: dict[str, Any] = {
    "issuer": "https://op.example",
    "authorization_endpoint": "https://op.example/a",
    "token_endpoint": "https://op.example/t",
    "jwks_uri": "https://op.example/k",
}
METADATA = oidc.read_metadata(DOCUMENT, "https://op.example")
CLIENT = RelyingClient("renkei", "s+c", "https://renkei.example/callback", ["openid", "profile"])
QUESTION = Question("state", "nonce", "verifier")
CLAIMS: dict[str, Any] = {
    "iss": METADATA.issuer,
    "aud": "renkei",
    "nonce": "nonce",
    "sub": "s",
    "iat": NOW,
    "exp": NOW + 60,
}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys.load(tmp_path_factory.mktemp("provider"))


def without_nothing(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not ...}


def judged(keys: Keys, max_age: int | None = None, **changes: Any) -> Proven:
    key = PublicKey("k", "ES256", keys.public_pem[keys.signing_kid], 64, {})
    claims = without_nothing({**CLAIMS, **changes})
    signed = Signed.parse(sign(claims, keys.signing_pem, "ES256", {"kid": "k"}))
    return oidc.prove(signed, key, METADATA, CLIENT, QUESTION, "access", NOW, max_age)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"aud": ["renkei"], "azp": "renkei"},
        {"sub": "s" * 255},
        {"exp": NOW - 29},
        {"iat": NOW - 600},
        {"iat": NOW + 30},
        {"nbf": NOW + 30},
        {"auth_time": NOW + 30},
        {"auth_time": NOW - 130, "max_age": 100},
        {"acr": "one", "amr": ["pwd", "otp"]},
    ],
)
def test_it_holds(keys: Keys, changes: dict[str, Any]) -> None:
    told = {**CLAIMS, **changes}
    expected = Proven(told["sub"], {}, told.get("acr"), tuple(told.get("amr", ())), told.get("auth_time"))
    assert replace(judged(keys, **changes), claims={}) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": ...},
        {"aud": ...},
        {"aud": ["renkei", "another"]},
        {"azp": "another"},
        {"nonce": ...},
        {"nonce": 7},
        {"nonce": "nonc\ud800"},
        {"sub": ...},
        {"sub": 7},
        {"sub": ""},
        {"sub": "s" * 256},
        {"sub": "佐藤"},
        {"exp": NOW - 30},
        {"exp": True},
        {"iat": NOW - 601},
        {"iat": NOW + 31},
        {"iat": float(NOW)},
        {"nbf": NOW + 31},
        {"nbf": "0"},
        {"nbf": None},
        {"auth_time": NOW + 31},
        {"auth_time": "0"},
        {"auth_time": NOW - 131, "max_age": 100},
        {"max_age": 100},
        {"acr": 2},
        {"amr": "otp"},
        {"amr": ["otp", 2]},
        {"at_hash": "another"},
    ],
)
def test_it_does_not_hold(keys: Keys, changes: dict[str, Any]) -> None:
    with pytest.raises(NotProven):
        judged(keys, **changes)


def test_a_key_signs_in_its_own_way_only(keys: Keys) -> None:
    signed = Signed.parse(sign(CLAIMS, keys.signing_pem, "ES256", {"kid": "k"}))
    for key in (None, PublicKey("k", "ES384", keys.public_pem[keys.signing_kid], 64, {})):
        with pytest.raises(NotProven):
            oidc.signed_by(key, signed)


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": ...},
        {"token_endpoint": ...},
        {"jwks_uri": 7},
        {"end_session_endpoint": ["https://op.example/e"]},
        {"code_challenge_methods_supported": "S256"},
        {"code_challenge_methods_supported": ["plain"]},
    ],
)
def test_a_document_that_cannot_be_used(changes: dict[str, Any]) -> None:
    with pytest.raises(NotProven):
        oidc.read_metadata(without_nothing({**DOCUMENT, **changes}), "https://op.example")


@pytest.mark.parametrize(("said", "named"), [(True, True), (False, False), ("true", False), (..., False)])
def test_a_provider_that_names_itself(said: object, named: bool) -> None:
    document = without_nothing({**DOCUMENT, "authorization_response_iss_parameter_supported": said})
    assert oidc.read_metadata(document, "https://op.example").names_itself is named


def test_the_longest_code() -> None:
    assert oidc.read_answer(METADATA, [("code", "c" * 4000)]) == "c" * 4000
    with pytest.raises(NotProven):
        oidc.read_answer(METADATA, [("code", "c" * 4001)])


def test_where_a_browser_is_sent() -> None:
    at = replace(
        METADATA, authorization_endpoint="https://op.example/a?tenant=1", end_session_endpoint="https://op.example/e"
    )
    asked = oidc.authorization_url(at, CLIENT, QUESTION, max_age=0)
    assert asked.startswith("https://op.example/a?tenant=1&response_type=code&client_id=renkei&")
    assert "&scope=openid+profile&" in asked and asked.endswith("&code_challenge_method=S256&max_age=0")
    assert "max_age" not in oidc.authorization_url(at, CLIENT, QUESTION)
    back = "https://op.example/e?client_id=renkei&post_logout_redirect_uri=https%3A%2F%2Frenkei.example"
    assert oidc.logout_url(at, "renkei", "https://renkei.example") == back
    assert oidc.logout_url(METADATA, "renkei", "https://renkei.example") is None


def answer(keys: Keys, header: dict[str, Any], **changes: Any) -> dict[str, Any]:
    token = sign(CLAIMS, keys.signing_pem, "ES256", {"kid": "k", **header})
    return without_nothing({"id_token": token, "access_token": "a", "token_type": "Bearer", **changes})


@pytest.mark.parametrize(("header", "changes"), [({}, {}), ({"typ": "jwt"}, {"token_type": "bearer"})])
def test_an_answer_that_can_be_read(keys: Keys, header: dict[str, Any], changes: dict[str, Any]) -> None:
    signed, access_token = oidc.read_tokens(200, answer(keys, header, **changes))
    assert (signed.claims["sub"], access_token) == ("s", "a")


@pytest.mark.parametrize(
    ("header", "changes"),
    [
        ({"typ": "at+jwt"}, {}),
        ({"crit": "b64"}, {}),
        ({"b64": "false"}, {}),
        ({"kid": 7}, {}),
        ({"alg": "PS256"}, {}),
        ({}, {"id_token": ...}),
        ({}, {"id_token": "x"}),
        ({}, {"access_token": 7}),
        ({}, {"token_type": ...}),
        ({}, {"token_type": "DPoP"}),
    ],
)
def test_an_answer_that_cannot(keys: Keys, header: dict[str, Any], changes: dict[str, Any]) -> None:
    with pytest.raises(NotProven):
        oidc.read_tokens(200, answer(keys, header, **changes))


@pytest.mark.parametrize(("status", "document"), [(400, {"error": "invalid_grant"}), (201, ...), (200, ["a"])])
def test_an_answer_of_another_kind(keys: Keys, status: int, document: Any) -> None:
    with pytest.raises(NotProven):
        oidc.read_tokens(status, answer(keys, {}) if document is ... else document)
