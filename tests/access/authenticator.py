"""A passkey's other side, written from WebAuthn Level 3 and CTAP 2: keys, counters and signed answers, and ways to get each wrong."""

import base64
import datetime
import hashlib
import json
import os
import struct
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, ELIGIBLE, BACKED_UP, ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40


def text(raw: bytes) -> str:
    """base64url without padding, as browsers write it."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def raw(text_: str) -> bytes:
    return base64.urlsafe_b64decode(text_ + "=" * (-len(text_) % 4))


@dataclass
class Authenticator:
    """One P-256 passkey. ``flags`` are those of every answer; ``client`` and ``authenticator`` change what it says."""

    origin: str
    rp_id: str
    flags: int = PRESENT | VERIFIED
    count: int = 0
    steps: int = 1
    credential_id: bytes = field(default_factory=lambda: os.urandom(32))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    user_handle: bytes | None = None

    def make(
        self, options: dict[str, Any], *, fmt: str = "none", statement: Any = None, **client: Any
    ) -> dict[str, Any]:
        """The answer to ``navigator.credentials.create``."""
        self.user_handle = raw(options["user"]["id"])
        said = self._client_data("webauthn.create", options["challenge"], client)
        credential = bytes(16) + struct.pack(">H", len(self.credential_id)) + self.credential_id + self._cose()
        data = self._data(ATTESTED) + credential
        if fmt == "packed" and statement is None:
            signature = self.key.sign(data + hashlib.sha256(said).digest(), ec.ECDSA(hashes.SHA256()))
            statement = {"alg": -7, "sig": signature}
        if fmt == "fido-u2f" and statement is None:
            statement = self._of_its_maker(hashlib.sha256(said).digest())
        attestation = cbor2.dumps({"fmt": fmt, "attStmt": statement or {}, "authData": data})
        return self._credential(
            {"clientDataJSON": text(said), "attestationObject": text(attestation), "transports": ["internal", "hybrid"]}
        )

    def use(self, options: dict[str, Any], *, kind: str = "webauthn.get", **client: Any) -> dict[str, Any]:
        """The answer to ``navigator.credentials.get``."""
        self.count += self.steps
        said, data = self._client_data(kind, options["challenge"], client), self._data(0)
        signature = self.key.sign(data + hashlib.sha256(said).digest(), ec.ECDSA(hashes.SHA256()))
        handle = {"userHandle": text(self.user_handle)} if self.user_handle is not None else {}
        return self._credential(
            {"clientDataJSON": text(said), "authenticatorData": text(data), "signature": text(signature), **handle}
        )

    def _of_its_maker(self, client_data_hash: bytes) -> dict[str, Any]:
        """WebAuthn §8.6: signed by a key of the maker's, whose certificate comes with it."""
        maker, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
        today = datetime.datetime.now(datetime.UTC)
        certificate = x509.CertificateBuilder(name, name, maker.public_key(), 1, today, today + datetime.timedelta(1))
        numbers = self.key.public_key().public_numbers()
        point = b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
        rp_id_hash = hashlib.sha256(self.rp_id.encode()).digest()
        signed = b"\0" + rp_id_hash + client_data_hash + self.credential_id + point
        return {
            "x5c": [certificate.sign(maker, hashes.SHA256()).public_bytes(serialization.Encoding.DER)],
            "sig": maker.sign(signed, ec.ECDSA(hashes.SHA256())),
        }

    def _client_data(self, kind: str, challenge: str, changes: dict[str, Any]) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps({**said, **changes}).encode()

    def _data(self, more: int) -> bytes:
        return hashlib.sha256(self.rp_id.encode()).digest() + struct.pack(">BI", self.flags | more, self.count)

    def _cose(self) -> bytes:
        numbers = self.key.public_key().public_numbers()
        point = {-2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        return cbor2.dumps({1: 2, 3: -7, -1: 1, **point})

    def _credential(self, response: dict[str, Any]) -> dict[str, Any]:
        name = text(self.credential_id)
        return {"id": name, "rawId": name, "type": "public-key", "clientExtensionResults": {}, "response": response}
