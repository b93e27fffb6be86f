"""閲覧記録: who looked at a patient's records or was refused, in codes and in a plain sentence."""

from datetime import datetime
from typing import Any
from uuid import UUID

from renkei.access.audit import Asked
from renkei.access.gate import authorize
from renkei.database import Row, Transaction
from renkei.schemas.ledger import event_told
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
    return {**event_told(row), "text": sentence(row)}
