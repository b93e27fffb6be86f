"""Choices that look like chance and are the same at every seeding."""

from collections.abc import Sequence
from hashlib import sha256
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Deterministic choices for one name. A hash, not ``random``: the same people on every Python version."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._thrown = 0

    def below(self, bound: int) -> int:
        """An integer from 0 to bound - 1."""
        self._thrown += 1
        digest = sha256(f"{self._name}/{self._thrown}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % bound

    def between(self, low: int, high: int) -> int:
        """An integer from low to high, both possible."""
        return low + self.below(high - low + 1)

    def near(self, middle: int, width: int) -> int:
        """An integer around ``middle``, at most ``width`` away, the middle most often."""
        return middle + self.between(-width, width) // 2 + self.between(-width, width) // 2

    def pick(self, options: Sequence[T]) -> T:
        """One of the options."""
        return options[self.below(len(options))]

    def chance(self, percent: int) -> bool:
        """True in about ``percent`` of a hundred throws."""
        return self.below(100) < percent
