"""同意: recorded, listed, withdrawn."""

from datetime import datetime
from typing import Any
from uuid import UUID

from renkei.access.audit import Asked
from renkei.access.gate import authorize
from renkei.database import Row, Transaction
from renkei.errors import Conflict, Fault, Invalid, NotFound
from renkei.schemas.answers import rfc3339
from renkei.schemas.consents import ConsentIn
from renkei.schemas.paging import Page, decode_cursor, page_of
from renkei.store import changes, consents, organizations
from renkei.vocabulary import Permission


async def record_consent(tx: Transaction, asked: Asked, patient_id: UUID, consent: ConsentIn) -> dict[str, Any]:
    """Keep a consent; it decides from this moment."""
    grant = await authorize(tx, asked, Permission.consent_record, patient_id, consent.groups)
    named = consent.recipients.organizations
    known = await organizations.load_some(tx, named) if named else {}
    if unknown := [place for place, id_ in enumerate(named) if id_ not in known]:
        raise Invalid([Fault(f"/recipients/organizations/{place}", None, "unknown") for place in unknown])
    consent_id = consents.insert_consent(tx, grant, consent)
    changes.announce(tx, grant, consent_id)
    row = await consents.load_consent(tx, grant, consent_id)
    return _shown(row)


async def list_consents(tx: Transaction, asked: Asked, patient_id: UUID, query: Page) -> dict[str, Any]:
    """All consents ever recorded, newest first, with their withdrawals."""
    grant = await authorize(tx, asked, Permission.consent_read, patient_id)
    rows = await consents.load_page(tx, grant, decode_cursor(query.after, datetime.fromisoformat, UUID), query.limit)
    return page_of(rows, query.limit, _shown, lambda row: (row.recorded_at, row.id))


async def withdraw_consent(
    tx: Transaction, asked: Asked, patient_id: UUID, consent_id: UUID, reason: str
) -> tuple[int, dict[str, Any]]:
    """Withdraw a consent; effective at once. Sent again with the same reason: the first answer."""
    grant = await authorize(tx, asked, Permission.consent_withdraw, patient_id)
    row, new = await consents.withdraw_consent(tx, grant, consent_id, reason)
    if row is None:
        raise NotFound
    if new:
        changes.announce(tx, grant, consent_id)
    elif row.withdrawal_reason != reason:
        raise Conflict("already_withdrawn", ALREADY_WITHDRAWN)
    return (201 if new else 200), _shown(row)


def _shown(row: Row) -> dict[str, Any]:
    shown = {"id": str(row.id), **row.body, "recorded_at": rfc3339(row.recorded_at)}
    if row.withdrawn_at is not None:
        shown |= {"withdrawn_at": rfc3339(row.withdrawn_at), "withdrawal_reason": row.withdrawal_reason}
    return shown


ALREADY_WITHDRAWN = ("別の理由で既に撤回されています", "Already withdrawn, for another reason")
