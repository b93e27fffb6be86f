"""create_app: engine, keys, doors, the one error handler. There is no module-level app."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.middleware.cors import CORSMiddleware

from renkei.access.identity import Identity
from renkei.access.keyring import KeyRing
from renkei.access.passwords import Passwords
from renkei.access.providers import Providers
from renkei.access.service import Service
from renkei.access.sessions import Sessions
from renkei.access.vendor_keys import VendorKeys
from renkei.api import (
    access,
    access_requests,
    administration,
    attachments,
    candidates,
    care_team,
    catalogue,
    changes,
    clients,
    consent_evidence,
    consents,
    drafts,
    emergency_access,
    exports,
    imports,
    ledger,
    links,
    login_providers,
    members,
    oauth,
    operations,
    organizations,
    patients,
    permissions,
    problems,
    records,
    subscriptions,
    summary,
)
from renkei.api.documents import components
from renkei.api.feed_watch import FeedWatch
from renkei.blobs import open_blobs
from renkei.catalogue import load_catalogue
from renkei.database import SERVICE_ROLE, make_engine
from renkei.frame import Frame
from renkei.pages import account, api_docs, invitations, organization_login, passkeys, prove_again, sign_in, staff
from renkei.pages import exports as export_pages
from renkei.pages import imports as import_pages
from renkei.secret_box import SecretBox
from renkei.settings import Settings, required
from renkei.throttle import MachineStorage, Throttle

# What is asked most comes first: a path is compared with one route after the other.
ROUTERS = (
    summary,
    changes,
    drafts,  # before the records, of whose ids "drafts" is none
    records,
    patients,
    candidates,
    links,
    imports,
    exports,
    attachments,
    subscriptions,
    consent_evidence,
    consents,
    care_team,
    access_requests,
    emergency_access,
    access,
    organizations,
    clients,
    administration,
    login_providers,
    members,
    ledger,
    permissions,
    catalogue,
    oauth,
    operations,
)
PAGES = (sign_in, prove_again, passkeys, organization_login, account, invitations, staff, import_pages, export_pages)

DESCRIPTION = """在宅医療・介護の連携のための共有基盤。フェイスシートとケアレポートを受け取り、同意と権限に従って共有サマリーを返す。

A shared care-record interchange server. Get a token at `/oauth/token`, then send it as `Authorization: Bearer …`.
"""


class App(FastAPI):
    """The service, as FastAPI builds it."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, with the two documents' schemas from the catalogue; made once."""
        if self.openapi_schema is None:
            document = get_openapi(
                title=self.title, version=self.version, description=self.description, routes=self.routes
            )
            parts = document.setdefault("components", {})
            parts.setdefault("schemas", {}).update(components())
            parts["securitySchemes"] = {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "client_id / client_secret, only for /oauth/token",
                },
            }
            for path, methods in document["paths"].items():
                for operation in methods.values():
                    # A route's name is its permission's; what it does stands in its docstring.
                    operation["summary"] = operation.pop("description")
                    if path.startswith("/v1/"):
                        operation["security"] = [{"token": []}]
            self.openapi_schema = document
        return self.openapi_schema


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service. Without settings they are read from the environment, as uvicorn's workers do."""
    settings = settings or Settings()
    engine = make_engine(required(settings.database_url), SERVICE_ROLE, settings.pool_size)
    vendor_keys = VendorKeys(settings.allow_private_targets)
    issuer = settings.issuer.rstrip("/")
    identity = Identity(engine, KeyRing(settings.keys_dir), vendor_keys, issuer, settings.token_seconds)

    throttle = Throttle(settings.limits, MachineStorage(settings.limits_file, settings.workers))
    sessions, passwords = Sessions(engine, settings), Passwords()
    box = SecretBox.load(settings.box_keys_dir)
    providers = Providers(settings.allow_private_targets, identity.keyring)
    service = Service(settings, engine, identity, open_blobs(settings), sessions, passwords, box, throttle, providers)
    watch = FeedWatch(engine)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        load_catalogue()
        app.openapi()
        # What is here now stays: freezing it, and collecting rarely, keeps the collector out of requests (design §11).
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
        with watch.closed_by_signals():
            yield
        watch.close()
        passwords.close()
        await engine.dispose()

    app = App(
        title="renkei 連携",
        version="1",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        generate_unique_id_function=lambda route: route.endpoint.__name__,
    )
    app.state.service, app.state.feed_watch = service, watch
    for door in ROUTERS:
        app.include_router(door.router)
    app.include_router(api_docs.router())
    for page in PAGES:
        app.include_router(page.router)
    app.include_router(organization_login.told)
    problems.install(app)
    if settings.cors_origins:
        app.add_middleware(CORSMiddleware, **_cors(settings))
    app.add_middleware(Frame, throttle=throttle, https=issuer.startswith("https://"))
    return app


def _cors(settings: Settings) -> dict[str, Any]:
    """Pages of these origins may use the API with a token. Never with cookies: those are of our own pages alone."""
    return {
        "allow_origins": settings.cors_origins.split(","),
        "allow_methods": ["GET", "POST", "PUT", "PATCH", "DELETE"],
        "allow_headers": ["Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match"],
        "expose_headers": ["ETag", "Link", "Location", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id"],
        "allow_credentials": False,
        "max_age": 600,
    }
