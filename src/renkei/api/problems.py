"""The one renderer of errors: RFC 9457 problem documents, in Japanese or English by Accept-Language."""

import json
import logging
import traceback
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from renkei.errors import (
    BadRequest,
    Fault,
    Forbidden,
    Internal,
    Invalid,
    MethodNotAllowed,
    NotFound,
    RenkeiError,
)
from renkei.schemas.fields import faults_of
from renkei.schemas.languages import preferred_language
from renkei.vocabulary import Language

log = logging.getLogger("renkei")


def language_of(request: Request) -> Language:
    """In which language the caller wants to be told."""
    return preferred_language(request.headers.get("accept-language", ""))


def problem(request: Request, error: RenkeiError) -> Response:
    """The problem document of an error. Lone surrogates in a pointer are escaped, as UTF-8 has no form for them."""
    language = language_of(request)
    which = 0 if language is Language.ja else 1
    detail = error.detail or error.title
    request_id: UUID = request.state.request_id
    document: dict[str, Any] = {
        "type": f"urn:renkei:problem:{error.kind}",
        "title": error.title[which],
        "status": error.status,
        "detail": detail[which],
        "instance": f"urn:uuid:{request_id}",
        "request_id": str(request_id),
        **error.members,
    }
    if isinstance(error, Invalid | Forbidden) and error.faults:
        document["errors"] = [_told(fault, language, error) for fault in error.faults]
    body = json.dumps(document, ensure_ascii=False).encode("utf-8", "backslashreplace")
    headers = {"Content-Language": language.value, "Cache-Control": "no-store", **error.headers}
    return Response(body, error.status, headers, "application/problem+json")


def _told(fault: Fault, language: Language, error: RenkeiError) -> Mapping[str, object]:
    told = {"pointer": fault.pointer, "item": fault.item}
    if isinstance(error, Forbidden):
        return told
    return told | {"code": fault.code, "message": fault.message(language)}


def install(app: FastAPI) -> None:
    """Route every error of this app to the renderer."""

    async def renkei_error(request: Request, error: Exception) -> Response:
        return problem(request, error if isinstance(error, RenkeiError) else Internal())

    async def validation_error(request: Request, error: Exception) -> Response:
        if not isinstance(error, RequestValidationError):
            raise error
        return problem(request, Invalid(_faults(request, error)))

    async def http_error(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        if status == 405:
            refused = problem(request, MethodNotAllowed())
            if isinstance(error, HTTPException) and error.headers:
                refused.headers.update(error.headers)
            return refused
        return problem(request, {404: NotFound(), 400: BadRequest()}.get(status, Internal()))

    app.add_exception_handler(RenkeiError, renkei_error)
    app.add_exception_handler(RequestValidationError, validation_error)
    app.add_exception_handler(HTTPException, http_error)


def unexpected(request: Request, error: Exception) -> Response:
    """A defect of ours: to the log with where it happened, to the reader with nothing but the request id.

    Only the first line of the message: from the second on, a database tells the row it met, a person's data.
    """
    where, what = "".join(traceback.format_tb(error.__traceback__)), str(error).partition("\n")[0]
    log.error("request %s failed: %s: %s\n%s", request.state.request_id, type(error).__name__, what, where)
    return problem(request, Internal())


def _faults(request: Request, error: RequestValidationError) -> list[Fault]:
    """FastAPI's errors as faults: below the body's root, or ``?name`` for a query parameter."""
    errors = [{**one, "loc": one["loc"][1:], "place": one["loc"][0]} for one in error.errors()]
    found = faults_of((one for one in errors if one["place"] == "body"), error.body)
    asked = faults_of((one for one in errors if one["place"] == "query"), dict(request.query_params))
    return found + [Fault("?" + one.pointer.removeprefix("/"), None, one.code, one.params) for one in asked]
