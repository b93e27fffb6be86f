"""How a client proves itself, and for whom it acts."""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from joserfc import jwt
from joserfc.errors import InvalidKeyTypeError
from joserfc.jwk import ECKey, RSAKey

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_SECONDS = 60
"""Life of an assertion: it opens one token, at once. The service takes up to 300."""
_ALGORITHMS = {"P-256": "ES256", "P-384": "ES384"}


@dataclass(frozen=True, slots=True)
class User:
    """The person at the keyboard. id: as the vendor's system knows them; profession: a code of docs/words.md."""

    id: str
    name: str
    profession: str

    def claims(self) -> dict[str, str]:
        """As form and assertion name them."""
        return {"user_id": self.id, "user_name": self.name, "profession": self.profession}


@dataclass(frozen=True, slots=True)
class Secret:
    """``client_secret_basic``: for trying; use a Key for real data."""

    client_id: str
    secret: str

    def prove(self, audience: str, said: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, str] | None]:
        """Form and HTTP Basic of a token request that says this."""
        return dict(said), (self.client_id, self.secret)

    def __repr__(self) -> str:
        return f"Secret({self.client_id!r})"


class Key:
    """``private_key_jwt`` (RFC 7523): a key pair of one's own, P-256, P-384 or RSA, in a PEM file that only its owner reads.

    kid: the id under which the public half is registered. All that is asked is signed, the user too.
    """

    def __init__(self, client_id: str, pem: str | Path | bytes, kid: str) -> None:
        self.client_id, self.kid = client_id, kid
        raw = pem if isinstance(pem, bytes) else Path(pem).read_bytes()
        self._key: ECKey | RSAKey
        try:
            self._key = ECKey.import_key(raw)
            self._algorithm = _ALGORITHMS[str(self._key.as_dict(private=False)["crv"])]
        except InvalidKeyTypeError:
            self._key, self._algorithm = RSAKey.import_key(raw), "RS384"

    def prove(self, audience: str, said: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, str] | None]:
        """Form of a token request that says this; another assertion each time, since each opens one token."""
        moment = int(time.time())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": audience,
            "iat": moment,
            "exp": moment + ASSERTION_SECONDS,
            "jti": str(uuid.uuid4()),
            **{name: value for name, value in said.items() if name != "grant_type"},
        }
        header = {"alg": self._algorithm, "kid": self.kid, "typ": "JWT"}
        signed = jwt.encode(header, claims, self._key, algorithms=[self._algorithm])
        form = {"grant_type": said["grant_type"], "client_assertion_type": ASSERTION_TYPE, "client_assertion": signed}
        return form, None

    def __repr__(self) -> str:
        return f"Key({self.client_id!r}, kid={self.kid!r})"
