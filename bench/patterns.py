"""``python -m bench.patterns``: the slowest pattern that input meets, on 100 kB made to be slow for it.

Patterns of bodies run in pydantic's engine (Rust, without backtracking); those of cells and dates in Python's. Each meets
runs of every character that it names, of pairs of them, and of such a run with an end that does not fit.
"""

import importlib
import pkgutil
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr, TypeAdapter, ValidationError

import renkei.schemas
from renkei.catalogue.characters import LINE, MULTILINE, VISIBLE
from renkei.main import create_app
from renkei.settings import Settings

BYTES, MOST_MILLISECONDS = 100_000, 5.0
NAMED = "09aAzZ-.@:/+ \tカヶー々髙〜年月日午前時分昭和令,、([{%<=s\n"
"""What the patterns name, and white space; pairs of these are tried too."""


def described() -> set[str]:
    """Every pattern of the OpenAPI document, which has the two documents' too, and those of text in general."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(database_url=SecretStr("postgresql://nobody@127.0.0.1/nothing"), data_dir=Path(folder))
        document = create_app(settings).openapi()
    return {LINE, MULTILINE, VISIBLE, *_patterns(document)}


def _patterns(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("pattern"), str):
            yield value["pattern"]
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _patterns(inner)


def compiled() -> dict[str, re.Pattern[str]]:
    """Every pattern for texts that a module of the schemas keeps for Python's engine."""
    names = [module.name for module in pkgutil.walk_packages(renkei.schemas.__path__, "renkei.schemas.")]
    modules = list(map(importlib.import_module, names))
    return {
        f"{module.__name__}.{name}": value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, re.Pattern) and isinstance(value.pattern, str)
    }


def texts() -> list[str]:
    """Long runs, and long runs that end badly."""
    runs = [*NAMED, *(a + b for a in NAMED[:14] for b in NAMED[:14] if a != b)]
    return [run * (BYTES // len(run.encode())) + end for run in runs for end in ("", "!")]


def milliseconds(matches: Callable[[str], object], text: str) -> float:
    """Processor time of one match."""
    began = time.process_time()
    matches(text)
    return (time.process_time() - began) * 1000


def main() -> None:
    """Print the slowest of each engine, and fail where one is too slow."""
    given, worst = texts(), 0.0
    for engine, patterns in (("pydantic", _validated()), ("Python", _searched())):
        slowest = (0.0, "")
        for name, matches in patterns.items():
            for text in given:
                slowest = max(slowest, (milliseconds(matches, text), name))
        worst = (
            max(worst, slowest[0]) if engine == "pydantic" else worst
        )  # the other texts are cut to 40 characters before
        print(
            f"{engine}: {len(patterns)} patterns, {len(given)} texts of 100 kB, slowest {slowest[0]:.2f} ms: {slowest[1]}"
        )
    sys.exit(worst >= MOST_MILLISECONDS)


def _validated() -> dict[str, Callable[[str], object]]:
    def of(pattern: str) -> Callable[[str], object]:
        adapter = TypeAdapter(Annotated[str, Field(pattern=pattern)])

        def validate(text: str) -> None:
            try:
                adapter.validate_python(text)
            except ValidationError:
                return

        return validate

    return {pattern: of(pattern) for pattern in sorted(described())}


def _searched() -> dict[str, Callable[[str], object]]:
    found: dict[str, Callable[[str], object]] = {}
    for name, pattern in compiled().items():
        found[name] = pattern.fullmatch
    return found


if __name__ == "__main__":
    main()
