"""ケアチーム: who cares for the patient now, with which part; and who asks to be let in."""

from typing import Any
from uuid import UUID

from renkei.access.audit import Asked
from renkei.access.gate import authorize
from renkei.database import Row, Transaction
from renkei.errors import NotFound
from renkei.schemas.answers import rfc3339
from renkei.schemas.care_teams import PlaceIn
from renkei.store import care_teams, changes, organizations
from renkei.vocabulary import Permission


async def place_care_team(
    tx: Transaction, asked: Asked, patient_id: UUID, organization_id: UUID, place: PlaceIn
) -> tuple[int, dict[str, Any]]:
    """Give an organization a place, in place of the one it may have. The same again: 200 and nothing new."""
    grant = await authorize(tx, asked, Permission.care_team_place, patient_id)
    if organization_id not in await organizations.load_some(tx, [organization_id], standing=True):
        raise NotFound
    given, first = await care_teams.give_place(tx, grant, organization_id, place)
    for there in given:
        changes.announce(tx, there)
    rows = await care_teams.load_places(tx, grant)
    row = next(row for row in rows if row.organization_id == organization_id)
    return (201 if first else 200), _shown(row)


async def read_care_team(tx: Transaction, asked: Asked, patient_id: UUID) -> dict[str, Any]:
    """Every period of every organization, newest first; ``current`` marks those in force. And requests to join."""
    grant = await authorize(tx, asked, Permission.care_team_read, patient_id)
    rows = await care_teams.load_places(tx, grant)
    requests = await care_teams.load_requests(tx, grant)
    waiting = [
        {"id": str(r.id), "organization": _organization(r), "part": r.part, "requested_at": rfc3339(r.requested_at)}
        for r in requests
    ]
    return {"items": [_shown(row) for row in rows], "next": None, "requests": waiting}


async def end_care_team(tx: Transaction, asked: Asked, patient_id: UUID, organization_id: UUID) -> None:
    """End an organization's place, effective at once."""
    grant = await authorize(tx, asked, Permission.care_team_end, patient_id)
    newest = await care_teams.newest_places(tx, grant, organization_id)
    if not newest:
        raise NotFound
    for place in newest:
        if not place.ended:
            care_teams.end_place(tx, grant, organization_id, place)
            changes.announce(tx, grant.under(place.patient_id))


def _shown(row: Row) -> dict[str, Any]:
    until = row.valid_until.isoformat() if row.valid_until else None
    shown = {
        "id": str(row.id),
        "organization": _organization(row),
        "part": row.part,
        "valid_from": row.valid_from.isoformat(),
        "valid_until": until,
        "recorded_at": rfc3339(row.recorded_at),
        "current": row.replaced_at is None and not row.ended and row.in_period,
    }
    if row.ended:
        shown["ended_at"] = rfc3339(row.recorded_at)
    if row.replaced_at is not None:
        shown["replaced_at"] = rfc3339(row.replaced_at)
    return shown


def _organization(row: Row) -> dict[str, str]:
    return {"id": str(row.organization_id), "code": row.code, "name": row.name, "kind": row.kind}
