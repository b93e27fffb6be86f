"""How often somebody may ask: limits per address, client and member, counted together by all processes of one machine.

The rules are the library's (``limits``, fixed windows of a minute); where it counts is ours, because its own memory is each
process's alone and grows with the callers, and its other places are servers to be asked (docs/decisions/0058).
"""

import fcntl
import mmap
import os
import secrets
import struct
import time
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address
from pathlib import Path

from limits import RateLimitItemPerMinute
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter
from prometheus_client import Counter

from renkei.errors import TooManyRequests

WINDOW_SECONDS = 60
ROWS, CELLS = 2, 65_536
"""A caller's count is the smaller of two cells that others may share: however many callers, the memory stays the same."""
REMEMBERED = 4_096
"""Callers whose cells are known without hashing."""
HEADER_BYTES = 64
SEED_BYTES = 16
NEAR = 4
"""A caller is told what is left once it is less than this part of its limit."""

THROTTLED = Counter("renkei_throttled", "Requests refused because there were too many", ["limit"])


class Limit(StrEnum):
    """What is counted. Each has a setting of its name."""

    address = "address"
    client = "client"
    member = "member"
    refused_address = "refused_address"
    refused_client = "refused_client"


class MachineStorage(Storage):
    """Counts of a fixed size, in a file that the processes of one machine map, or in this process's own memory.

    Each process writes cells of its own and adds up those of all, so none waits for another and no count is lost. Which are
    its own: the lock on one byte of the file, which ends with the process. Bytes: seed, then by row and cell for each
    process the number of the minute and the count.
    """

    STORAGE_SCHEME = None

    def __init__(self, file: Path | None = None, processes: int = 1) -> None:
        super().__init__()
        self.counted = 0  # what the last counting came to
        self._processes = processes if file else 1
        self._cell = struct.Struct("=" + "II" * self._processes)
        self._own = struct.Struct("=II")
        size = storage_bytes(self._processes)
        if file is None:
            self._column, self._map = 0, mmap.mmap(-1, size)
            self._map[:SEED_BYTES] = secrets.token_bytes(SEED_BYTES)
        else:
            kept = os.open(file, os.O_RDWR)  # open as long as the process: the lock ends with it
            self._column = _free_column(kept, processes)
            self._map = mmap.mmap(kept, size)
        seed = self._map[:SEED_BYTES]
        self._places = lru_cache(REMEMBERED)(lambda key: _places(key, seed, self._cell.size))

    @property
    def base_exceptions(self) -> type[Exception]:
        """What may go wrong here."""
        return OSError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count; how many it are in this minute, over all processes."""
        minute, counts = int(time.monotonic()) // WINDOW_SECONDS, []
        for place in self._places(key):
            counts.append(self._sum(place, minute) + amount)
            own = place + self._column * self._own.size
            then, count = self._own.unpack_from(self._map, own)
            # One aligned write of eight bytes: another process reads all of it or nothing.
            self._own.pack_into(self._map, own, minute, (count if then == minute else 0) + amount)
        self.counted = min(counts)
        return self.counted

    def get(self, key: str) -> int:
        """How many it are in this minute."""
        minute = int(time.monotonic()) // WINDOW_SECONDS
        return min(self._sum(place, minute) for place in self._places(key))

    def get_expiry(self, key: str) -> float:
        """Seconds left of this minute; minutes begin together for all."""
        return WINDOW_SECONDS - time.monotonic() % WINDOW_SECONDS

    def check(self) -> bool:
        """Memory answers."""
        return not self._map.closed

    def reset(self) -> int | None:
        """Forget what this process has counted."""
        for place in range(HEADER_BYTES, len(self._map), self._cell.size):
            self._own.pack_into(self._map, place + self._column * self._own.size, 0, 0)
        return None

    def clear(self, key: str) -> None:
        """Not possible: others may count in the same cell."""
        raise NotImplementedError

    def _sum(self, place: int, minute: int) -> int:
        cells = self._cell.unpack_from(self._map, place)
        return sum(count for then, count in zip(cells[::2], cells[1::2], strict=True) if then == minute)


def _places(key: str, seed: bytes, size: int) -> tuple[int, int]:
    # With a seed of this installation's, nobody can choose an address that shares another's cells.
    digest = int.from_bytes(blake2b(key.encode(), digest_size=8, key=seed).digest(), "little")
    first, second = digest % CELLS, (digest >> 32) % CELLS
    return HEADER_BYTES + first * size, HEADER_BYTES + (CELLS + second) * size


def storage_bytes(processes: int) -> int:
    """How large the file is, whoever asks."""
    return HEADER_BYTES + ROWS * CELLS * 8 * processes


def make_file(file: Path, processes: int) -> None:
    """An empty file for the processes of one machine, for its owner alone."""
    with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "r+b") as made:
        made.write(secrets.token_bytes(SEED_BYTES))
        made.truncate(storage_bytes(processes))


def _free_column(file: int, processes: int) -> int:
    """The first whose byte nobody has locked; a dead process's passes on, counts and all. Where none is free, the last is shared."""
    for column in range(processes):
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, column)
        except OSError:
            continue
        return column
    return processes - 1


class Throttle:
    """Counts requests and refuses those beyond a limit. per_minute: how many; 0: as many as come."""

    def __init__(self, per_minute: Mapping[Limit, int], storage: MachineStorage) -> None:
        self._limiter = FixedWindowRateLimiter(storage)
        self._items = {limit: RateLimitItemPerMinute(amount) for limit, amount in per_minute.items() if amount}
        self._storage = storage

    def count(self, limit: Limit, who: str) -> dict[str, str]:
        """Count one. Raises TooManyRequests; else the headers that tell how much is left, when it is little."""
        item = self._items.get(limit)
        if item is None:
            return {}
        if not self._limiter.hit(item, limit, who):
            raise self._refused(limit, item)
        left = item.amount - self._storage.counted
        return self._told(limit, item, left) if left * NEAR < item.amount else {}

    def require(self, limit: Limit, who: str) -> None:
        """Raise TooManyRequests where so many have been counted; count none."""
        item = self._items.get(limit)
        if item is not None and not self._limiter.test(item, limit, who):
            raise self._refused(limit, item)

    def _refused(self, limit: Limit, item: RateLimitItemPerMinute) -> TooManyRequests:
        THROTTLED.labels(limit).inc()
        return TooManyRequests(self._seconds(), told=self._told(limit, item, 0))

    def _told(self, limit: Limit, item: RateLimitItemPerMinute, left: int) -> dict[str, str]:
        """The fields of draft-ietf-httpapi-ratelimit-headers."""
        policy, state = f'"{limit}";q={item.amount};w={WINDOW_SECONDS}', f'"{limit}";r={left};t={self._seconds()}'
        return {"RateLimit-Policy": policy, "RateLimit": state}

    def _seconds(self) -> int:
        return int(self._storage.get_expiry("")) + 1


def address_of(client: tuple[str, int] | None) -> str:
    """Whom an address is counted as: IPv6 by its /64, which one household or machine has whole."""
    host = client[0] if client else ""
    if ":" not in host:
        return host
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return host
    mapped = address.ipv4_mapped
    return str(mapped) if mapped else address.exploded[:19]
