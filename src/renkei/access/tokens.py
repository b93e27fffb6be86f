"""Access tokens, and the signatures of seals: ES256 and nothing else.

A JWT library left to itself accepts a token without ``aud`` or ``exp`` even when they are checked (python-jose 3.5). So
everything is required and compared here, the algorithm is one literal, keys are PEM by known kid, and what a header says
of keys (jku, jwk, x5u …) is refused.
"""

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from renkei.access.jws import Malformed, Signed, canonical, sign
from renkei.errors import Unauthorized
from renkei.ids import now

ALGORITHM = "ES256"
TOKEN, SEAL = "at+jwt", "renkei-seal"
"""The types of what is signed here."""
SIGNATURE_BYTES = 64
AUDIENCE = "renkei"
LEEWAY_SECONDS = 5
LONGEST_SECONDS = 3600
"""No token of ours lives longer (``settings.token_seconds``)."""

PUBLISHED_SECONDS = 300
"""How long a new key is published before it signs: as long as others may keep the key set (its ``max-age``)."""

_HEADER = {"alg", "typ", "kid"}
_REQUIRED = {"iss": str, "aud": str, "exp": int, "iat": int, "sub": str, "jti": str, "kind": str, "proof": int}
_TEXTS = ("organization", "user_id", "user_name", "profession", "scope")
_INVALID = ("アクセストークンが無効です", "The access token is not valid")
_EXPIRED = ("アクセストークンの期限が切れています", "The access token has expired")


@dataclass(frozen=True, slots=True)
class Keys:
    """The signing key in use and all public keys that still verify, by kid (RFC 7638 thumbprint)."""

    signing_kid: str
    signing_pem: str
    public_pem: Mapping[str, str]
    jwks: Mapping[str, Any]

    @classmethod
    def load(cls, folder: Path, moment: float | None = None) -> "Keys":
        """Read every ``*.pem`` of a folder; make the first key where there is none, mode 0600.

        The newest that has been published long enough signs; where none has, the oldest. moment: seconds since 1970.
        """
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not list(folder.glob("*.pem")):
            write_new_key(folder)
        public: dict[str, str] = {}
        jwks: list[dict[str, str]] = []
        signing = ("", "")
        published = (now().timestamp() if moment is None else moment) - PUBLISHED_SECONDS
        for path in in_order(folder):
            pem = path.read_bytes()
            key = serialization.load_pem_private_key(pem, None)
            if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
                raise ValueError(f"{path.name} is not a P-256 private key")
            jwk = _jwk(key.public_key())
            kid = jwk["kid"]
            public[kid] = _public_pem(key.public_key())
            jwks.append(jwk)
            if not signing[0] or path.stat().st_mtime <= published:
                signing = (kid, pem.decode())
        return cls(*signing, public, {"keys": jwks})


def in_order(folder: Path) -> list[Path]:
    """The key files of a folder, oldest first."""
    return sorted(folder.glob("*.pem"), key=lambda path: (path.stat().st_mtime_ns, path.name))


def write_new_key(folder: Path, name: str = "0001.pem") -> None:
    """Make a P-256 key, mode 0600, under a name that nobody has taken; else leave the one that is there."""
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    # Several workers may start at once: the first to link its key wins, the others read that one.
    mine = folder / f".{os.getpid()}.new"
    descriptor = os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
    try:
        os.link(mine, folder / name)
    except FileExistsError:
        pass
    finally:
        mine.unlink()


def _jwk(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    x, y = (base64.urlsafe_b64encode(n.to_bytes(32, "big")).rstrip(b"=").decode() for n in (numbers.x, numbers.y))
    thumbprint = json.dumps({"crv": "P-256", "kty": "EC", "x": x, "y": y}, separators=(",", ":")).encode()
    kid = base64.urlsafe_b64encode(hashlib.sha256(thumbprint).digest()).rstrip(b"=").decode()
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": kid, "use": "sig", "alg": ALGORITHM}


def _public_pem(key: ec.EllipticCurvePublicKey) -> str:
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, kind).decode()


def issue(keys: Keys, claims: Mapping[str, Any]) -> str:
    """Sign an access token (RFC 9068 ``at+jwt``)."""
    return sign(claims, keys.signing_pem, ALGORITHM, {"kid": keys.signing_kid, "typ": TOKEN})


def verify(keys: Keys, token: str, issuer: str, moment: float) -> dict[str, Any]:
    """The claims of a token that holds in every respect. moment: seconds since 1970. Raises Unauthorized."""
    claims = _signed(keys.public_pem, token, TOKEN)
    _require_types(claims)
    if claims["iss"] != issuer or claims["aud"] != AUDIENCE or claims["iat"] > moment + LEEWAY_SECONDS:
        raise Unauthorized(_INVALID)
    if not isinstance(claims.get("nbf", 0), int) or claims.get("nbf", 0) > moment + LEEWAY_SECONDS:
        raise Unauthorized(_INVALID)
    if claims["exp"] > claims["iat"] + LONGEST_SECONDS:
        raise Unauthorized(_INVALID)
    if claims["exp"] <= moment:
        raise Unauthorized(_EXPIRED)
    return claims


def sign_seal(keys: Keys, statement: Mapping[str, Any]) -> str:
    """A seal's signature over its statement: a compact JWS (RFC 7515) of a type of its own."""
    return sign(statement, keys.signing_pem, ALGORITHM, {"kid": keys.signing_kid, "typ": SEAL})


def verify_seal(public_pem: Mapping[str, str], signature: str) -> dict[str, Any]:
    """The statement that a seal's signature holds for. public_pem: by kid. Raises Unauthorized.

    A token is no seal and a seal no token, whichever key signed it: their types differ, and each is asked for.
    """
    return _signed(public_pem, signature, SEAL)


def public_keys(jwks: Mapping[str, Any]) -> dict[str, str]:
    """The P-256 keys of a JSON Web Key Set, as PEM by their thumbprint, whatever ``kid`` it claims. Raises ValueError."""
    found = {}
    try:
        for jwk in jwks["keys"]:
            x, y = (int.from_bytes(canonical(jwk[name]), "big") for name in ("x", "y"))
            key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
            found[_jwk(key)["kid"]] = _public_pem(key)
    except (KeyError, TypeError, AttributeError, Malformed) as error:
        raise ValueError("not a set of P-256 keys") from error
    return found


def _signed(public_pem: Mapping[str, str], token: str, kind: str) -> dict[str, Any]:
    """The members of a compact JWS of this type that one of these keys has signed. Raises Unauthorized."""
    try:
        signed = Signed.parse(token)
        header, kid = signed.header, signed.header.get("kid")
        if header.keys() != _HEADER or header["alg"] != ALGORITHM or header["typ"] != kind:
            raise Malformed
        if not isinstance(kid, str) or (pem := public_pem.get(kid)) is None:
            raise Malformed
        signed.require_signature(pem, ALGORITHM, SIGNATURE_BYTES)
    except Malformed as error:
        raise Unauthorized(_INVALID) from error
    return signed.claims


def _require_types(claims: Mapping[str, Any]) -> None:
    for name, kind in _REQUIRED.items():
        # Not isinstance: True would be an int.
        if type(claims.get(name)) is not kind:
            raise Unauthorized(_INVALID)
    for name in _TEXTS:
        text = claims.get(name, "")
        if not isinstance(text, str) or "\0" in text:
            raise Unauthorized(_INVALID)
