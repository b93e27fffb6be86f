"""Which public keys are taken, from an administrator and from a vendor's address."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.access.signing import Signer, b64, number

from renkei.schemas.key_sets import WrongKeys, read_key_set

EC, WIDE, RSA = Signer.make("ec"), Signer.make("wide", "P-384"), Signer.make("rsa", "RSA")
JWK, RSA_JWK = EC.jwk, RSA.jwk


def found(value: object, *, strict: bool = True) -> set[tuple[str, str]]:
    with pytest.raises(WrongKeys) as raised:
        read_key_set(value, strict=strict)
    return {(pointer, code) for pointer, code, _ in raised.value.found}


def test_each_kind_of_key_has_one_algorithm() -> None:
    kept = read_key_set({"keys": [EC.jwk, WIDE.jwk, RSA.jwk]}, strict=True)
    assert {kid: (key.algorithm, key.signature_bytes) for kid, key in kept.items()} == {
        "ec": ("ES256", 64),
        "wide": ("ES384", 96),
        "rsa": ("RS384", 256),
    }
    assert [key.pem.encode() for key in kept.values()] == [signer.pem for signer in (EC, WIDE, RSA)]


def test_only_what_verifies_is_kept() -> None:
    told = {"use": "sig", "alg": "ES256", "key_ops": ["verify"], "x5t": "AA", "iat": 1}
    (key,) = read_key_set({"keys": [JWK | told]}, strict=True).values()
    assert key.jwk == JWK | {"alg": "ES256"}


SMALL = rsa.generate_private_key(65537, 1024).public_key().public_numbers().n  # noqa: S505 - that it is too small is the point
FAULTS: dict[str, tuple[dict[str, Any], set[tuple[str, str]]]] = {
    "no kid": ({"kid": None}, {("/kid", "required")}),
    "an empty kid": ({"kid": ""}, {("/kid", "format")}),
    "a long kid": ({"kid": "k" * 101}, {("/kid", "format")}),
    "a kid with a line break": ({"kid": "k\n"}, {("/kid", "format")}),
    "a kid that is no text": ({"kid": 1}, {("/kid", "format")}),
    "no kty": ({"kty": None}, {("/kty", "required")}),
    "a symmetric key": ({"kty": "oct"}, {("/kty", "code")}),
    "Ed25519": ({"kty": "OKP"}, {("/kty", "code")}),
    "kty a list": ({"kty": ["EC"]}, {("/kty", "code")}),
    "P-521": ({"crv": "P-521"}, {("/crv", "code")}),
    "secp256k1": ({"crv": "secp256k1"}, {("/crv", "code")}),
    "crv a list": ({"crv": ["P-256"]}, {("/crv", "code")}),
    "no crv": ({"crv": None}, {("/crv", "required")}),
    "of another curve": ({"crv": "P-384"}, {("/x", "format"), ("/y", "format")}),
    "no point of the curve": ({"x": JWK["y"]}, {("/x", "format")}),
    "the point at nothing": ({"x": b64(bytes(32)), "y": b64(bytes(32))}, {("/x", "format")}),
    "a number too short": ({"y": b64(b"\1" * 31)}, {("/y", "format")}),
    "padding": ({"x": JWK["x"] + "="}, {("/x", "format")}),
    "no base64url": ({"x": "!" * 43}, {("/x", "format")}),
    "x a number": ({"x": 1}, {("/x", "type")}),
    "no y": ({"y": None}, {("/y", "required")}),
    "for encryption": ({"use": "enc"}, {("/use", "code")}),
    "that signs only": ({"key_ops": ["sign"]}, {("/key_ops", "code")}),
    "another algorithm": ({"alg": "ES384"}, {("/alg", "code")}),
    "alg a list": ({"alg": ["ES256"]}, {("/alg", "code")}),
    "an unknown member": ({"a/b~": 1}, {("/a~1b~0", "unknown")}),
}
RSA_FAULTS: dict[str, tuple[dict[str, Any], set[tuple[str, str]]]] = {
    "1,024 bits": ({"n": number(SMALL, 128)}, {("/n", "bounds")}),
    "16,384 bits": ({"n": b64(b"\xff" * 2048)}, {("/n", "bounds")}),
    "an even modulus": ({"n": b64(b"\xff" * 255 + b"\xfe")}, {("/n", "format")}),
    "e = 3": ({"e": b64(b"\3")}, {("/e", "bounds")}),
    "an even e": ({"e": b64(b"\1\0\2")}, {("/e", "bounds")}),
    "a huge e": ({"e": b64(b"\1" + bytes(7) + b"\1")}, {("/e", "bounds")}),
    "RS256": ({"alg": "RS256"}, {("/alg", "code")}),
    "no n": ({"n": None}, {("/n", "required")}),
}


@pytest.mark.parametrize(
    ("base", "changes", "faults"),
    [*((JWK, *case) for case in FAULTS.values()), *((RSA_JWK, *case) for case in RSA_FAULTS.values())],
    ids=[*FAULTS, *RSA_FAULTS],
)
def test_a_wrong_key_is_refused_with_its_place(
    base: dict[str, Any], changes: dict[str, Any], faults: set[tuple[str, str]]
) -> None:
    wrong = {name: value for name, value in {**base, **changes}.items() if value is not None}
    expected = {(f"/keys/1{pointer}", code) for pointer, code in faults}
    assert found({"keys": [JWK | {"kid": "good"}, wrong]}) == expected


@pytest.mark.parametrize("name", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
@pytest.mark.parametrize("strict", [True, False])
def test_a_private_member_is_refused_wherever_the_set_comes_from(name: str, strict: bool) -> None:
    assert found({"keys": [WIDE.jwk, JWK | {name: "AA"}]}, strict=strict) == {(f"/keys/1/{name}", "unknown")}


def test_a_set_is_one_object_with_keys() -> None:
    assert found(None) == found([]) == found({}) == {("/keys", "required")}
    assert found({"keys": []}) == {("/keys", "empty")}
    assert found({"keys": "x"}) == {("/keys", "type")}
    assert found({"keys": [JWK, 1]}) == {("/keys/1", "type")}
    assert found({"keys": [JWK] * 21}) == {("/keys", "length")}
    assert found({"keys": [JWK, RSA_JWK | {"kid": "ec"}]}) == {("/keys/1/kid", "repeated")}
    assert found({"keys": [JWK], "more": 1}) == {("/more", "unknown")}


def test_of_a_published_set_only_what_is_ours_is_taken() -> None:
    """RFC 7517 §5: what one does not understand is passed over."""
    other = [{"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": "AA"}, JWK | {"use": "enc", "kid": "enc"}, 1, RSA_JWK]
    kept = read_key_set({"keys": [*other, JWK | {"unknown": 1}], "more": 1}, strict=False)
    assert set(kept) == {"rsa", "ec"}
    assert found({"keys": other[:3]}, strict=False) == {("/keys", "empty")}
    assert found({"keys": [JWK, JWK]}, strict=False) == {("/keys/1/kid", "repeated")}
