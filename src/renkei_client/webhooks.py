"""A webhook's signature (Standard Webhooks): who sent it, that nothing was altered, and that it is not an old one again."""

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from renkei_client.errors import WebhookRefused
from renkei_client.feed import Change

TOLERANCE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Event:
    """What a webhook tells. id: the same whenever it is sent again; who has dealt with it already answers 2xx and does nothing."""

    id: str
    kind: str
    at: datetime
    change: Change


def verify(
    body: bytes,
    headers: Mapping[str, str],
    secrets: str | Sequence[str],
    *,
    tolerance: float = TOLERANCE_SECONDS,
    now: float | None = None,
) -> Event:
    """The event of a request. Raises WebhookRefused.

    body: the very bytes received, before they are parsed. secrets: ``whsec_…``, several while one replaces another.
    now: seconds since 1970.
    """
    given = {name.lower(): value for name, value in headers.items()}
    try:
        message_id, sent = given["webhook-id"], given["webhook-timestamp"]
        signatures = [one[3:] for one in given["webhook-signature"].split(" ") if one.startswith("v1,")]
        moment = int(sent)
    except (KeyError, ValueError):
        raise WebhookRefused("not signed: webhook-id, webhook-timestamp or webhook-signature is missing") from None
    if abs((time.time() if now is None else now) - moment) > tolerance:
        raise WebhookRefused("signed too long ago, or a clock is wrong")
    content = f"{message_id}.{sent}.".encode() + body
    expected = [_signature(secret, content) for secret in ([secrets] if isinstance(secrets, str) else secrets)]
    # Every pair is compared, each in constant time, so that time tells nothing of which one fits.
    fits = [hmac.compare_digest(own, one.encode()) for own in expected for one in signatures]
    if not any(fits):
        raise WebhookRefused("signed by somebody else, or altered")
    try:
        said = json.loads(body)
        return Event(message_id, said["type"], datetime.fromisoformat(said["timestamp"]), Change.of(said["data"]))
    except (ValueError, KeyError, TypeError):
        raise WebhookRefused("rightly signed, but not an event of renkei") from None


def _signature(secret: str, content: bytes) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise ValueError("a webhook's secret is whsec_ and base64") from None
    return base64.b64encode(hmac.digest(key, content, hashlib.sha256))
