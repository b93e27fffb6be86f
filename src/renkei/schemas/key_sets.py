"""Public keys of vendors' systems (RFC 7517): read strictly, kept as little as verifies. Pure.

One algorithm for each kind of key, so that nothing a token says chooses it: P-256 → ES256, P-384 → ES384, RSA → RS384,
those that SMART Backend Services names and ES256. For the tokens of a hospital's login RSA → RS256, which OpenID Connect
makes every provider know.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from renkei.catalogue.characters import visible
from renkei.schemas.fields import Found

PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
"""Members of a key that must never leave its owner (RFC 7518 §6)."""
DESCRIBING = {"kid", "kty", "use", "alg", "key_ops", "x5u", "x5c", "x5t", "x5t#S256", "exp", "iat", "nbf"}
MOST_KEYS = 20
SMALLEST_RSA, LARGEST_RSA = 2048, 8192
CURVES: Mapping[str, tuple[ec.EllipticCurve, str, int]] = {
    "P-256": (ec.SECP256R1(), "ES256", 32),
    "P-384": (ec.SECP384R1(), "ES384", 48),
}
ALGORITHMS = ("ES256", "ES384", "RS384")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that verifies: its only algorithm, its PEM, the length of its signatures in bytes, and the JWK as kept."""

    kid: str
    algorithm: str
    pem: str
    signature_bytes: int
    jwk: Mapping[str, str]


class WrongKeys(ValueError):
    """A set that may not be used; ``found``: what is wrong where, with pointers below the set."""

    def __init__(self, found: list[Found]) -> None:
        super().__init__("; ".join(f"{pointer} {code}" for pointer, code, _ in found))
        self.found = found


def read_key_set(value: object, *, strict: bool, rsa_algorithm: str = "RS384") -> dict[str, PublicKey]:
    """The keys of a JWK Set, by kid. Raises WrongKeys.

    strict (sent to us): every key must be one of ours, and no member is unknown. Else (published by its owner, RFC 7517
    §5): keys of other kinds and unknown members are passed over. A private member is refused in any case: whoever can
    read it has the key.
    """
    keys = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(keys, list) or not keys:
        raise WrongKeys([("/keys", "empty" if keys == [] else "required" if keys is None else "type", {})])
    if len(keys) > MOST_KEYS:
        raise WrongKeys([("/keys", "length", {"max": MOST_KEYS})])
    found: list[Found] = []
    kept: dict[str, PublicKey] = {}
    for place, jwk in enumerate(keys):
        at = f"/keys/{place}"
        if isinstance(jwk, dict) and (private := PRIVATE & jwk.keys()):
            found += [(f"{at}/{name}", "unknown", {}) for name in sorted(private)]
            continue
        try:
            key = _read(jwk, strict, rsa_algorithm)
        except WrongKeys as error:
            if strict:
                found += [(at + pointer, code, params) for pointer, code, params in error.found]
            continue
        if key.kid in kept:
            found.append((f"{at}/kid", "repeated", {}))
        kept[key.kid] = key
    if strict and isinstance(value, dict):
        found += [(f"/{_escape(name)}", "unknown", {}) for name in value if name != "keys"]
    if found or not kept:
        raise WrongKeys(found or [("/keys", "empty", {})])
    return kept


def _read(jwk: object, strict: bool, rsa_algorithm: str) -> PublicKey:
    if not isinstance(jwk, dict):
        raise WrongKeys([("", "type", {"expected": "object"})])
    kind = jwk.get("kty")
    if kind not in ("EC", "RSA"):
        raise WrongKeys([("/kty", "code" if "kty" in jwk else "required", {"value_set": "EC, RSA"})])
    own = {"crv", "x", "y"} if kind == "EC" else {"n", "e"}
    found: list[Found] = [
        (f"/{_escape(name)}", "unknown", {}) for name in jwk if strict and name not in own | DESCRIBING
    ]
    kid = jwk.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= 100 or not kid.isprintable():
        found.append(("/kid", "required" if kid is None else "format", {"expected": "1–100 printable characters"}))
    found += _of_another_use(jwk)
    try:
        key, algorithm, length = _elliptic(jwk) if kind == "EC" else _rsa(jwk, rsa_algorithm)
    except WrongKeys as error:
        raise WrongKeys(found + error.found) from None
    if jwk.get("alg", algorithm) != algorithm:
        found.append(("/alg", "code", {"value_set": algorithm}))
    if found:
        raise WrongKeys(found)
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    kept = {"kty": kind, "kid": str(kid), "alg": algorithm, **{name: jwk[name] for name in sorted(own)}}
    return PublicKey(str(kid), algorithm, pem, length, kept)


def _of_another_use(jwk: Mapping[str, Any]) -> Iterator[Found]:
    if jwk.get("use", "sig") != "sig":
        yield "/use", "code", {"value_set": "sig"}
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        yield "/key_ops", "code", {"value_set": "verify"}


def _elliptic(jwk: Mapping[str, Any]) -> tuple[ec.EllipticCurvePublicKey, str, int]:
    if (name := jwk.get("crv")) not in tuple(CURVES):  # a tuple: what is sent need not be hashable
        raise WrongKeys([("/crv", "required" if name is None else "code", {"value_set": ", ".join(CURVES)})])
    curve, algorithm, size = CURVES[str(name)]
    numbers = {c: _number(jwk, c) for c in "xy"}
    if wrong := [c for c, (_, length) in numbers.items() if length != size]:
        raise WrongKeys([(f"/{c}", "format", {"expected": f"{size} bytes"}) for c in wrong])
    try:
        key = ec.EllipticCurvePublicNumbers(numbers["x"][0], numbers["y"][0], curve).public_key()
    except ValueError:  # not a point of the curve
        raise WrongKeys([("/x", "format", {"expected": f"a point of {name}"})]) from None
    return key, algorithm, 2 * size


def _rsa(jwk: Mapping[str, Any], algorithm: str) -> tuple[rsa.RSAPublicKey, str, int]:
    modulus, exponent = _number(jwk, "n")[0], _number(jwk, "e")[0]
    if not SMALLEST_RSA <= modulus.bit_length() <= LARGEST_RSA:
        raise WrongKeys([("/n", "bounds", {"min": SMALLEST_RSA, "max": LARGEST_RSA})])
    # FIPS 186-5 §5.4: odd, above 2^16; and small, as a verifier pays for it.
    if not 2**16 < exponent < 2**32 or exponent % 2 == 0:
        raise WrongKeys([("/e", "bounds", {"min": 65537, "max": 2**32 - 1})])
    if modulus % 2 == 0:
        raise WrongKeys([("/n", "format", {"expected": "RSA"})])
    key = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    return key, algorithm, (modulus.bit_length() + 7) // 8


def _number(jwk: Mapping[str, Any], name: str) -> tuple[int, int]:
    """A base64url number in its one spelling, and its length in bytes."""
    text = jwk.get(name)
    if not isinstance(text, str):
        raise WrongKeys([(f"/{name}", "required" if text is None else "type", {"expected": "string"})])
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        raw = b""
    if not raw or base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != text:
        raise WrongKeys([(f"/{name}", "format", {"expected": "base64url"})])
    return int.from_bytes(raw, "big"), len(raw)


def _escape(name: object) -> str:
    return visible(str(name)).replace("~", "~0").replace("/", "~1")
