"""Signing by hand, with cryptography alone: what a vendor's system or a forger does, apart from the service's own code."""

import base64
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from tests.factories import Region, Vendor

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ENDPOINT = "http://127.0.0.1:8000/oauth/token"
USER = {"user_id": "sakuma", "user_name": "佐久間　恵", "profession": "nurse"}


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def part(value: Any) -> str:
    return b64(value if isinstance(value, bytes) else json.dumps(value).encode())


def number(value: int, length: int) -> str:
    return b64(value.to_bytes(length, "big"))


def ecdsa(key: ec.EllipticCurvePrivateKey, text: str, digest: hashes.HashAlgorithm) -> bytes:
    size = (key.key_size + 7) // 8
    r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(digest)))
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def es256(key: ec.EllipticCurvePrivateKey, text: str) -> bytes:
    return ecdsa(key, text, hashes.SHA256())


def changed(members: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Other members; None takes one away."""
    return {name: value for name, value in {**members, **changes}.items() if value is not None}


@dataclass
class Signer:
    """A key pair of a vendor."""

    kid: str
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

    @classmethod
    def make(cls, kid: str, kind: str = "P-256", bits: int = 2048) -> "Signer":
        curves = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
        key = rsa.generate_private_key(65537, bits) if kind == "RSA" else ec.generate_private_key(curves[kind])
        return cls(kid, key)

    @property
    def alg(self) -> str:
        if isinstance(self.key, rsa.RSAPrivateKey):
            return "RS384"
        return {256: "ES256", 384: "ES384", 521: "ES512"}[self.key.key_size]

    @property
    def jwk(self) -> dict[str, str]:
        """The public half."""
        if isinstance(self.key, rsa.RSAPrivateKey):
            n = self.key.public_key().public_numbers()
            return {"kty": "RSA", "kid": self.kid, "n": number(n.n, self.key.key_size // 8), "e": number(n.e, 3)}
        p, size = self.key.public_key().public_numbers(), (self.key.key_size + 7) // 8
        crv = f"P-{self.key.key_size}"
        return {"kty": "EC", "kid": self.kid, "crv": crv, "x": number(p.x, size), "y": number(p.y, size)}

    @property
    def pem(self) -> bytes:
        kind = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.key.public_key().public_bytes(serialization.Encoding.PEM, kind)

    @property
    def private_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def sign(self, text: str, digest: hashes.HashAlgorithm | None = None) -> bytes:
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(text.encode(), padding.PKCS1v15(), digest or hashes.SHA384())
        right = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}[self.key.key_size]
        return ecdsa(self.key, text, digest or right)


def compact(header: Any, claims: Any, signer: Callable[[str], bytes]) -> str:
    text = f"{part(header)}.{part(claims)}"
    return f"{text}.{b64(signer(text))}"


@dataclass
class System:
    """A vendor's system with keys of its own, that acts for one organization."""

    http: httpx.AsyncClient
    client_id: str
    organization: dict[str, str]
    signers: dict[str, Signer] = field(default_factory=dict)

    @classmethod
    async def found(cls, region: Region, *signers: Signer, **client: Any) -> "System":
        """With these keys by value, or with what else is said of them. professions: what is delegated to it."""
        professions = client.pop("professions", ["nurse", "pt"])
        code = f"org-{secrets.token_hex(6)}"
        said = {"code": code, "name": f"検査事業所 {code}", "kind": "clinic"}
        organization = (await region.admin.post("/v1/organizations", said)).json()
        delegation = {"organization_id": organization["id"], "professions": professions, **client.pop("delegation", {})}
        keys = client or {"jwks": {"keys": [signer.jwk for signer in signers]}}
        body = {"name": "鍵のあるシステム", "kind": "vendor", "delegations": [delegation], **keys}
        made = await region.admin.post("/v1/clients", body)
        assert made.status_code == 201, made.text
        assert "client_secret" not in made.json()
        return cls(region.http, made.json()["client_id"], organization, {s.kid: s for s in signers})

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Right claims but for the changes; None takes one away."""
        moment = int(time.time())
        base = {"iss": self.client_id, "sub": self.client_id, "aud": ENDPOINT, "iat": moment, "exp": moment + 60}
        return changed({**base, "jti": secrets.token_hex(8), **USER}, changes)

    def assertion(self, kid: str | None = None, header: dict[str, Any] | None = None, **changes: Any) -> str:
        """A right assertion but for the changes, rightly signed."""
        signer = self.signers[kid or next(iter(self.signers))]
        head = changed({"alg": signer.alg, "kid": signer.kid, "typ": "JWT"}, header or {})
        return compact(head, self.claims(**changes), signer.sign)

    async def ask(self, assertion: str | None = None, **form: str | None) -> httpx.Response:
        """A token request with this assertion, or a right one."""
        base = {
            "grant_type": "client_credentials",
            "organization": self.organization["code"],
            "client_assertion_type": TYPE,
            "client_assertion": assertion or self.assertion(),
        }
        return await self.http.post("/oauth/token", data=changed(base, form))

    async def me(self, token: str) -> httpx.Response:
        return await self.http.get("/v1/me", headers={"Authorization": f"Bearer {token}"})


def vendor_of(system: System, secret: str) -> Vendor:
    """The same system, with a secret."""
    return Vendor(system.http, system.client_id, secret, system.organization)
