"""緊急閲覧: reading without consent to protect life, with a reason, for hours."""

from typing import Any
from uuid import UUID

from renkei.access.audit import Asked
from renkei.access.gate import authorize, authorize_emergency
from renkei.access.refusals import not_own_record
from renkei.database import Transaction
from renkei.errors import NotFound
from renkei.schemas.answers import rfc3339
from renkei.schemas.care_teams import EmergencyIn
from renkei.store import changes, emergencies
from renkei.vocabulary import Permission


async def open_emergency_access(
    tx: Transaction, asked: Asked, patient_id: UUID, emergency: EmergencyIn
) -> dict[str, Any]:
    """Open these groups to the caller's organization, for professions that may read them; announced to the team."""
    grant = await authorize_emergency(tx, asked, patient_id)
    row = await emergencies.insert_emergency(tx, grant, emergency)
    changes.announce(tx, grant, row.id)
    times = {"opened_at": rfc3339(row.opened_at), "expires_at": rfc3339(row.expires_at)}
    return {"id": str(row.id), "reason": emergency.reason, "groups": list(emergency.groups), **times}


async def close_emergency_access(tx: Transaction, asked: Asked, patient_id: UUID, emergency_id: UUID) -> None:
    """Close one's own organization's emergency access before its time."""
    grant = await authorize(tx, asked, Permission.emergency_access_close, patient_id, ())
    row = await emergencies.load_emergency(tx, grant, emergency_id)
    if row is None:
        raise NotFound
    if row.organization_id != grant.organization_id:
        raise not_own_record()
    if row.closed_at is None:
        emergencies.close_emergency(tx, grant, emergency_id)
        changes.announce(tx, grant, emergency_id)
