"""Signing keys: as RFC 7517 and 7638 write them, the newest signs, none but P-256, and no key twice under two names."""

import base64
import hashlib
import json
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from renkei.access.tokens import Keys, public_keys


def write(folder: Path, name: str, seconds: int, key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> None:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / name).write_bytes(pem)
    os.utime(folder / name, (seconds, seconds))


def test_a_folder_is_made_with_a_key_that_only_its_owner_reads(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there"
    keys = Keys.load(folder)
    (kept,) = folder.iterdir()
    assert (kept.name, kept.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == ("0001.pem", 0o600, 0o700)
    assert Keys.load(folder) == keys


def test_the_newest_key_signs_whatever_its_name(tmp_path: Path) -> None:
    old, new = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    write(tmp_path, "b.pem", 1_000, old)
    write(tmp_path, "a.pem", 2_000, new)
    keys = Keys.load(tmp_path)
    assert keys.signing_pem == (tmp_path / "a.pem").read_text()
    assert len(keys.public_pem) == len(keys.jwks["keys"]) == 2
    assert keys.jwks["keys"][1]["kid"] == keys.signing_kid


def test_keys_are_published_as_the_rfcs_write_them(tmp_path: Path) -> None:
    """Also one whose coordinate begins with a zero byte: RFC 7518 §6.2.1.2 keeps it at 32."""
    while True:
        private = ec.generate_private_key(ec.SECP256R1())
        numbers = private.public_key().public_numbers()
        if numbers.x >> 248 == 0:
            break
    write(tmp_path, "0.pem", 1_000, private)
    keys = Keys.load(tmp_path)
    coordinates = {
        name: base64.urlsafe_b64encode(value.to_bytes(32, "big")).decode().rstrip("=")
        for name, value in (("x", numbers.x), ("y", numbers.y))
    }
    said = '{"crv":"P-256","kty":"EC","x":"' + coordinates["x"] + '","y":"' + coordinates["y"] + '"}'
    kid = base64.urlsafe_b64encode(hashlib.sha256(said.encode()).digest()).decode().rstrip("=")
    published = {"kty": "EC", "crv": "P-256", **coordinates, "kid": kid, "use": "sig", "alg": "ES256"}
    assert keys.jwks == {"keys": [published]}
    assert json.loads(json.dumps(keys.jwks)) == keys.jwks
    pem = private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert keys.public_pem == public_keys(keys.jwks) == {kid: pem.decode()}
    assert keys.signing_kid == kid


@pytest.mark.parametrize("other", ["P-384", "Ed25519"])
def test_no_other_kind_of_key_signs(tmp_path: Path, other: str) -> None:
    key = ec.generate_private_key(ec.SECP384R1()) if other == "P-384" else ed25519.Ed25519PrivateKey.generate()
    write(tmp_path, "0.pem", 1_000, key)
    with pytest.raises(ValueError, match=r"0\.pem is not a P-256 private key"):
        Keys.load(tmp_path)


@pytest.mark.parametrize(
    "jwks", [{}, {"keys": [{}]}, {"keys": [{"x": 1, "y": 2}]}, {"keys": [{"x": "=", "y": "="}]}, {"keys": 1}]
)
def test_what_is_no_set_of_keys_is_none(jwks: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"^not a set of P-256 keys$"):
        public_keys(jwks)
