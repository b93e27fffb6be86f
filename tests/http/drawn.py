"""What Hypothesis draws, for tests that then send it: Hypothesis itself is not asynchronous."""

from contextlib import suppress
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy

Drawn = TypeVar("Drawn")


def drawn(strategy: SearchStrategy[Drawn], examples: int, until: tuple[type[Exception], ...] = ()) -> list[Drawn]:
    """So many, the same at every run; of a strategy that ends with one of these errors, those before it."""
    found: list[Drawn] = []

    @given(strategy)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def collect(one: Drawn) -> None:
        found.append(one)

    with suppress(*until):
        collect()
    return found
