"""Lists: ``{"items", "next"}``, newest first, with opaque URL-safe cursors."""

import base64
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from pydantic import Field

from renkei.errors import Fault, Invalid
from renkei.schemas.fields import Day, Id, Strict
from renkei.vocabulary import Profession

T = TypeVar("T")


class Page(Strict):
    """Where a list begins and how long it may be."""

    after: str | None = None
    limit: Annotated[int, Field(ge=1, le=200, strict=False)] = 50


class ReportQuery(Page):
    """``GET …/care-reports``: from and to are Tokyo days of the observation, both inclusive."""

    from_: Annotated[Day | None, Field(alias="from")] = None
    to: Day | None = None
    organization: Id | None = None
    profession: Annotated[Profession, Field(strict=False)] | None = None


def encode_cursor(*position: object) -> str:
    """The position after which the next page begins. Carries no right: reach is asked again at every page."""
    return base64.urlsafe_b64encode(json.dumps([str(p) for p in position]).encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None, *kinds: Callable[[str], Any]) -> Sequence[Any] | None:
    """The position in a cursor of ours, each part read as its kind; raises Invalid for anything else."""
    if cursor is None:
        return None
    try:
        position = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return [kind(part) for kind, part in zip(kinds, position, strict=True)]
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise Invalid([Fault("?after", None, "format", {"expected": "cursor"})]) from None


def page(items: Sequence[Any], cursor: str | None) -> dict[str, Any]:
    """The body of a list."""
    return {"items": list(items), "next": cursor}


def page_of(
    rows: Sequence[T], limit: int, show: Callable[[T], Any], position: Callable[[T], Sequence[object]]
) -> dict[str, Any]:
    """The body of a list made of up to ``limit + 1`` rows: the one too many only tells of a next page."""
    kept = rows[:limit]
    return page([show(row) for row in kept], encode_cursor(*position(kept[-1])) if len(rows) > limit else None)
