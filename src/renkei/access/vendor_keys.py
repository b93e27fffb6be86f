"""The public keys of those who publish them at an address of their own: fetched, kept, fetched again.

Vendors' systems, and hospitals' logins. Keys may change at any time and without telling, and a server may be away: what
it published last is used for a day. Nobody can make this service ask an address often: once for an unknown key, then not for half a minute.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from renkei.errors import Unparsable
from renkei.schemas.json_body import parse_json
from renkei.schemas.key_sets import PublicKey, WrongKeys, read_key_set
from renkei.targets import RefusedTarget, Unreachable, fetch_json_bytes

FRESH_SECONDS = 300.0
"""How long a set is used without asking: so long a key that its owner has taken away may still open tokens."""
AGAIN_SECONDS = 30.0
"""How often at most an address is asked, for an unknown key or because it did not answer."""
LAST_GOOD_SECONDS = 24 * 3600.0
"""How long the last good set serves when the address does not answer."""

log = logging.getLogger("renkei.keys")


@dataclass(slots=True)
class _Kept:
    keys: Mapping[str, PublicKey] = field(default_factory=dict)
    good_at: float = float("-inf")
    asked_at: float = float("-inf")
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


class VendorKeys:
    """The sets this process has fetched, by address. Addresses are those of registered clients, so they are few."""

    def __init__(self, allow_private: bool, rsa_algorithm: str = "RS384") -> None:
        self._allow_private, self._rsa_algorithm = allow_private, rsa_algorithm
        self._kept: dict[str, _Kept] = {}

    async def key(self, uri: str, kid: str) -> PublicKey | None:
        """The key of this name at this address; None when there is none, or none can be had."""
        kept = self._kept.setdefault(uri, _Kept())
        if not _known(kept, kid):
            async with kept.asking:  # whoever comes meanwhile waits, and finds what the first has fetched
                if time.monotonic() - kept.asked_at >= AGAIN_SECONDS:
                    await self._ask(uri, kept)
        return kept.keys.get(kid) if time.monotonic() - kept.good_at < LAST_GOOD_SECONDS else None

    async def _ask(self, uri: str, kept: _Kept) -> None:
        kept.asked_at = time.monotonic()
        try:
            raw = await fetch_json_bytes(uri, allow_private=self._allow_private)
            kept.keys = read_key_set(parse_json(raw), strict=False, rsa_algorithm=self._rsa_algorithm)
            kept.good_at = time.monotonic()
        except (RefusedTarget, Unreachable, Unparsable, WrongKeys) as error:
            log.warning("keys of %s cannot be read: %s", uri, error)


def _known(kept: _Kept, kid: str) -> bool:
    return kid in kept.keys and time.monotonic() - kept.good_at < FRESH_SECONDS
