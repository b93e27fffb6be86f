"""Every way to bend a client assertion. All are signed with the system's own key where that is what makes them dangerous."""

import base64
import hashlib
import hmac
import json
import time
from functools import partial
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from tests.access.signing import ENDPOINT, Signer, System, b64, compact, part


def forged(s: System) -> dict[str, str]:
    """Name → assertion. None of them may open a token."""
    return {**algorithms(s), **headers(s), **claims(s), **spellings(s)}


def algorithms(s: System) -> dict[str, str]:
    """A key has one algorithm, whatever a header says."""
    head, said = {"alg": "ES256", "kid": "ec", "typ": "JWT"}, s.claims()
    ec_key, rsa_key = s.signers["ec"], s.signers["rsa"]
    found = {}
    for alg in ("none", "None", "nOnE", ""):
        found[f"alg {alg!r}, no signature"] = f"{part({**head, 'alg': alg})}.{part(said)}."
        found[f"alg {alg!r}, signed"] = s.assertion(header={"alg": alg})
    for alg in ("es256", "ES512", "ES256K", "EdDSA", "PS384", "HS256", "ES384", "RS384", "RS256"):
        found[f"alg {alg} with a P-256 key"] = s.assertion(header={"alg": alg})
    found["ES384 named, P-256 signed so"] = compact(
        {**head, "alg": "ES384"}, said, partial(ec_key.sign, digest=hashes.SHA384())
    )
    for kid, alg in (("wide", "ES256"), ("wide", "RS384"), ("rsa", "ES256"), ("rsa", "ES384")):
        found[f"alg {alg} with the key {kid}"] = s.assertion(kid, header={"alg": alg})
    for alg, digest in (("RS256", hashes.SHA256()), ("RS512", hashes.SHA512()), ("RS384", hashes.SHA256())):
        rsa_head = {"alg": alg, "kid": "rsa", "typ": "JWT"}
        found[f"{alg}, RSA over {digest.name}"] = compact(rsa_head, said, partial(rsa_key.sign, digest=digest))
    pss = padding.PSS(padding.MGF1(hashes.SHA384()), 48)
    for alg in ("PS384", "RS384"):
        found[f"PSS as {alg}"] = compact(
            {"alg": alg, "kid": "rsa"}, said, lambda t: rsa_key.key.sign(t.encode(), pss, hashes.SHA384())
        )
    for name, secret in {"PEM": ec_key.pem, "JWK": json.dumps(ec_key.jwk).encode(), "nothing": b""}.items():
        for alg in ("HS256", "ES256"):
            found[f"{alg}: HMAC with {name}"] = compact(
                {**head, "alg": alg}, said, lambda t, k=secret: hmac.digest(k, t.encode(), hashlib.sha256)
            )
    stranger = Signer.make("ec")
    found["another's key under the known name"] = compact(head, said, stranger.sign)
    found["signed with the other of its own keys"] = compact(head, said, Signer("ec", s.signers["wide"].key).sign)
    found["a signature of zeros"] = compact(head, said, lambda _: bytes(64))
    found["a signature of another assertion"] = f"{s.assertion().rpartition('.')[0]}.{s.assertion().rpartition('.')[2]}"
    return found


def headers(s: System) -> dict[str, str]:
    """Nothing a header brings along chooses a key."""
    mine = Signer.make("ec")
    brought: dict[str, Any] = {
        "jwk": mine.jwk,
        "jku": "http://127.0.0.1/k",
        "x5u": "http://127.0.0.1/x",
        "x5c": ["AA=="],
    }
    brought |= {"x5t": "AA", "crit": ["exp"], "b64": False, "zip": "DEF", "cty": "JWT", "enc": "A128GCM"}
    head = {"alg": "ES256", "kid": "ec", "typ": "JWT"}
    found = {
        f"{name}, by a key of one's own": compact({**head, name: v}, s.claims(), mine.sign)
        for name, v in brought.items()
    }
    found |= {f"{name}, rightly signed": s.assertion(header={name: value}) for name, value in brought.items()}
    kids = ("", "other", "EC", "ec ", "../ec", "' OR 1=1 --", "\x00", ["ec"], {"a": 1}, 1, None)
    found |= {f"kid {kid!r}": s.assertion(header={"kid": kid}) for kid in kids}
    types = ("at+jwt", "jwt", "", "renkei-seal", "dpop+jwt", 1, ["JWT"], {"a": 1})
    return found | {f"typ {typ!r}": s.assertion(header={"typ": typ}) for typ in types}


def claims(s: System) -> dict[str, str]:
    """Every claim is asked for, of its own type, and compared."""
    moment = int(time.time())
    wrong: dict[str, list[Any]] = {
        "exp": [
            None,
            0,
            moment - 1,
            moment,
            moment + 420,  # the edge itself: test_the_edges_of_time
            moment + 3600,
            10**400,
            str(moment + 60),
            moment + 60.0,
            True,
        ],
        "iat": [moment + 120, str(moment), float(moment), True],
        "nbf": [moment + 120, str(moment), float(moment), [moment]],
        "aud": [
            None,
            "",
            "renkei",
            ENDPOINT + "/",
            ENDPOINT.upper(),
            "http://127.0.0.1:8000/",
            "https://127.0.0.1:8000",
        ],
        "jti": [None, "", 1, ["x"], "x" * 201, "x\x00", "x\n"],
        "iss": [None, "", "rk-0000000000000000", 1, ["x"]],
        "sub": [None, "", "rk-0000000000000000", 1],
        "user_id": ["", 1, ["x"], "x\x00", "x\n"],
        "profession": [1, ["nurse"], ""],
        "organization": ["", 1, ["x"], "x\x00"],
        "scope": [1, ["patients"], ""],
    }
    more_aud = [[], ["other", ENDPOINT], [ENDPOINT, ENDPOINT], [[ENDPOINT]], {"a": ENDPOINT}, 1]
    found = {
        f"{name} {str(value)[:40]!r} {type(value).__name__}": s.assertion(**{name: value})
        for name, values in (wrong | {"aud": wrong["aud"] + more_aud}).items()
        for value in values
    }
    other = {"iss": "rk-0000000000000000", "sub": "rk-0000000000000000"}
    found["a client that is none"] = s.assertion(**other)
    for name in ("\x00", "\ud800", "' OR 1=1 --", "%", ""):
        found[f"a client named {name!r}"] = s.assertion(iss=name, sub=name)
    whole, head = json.dumps(s.claims()), json.dumps({"alg": "ES256", "kid": "ec"}).encode()
    sign = s.signers["ec"].sign
    found["a claim twice"] = compact(head, (whole[:-1] + ', "exp": 9999999999}').encode(), sign)
    found["a header member twice"] = compact(head[:-1] + b', "kid": "ec"}', whole.encode(), sign)
    found["claims in a list"] = compact(head, f"[{whole}]".encode(), sign)
    found["exp NaN"] = compact(head, whole.replace('"exp": ', '"exp": NaN, "x": ').encode(), sign)
    found["not UTF-8"] = compact(head, whole.encode()[:-1] + b', "x": "\xff"}', sign)
    return found


def spellings(s: System) -> dict[str, str]:
    """An assertion has one spelling, and three parts."""
    right = s.assertion()
    first, second, third = right.split(".")
    raw = base64.urlsafe_b64decode(f"{third}==")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return {
        "two parts": f"{first}.{second}",
        "four parts": f"{right}.{third}",
        "no signature": f"{first}.{second}.",
        "padding": f"{right}==",
        "padding of the claims": f"{first}.{second}=.{third}",
        "spare bits": f"{right[:-1]}{alphabet[alphabet.index(right[-1]) ^ 1]}",
        "signature cut": right[:-4],
        "signature with more": f"{right}AAAA",
        "another last byte": f"{first}.{second}.{b64(raw[:-1] + bytes([raw[-1] ^ 1]))}",
        "DER": f"{first}.{second}.{b64(s.signers['ec'].key.sign(f'{first}.{second}'.encode(), ec.ECDSA(hashes.SHA256())))}",
        "larger than 8 kB": s.assertion(more="x" * 8000),
        "nested deep": compact({"alg": "ES256", "kid": "ec"}, b"[" * 2000 + b"]" * 2000, s.signers["ec"].sign),
        "an access token": f"{part({'alg': 'ES256', 'kid': 'ec', 'typ': 'at+jwt'})}.{second}.{third}",
    }
