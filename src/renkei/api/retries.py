"""再送の鍵: the ``Idempotency-Key`` of routes whose act has no natural key of its own."""

from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Header, Request

from renkei.api.door import Asking, Call
from renkei.schemas.retry_keys import LONGEST, retry_key


async def _retrying(
    request: Request,
    call: Asking,
    # Declared for the description alone: the header's own values tell whether it was sent twice.
    _: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description="再送しても一度だけ行われる / the same key again: done once, answered as the first time",
            json_schema_extra={"minLength": 1, "maxLength": LONGEST, "pattern": "^[!-~]([ -~]*[!-~])?$"},
        ),
    ] = None,
) -> Call:
    actor, route = call.actor, request.scope["route"]
    scope = (actor.client_id or actor.user_id, actor.organization and actor.organization.id, request.method, route.path)
    given = request.headers.getlist("idempotency-key")
    return replace(call, asked=replace(call.asked, key=retry_key(given, scope, [request.url.path, call.body])))


Retrying = Annotated[Call, Depends(_retrying)]
"""The parameter by which such a route gets its Call. A key belongs to an organization's client and one route."""
