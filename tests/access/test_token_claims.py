"""Every claim of a token of ours, at its edge. Forged ones, through the door: test_forged_tokens.py."""

from typing import Any

import pytest

from renkei.access.jws import sign
from renkei.access.tokens import ALGORITHM, Keys, issue, sign_seal, verify, verify_seal
from renkei.errors import Unauthorized

NOW = 1_800_000_000
ISSUER = "https://renkei.example"
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": "renkei",
    "exp": NOW + 1,
    "iat": NOW,
    "sub": "s",
    "jti": "j",
    "kind": "client",
    "proof": 1,
}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys.load(tmp_path_factory.mktemp("keys"))


def claims(changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**CLAIMS, **changes}.items() if value is not ...}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"iat": NOW + 5},
        {"nbf": NOW + 5},
        {"exp": NOW + 3600},
        {"iat": NOW - 3599},
        {"organization": "o", "user_id": "1", "user_name": "花子", "profession": "nurse", "scope": ""},
    ],
)
def test_it_holds(keys: Keys, changes: dict[str, Any]) -> None:
    told = claims(changes)
    assert verify(keys, issue(keys, told), ISSUER, NOW) == told


@pytest.mark.parametrize(
    "changes",
    [
        *({name: ...} for name in CLAIMS),
        *({name: [value]} for name, value in CLAIMS.items()),
        {"iss": "https://evil.example"},
        {"aud": "another"},
        {"iss": "https://evil.example", "aud": "another"},
        {"iat": NOW + 6},
        {"exp": NOW},
        {"exp": NOW + 3601},
        {"exp": True},
        {"proof": True},
        {"nbf": NOW + 6},
        {"nbf": "0"},
        {"nbf": None},
        {"organization": 7},
        {"user_id": "\0"},
        {"user_name": ["花子"]},
        {"profession": None},
        {"scope": "a\0"},
    ],
)
def test_it_does_not_hold(keys: Keys, changes: dict[str, Any]) -> None:
    with pytest.raises(Unauthorized):
        verify(keys, issue(keys, claims(changes)), ISSUER, NOW)


@pytest.mark.parametrize(
    "header",
    [{"typ": "JWT"}, {"typ": "renkei-seal"}, {"kid": "another"}, {"kid": ["k"]}, {"jku": "https://evil.example"}],
)
def test_a_header_that_is_not_ours(keys: Keys, header: dict[str, Any]) -> None:
    ours = {"kid": keys.signing_kid, "typ": "at+jwt"}
    assert verify(keys, sign(CLAIMS, keys.signing_pem, ALGORITHM, ours), ISSUER, NOW) == CLAIMS
    with pytest.raises(Unauthorized):
        verify(keys, sign(CLAIMS, keys.signing_pem, ALGORITHM, {**ours, **header}), ISSUER, NOW)


def test_a_token_is_no_seal_and_a_seal_no_token(keys: Keys) -> None:
    assert verify_seal(keys.public_pem, sign_seal(keys, {"id": "i"})) == {"id": "i"}
    with pytest.raises(Unauthorized):
        verify_seal(keys.public_pem, issue(keys, CLAIMS))
    with pytest.raises(Unauthorized):
        verify(keys, sign_seal(keys, CLAIMS), ISSUER, NOW)


def test_which_end_is_told(keys: Keys) -> None:
    with pytest.raises(Unauthorized, match="expired"):
        verify(keys, issue(keys, claims({"exp": NOW})), ISSUER, NOW)
    with pytest.raises(Unauthorized, match="not valid"):
        verify(keys, issue(keys, claims({"exp": NOW, "aud": "another"})), ISSUER, NOW)
