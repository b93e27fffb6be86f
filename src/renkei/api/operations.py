"""/healthz, /readyz, /metrics: for those who run the server. No patient data, no token of the usual kind."""

import hmac
import os
from ipaddress import ip_address

from fastapi import APIRouter, Request, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from renkei.access.reach import table_version
from renkei.access.service import Service
from renkei.api.door import answer
from renkei.database import transaction
from renkei.errors import NotFound, Unavailable
from renkei.store.subscriptions import depth
from renkei.store.time_stamps import waiting_seconds

router = APIRouter(include_in_schema=False)

REQUESTS = Counter("renkei_requests", "Requests answered", ["action", "status"])
SECONDS = Histogram(
    "renkei_request_seconds",
    "Time to answer",
    ["action"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)


@router.get("/healthz")
async def healthz() -> Response:
    """The process answers."""
    return answer({"status": "ok"})


@router.get("/readyz")
async def readyz(request: Request) -> Response:
    """The database answers and has been migrated; 503 otherwise."""
    service: Service = request.app.state.service
    async with transaction(service.engine) as tx:
        await table_version(tx)
    return answer({"status": "ready"})


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """Prometheus text; from loopback, or with the token of RENKEI_METRICS_TOKEN."""
    service: Service = request.app.state.service
    token = service.settings.metrics_token
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    allowed = (
        _loopback(request) if token is None else hmac.compare_digest(given.encode(), token.get_secret_value().encode())
    )
    if not allowed:
        raise NotFound
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library has no types here
    text = generate_latest(registry) + generate_latest(await _queues(service))
    return Response(text, media_type=CONTENT_TYPE_LATEST)


async def _queues(service: Service) -> CollectorRegistry:
    """What waits in the database, the same whichever process is asked; nothing while it is away."""
    registry = CollectorRegistry()
    try:
        async with transaction(service.engine) as tx:
            found = await depth(tx)
            unstamped = await waiting_seconds(tx) if service.settings.tsa_url else None
    except Unavailable:
        return registry
    for name, told, value in (
        ("renkei_deliveries_waiting", "Webhooks that wait, counted up to 100,000", found.waiting),
        ("renkei_deliveries_overdue_seconds", "How long the webhook most overdue is overdue", found.oldest_seconds),
        ("renkei_subscriptions_off", "Subscriptions switched off", found.off),
    ):
        Gauge(name, told, registry=registry).set(value)
    if unstamped is not None:
        told = "How long the oldest seal waits that no time stamp covers"
        Gauge("renkei_seals_unstamped_seconds", told, registry=registry).set(unstamped)
    return registry


def _loopback(request: Request) -> bool:
    # Behind a proxy on the same machine everybody comes from loopback; the header a proxy adds tells them apart.
    if request.client is None or "x-forwarded-for" in request.headers or "forwarded" in request.headers:
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False
