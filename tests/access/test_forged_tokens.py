"""Forged tokens: none is accepted. All are signed with the server's own key where that is what makes them dangerous."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from tests.access.signing import b64, changed, ecdsa, es256, part
from tests.access.world import figure
from tests.factories import Region, Vendor

from renkei.settings import Settings

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class Forge:
    """The server's key, a token it has issued, and every way to bend one."""

    def __init__(self, settings: Settings, token: str) -> None:
        pem = next(Path(settings.keys_dir).glob("*.pem")).read_bytes()
        key = serialization.load_pem_private_key(pem, None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self.key, self.token = key, token
        first, second, self.signature = token.split(".")
        self.header, self.claims = (json.loads(base64.urlsafe_b64decode(p + "==")) for p in (first, second))
        public = key.public_key()
        self.pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

    def sign(self, header: Any, claims: Any, signer: Callable[[str], bytes] | None = None) -> str:
        """A token of these parts, signed with the server's own key unless said otherwise."""
        text = f"{part(header)}.{part(claims)}"
        return f"{text}.{b64((signer or (lambda t: es256(self.key, t)))(text))}"

    def head(self, **changes: Any) -> str:
        """Another header, rightly signed; None takes a member away."""
        return self.sign(changed(self.header, changes), self.claims)

    def claim(self, **changes: Any) -> str:
        """Other claims, rightly signed; None takes one away."""
        return self.sign(self.header, changed(self.claims, changes))

    def keyed(self, alg: str, secret: bytes, digest: Any = hashlib.sha256) -> str:
        """HMAC with something public as the secret."""
        return self.sign({**self.header, "alg": alg}, self.claims, lambda t: hmac.digest(secret, t.encode(), digest))

    def raw(self, header: bytes, claims: bytes) -> str:
        """Parts that are not what json.dumps would write."""
        return self.sign(header, claims)


def forgeries(f: Forge) -> dict[str, str]:
    """Name → token. None of them may be accepted."""
    return {**algorithms(f), **headers(f), **claims(f), **spellings(f)}


def algorithms(f: Forge) -> dict[str, str]:
    """The algorithm is one literal."""
    found = {}
    for alg in ("none", "None", "NONE", "nOnE", ""):
        text = f"{part({**f.header, 'alg': alg})}.{part(f.claims)}"
        found[f"alg {alg!r}, no signature"] = f"{text}."
        found[f"alg {alg!r}, signed"] = f.head(alg=alg)
    jwk = json.dumps(public_jwk(f)).encode()
    for name, secret in {
        "PEM": f.pem,
        "PEM, stripped": f.pem.strip(),
        "DER": f.der,
        "JWK": jwk,
        "empty": b"",
        "kid": f.header["kid"].encode(),
    }.items():
        found[f"HS256 with the public key as {name}"] = f.keyed("HS256", secret)
    found["HS512 with the public key"] = f.keyed("HS512", f.pem, hashlib.sha512)
    found["ES256 in the header, HMAC below"] = f.keyed("ES256", f.pem)
    other, strong = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)
    found["another key"] = f.sign(f.header, f.claims, lambda t: es256(other, t))
    found["RS256"] = f.sign(
        {**f.header, "alg": "RS256"},
        f.claims,
        lambda t: strong.sign(t.encode(), rsa_padding.PKCS1v15(), hashes.SHA256()),
    )
    for alg in ("es256", "ES384", "ES512", "ES256K", "PS256", "EdDSA", "dir"):
        found[f"alg {alg}"] = f.head(alg=alg)
    for alg, digest in (("ES384", hashes.SHA384()), ("ES512", hashes.SHA512())):
        found[f"{alg}, rightly signed"] = f.sign(
            {**f.header, "alg": alg}, f.claims, partial(ecdsa, f.key, digest=digest)
        )
    for alg in (["ES256"], {"a": "ES256"}, 256, True):
        found[f"alg {alg!r}"] = f.head(alg=alg)
    found["no alg"] = f.head(alg=None)
    text = f.token.rpartition(".")[0]
    found["signature of nothing"] = f"{text}.{b64(bytes(64))}"
    found["signature in DER"] = f"{text}.{b64(f.key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))}"
    found["signature of another token"] = f"{f.claim(jti='other').rpartition('.')[0]}.{f.signature}"
    found["signature, r and s of the order"] = f"{text}.{b64(ORDER.to_bytes(32, 'big') * 2)}"
    return found


def public_jwk(f: Forge) -> dict[str, str]:
    numbers = f.key.public_key().public_numbers()
    return {
        "kty": "EC",
        "crv": "P-256",
        "x": b64(numbers.x.to_bytes(32, "big")),
        "y": b64(numbers.y.to_bytes(32, "big")),
    }


def headers(f: Forge) -> dict[str, str]:
    """Nothing a header says chooses the key, but a known kid."""
    mine = ec.generate_private_key(ec.SECP256R1())
    numbers = mine.public_key().public_numbers()
    jwk = {
        "kty": "EC",
        "crv": "P-256",
        "x": b64(numbers.x.to_bytes(32, "big")),
        "y": b64(numbers.y.to_bytes(32, "big")),
    }
    brought: dict[str, Any] = {
        "jwk": jwk,
        "jku": "http://127.0.0.1/keys",
        "x5u": "http://127.0.0.1/x",
        "x5c": ["AA=="],
        "x5t": "AA",
    }
    found = {
        f"{name} of one's own": f.sign({**f.header, name: value}, f.claims, lambda t: es256(mine, t))
        for name, value in brought.items()
    }
    kids = (
        "../keys/0001.pem",
        "/etc/passwd",
        "' OR 1=1 --",
        "http://127.0.0.1/key",
        "",
        "0",
        "\x00",
        f.header["kid"] + " ",
    )
    found |= {f"kid {kid!r}": f.head(kid=kid) for kid in kids}
    found |= {f"kid {kid!r}": f.head(kid=kid) for kid in ([f.header["kid"]], {"a": 1}, 1)}
    found["no kid"] = f.head(kid=None)
    found |= {f"typ {typ!r}": f.head(typ=typ) for typ in ("JWT", "at+JWT", "", "dpop+jwt", "application/at+jwt", 1)}
    found["no typ"] = f.head(typ=None)
    found["crit"] = f.head(crit=["exp"])
    found["crit, unknown"] = f.head(crit=["b64"], b64=False)
    found["zip"] = f.head(zip="DEF")
    found["cty"] = f.head(cty="JWT")
    return found


def claims(f: Forge) -> dict[str, str]:
    """Everything is required, of its own type, and compared."""
    found = {
        f"no {name}": f.claim(**{name: None}) for name in ("exp", "aud", "iss", "iat", "sub", "jti", "kind", "proof")
    }
    late, now = f.claims["exp"], f.claims["iat"]
    wrong: dict[str, list[Any]] = {
        "exp": [0, now - 1, -1, str(late), float(late), late + 0.5, True, [late], 10**400],
        "aud": ["", "other", "renkei ", "RENKEI", ["renkei"], {"renkei": 1}, 1],
        "iss": ["", f.claims["iss"] + "/", "http://evil.example", [f.claims["iss"]], 1],
        "iat": [now + 3600, str(now), float(now), True],
        "nbf": [now + 3600, str(now), float(now), [now]],
        "jti": [1, ["x"], {}],
        "sub": ["", "not-an-id", "00000000-0000-0000-0000-000000000000", 1, ["x"], "' OR 1=1 --"],
        "kind": ["admin", "auditor", "worker", "", "Client", 1, ["client"], {"client": 1}],
        "proof": [0, 2, "1", 1.0, True, [1]],
        "scope": ["x", "patients records", " ", 1, ["patients"], {"a": 1}],
        "organization": ["", "00000000-0000-0000-0000-000000000000", "%", 1, ["x"], {"a": 1}, "x\x00"],
        "user_id": ["", 1, ["x"], "x" * 101, "x\x00"],
        "profession": ["", "platform_admin", "system", "Physician", 1, ["nurse"], {"a": 1}],
    }
    found |= {
        f"{name} {str(value)[:40]!r} {type(value).__name__}": f.claim(**{name: value})
        for name, values in wrong.items()
        for value in values
    }
    found["no user, but a profession"] = f.claim(user_id=None, user_name=None)
    found["no profession, but a user"] = f.claim(profession=None)
    whole = json.dumps(f.claims)
    found["a claim twice"] = f.raw(json.dumps(f.header).encode(), (whole[:-1] + ', "exp": 9999999999}').encode())
    found["a header twice"] = f.raw((json.dumps(f.header)[:-1] + ', "alg": "ES256"}').encode(), whole.encode())
    found["claims in a list"] = f.raw(json.dumps(f.header).encode(), f"[{whole}]".encode())
    found["exp Infinity"] = f.raw(json.dumps(f.header).encode(), whole.replace(str(late), "Infinity").encode())
    found["exp NaN"] = f.raw(json.dumps(f.header).encode(), whole.replace(str(late), "NaN").encode())
    found["exp 1e400"] = f.raw(json.dumps(f.header).encode(), whole.replace(str(late), "1e400").encode())
    found["not UTF-8"] = f.raw(
        json.dumps(f.header).encode(), whole.replace("client", "cli\udcffent").encode("utf-8", "surrogateescape")
    )
    found["a byte order mark"] = f.raw(json.dumps(f.header).encode(), b"\xef\xbb\xbf" + whole.encode())
    found["too deep"] = f.raw(json.dumps(f.header).encode(), (b"[" * 3000) + (b"]" * 3000))
    return found


def spellings(f: Forge) -> dict[str, str]:
    """One token has one spelling: no other text is that token."""
    first, second, third = f.token.split(".")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet[alphabet.index(third[-1]) ^ 1]
    return {
        "empty": "",
        "one part": "x",
        "two parts": f"{first}.{second}",
        "four parts": f"{f.token}.{third}",
        "no signature": f"{first}.{second}.",
        "padding after the header": f"{first}=.{second}.{third}",
        "padding after the claims": f"{first}.{second}==.{third}",
        "padding after the signature": f"{f.token}==",
        "one sign of padding": f"{f.token}=",
        "spare bits of the signature": f"{first}.{second}.{third[:-1]}{last}",
        "a stray sign in the signature": f"{first}.{second}.{third[:9]}!{third[9:]}",
        "a line break in the signature": f"{first}.{second}.{third[:9]}\\n{third[9:]}",
        "ordinary base64": f"{first}.{second}.{third.replace('-', '+').replace('_', '/')}+",
        "signature cut": f.token[:-4],
        "signature with more": f"{f.token}AAAA",
        "larger than 8 kB": f.claim(more="x" * 9000),
        "a huge header": f.head(more="x" * 9000),
        "reversed": f"{second}.{first}.{third}",
        "JWE": f"{f.token}.x.y",
    }


@pytest.fixture
async def clinic(region: Region) -> Vendor:
    return await region.found("clinic", ["nurse", "physician"])


async def test_no_forged_token_is_accepted(clinic: Vendor, settings: Settings) -> None:
    forge = Forge(settings, await clinic.token("nurse"))
    tokens = forgeries(forge)
    answers: dict[str, httpx.Response] = {}
    for name, token in tokens.items():
        headers = {"Authorization": f"Bearer {token}"}
        answers[name] = await clinic.http.get("/v1/me", headers=headers)
    accepted = [name for name, answer in answers.items() if answer.status_code == 200]
    figure(f"forged tokens: tried {len(tokens)}, accepted {len(accepted)}")
    assert len(tokens) >= 60
    assert accepted == []
    assert {name: a.status_code for name, a in answers.items() if a.status_code != 401} == {}
    assert {a.headers["www-authenticate"][:6] for a in answers.values()} == {"Bearer"}


async def test_the_forge_makes_true_tokens_too(clinic: Vendor, settings: Settings) -> None:
    """What refuses the forgeries is what is wrong with them: the same forge's untouched token passes."""
    forge = Forge(settings, await clinic.token("nurse"))
    for token in (forge.token, forge.head(), forge.claim(jti="another"), forge.claim(nbf=forge.claims["iat"])):
        answer = await clinic.http.get("/v1/me", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200
        assert answer.json()["profession"] == "nurse"


async def test_only_the_header_carries_a_token(clinic: Vendor) -> None:
    token = await clinic.token("nurse")
    for scheme in ("Basic", "", "Token", "Bearer:", "JWT"):
        answer = await clinic.http.get("/v1/me", headers={"Authorization": f"{scheme} {token}".strip()})
        assert answer.status_code == 401
    assert (await clinic.http.get(f"/v1/me?access_token={token}")).status_code == 401
    assert (await clinic.http.get("/v1/me", headers={"Cookie": f"access_token={token}"})).status_code == 401
    assert (await clinic.http.get("/v1/me", headers={"Authorization": f"bearer {token}"})).status_code == 200
