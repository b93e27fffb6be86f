"""What pages do: the acts of the API, by whoever has signed in under a post, and what they tell of a form that was refused."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from fastapi import Response
from pydantic import BaseModel, ValidationError

from renkei.access.audit import Asked, refuse
from renkei.database import Transaction, transaction
from renkei.errors import Fault, Forbidden, Invalid, NotFound, RenkeiError
from renkei.pages.page import SignedOut, Visit
from renkei.schemas.fields import faults_of
from renkei.vocabulary import Permission

T = TypeVar("T", bound=BaseModel)

SOON, LATER, MANY = 2, 15, 2_000
"""After how many seconds a page of long work looks again; later where there is much of it."""
WORKED_ON = ("queued", "running")
MOST_TOLD = 20
"""Faults of one form that are told at once."""


@asynccontextmanager
async def acting(visit: Visit, permission: Permission) -> AsyncIterator[tuple[Transaction, Asked]]:
    """One transaction of whoever has signed in under a post; a refusal is on record as at every door."""
    require_post(visit)
    began = time.perf_counter()
    asked = Asked(visit.request_id, visit.member.actor, permission)
    try:
        async with transaction(visit.service.engine) as tx:
            yield tx, asked
    except RenkeiError as error:
        await refuse(visit.service.engine, asked, None, error, began)
        raise


async def done_or_told(
    visit: Visit,
    permission: Permission,
    act: Callable[[Transaction, Asked], Awaitable[Response]],
    again: Callable[[RenkeiError], Awaitable[Response]],
) -> Response:
    """Do it, and show what came of it; where it was refused, the page again and why."""
    try:
        async with acting(visit, permission) as (tx, asked):
            return await act(tx, asked)
    except (NotFound, Forbidden):
        raise
    except RenkeiError as error:
        return await again(error)


def require_post(visit: Visit) -> None:
    """Raise SignedOut: nobody, or under no post."""
    if not visit.member.has_hat:
        raise SignedOut


def texts(form: Mapping[str, str], *names: str) -> dict[str, Any]:
    """These fields of a form; one left empty says nothing."""
    return {name: text for name in names if (text := form.get(name, "").strip())}


def filled(model: type[T], said: Mapping[str, Any]) -> T:
    """What a form says, as the API would be told it. Raises Invalid."""
    try:
        return model.model_validate(said)
    except ValidationError as error:
        raise Invalid(faults_of(({**one} for one in error.errors()), said)) from None


def words(visit: Visit, error: RenkeiError, told: Callable[[Visit, Fault], str]) -> str:
    """Why not, for who filled the form. told: one fault, as a sentence without its end."""
    if isinstance(error, Invalid) and error.faults:
        end = visit.t("。", ".")
        return " ".join(f"{told(visit, fault)}{end}" for fault in error.faults[:MOST_TOLD])
    return visit.t(*(error.detail or error.title))


def renewing(visit: Visit, answer: Response, job: Mapping[str, Any], path: str) -> Response:
    """A page of long work that renews itself as long as a worker is at it. job: as the API tells it. path: the page's own, to
    which it goes where it stands under the address of a form."""
    if job["state"] in WORKED_ON:
        seconds = SOON if (job["progress"]["total"] or 0) < MANY else LATER
        answer.headers["Refresh"] = str(seconds) if visit.request.method == "GET" else f"{seconds}; url={path}"
    return answer
