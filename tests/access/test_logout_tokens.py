"""A provider's word that somebody has signed out there: what of it must hold, at its edges. Through the door: tests/people."""

from pathlib import Path
from typing import Any

import pytest

from renkei.access.jws import Signed, sign
from renkei.access.logout_tokens import LOGOUT_EVENT, SignedOut, prove_logout
from renkei.access.oidc import Metadata, NotProven
from renkei.access.tokens import Keys
from renkei.schemas.key_sets import PublicKey

MOMENT = 1_800_000_000
METADATA = Metadata(
    "https://op.example", "https://op.example/a", "https://op.example/t", "https://op.example/k", None, True
)
RIGHT: dict[str, Any] = {
    "iss": METADATA.issuer,
    "aud": "renkei",
    "iat": MOMENT,
    "exp": MOMENT + 120,
    "jti": "j",
    "sub": "s",
    "events": {LOGOUT_EVENT: {}},
}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    folder: Path = tmp_path_factory.mktemp("provider")
    return Keys.load(folder)


def judged(keys: Keys, header: dict[str, str], **changes: Any) -> SignedOut:
    claims = {name: value for name, value in {**RIGHT, **changes}.items() if value is not ...}
    key = PublicKey("k", "ES256", keys.public_pem[keys.signing_kid], 64, {})
    signed = Signed.parse(sign(claims, keys.signing_pem, "ES256", {"kid": "k", **header}))
    return prove_logout(signed, key, METADATA, "renkei", MOMENT)


@pytest.mark.parametrize(
    ("header", "changes"),
    [
        ({}, {}),
        ({"typ": "logout+jwt"}, {"aud": ["renkei"]}),
        ({"typ": "jwt"}, {"sub": "s" * 255, "jti": "j" * 200}),
    ],
)
def test_it_holds(keys: Keys, header: dict[str, str], changes: dict[str, Any]) -> None:
    told = {**RIGHT, **changes}
    assert judged(keys, header, **changes) == SignedOut(told["sub"], told["jti"])


@pytest.mark.parametrize(
    ("header", "changes"),
    [
        ({"typ": "at+jwt"}, {}),
        *(
            ({}, {name: value})
            for name, value in [
                ("iss", "https://evil.example"),
                ("iss", ...),
                ("aud", "another"),
                ("aud", ["renkei", "another"]),
                ("aud", ...),
                ("nonce", "n"),
                ("events", ...),
                ("events", [LOGOUT_EVENT]),
                ("events", {"another": {}}),
                ("events", {LOGOUT_EVENT: None}),
                ("exp", MOMENT - 31),
                ("iat", MOMENT - 601),
                ("sub", ...),
                ("sub", 7),
                ("sub", ""),
                ("sub", "s" * 256),
                ("jti", ...),
                ("jti", 7),
                ("jti", ""),
                ("jti", "j" * 201),
            ]
        ),
    ],
)
def test_it_does_not_hold(keys: Keys, header: dict[str, str], changes: dict[str, Any]) -> None:
    with pytest.raises(NotProven):
        judged(keys, header, **changes)
