"""What a seal (封印) of the ledger says, and how its events become one number. Pure, no SQL, no clock.

Events of both ledgers are the leaves of a Merkle tree as in RFC 6962 §2.1: a leaf is hashed behind a byte 0x00, a node
behind 0x01, so that no node can be passed off as an event. The statement about the tree is signed, and names the one before.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

EVENT = (
    "patient_id",
    "id",
    "request_id",
    "at",
    "action",
    "outcome",
    "reason",
    "actor_kind",
    "client_id",
    "organization_id",
    "user_id",
    "user_name",
    "profession",
    "basis",
    "groups",
    "record_id",
    "detail",
)
"""Every column of an event, in the order they are hashed in: never change it, or nothing sealed verifies any more.

Each is a text, None or a list of texts. ``at`` in UTC with microseconds. Acts on no patient have None for patient, basis,
groups and record; acts on a patient have None for ``detail``, which is the JSON text as PostgreSQL keeps it.
"""
STATEMENT = ("id", "position", "count", "merkle_root", "previous", "sealed_at")
"""What is signed: the members of a seal but its signature, in this order."""

SKEW = timedelta(minutes=5)
"""How far the clocks of database, worker and time-stamping authority may be apart."""

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def canonical(value: object) -> bytes:
    """The one spelling of a JSON value: no spaces, no escapes but the necessary ones, members in their order."""
    return _encode(value).encode("utf-8", "surrogatepass")


def leaf(event: Sequence[object]) -> bytes:
    """The digest of one event: a list of the columns of ``EVENT``."""
    return hashlib.sha256(b"\0" + canonical(event)).digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The root over these leaves in their order; of none, the digest of nothing."""
    level = list(leaves)
    if not level:
        return hashlib.sha256().digest()
    while len(level) > 1:
        # A last one without a partner moves up as it is: the same tree as RFC 6962's, cut at the largest power of two.
        pairs = [hashlib.sha256(b"\1" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2 :]
    return level[0]


def statement(seal: Mapping[str, Any]) -> dict[str, Any]:
    """Of a seal as the contract shows it, what its signature is over."""
    return {name: seal[name] for name in STATEMENT}


def digest(stated: Mapping[str, Any]) -> bytes:
    """By which the next seal names this one: of the very bytes that were signed."""
    return hashlib.sha256(canonical(stated)).digest()
