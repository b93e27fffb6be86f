"""Identifiers and the only clock of the service's own.

Everything time-bound that decides about access is decided by the database's ``now()`` in its transaction (design §4);
``now()`` here serves tokens, logs and the "not in the future" check of a document.
"""

import os
import threading
import time
from datetime import UTC, datetime
from uuid import UUID

_lock = threading.Lock()
_last = 0


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562 §5.7): 48 bits of milliseconds, then 12 bits that keep ids of one process in order, then random.

    Ids of one process never go backwards, also within a millisecond, so a newest-first page over ids is stable.
    """
    global _last
    with _lock:
        _last = max(_last + 1, time.time_ns() * 4096 // 1_000_000)
        stamp = _last
    milliseconds, fraction = divmod(stamp, 4096)
    random = int.from_bytes(os.urandom(8), "big") >> 2
    return UUID(int=milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | random)


def made_at(id_: UUID) -> datetime:
    """When an id of ours was made, to the millisecond."""
    return datetime.fromtimestamp((id_.int >> 80) / 1000, UTC)


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)
