"""Client assertions: how a vendor's system proves itself with a key of its own (private_key_jwt).

RFC 7523 §3, RFC 8725, SMART App Launch "Client Authentication: Asymmetric". Read as strictly as our own tokens
(``access.jws``); what is more here are other people's keys and clocks. Pure, no SQL.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from renkei.access.jws import LARGEST, Malformed, Signed
from renkei.access.refusals import Refused, printable
from renkei.schemas.key_sets import ALGORITHMS, PublicKey

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST_SECONDS = 300
"""An assertion opens one token, now: it may end at most this far ahead (SMART: five minutes)."""
LEEWAY_SECONDS = 5
"""How far ahead of ours a client's clock may be, for ``iat`` and ``nbf``. ``exp`` gets none: it is the client's to choose."""
KEPT_SECONDS = 60
"""How long beyond its end a used one is remembered: more than clocks of our machines differ."""
LONGEST_ID = 200

USER = ("user_id", "user_name", "profession")
"""Who the system acts for: with a key signed by it, never taken from the form."""
SAID_TWICE = (*USER, "organization", "scope")
"""What assertion and form may both say; then alike."""
_HEADER = {"alg", "kid", "typ"}
# SMART's and every library's; and the explicit one of the revision of RFC 7523. An access token's is neither.
_TYPES = ("JWT", "client-authentication+jwt")


NOT_KNOWN = "unknown client, key or signature"
"""One description for all that depends on what is registered here: it tells nobody which clients and keys there are."""


@dataclass(frozen=True, slots=True)
class Assertion:
    """What a client has said under its key. ``form``: the parameters of the token request that it has signed."""

    client_id: str
    kid: str
    jti: str
    ends_at: int
    form: Mapping[str, str]


def read(text: str) -> Signed:
    """The parts of an assertion, before anything is proved. Raises Refused."""
    try:
        signed = Signed.parse(text)
    except Malformed:
        raise _unproven(f"the assertion is not a signed JWT of at most {LARGEST} characters") from None
    header = signed.header
    if not {"alg", "kid"} <= header.keys() or header.keys() - _HEADER:
        raise _unproven("the header of the assertion has alg, kid and typ, and nothing else")
    if header.get("typ", "JWT") not in _TYPES or not isinstance(header["kid"], str):
        raise _unproven('typ is "JWT", kid is a text')
    if header["alg"] not in ALGORITHMS:
        raise _unproven(f"alg is one of {', '.join(ALGORITHMS)}")
    issuer = signed.claims.get("iss")
    if not isinstance(issuer, str) or not printable(issuer) or issuer != signed.claims.get("sub"):
        raise _unproven("iss and sub are both the client_id")
    return signed


def prove(signed: Signed, key: PublicKey | None, audiences: Collection[str], moment: float) -> Assertion:
    """What a client says, once its key has signed it and every claim holds. moment: seconds since 1970. Raises Refused."""
    if key is None or signed.header["alg"] != key.algorithm:
        raise _unproven(NOT_KNOWN)
    try:
        signed.require_signature(key.pem, key.algorithm, key.signature_bytes)
    except Malformed:
        raise _unproven(NOT_KNOWN) from None
    claims = signed.claims
    _require_audience(claims.get("aud"), audiences)
    _require_times(claims, moment)
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= LONGEST_ID or not printable(jti):
        raise _unproven(f"jti is a text of 1 to {LONGEST_ID} characters, another for every assertion")
    form = {name: claims[name] for name in SAID_TWICE if name in claims}
    if any(not isinstance(value, str) or not value or not printable(value) for value in form.values()):
        raise _unproven(f"{', '.join(SAID_TWICE)} are texts")
    return Assertion(claims["iss"], key.kid, jti, claims["exp"], form)


def merged(assertion: Assertion, form: Mapping[str, str]) -> dict[str, str]:
    """The token request: what the client has signed, and of the form what it may add. Raises Refused where they differ."""
    differing = [name for name in SAID_TWICE if name in form and form[name] != assertion.form.get(name, form[name])]
    unsigned = [name for name in USER if name in form and name not in assertion.form]
    if wrong := differing + unsigned:
        raise Refused("invalid_request", f"{', '.join(wrong)}: the form says another thing than the assertion")
    return {**form, **assertion.form}


def _unproven(description: str) -> Refused:
    return Refused("invalid_client", description)


def _require_audience(audience: Any, ours: Collection[str]) -> None:
    # A list of more than one would let another server replay it here.
    one = audience[0] if isinstance(audience, list) and len(audience) == 1 else audience
    if not isinstance(one, str) or one not in ours:
        raise _unproven("aud is this server's token endpoint or issuer, alone")


def _require_times(claims: Mapping[str, Any], moment: float) -> None:
    ends = claims.get("exp")
    # Not isinstance: True would be an int.
    if type(ends) is not int or not moment < ends <= moment + LONGEST_SECONDS:
        raise _unproven(f"exp is a whole number of seconds, in the future, at most {LONGEST_SECONDS} ahead")
    for name in ("iat", "nbf"):
        value = claims.get(name, 0)
        if type(value) is not int or value > moment + LEEWAY_SECONDS:
            raise _unproven(f"{name} is a whole number of seconds, not in the future")
