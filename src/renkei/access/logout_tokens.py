"""Logout tokens: a provider tells that somebody has signed out there (OpenID Connect Back-Channel Logout 1.0). Pure."""

from typing import NamedTuple

from renkei.access.jws import Signed
from renkei.access.oidc import LONGEST_SUBJECT, Metadata, NotProven, require_times, signed_by
from renkei.schemas.key_sets import PublicKey

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
TYPES = ("JWT", "jwt", "logout+jwt")
LONGEST_ID = 200


class SignedOut(NamedTuple):
    """Who has signed out at the provider; jti: of the token, which tells it once."""

    subject: str
    jti: str


def prove_logout(signed: Signed, key: PublicKey | None, metadata: Metadata, client_id: str, moment: float) -> SignedOut:
    """Whose sessions a provider says are over (Back-Channel Logout 1.0 §2.6). Raises NotProven."""
    if signed.header.get("typ", "JWT") not in TYPES:
        raise NotProven("no logout token")
    claims = signed_by(key, signed)
    if claims.get("iss") != metadata.issuer or claims.get("aud") not in (client_id, [client_id]):
        raise NotProven("the logout token of another issuer, or for another client")
    events = claims.get("events")
    # An id_token has a nonce and no such event: one cannot be passed off as the other.
    if "nonce" in claims or not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
        raise NotProven("not about signing out")
    require_times(claims, moment, None)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT:
        raise NotProven("no subject")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= LONGEST_ID:
        raise NotProven("no jti")
    return SignedOut(subject, jti)
