"""閲覧記録: who looked at a patient's records or was refused, in codes and in a plain sentence."""

from datetime import datetime
from typing import Any
from uuid import UUID

from renkei.access.audit import Asked
from renkei.access.gate import authorize
from renkei.database import Row, Transaction
from renkei.schemas.answers import rfc3339
from renkei.schemas.paging import Page, decode_cursor, page_of
from renkei.schemas.wording import sentence
from renkei.store import ledger
from renkei.vocabulary import Permission


async def read_access_log(tx: Transaction, asked: Asked, patient_id: UUID, query: Page) -> dict[str, Any]:
    """Who looked or was refused, newest first: of which office and profession, when, at what, on what ground."""
    grant = await authorize(tx, asked, Permission.access_log_read, patient_id)
    rows = await ledger.load_events(tx, grant, decode_cursor(query.after, datetime.fromisoformat, UUID), query.limit)
    return page_of(rows, query.limit, _event, lambda row: (row.at, row.id))


def _event(row: Row) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "at": rfc3339(row.at),
        "text": sentence(row),
        "request_id": str(row.request_id),
        "action": row.action,
        "outcome": row.outcome,
        "reason": row.reason,
        "actor": row.actor_kind,
        "organization": {"id": str(row.organization_id), "name": row.organization_name}
        if row.organization_id
        else None,
        "user": {"id": row.user_id, "name": row.user_name} if row.user_id else None,
        "profession": row.profession,
        "basis": row.basis,
        "groups": row.groups,
        "record_id": str(row.record_id) if row.record_id else None,
    }
