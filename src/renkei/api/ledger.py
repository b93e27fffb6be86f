"""/v1/audit-events, /v1/audit-seals and /v1/breach-report."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from renkei.actions import ledger
from renkei.api.documents import problems
from renkei.api.door import Asking, Door, listing
from renkei.schemas.ledger import BreachQuery, EventQuery
from renkei.schemas.paging import Page
from renkei.vocabulary import Permission

router = APIRouter(prefix="/v1", tags=["audit 監査"], route_class=Door)


@router.get("/audit-events", name=Permission.audit_read, responses=problems(403, 422))
async def read_audit(call: Asking, query: Annotated[EventQuery, Query()]) -> Response:
    """監査記録。 Who did or was refused what, newest first; no content."""
    return listing(call, await ledger.read_audit(call.tx, call.asked, query))


@router.get("/audit-seals", name=Permission.audit_seal_read, responses=problems(403, 422))
async def read_audit_seals(call: Asking, query: Annotated[Page, Query()]) -> Response:
    """監査記録の封印。 The signed statements that keep the ledger as it is, newest first."""
    return listing(call, await ledger.read_audit_seals(call.tx, call.asked, query))


@router.get("/breach-report", name=Permission.breach_read, responses=problems(403, 422))
async def read_breach(call: Asking, query: Annotated[BreachQuery, Query()]) -> Response:
    """漏えいの影響範囲。 What a client, organization or account has reached, and whom to tell by when."""
    return listing(call, await ledger.read_breach(call.tx, call.asked, query))
