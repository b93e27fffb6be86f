"""The OpenID providers of organizations, asked over the network: what they publish is kept, fetched again, and never trusted further.

A provider's server may be away: what it published last serves for a day, so that only who signs in just then is told to
come again. Its addresses are as foreign as a vendor's (``renkei.targets``).
"""

import asyncio
import logging
import time
from dataclasses import dataclass, field

from renkei.access.jws import Signed
from renkei.access.keyring import KeyRing
from renkei.access.oidc import (
    Metadata,
    NotProven,
    Proven,
    Question,
    RelyingClient,
    prove,
    read_metadata,
    read_tokens,
    token_request,
)
from renkei.access.vendor_keys import AGAIN_SECONDS, FRESH_SECONDS, LAST_GOOD_SECONDS, VendorKeys
from renkei.errors import Unparsable
from renkei.ids import now
from renkei.schemas.json_body import parse_json
from renkei.schemas.key_sets import PublicKey
from renkei.targets import RefusedTarget, Unreachable, fetch_json_bytes, post_form, require_target

DISCOVERY = "/.well-known/openid-configuration"

log = logging.getLogger("renkei.login")


class ProviderAway(Exception):
    """It does not answer, or not so that it can be used."""


@dataclass(slots=True)
class _Kept:
    metadata: Metadata | None = None
    good_at: float = float("-inf")
    asked_at: float = float("-inf")
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


class Providers:
    """What this process knows of providers, by issuer. Issuers are those that organizations have registered, so they are few."""

    def __init__(self, allow_private: bool, keyring: KeyRing) -> None:
        self._allow_private, self._keyring = allow_private, keyring
        self._keys = VendorKeys(allow_private, rsa_algorithm="RS256")
        self._kept: dict[str, _Kept] = {}

    async def metadata(self, issuer: str) -> Metadata:
        """What an issuer publishes of itself. Raises ProviderAway."""
        kept = self._kept.setdefault(issuer, _Kept())
        if time.monotonic() - kept.good_at >= FRESH_SECONDS:
            async with kept.asking:  # whoever comes meanwhile waits, and finds what the first has fetched
                if time.monotonic() - max(kept.asked_at, kept.good_at) >= AGAIN_SECONDS:
                    await self._ask(issuer, kept)
        if kept.metadata is None or time.monotonic() - kept.good_at >= LAST_GOOD_SECONDS:
            raise ProviderAway(issuer)
        return kept.metadata

    async def signed_in(
        self, client: RelyingClient, metadata: Metadata, question: Question, code: str, max_age: int | None = None
    ) -> Proven:
        """Exchange a code; who signed in. Raises ProviderAway, NotProven."""
        form, headers = token_request(metadata, client, question, code, self._keyring.keys, now().timestamp())
        try:
            status, raw = await post_form(metadata.token_endpoint, form, headers, allow_private=self._allow_private)
            if status >= 500:
                raise ProviderAway(f"answered {status}")
            answer = parse_json(raw)
        except (RefusedTarget, Unreachable, Unparsable) as error:
            raise ProviderAway(f"{metadata.token_endpoint}: {error}") from error
        signed, access_token = read_tokens(status, answer)
        key = await self.key(metadata, signed)
        return prove(signed, key, metadata, client, question, access_token, now().timestamp(), max_age)

    async def key(self, metadata: Metadata, signed: Signed) -> PublicKey | None:
        """The provider's key that a text names."""
        kid = signed.header.get("kid")
        return await self._keys.key(metadata.jwks_uri, kid) if isinstance(kid, str) else None

    async def _ask(self, issuer: str, kept: _Kept) -> None:
        kept.asked_at = time.monotonic()
        try:
            raw = await fetch_json_bytes(issuer.rstrip("/") + DISCOVERY, allow_private=self._allow_private)
            found = read_metadata(parse_json(raw), issuer)
            for endpoint in found.endpoints:
                require_target(endpoint, allow_private=self._allow_private)
            kept.metadata, kept.good_at = found, time.monotonic()
        except (RefusedTarget, Unreachable, Unparsable, NotProven) as error:
            log.warning("the provider %s cannot be read: %s", issuer, error)
