"""What every request passes: token, body, transaction, commit before the answer leaves, refusal on record.

Order of refusals (design §7): 429 (the address's in frame.py) → 401 → 413/415 → 400 (unparsable) → 422 (shape and items) → 404/403 → 409/412.
The route class does it, so that a plain route needs no dependencies and the commit precedes the response in every case.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic_core import to_json
from starlette.datastructures import URL

from renkei.access.actor import Actor
from renkei.access.audit import Asked, refuse
from renkei.access.service import Service
from renkei.access.sessions import is_form_token, own_page
from renkei.api.bodies import read_json, read_raw
from renkei.catalogue.characters import visible
from renkei.database import Transaction, transaction
from renkei.errors import (
    Fault,
    Forbidden,
    Invalid,
    NotFound,
    RenkeiError,
    Unauthorized,
)
from renkei.schemas.evidence import MEDIA_TYPES
from renkei.schemas.fields import LARGEST_ANSWER
from renkei.settings import Settings
from renkei.throttle import Limit, address_of
from renkei.vocabulary import Permission

ASKED_FOR = {"care_team", "patient", "platform_admin"}
"""Who can grant what was refused, where asking them is of use; another organization's record stays its own."""
NAMED = ("record_id", "attachment_id", "draft_id")
"""Path parameters whose thing an event names."""

SAFE = {"GET", "HEAD", "OPTIONS"}
TWO_CREDENTIALS = (
    "トークンとサインインのどちらか一方だけを送ってください",
    "Send a token or the cookie of a session, not both",
)
NOT_BY_OWN_PAGE = (
    "この操作は、このサービスの画面からだけ受け付けます(X-CSRF-Token)",
    "With a session's cookie this is accepted from this service's own pages only (X-CSRF-Token)",
)


@dataclass(frozen=True, slots=True)
class Call:
    """One request inside the door: its transaction, and who asks what."""

    tx: Transaction
    asked: Asked
    body: Any
    url: URL

    @property
    def actor(self) -> Actor:
        """Who asks."""
        return self.asked.actor


async def _call(request: Request) -> Call:
    call: Call = request.state.call
    return call


Asking = Annotated[Call, Depends(_call)]
"""The parameter by which a route gets its Call."""


class Door(APIRoute):
    """A route behind the door. Its ``name`` is the permission it asks for, and so the action in the audit."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inside, known = super().get_route_handler(), self.query_names

        async def handle(request: Request) -> Response:
            began, service = time.perf_counter(), cast(Service, request.app.state.service)
            actor = await _identified(request, service)
            body = await self.read_body(request, service.settings) if self.body_expected else None
            require_known_query(request, known)
            record_id = next(filter(None, (_path_id(request, name) for name in NAMED)), None)
            asked = Asked(request.state.request_id, actor, self.name, record_id)
            try:
                async with transaction(service.engine) as tx:
                    request.state.call = Call(tx, asked, body, request.url)
                    return await _answered(inside, request)
            except RenkeiError as error:
                if isinstance(error, Forbidden):
                    error.request_access = _where_to_ask(request, asked, error)
                await refuse(service.engine, asked, _path_id(request, "patient_id"), error, began)
                raise

        return handle

    @property
    def query_names(self) -> frozenset[str]:
        """The query parameters this route knows; any other is refused, not ignored."""
        names: set[str] = set()
        for field in self.dependant.query_params:
            model = field.field_info.annotation
            if isinstance(model, type) and issubclass(model, BaseModel):
                names |= {info.alias or name for name, info in model.model_fields.items()}
            else:
                names.add(field.alias)
        return frozenset(names)

    @property
    def body_expected(self) -> bool:
        """Whether this route reads a body."""
        return bool(self.methods and self.methods & {"POST", "PUT", "PATCH"})

    async def read_body(self, request: Request, settings: Settings) -> Any:
        """The body, read before anything is decided."""
        return await read_json(request, settings.max_document_bytes)


class UploadDoor(Door):
    """A route that takes a file as it is, neither in JSON nor in a form. Its body is the media type and the bytes."""

    async def read_body(self, request: Request, settings: Settings) -> tuple[str, bytes]:
        return await read_raw(request, MEDIA_TYPES, settings.max_evidence_bytes)


async def _identified(request: Request, service: Service) -> Actor:
    """Who asks, by the one credential sent, within the limit of the client or member. One that does not hold counts for its
    address; 429 beyond the limit. Raises Unauthorized."""
    cookie = request.cookies.get(service.sessions.cookie_name()) if "cookie" in request.headers else None
    if cookie is None:
        proof = service.identity.identify(bearer_token(request))
    else:
        _require_own_page(request, service, cookie)
        proof = service.sessions.identify(cookie)
    try:
        actor = await proof
    except Unauthorized:
        service.throttle.count(Limit.refused_address, address_of(request.scope["client"]))
        raise
    limit, who = Limit.client, actor.client_id
    if actor.signed_in is not None:
        limit, who = Limit.member, actor.signed_in.account_id
    request.state.limits = service.throttle.count(limit, str(who))
    return actor


def _require_own_page(request: Request, service: Service, cookie: str) -> None:
    """A browser sends the cookie along whoever made it ask: another site's page can neither read nor guess the token."""
    if "authorization" in request.headers:
        raise Unauthorized(TWO_CREDENTIALS)
    token = request.headers.get("x-csrf-token", "")
    by_token = request.method in SAFE or is_form_token(cookie, token)
    if not by_token or not own_page(request.headers, service.sessions.origin):
        raise Unauthorized(NOT_BY_OWN_PAGE)


async def _answered(inside: Callable[[Request], Coroutine[Any, Any, Response]], request: Request) -> Response:
    try:
        return await inside(request)
    except RequestValidationError as error:
        # An id that is no id names nothing, as one that nothing bears: the same answer, after the same other faults.
        if all(fault["loc"][0] == "path" for fault in error.errors()):
            raise NotFound from error
        raise


def _where_to_ask(request: Request, asked: Asked, error: Forbidden) -> str | None:
    """Where to ask for what was refused. Only an organization with a tie is refused so: without one it gets a 404, and
    breaking the glass, which needs none, is refused without a link, or it would tell who exists."""
    patient_id = _path_id(request, "patient_id")
    asks = asked.actor.in_care and error.grantable_by in ASKED_FOR
    if patient_id is None or not asks or asked.action == Permission.emergency_access_open:
        return None
    return f"/v1/patients/{patient_id}/access-requests"


def require_known_query(request: Request, known: Collection[str]) -> None:
    """Refuse query parameters a route does not know, and a known one given twice: which of them would count?"""
    given = Counter(name for name, _ in request.query_params.multi_items())
    wrong = {
        name: "unknown" if name not in known else "repeated" for name in given if name not in known or given[name] > 1
    }
    if wrong:
        raise Invalid([Fault(f"?{visible(name)}", None, code) for name, code in wrong.items()][:LARGEST_ANSWER])


def bearer_token(request: Request) -> str:
    """The token of RFC 6750 §2.1, from the header only: in a URL it would end in logs."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthorized
    return token.strip()


def patient_of(request: Request) -> UUID:
    """The patient of a plain route, whose path FastAPI does not convert.

    What is no id becomes the nil id, which no patient bears: refused as any other absent one, and in the same order.
    """
    return _path_id(request, "patient_id") or UUID(int=0)


def _path_id(request: Request, name: str) -> UUID | None:
    try:
        return UUID(request.path_params[name])
    except (KeyError, ValueError):
        return None


def answer(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer; text already encoded as JSON is sent as it is."""
    body = content if isinstance(content, str | bytes) else to_json(content)
    return Response(body, status, headers, "application/json")


def listing(call: Call, page: Mapping[str, Any]) -> Response:
    """A list, with its next page as RFC 8288 ``Link`` too."""
    if page["next"] is None:
        return answer(page)
    following = call.url.include_query_params(after=page["next"])
    return answer(page, headers={"Link": f'<{following.path}?{following.query}>; rel="next"'})
