"""廃止・休止する事業所からの引継ぎ: another organization takes its places in the care teams."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from renkei.access import reach
from renkei.access.audit import Asked
from renkei.access.gate import Grant, authorize_office_page, authorize_service
from renkei.database import Transaction
from renkei.errors import Conflict, Fault, Invalid, NotFound
from renkei.schemas.administration import HandoverIn
from renkei.store import changes, handovers, organizations
from renkei.vocabulary import Permission

AT_ONCE = 100
"""Patients per round. A policy compares each row with the list of those opened: more at once take longer for each."""
LISTED_AT_ONCE = 10_000


async def hand_over_care_team(
    tx: Transaction, asked: Asked, organization_id: UUID, handover: HandoverIn
) -> dict[str, Any]:
    """Every place it holds today ends, and the successor has the same part from today; its records stay its own.

    ``named_in_consents``: what does not pass on, as it names the old one; somebody must ask the patient.
    """
    await authorize_service(tx, asked, Permission.care_team_hand_over)
    await _require_both(tx, organization_id, handover.to)
    asked.served(tx, {"organization_id": str(organization_id), **handover.model_dump(mode="json")})
    ids = await _patients(tx, organization_id, handover)
    handed_over, named = list[str](), list[dict[str, str]]()
    for begin in range(0, len(ids), AT_ONCE):
        grants = await _concerned(tx, asked, organization_id, ids[begin : begin + AT_ONCE])
        if not grants:
            continue
        for grant in await handovers.hand_over(tx, grants, organization_id, handover.to):
            changes.announce(tx, grant)
            handed_over.append(str(grant.patient_id))
        for row in await handovers.load_naming(tx, grants, organization_id):
            named.append({"patient_id": str(row.patient_id), "consent_id": str(row.id)})
    return {"handed_over": handed_over, "named_in_consents": named}


async def _require_both(tx: Transaction, closing: UUID, successor: UUID) -> None:
    known = await organizations.load_some(tx, [closing, successor])
    if closing not in known:
        raise NotFound
    if successor not in known:
        raise Invalid([Fault("/to", None, "unknown")])
    if successor == closing:
        raise Conflict("same_organization", SAME_ORGANIZATION)
    if successor not in await organizations.load_some(tx, [successor], standing=True):
        raise Conflict("organization_suspended", ORGANIZATION_SUSPENDED)


async def _patients(tx: Transaction, organization_id: UUID, handover: HandoverIn) -> list[UUID]:
    """Those it may be tied to, or of these the ones asked for. Listed before any is opened, as the policies then cost least."""
    ids, before = list[UUID](), None
    while some := await reach.candidates(tx, organization_id, before, LISTED_AT_ONCE):
        ids, before = ids + some, some[-1]
    if handover.patients is None:
        return ids
    known = set(ids)
    if unknown := [place for place, id_ in enumerate(handover.patients) if id_ not in known]:
        raise Invalid([Fault(f"/patients/{place}", None, "unknown") for place in unknown])
    return handover.patients


async def _concerned(tx: Transaction, asked: Asked, organization_id: UUID, ids: Sequence[UUID]) -> list[Grant]:
    """Those of these patients where it has a place today, or is named in a consent in force."""
    ties, _ = await reach.ties(tx, [(id_, organization_id) for id_ in ids])
    concerned = [
        tie.patient_id for tie in ties if tie.in_team or any(c.named and not c.withdrawn for c in tie.consents)
    ]
    return authorize_office_page(tx, asked, Permission.care_team_hand_over, concerned)


SAME_ORGANIZATION = ("引継ぎ先が同じ事業所です", "An organization cannot hand over to itself")
ORGANIZATION_SUSPENDED = ("引継ぎ先の事業所は利用停止中です", "The organization to hand over to is suspended")
