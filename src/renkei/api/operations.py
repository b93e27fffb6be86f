"""/healthz, /readyz, /metrics: for those who run the server. No patient data, no token of the usual kind."""

import hmac
import os
from ipaddress import ip_address

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from renkei.access.reach import table_version
from renkei.access.service import Service
from renkei.api.door import answer
from renkei.database import transaction
from renkei.errors import NotFound

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
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


def _loopback(request: Request) -> bool:
    # Behind a proxy on the same machine everybody comes from loopback; the header a proxy adds tells them apart.
    if request.client is None or "x-forwarded-for" in request.headers or "forwarded" in request.headers:
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False
