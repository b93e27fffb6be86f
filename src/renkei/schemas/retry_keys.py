"""再送の鍵 (``Idempotency-Key``): the name a caller gives to one act, so that to try it again is not to do it twice.

draft-ietf-httpapi-idempotency-key-header. Both of its forms are taken, the quoted one of RFC 8941 and the bare one in use.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from renkei.errors import BadRequest
from renkei.schemas.json_body import digest

LONGEST = 255


class RetryKey(NamedTuple):
    """Two SHA-256 digests. key: what the caller named the act, whose name it is, on which route. request: what was sent."""

    key: bytes
    request: bytes


def retry_key(given: Sequence[str], scope: Iterable[object], request: Any) -> RetryKey | None:
    """The key of a request; None when the header is not there.

    given: the header's values. scope: whose key it is and for what; the same key in another scope is another one.
    request: what must be equal for the same act, as JSON. Raises BadRequest for a key that is none.
    """
    if not given:
        return None
    key = given[0].strip()
    if len(key) >= 2 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if len(given) > 1 or not (1 <= len(key) <= LONGEST and key.isascii() and key.isprintable()):
        raise BadRequest(WRONG_KEY)
    named = "\x1f".join([*map(str, scope), key])
    return RetryKey(hashlib.sha256(named.encode()).digest(), digest(request))


WRONG_KEY = (
    f"Idempotency-Key は1〜{LONGEST}字の印字できるASCII文字で、一つだけ送ってください",
    f"Send one Idempotency-Key, of 1 to {LONGEST} printable ASCII characters",
)
