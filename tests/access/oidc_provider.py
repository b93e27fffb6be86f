"""A hospital's own login: an OpenID provider (idpyoidc, which shares no code with ours) on this machine, asked over HTTP.

What a provider answers when it is honest comes from the package. ``alter`` lets a test stand between: another answer of
the token endpoint, another document, none at all.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from idpyoidc.message.oauth2 import ResponseMessage
from idpyoidc.message.oidc import AccessTokenRequest
from idpyoidc.server import Server

PASSWORD = "urn:oasis:names:tc:SAML:2.0:ac:classes:InternetProtocolPassword"
TWO_FACTORS = "https://refeds.org/profile/mfa"
CLAIMS = ["amr", "job", "facility", "email", "email_verified", "name"]
SECRET = "kept-by-the-hospital-and-long-enough-for-HS256"
KEYS = {
    "key_defs": [{"type": "RSA", "use": ["sig"]}, {"type": "EC", "crv": "P-256", "use": ["sig"]}],
    "uri_path": "jwks",
}
NOBODY = {"class": "idpyoidc.server.user_authn.user.NoAuthn", "kwargs": {"user": "sato"}}

Alter = Callable[[dict[str, Any]], dict[str, Any]]


def _endpoint(path: str, name: str, **kwargs: Any) -> dict[str, Any]:
    return {"path": path, "class": f"idpyoidc.server.oidc.{name}", "kwargs": kwargs}


def _configuration(issuer: str) -> dict[str, Any]:
    methods = ["client_secret_basic", "client_secret_post", "private_key_jwt"]
    return {
        "issuer": issuer,
        "key_conf": KEYS,
        "subject_types_supported": ["public"],
        "grant_types_supported": ["authorization_code"],
        "endpoint": {
            "provider_config": _endpoint(
                ".well-known/openid-configuration", "provider_config.ProviderConfiguration", client_authn_method=None
            ),
            "authorization": _endpoint(
                "authorization",
                "authorization.Authorization",
                client_authn_method=None,
                response_types_supported=["code"],
                response_modes_supported=["query"],
            ),
            "token": _endpoint("token", "token.Token", client_authn_method=methods),
            "end_session": _endpoint(
                "session", "session.Session", logout_verify_url="verify_logout", signing_alg="RS256"
            ),
        },
        "add_on": {
            "pkce": {
                "function": "idpyoidc.server.oauth2.add_on.pkce.add_support",
                "kwargs": {"essential": True, "code_challenge_methods": {"S256": None}},
            }
        },
        "authentication": {
            "password": {"acr": PASSWORD, **NOBODY},
            "two": {"acr": TWO_FACTORS, **NOBODY},
        },
        "token_handler_args": {
            "key_conf": {"key_defs": [{"type": "oct", "bytes": 24, "use": ["enc"], "kid": "code"}]},
            "code": {"lifetime": 600},
            "token": {"class": "idpyoidc.server.token.jwt_token.JWTToken", "kwargs": {"lifetime": 600}},
            "id_token": {
                "class": "idpyoidc.server.token.id_token.IDToken",
                "kwargs": {"lifetime": 300, "base_claims": dict.fromkeys(CLAIMS)},
            },
        },
        "userinfo": {"class": "idpyoidc.server.user_info.UserInfo", "kwargs": {"db": {}}},
    }


class Provider(ThreadingHTTPServer):
    """The provider and its server. ``users``: the claims of each; ``user``: who sits at the browser now."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.issuer = f"http://127.0.0.1:{self.server_port}"
        self.op = Server(_configuration(self.issuer))
        self.alter: dict[str, Alter] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.down = False

    def register(self, client_id: str, redirect_uri: str, **more: Any) -> None:
        """A relying party."""
        self.op.context.cdb[client_id] = {
            "client_secret": SECRET,
            "redirect_uris": [(redirect_uri, None)],
            "response_types_supported": ["code"],
            "allowed_scopes": ["openid", "profile", "email"],
            **more,
        }
        self.op.keyjar.add_symmetric(client_id, SECRET)

    def sits_there(self, user: str, **claims: Any) -> None:
        """From here on this user is signed in at the provider, with these claims."""
        self.op.context.userinfo.db[user] = {"sub": user, **claims}
        for method in self.op.context.authn_broker.db.values():
            method["method"].user = user

    def answer(
        self, path: str, said: dict[str, str], headers: dict[str, str], url: str
    ) -> tuple[int, dict[str, str], Any]:
        """Status, headers and body of one request."""
        if path == "/jwks":
            return 200, {}, self.op.keyjar.export_jwks()
        name = {
            "/.well-known/openid-configuration": "provider_config",
            "/authorization": "authorization",
            "/token": "token",
        }.get(path)
        if name is None:
            return 404, {}, {}
        endpoint = self.op.get_endpoint(name)
        request = endpoint.parse_request(
            said, http_info={"headers": headers, "method": "POST", "url": url, "cookie": []}
        )
        if isinstance(request, ResponseMessage) and "error" in request:
            return 400, {}, request.to_dict()
        if name == "token":
            request = AccessTokenRequest(**request)
        done = endpoint.process_request(request)
        told = endpoint.do_response(request=request, **done)
        if told.get("response_placement", endpoint.response_placement) == "url":
            return 302, {"Location": told["response"]}, {}
        return 400 if "error" in done else 200, {}, json.loads(told["response"])


class _Handler(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        self._serve(dict(parse_qsl(urlsplit(self.path).query)))

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        self._serve(dict(parse_qsl(self.rfile.read(length).decode())))

    def _serve(self, said: dict[str, str]) -> None:
        path = urlsplit(self.path).path
        self.server.asked.append((path, said))
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, more, body = (503, {}, {}) if self.server.down else self.server.answer(path, said, headers, self.path)
        if path in self.server.alter:
            body = self.server.alter[path](body)
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(content)), **more}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@contextmanager
def running() -> Iterator[Provider]:
    """A provider that serves until the block ends."""
    provider = Provider()
    thread = threading.Thread(target=provider.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        provider.shutdown()
        provider.server_close()
        thread.join(5)
