"""Passwords as hashes: argon2id, off the event loop, few at once. RFC 9106 §4, second recommended option: 64 MiB, 3 passes, 4 lanes."""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from renkei.errors import TooManyRequests

PROFILE = RFC_9106_LOW_MEMORY
AT_ONCE = 2
"""Each takes 64 MiB and a core's tenth of a second."""
WAITING = 200
"""Beyond so many in the queue of one process it is refused: they would wait for more than ten seconds."""
LONGEST = 200

T = TypeVar("T")


class Passwords:
    """Hashes and verifies for one process."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher.from_parameters(PROFILE)
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="argon2")
        self._waiting = 0
        # Compared where there is no account, or none with a password: its absence takes as long as a wrong one.
        self._nobody = self._hasher.hash("nobody's")

    async def hash(self, password: str) -> str:
        """As the table keeps it."""
        return await self._run(lambda: self._hasher.hash(normalised(password)))

    async def verify(self, kept: str | None, password: str) -> bool:
        """Whether it is the one. kept: None where there is none to compare with; takes as long."""
        return await self._run(lambda: self._matches(kept or self._nobody, password)) and kept is not None

    def outdated(self, kept: str) -> bool:
        """Whether it was hashed with other parameters than are used now."""
        return self._hasher.check_needs_rehash(kept)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _matches(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, normalised(password))
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= WAITING:
            raise TooManyRequests(5, BUSY)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


def normalised(password: str) -> str:
    """The same however it was typed: full or half width, composed or not (NIST SP 800-63B). No longer than LONGEST."""
    return unicodedata.normalize("NFKC", password[:LONGEST])


BUSY = ("サインインが混み合っています", "Too many people are signing in at once")
