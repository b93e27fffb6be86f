"""Signed texts (JWS compact form, RFC 7515), read strictly. The one module that touches python-jose.

python-jose 3.5 confuses HS and RS when ``algorithms`` is open, ignores ``crit`` and ``typ``, and takes padding variants
for the same text. So what is signed is read here, the caller compares every member of the header, and a signature is
checked with one PEM key and one literal algorithm that the key itself decides.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jose import jws
from jose.exceptions import JOSEError

LARGEST = 8_000
"""No token, assertion or seal of ours is longer, in characters."""


class Malformed(ValueError):
    """A text that is no signed text, or not in its one spelling, or not signed by this key."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A text in its parts. Nothing is proved of it before ``require_signature``."""

    text: str
    header: Mapping[str, Any]
    claims: dict[str, Any]
    signature: bytes

    @classmethod
    def parse(cls, text: str) -> "Signed":
        """Raises Malformed for anything but three canonical parts, two of them one JSON object without duplicate names."""
        if len(text) > LARGEST or text.count(".") != 2:
            raise Malformed
        first, second, third = text.split(".")
        return cls(text, _decode(first), _decode(second), canonical(third))

    def require_signature(self, pem: str, algorithm: str, length: int) -> None:
        """Raise Malformed unless this public key signed it so. length: of the signature, in bytes."""
        if len(self.signature) != length:
            raise Malformed
        try:
            jws.verify(self.text, pem, algorithms=[algorithm])
        except (JOSEError, ValueError, TypeError) as error:
            raise Malformed from error


def sign(claims: Mapping[str, Any], pem: str, algorithm: str, header: Mapping[str, str]) -> str:
    """The compact form of claims, signed with a private key."""
    return str(jws.sign(dict(claims), pem, headers=dict(header), algorithm=algorithm))


def canonical(part: str) -> bytes:
    """The bytes of a part. Padding variants and stray characters decode to the same bytes; only the
    canonical spelling counts, of the signature too, or one token would have many texts."""
    try:
        raw = base64.urlsafe_b64decode(part + "==")  # of padding, too much is none too few
    except (ValueError, binascii.Error) as error:
        raise Malformed from error
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != part:
        raise Malformed
    return raw


def _decode(part: str) -> dict[str, Any]:
    """A part that is one JSON object without duplicate names."""
    try:
        value = json.loads(canonical(part).decode(), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise Malformed from error
    if not isinstance(value, dict):
        raise Malformed
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate member")
    return members
