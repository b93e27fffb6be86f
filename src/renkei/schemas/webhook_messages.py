"""A webhook as it is sent (Standard Webhooks): body, headers, signature, and when a failed one is tried again. Pure."""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from uuid import UUID

from pydantic_core import to_json

from renkei.schemas.changes import Change

PREFIX = "whsec_"
SECRET_BYTES = 32
"""Of the 24 to 64 that Standard Webhooks allows."""
FIRST_PAUSE_SHARE, LARGEST_PAUSE_SHARE, GROWTH = 1 / 51_840, 1 / 9, 3
"""Of three days: five seconds at first, each pause three times the one before, eight hours at most."""
JITTER = 0.2


def secret_text(secret: bytes) -> str:
    """A secret as its owner is told it."""
    return PREFIX + base64.b64encode(secret).decode()


def secret_purpose(subscription_id: UUID) -> str:
    """What a sealed secret is bound to: in another row it does not open."""
    return f"webhook:{subscription_id}"


def message_id(subscription_id: UUID, change_id: UUID) -> str:
    """``webhook-id``: the same for every attempt to tell one change to one subscription, also when it is asked for again."""
    return "msg_" + hashlib.sha256(subscription_id.bytes + change_id.bytes).hexdigest()[:32]


def message_body(change: Change) -> bytes:
    """The feed's entry, and nothing that the feed does not tell."""
    return to_json({"type": change["kind"], "timestamp": change["at"], "data": change})


def sign(secret: bytes, id_: str, timestamp: int, body: bytes) -> str:
    """One signature: HMAC-SHA256 over id, timestamp and body (Standard Webhooks, version 1)."""
    signed = hmac.digest(secret, f"{id_}.{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(signed).decode()}"


def message_headers(id_: str, timestamp: int, body: bytes, secrets: Sequence[bytes]) -> Mapping[str, str]:
    """The headers of one attempt. secrets: all that hold now; a receiver needs to know one of them."""
    return {
        "Content-Type": "application/json",
        "webhook-id": id_,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(sign(secret, id_, timestamp, body) for secret in secrets),
    }


class Patience(NamedTuple):
    """How long a message is tried, in seconds."""

    seconds: float

    def pause(self, attempts: int, retry_after: float | None, chance: float) -> float:
        """Seconds to wait after so many attempts. retry_after: what the receiver asked for, as far as it is reasonable.

        chance: from 0 to 1, so that messages that failed together do not come back together.
        """
        largest = self.seconds * LARGEST_PAUSE_SHARE
        grown = min(self.seconds * FIRST_PAUSE_SHARE * float(GROWTH) ** min(attempts - 1, 40), largest)
        return max(grown * (1 + JITTER * (2 * chance - 1)), min(retry_after or 0.0, largest))

    def rest(self, failures: int) -> float:
        """Seconds a receiver is left alone after so many failures in a row: minutes, so that it is found well again soon."""
        return min(self.seconds * FIRST_PAUSE_SHARE * 2.0 ** min(failures - 1, 40), self.seconds / 864)


def retry_after(text: str | None, now: datetime) -> float | None:
    """The seconds of a ``Retry-After`` (RFC 9110 §10.2.3), a number or a date; None where it says nothing that can be read."""
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max((parsedate_to_datetime(text) - now).total_seconds(), 0.0)
    except (ValueError, TypeError):  # TypeError: a date without a zone
        return None
