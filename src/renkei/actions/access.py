"""Who can see what (閲覧できる者), who looked (閲覧記録), and who I am here."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from renkei.access import reach
from renkei.access.actor import Actor, Organization
from renkei.access.audit import Asked
from renkei.access.gate import authorize, permission_table
from renkei.access.policy import PermissionTable, Tie, view
from renkei.catalogue import load_catalogue
from renkei.database import Row, Transaction
from renkei.schemas.answers import rfc3339
from renkei.schemas.paging import Page, decode_cursor, page_of
from renkei.store import ledger, organizations
from renkei.vocabulary import Basis, Group, Permission, Profession, Tier


async def read_access(tx: Transaction, asked: Asked, patient_id: UUID) -> dict[str, Any]:
    """For every organization with a tie, profession by profession: what it may read and write now, and on what basis.

    Made by the very function that decides when one of them asks.
    """
    await authorize(tx, asked, Permission.access_read, patient_id)
    ids = await reach.tied_organizations(tx, patient_id)
    found, version = await reach.ties(tx, [(patient_id, id_) for id_ in ids])
    named = await organizations.load_some(tx, ids)
    table = await permission_table(tx, version or await reach.table_version(tx))
    entries = [_entry(table, tie, named[tie.organization_id]) for tie in found if _bases(tie)]
    return {"patient_id": str(patient_id), "permission_table": table.version, "items": entries}


def _bases(tie: Tie) -> set[Basis]:
    return {basis for profession in Profession for basis in tie.bases(profession)}


def _entry(table: PermissionTable, tie: Tie, organization: Organization) -> dict[str, Any]:
    return {
        "organization": {**organization.reference, "code": organization.code, "kind": organization.kind.value},
        "basis": sorted(_bases(tie)),
        **({"part": tie.part.value} if tie.part and tie.in_team else {}),
        "professions": [row for p in Profession if p is not Profession.system and (row := _row(table, tie, p))],
    }


def _row(table: PermissionTable, tie: Tie, profession: Profession) -> dict[str, Any] | None:
    """What one profession of an organization sees of others' statements, of its own, and may write; None: nothing."""
    rights = table.of(profession)
    seen = view(rights, tie, profession, load_catalogue())
    if not tie.bases(profession) or not (seen.shared or seen.own or rights.write):
        return None
    writes = rights.write if tie.in_team or tie.requested else frozenset()
    return {
        "profession": profession.value,
        "read": _ordered(seen.shared),
        "read_own": _ordered(seen.own),
        "write": _ordered(f"{group}.{tier}" for group, tier in writes),
        "withheld": seen.withheld_in(tuple(Group)),
    }


def _ordered(parts: Iterable[str]) -> list[str]:
    order = {f"{group}.{tier}": place for place, (group, tier) in enumerate((g, t) for g in Group for t in Tier)}
    return sorted(parts, key=lambda part: (order.get(part, len(order)), part))


async def read_access_log(tx: Transaction, asked: Asked, patient_id: UUID, query: Page) -> dict[str, Any]:
    """Who looked or was refused, newest first: of which office and profession, when, at what, on what ground."""
    grant = await authorize(tx, asked, Permission.access_log_read, patient_id)
    rows = await ledger.load_events(tx, grant, decode_cursor(query.after, datetime.fromisoformat, UUID), query.limit)
    return page_of(rows, query.limit, _event, lambda row: (row.at, row.id))


def _event(row: Row) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "at": rfc3339(row.at),
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


async def read_me(tx: Transaction, actor: Actor) -> dict[str, Any]:
    """Who I am here: organization, user, profession, and what the permission table gives me."""
    table = await permission_table(tx, await reach.table_version(tx))
    rights, organization = table.rights(actor), actor.organization
    return {
        "kind": actor.kind.value,
        "client_id": str(actor.client_id),
        "organization": {**organization.reference, "code": organization.code, "kind": organization.kind.value}
        if organization
        else None,
        "user": {"id": actor.user_id, "name": actor.user_name} if actor.user_id else None,
        "profession": actor.profession,
        "professions": [p.value for p in actor.professions],
        "rights": {
            "permission_table": table.version,
            "read": _ordered(f"{group}.{tier}" for group, tier in rights.read),
            "write": _ordered(f"{group}.{tier}" for group, tier in rights.write),
            "restricted": rights.restricted,
        },
    }
