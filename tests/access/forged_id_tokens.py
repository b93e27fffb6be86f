"""id_tokens that must not be believed, made from one that may: by the provider's own keys, by others', by none."""

import base64
import hmac
import json
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from tests.access.oidc_provider import SECRET, Provider

from renkei.access.oidc import Question

STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
Forging = Callable[[dict[str, Any], dict[str, Any], Provider], str]


def signing_key(provider: Provider, kind: str = "RSA") -> tuple[Any, str]:
    """A private key of the provider, and its name."""
    key = next(key for key in provider.op.keyjar.get_signing_key(kind, "") if key.kid)
    return key.private_key(), key.kid


def compact(header: dict[str, Any], claims: dict[str, Any], key: Any) -> str:
    """The compact form of claims, signed as the header says."""
    text = ".".join(_part(header, claims))
    digest = hashes.SHA384() if header["alg"].endswith("384") else hashes.SHA256()
    if isinstance(key, ec.EllipticCurvePrivateKey):
        numbers = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(digest)))
        signature = b"".join(number.to_bytes(32, "big") for number in numbers)
    elif header["alg"].startswith("PS"):
        signature = key.sign(text.encode(), padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
    else:
        signature = key.sign(text.encode(), padding.PKCS1v15(), digest)
    return f"{text}.{_base64url(signature)}"


def _part(*values: Any) -> list[str]:
    return [_base64url(json.dumps(value).encode()) for value in values]


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def by_the_provider(claims: dict[str, Any], provider: Provider, kind: str = "RSA", **header: Any) -> str:
    """Signed by a key of the provider."""
    key, kid = signing_key(provider, kind)
    return compact({"alg": "RS256" if kind == "RSA" else "ES256", "kid": kid, **header}, claims, key)


def with_claims(**changes: Any) -> Forging:
    return lambda claims, header, provider: by_the_provider(
        {k: v for k, v in {**claims, **changes}.items() if v is not ...}, provider
    )


def with_header(**changes: Any) -> Forging:
    return lambda claims, header, provider: by_the_provider(claims, provider, **changes)


def _unsigned(alg: str) -> Forging:
    def forge(claims: dict[str, Any], header: dict[str, Any], provider: Provider) -> str:
        return ".".join(_part({**header, "alg": alg}, claims)) + "."

    return forge


def _by_secret(secret: Callable[[Provider], bytes]) -> Forging:
    def forge(claims: dict[str, Any], header: dict[str, Any], provider: Provider) -> str:
        text = ".".join(_part({**header, "alg": "HS256"}, claims))
        code = hmac.digest(secret(provider), text.encode(), "sha256")
        return f"{text}.{_base64url(code)}"

    return forge


def _public_pem(provider: Provider) -> bytes:
    pem, info = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return bytes(signing_key(provider)[0].public_key().public_bytes(pem, info))


def _by_a_stranger(**header: Any) -> Forging:
    return lambda claims, given, provider: compact({**given, "alg": "RS256", **header}, claims, STRANGER)


def _stranger_jwk() -> dict[str, str]:
    numbers = STRANGER.public_key().public_numbers()
    return {
        "kty": "RSA",
        "n": _base64url(numbers.n.to_bytes(256, "big")),
        "e": _base64url(numbers.e.to_bytes(3, "big")),
    }


def _altered(claims: dict[str, Any], header: dict[str, Any], provider: Provider) -> str:
    first, _, third = by_the_provider(claims, provider).split(".")
    return ".".join([first, _part({**claims, "sub": "somebody-else"})[0], third])


FAR, PAST = 4_102_444_800, 1_700_000_000
FORGED: dict[str, Forging] = {
    **{f"alg {alg}": _unsigned(alg) for alg in ("none", "None", "nOnE", "", "RS256", "ES256", "HS256")},
    "HS256 with our secret": _by_secret(lambda _: SECRET.encode()),
    "HS256 with the provider's public key": _by_secret(_public_pem),
    "a stranger's key": _by_a_stranger(),
    "a stranger's key in the header": _by_a_stranger(jwk=_stranger_jwk()),
    "a stranger's keys by address": _by_a_stranger(jku="https://evil.example/keys", x5u="https://evil.example/x5u"),
    "an unknown key": with_header(kid="unknown"),
    "a kid that is a path": with_header(kid="../../keys/0001.pem"),
    "the provider's other key": lambda claims, header, provider: by_the_provider(
        claims, provider, kid=signing_key(provider, "EC")[1]
    ),
    "RS384 by the same key": with_header(alg="RS384"),
    "PS256 by the same key": with_header(alg="PS256"),
    "an access token's type": with_header(typ="at+jwt"),
    "a logout token's type": with_header(typ="logout+jwt"),
    "a critical header": with_header(crit=["exp"], exp=FAR),
    "altered after signing": _altered,
    "another issuer": with_claims(iss="https://evil.example"),
    "no issuer": with_claims(iss=...),
    "another client's": with_claims(aud="another"),
    "another client's and ours": with_claims(aud=["renkei", "another"]),
    "no audience": with_claims(aud=...),
    "an empty audience": with_claims(aud=[]),
    "ours by another party": with_claims(azp="another"),
    "expired": with_claims(exp=PAST),
    "no end": with_claims(exp=...),
    "an end as text": with_claims(exp=str(FAR)),
    "an end as a fraction": with_claims(exp=FAR + 0.5),
    "an end that is true": with_claims(exp=True),
    "made long ago": with_claims(iat=PAST),
    "made in the future": with_claims(iat=FAR),
    "no time of making": with_claims(iat=...),
    "not yet": with_claims(nbf=FAR),
    "authenticated in the future": with_claims(auth_time=FAR),
    "authentication as text": with_claims(auth_time="now"),
    "another nonce (replayed)": with_claims(nonce=Question.new().nonce),
    "no nonce": with_claims(nonce=...),
    "a nonce that is no text": with_claims(nonce=None),
    "another access token": with_claims(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
    "at_hash empty": with_claims(at_hash=""),
    "no subject": with_claims(sub=...),
    "an empty subject": with_claims(sub=""),
    "a subject that is a number": with_claims(sub=1),
    "a subject of 256 characters": with_claims(sub="s" * 256),
    "amr that is a text": with_claims(amr="mfa"),
    "acr that is a list": with_claims(acr=["mfa"]),
    "not a token": lambda claims, header, provider: "x.y.z",
    "four parts": lambda claims, header, provider: by_the_provider(claims, provider) + ".x",
    "a signature in another spelling": lambda claims, header, provider: by_the_provider(claims, provider) + "=",
    "too long": with_claims(more="m" * 8_000),
}
