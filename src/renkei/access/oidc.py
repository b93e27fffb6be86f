"""事業所のログイン (OpenID Connect Core 1.0, authorization code with PKCE): what is asked of a provider, and whether its answers hold.

Nothing an answer says chooses how it is checked: issuer, endpoints and keys are those of the organization's provider, the
algorithm is its key's, and state, nonce and code verifier are those that this browser was sent with. Pure, no SQL, no network.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

from renkei.access.jws import Malformed, Signed, sign
from renkei.access.tokens import ALGORITHM, Keys
from renkei.catalogue.characters import visible
from renkei.ids import new_id
from renkei.schemas.key_sets import PublicKey

ALGORITHMS = ("RS256", "ES256", "ES384")
LEEWAY_SECONDS = 30
"""How far a hospital's clock may be from ours."""
LONGEST_AGE_SECONDS = 600
"""How old a fresh id_token may be: it is made when the code is exchanged, so it is seconds old."""
ASSERTION_SECONDS = 60
LONGEST_CODE, LONGEST_SUBJECT = 4_000, 255
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_TYPES = ("JWT", "jwt")


class NotProven(Exception):
    """An answer that does not hold. Says why for the log and the ledger; the reader is told that it did not work."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a provider publishes of itself (OpenID Connect Discovery), as far as it is used."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str | None
    names_itself: bool  # RFC 9207: every answer of its authorization endpoint carries iss

    @property
    def endpoints(self) -> tuple[str, ...]:
        """All addresses that are asked, or to which a browser is sent."""
        ends = (self.end_session_endpoint,) if self.end_session_endpoint else ()
        return (self.authorization_endpoint, self.token_endpoint, self.jwks_uri, *ends)


@dataclass(frozen=True, slots=True)
class RelyingClient:
    """We, as a provider knows us. secret: None where we sign with our own key instead (private_key_jwt)."""

    client_id: str
    secret: str | None
    redirect_uri: str
    scopes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Question:
    """What a browser is sent to a provider with. Kept here (``access.ceremonies``) until it comes back, once."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def new(cls) -> "Question":
        """256 bits each."""
        return cls(*(secrets.token_urlsafe(32) for _ in range(3)))


@dataclass(frozen=True, slots=True)
class Proven:
    """Who a provider says it is, and how it knows. authenticated_at: seconds since 1970, where it tells."""

    subject: str
    claims: Mapping[str, Any]
    acr: str | None
    amr: tuple[str, ...]
    authenticated_at: int | None


def read_metadata(document: object, issuer: str) -> Metadata:
    """Discovery §3, §4.3. Raises NotProven: another issuer's, or without what a sign-in needs."""
    if not isinstance(document, dict) or document.get("issuer") != issuer:
        raise NotProven("the document is not this issuer's")
    texts = {name: document.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
    ends = document.get("end_session_endpoint")
    if not all(isinstance(value, str) for value in texts.values()) or not isinstance(ends, str | None):
        raise NotProven("an endpoint is missing")
    methods = document.get("code_challenge_methods_supported", ["S256"])
    if not isinstance(methods, list) or "S256" not in methods:
        raise NotProven("the provider does not know PKCE with S256")
    names_itself = document.get("authorization_response_iss_parameter_supported") is True
    return Metadata(
        issuer, end_session_endpoint=ends, names_itself=names_itself, **{k: str(v) for k, v in texts.items()}
    )


def challenge(verifier: str) -> str:
    """``code_challenge`` S256 (RFC 7636 §4.2)."""
    return _base64url(hashlib.sha256(verifier.encode()).digest())


def authorization_url(
    metadata: Metadata, client: RelyingClient, question: Question, *, max_age: int | None = None
) -> str:
    """Where the browser is sent. max_age: the provider must have authenticated the person so many seconds ago at most."""
    parameters = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": client.redirect_uri,
        "scope": " ".join(dict.fromkeys(["openid", *client.scopes])),
        "state": question.state,
        "nonce": question.nonce,
        "code_challenge": challenge(question.verifier),
        "code_challenge_method": "S256",
        **({} if max_age is None else {"max_age": str(max_age)}),
    }
    return _with_query(metadata.authorization_endpoint, parameters)


def logout_url(metadata: Metadata, client_id: str, return_to: str) -> str | None:
    """Where a browser is sent to end the provider's own session too (RP-Initiated Logout); None where it has no such page."""
    if metadata.end_session_endpoint is None:
        return None
    return _with_query(metadata.end_session_endpoint, {"client_id": client_id, "post_logout_redirect_uri": return_to})


def read_answer(metadata: Metadata, said: Sequence[tuple[str, str]]) -> str:
    """The code a browser has come back with. The state has been compared already. Raises NotProven."""
    answer = dict(said)
    if len(answer) != len(said):
        raise NotProven("a parameter given twice")
    if (issuer := answer.get("iss")) is None:
        if metadata.names_itself:
            raise NotProven("the answer does not name its issuer")
    elif issuer != metadata.issuer:
        raise NotProven("the answer of another issuer")
    if "error" in answer:
        raise NotProven(f"the provider refused: {visible(answer['error'][:60])}")
    code = answer.get("code", "")
    if not 0 < len(code) <= LONGEST_CODE:
        raise NotProven("no code")
    return code


def token_request(
    metadata: Metadata, client: RelyingClient, question: Question, code: str, keys: Keys, moment: float
) -> tuple[dict[str, str], dict[str, str]]:
    """Form and headers that exchange the code."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": client.redirect_uri,
        "code_verifier": question.verifier,
    }
    if client.secret is not None:
        # RFC 6749 §2.3.1: both are form-encoded before they are joined.
        pair = f"{quote_plus(client.client_id)}:{quote_plus(client.secret)}"
        return form, {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    claims = {
        "iss": client.client_id,
        "sub": client.client_id,
        "aud": metadata.token_endpoint,
        "jti": str(new_id()),
        "iat": int(moment),
        "exp": int(moment) + ASSERTION_SECONDS,
    }
    assertion = sign(claims, keys.signing_pem, ALGORITHM, {"typ": "JWT", "kid": keys.signing_kid})
    return {
        **form,
        "client_id": client.client_id,
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion,
    }, {}


def read_tokens(status: int, document: object) -> tuple[Signed, str]:
    """The id_token, unproved, and the access token of a token answer. Raises NotProven."""
    if not isinstance(document, dict):
        raise NotProven("no JSON object")
    if status != 200:
        raise NotProven(f"the code was refused: {visible(str(document.get('error'))[:60])}")
    id_token, access_token = document.get("id_token"), document.get("access_token")
    if not isinstance(id_token, str) or not isinstance(access_token, str):
        raise NotProven("no id_token")
    if str(document.get("token_type")).lower() != "bearer":
        raise NotProven("a token of a kind that was not asked for")
    try:
        signed = Signed.parse(id_token)
    except Malformed:
        raise NotProven("the id_token is not a signed JWT") from None
    header = signed.header
    if header.get("alg") not in ALGORITHMS or not isinstance(header.get("kid"), str):
        raise NotProven(f"the id_token has a kid, and alg is one of {', '.join(ALGORITHMS)}")
    if header.get("typ", "JWT") not in _TYPES or "crit" in header or "b64" in header:
        raise NotProven("a header that is no id_token's")
    return signed, access_token


def prove(
    signed: Signed,
    key: PublicKey | None,
    metadata: Metadata,
    client: RelyingClient,
    question: Question,
    access_token: str,
    moment: float,
    max_age: int | None = None,
) -> Proven:
    """Who signed in, once the provider's key has signed it and every claim holds (Core §3.1.3.7). Raises NotProven."""
    claims, algorithm = signed_by(key, signed), signed.header["alg"]
    if claims.get("iss") != metadata.issuer:
        raise NotProven("the id_token of another issuer")
    # Another audience beside us could hand the token on to us.
    if (
        claims.get("aud") not in (client.client_id, [client.client_id])
        or claims.get("azp", client.client_id) != client.client_id
    ):
        raise NotProven("the id_token is for another client")
    if not _equal(claims.get("nonce"), question.nonce):
        raise NotProven("the id_token of another question")
    require_times(claims, moment, max_age)
    if "at_hash" in claims and not _equal(claims["at_hash"], _half_hash(access_token, algorithm)):
        raise NotProven("the access token is not the id_token's")
    subject, acr, amr = claims.get("sub"), claims.get("acr"), claims.get("amr", [])
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT or not subject.isascii():
        raise NotProven("no subject")
    if not isinstance(acr, str | None) or not isinstance(amr, list) or not all(isinstance(one, str) for one in amr):
        raise NotProven("acr is a text, amr a list of texts")
    return Proven(subject, claims, acr, tuple(amr), claims.get("auth_time"))


def signed_by(key: PublicKey | None, signed: Signed) -> Mapping[str, Any]:
    """The claims, signed by this key of the provider in the one way the key allows. Raises NotProven."""
    if key is None or signed.header.get("alg") != key.algorithm:
        raise NotProven("signed by no key of the provider")
    try:
        signed.require_signature(key.pem, key.algorithm, key.signature_bytes)
    except Malformed:
        raise NotProven("not signed by the provider") from None
    return signed.claims


def require_times(claims: Mapping[str, Any], moment: float, max_age: int | None) -> None:
    """Raise NotProven: over, not made now, or the person was not authenticated within ``max_age`` seconds."""
    ends, made, authenticated = claims.get("exp"), claims.get("iat"), claims.get("auth_time")
    # Not isinstance: True would be an int.
    if type(ends) is not int or ends <= moment - LEEWAY_SECONDS:
        raise NotProven("the id_token has ended")
    if type(made) is not int or not moment - LONGEST_AGE_SECONDS <= made <= moment + LEEWAY_SECONDS:
        raise NotProven("the id_token was not made now")
    if "nbf" in claims and (type(claims["nbf"]) is not int or claims["nbf"] > moment + LEEWAY_SECONDS):
        raise NotProven("the id_token does not count yet")
    if authenticated is not None and (type(authenticated) is not int or authenticated > moment + LEEWAY_SECONDS):
        raise NotProven("auth_time lies in the future")
    if max_age is not None and (authenticated is None or authenticated < moment - max_age - LEEWAY_SECONDS):
        raise NotProven("the provider has not authenticated the person anew")


def _half_hash(text: str, algorithm: str) -> str:
    digest = hashlib.new(f"sha{algorithm[-3:]}", text.encode()).digest()
    return _base64url(digest[: len(digest) // 2])


def _equal(said: object, expected: str) -> bool:
    return isinstance(said, str) and hmac.compare_digest(said.encode("utf-8", "surrogatepass"), expected.encode())


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _with_query(url: str, parameters: Mapping[str, str]) -> str:
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(parameters)}"
