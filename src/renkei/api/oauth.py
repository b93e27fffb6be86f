"""/oauth/token and /.well-known: RFC 6749, 8414, 7517. Unknown parameters are ignored here, as these ask."""

import base64
import binascii
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from fastapi import APIRouter, Request, Response

from renkei.access import assertions
from renkei.access.identity import Identity, Proven
from renkei.access.refusals import Refused, printable
from renkei.access.service import Service
from renkei.api.documents import problems
from renkei.api.door import answer
from renkei.database import transaction
from renkei.errors import TooManyRequests
from renkei.schemas.key_sets import ALGORITHMS
from renkei.throttle import Limit, address_of
from renkei.vocabulary import Scope

router = APIRouter(tags=["oauth"])

LARGEST_FORM = 16_000
NO_STORE = {"Cache-Control": "no-store"}
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": ["grant_type"],
                    "properties": {
                        "grant_type": {"type": "string", "const": "client_credentials"},
                        "organization": {"type": "string", "description": "事業所コード / organization code"},
                        "user_id": {"type": "string", "maxLength": 100},
                        "user_name": {"type": "string", "maxLength": 100},
                        "profession": {"type": "string"},
                        "scope": {"type": "string", "description": "空白区切りの範囲 / words separated by spaces"},
                        "client_assertion_type": {"type": "string", "const": assertions.TYPE},
                        "client_assertion": {"type": "string", "description": "private_key_jwt (RFC 7523)"},
                    },
                }
            }
        },
    }
}


_REFUSED = {
    "application/json": {
        "schema": {
            "type": "object",
            "required": ["error"],
            "properties": {"error": {"type": "string"}, "error_description": {"type": "string"}},
        }
    }
}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    400: {"description": "要求の誤り / refused (RFC 6749 §5.2)", "content": _REFUSED},
    401: {"description": "クライアントの認証に失敗 / invalid_client", "content": _REFUSED},
    429: {"description": "要求が多すぎる / too many requests", "content": _REFUSED},
    503: problems()[503],
}


@router.post(
    "/oauth/token", name="token.issue", responses=_ANSWERS, openapi_extra={**_FORM, "security": [{"basic": []}, {}]}
)
async def issue_token(request: Request) -> Response:
    """アクセストークンを得る。 client_credentials with private_key_jwt or client_secret_basic, for a user or the system."""
    service: Service = request.app.state.service
    address = address_of(request.scope["client"])
    try:
        service.throttle.require(Limit.refused_address, address)
        form = await _form(request)
        if form.get("grant_type") != "client_credentials":
            raise Refused("unsupported_grant_type", "grant_type must be client_credentials")
        proven = await _proven(service, address, request.headers.get("authorization"), form)
        service.throttle.count(Limit.client, str(proven.id))
        async with transaction(service.engine) as tx:
            issued = await service.identity.grant_token(tx, request.state.request_id, proven, form)
    except Refused as error:
        return _refusal(error)
    except TooManyRequests as error:
        return too_many(error)
    granted = {"access_token": issued.access_token, "token_type": "Bearer", "expires_in": issued.expires_in}
    return answer(granted | ({"scope": issued.scope} if issued.scope is not None else {}), headers=NO_STORE)


@router.get("/.well-known/jwks.json", name="keys.read")
async def jwks(request: Request) -> Response:
    """トークンを検証する公開鍵。 The keys that verify this server's tokens."""
    service: Service = request.app.state.service
    return answer(service.identity.keyring.keys.jwks, headers={"Cache-Control": "max-age=300"})


@router.get("/.well-known/oauth-authorization-server", name="metadata.read")
async def metadata(request: Request) -> Response:
    """認可サーバーの情報 (RFC 8414)。"""
    identity: Identity = request.app.state.service.identity
    issuer = identity.issuer
    return answer(
        {
            "issuer": issuer,
            "token_endpoint": identity.token_endpoint,
            "jwks_uri": f"{issuer}/.well-known/jwks.json",
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": [],
            "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_basic"],
            "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
            "scopes_supported": list(Scope),
            "service_documentation": f"{issuer}/docs",
        }
    )


async def _form(request: Request) -> dict[str, str]:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/x-www-form-urlencoded":
        raise Refused("invalid_request", "send application/x-www-form-urlencoded")
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > LARGEST_FORM:
            raise Refused("invalid_request", "the form is too large")
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50)
    except ValueError:
        raise Refused("invalid_request", "the form cannot be parsed") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise Refused("invalid_request", "a parameter is repeated")
    if any(not printable(value) for value in form.values()):
        raise Refused("invalid_request", "a parameter has a character that is refused")
    # RFC 6749 §3.1: a parameter without a value is as if it were not sent.
    return {name: value for name, value in form.items() if value}


async def _proven(service: Service, address: str, header: str | None, form: dict[str, str]) -> Proven:
    """Who asks, by the one proof it sends (RFC 6749 §2.3). Those who fail too often are not asked for a while.

    Failures count for client and address together, so that nobody locks another's client out; and for the address
    only while the client may still try, so that one system that keeps trying does not stop its neighbours.
    """
    identity, throttle = service.identity, service.throttle
    claimed = address
    try:
        if "client_assertion" not in form and "client_assertion_type" not in form:
            client_id, secret = _basic(header or "")
            claimed = f"{address} {client_id}"
            throttle.require(Limit.refused_client, claimed)
            return await identity.prove_secret(client_id, secret)
        if header is not None:
            raise Refused("invalid_request", "prove the client by an assertion or by HTTP Basic, not by both")
        if form.get("client_assertion_type") != assertions.TYPE or "client_assertion" not in form:
            raise Refused("invalid_request", f"an assertion goes with client_assertion_type={assertions.TYPE}")
        signed = assertions.read(form["client_assertion"])
        claimed = f"{address} {signed.claims['iss']}"
        throttle.require(Limit.refused_client, claimed)
        proven = await identity.prove_assertion(signed)
        if form.get("client_id", proven.client_id) != proven.client_id:
            raise Refused("invalid_client", "client_id is not the one that signed")
        return proven
    except Refused:
        throttle.count(Limit.refused_client, claimed)
        throttle.count(Limit.refused_address, address)
        raise


def _basic(header: str) -> tuple[str, str]:
    """RFC 6749 §2.3.1: both parts are form-encoded before they are joined."""
    scheme, _, value = header.partition(" ")
    try:
        if scheme.lower() != "basic":
            raise ValueError
        client_id, colon, secret = base64.b64decode(value.strip(), validate=True).decode().partition(":")
        client_id, secret = unquote_plus(client_id), unquote_plus(secret)
        if not colon or "\0" in client_id:
            raise ValueError
    except (ValueError, binascii.Error):
        raise Refused("invalid_client", "authenticate with private_key_jwt or client_secret_basic") from None
    return client_id, secret


def _refusal(error: Refused) -> Response:
    status = 401 if error.error == "invalid_client" else 400
    headers = {**NO_STORE, **({"WWW-Authenticate": 'Basic realm="renkei"'} if status == 401 else {})}
    return answer({"error": error.error, "error_description": error.description}, status, headers)


def too_many(error: TooManyRequests) -> Response:
    """429 in the form that OAuth clients read."""
    told = {"error": "too_many_requests", "error_description": "too many requests; see Retry-After"}
    return answer(told, 429, {**NO_STORE, **error.headers})
