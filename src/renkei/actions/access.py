"""Who can see what (閲覧できる者), and who I am here."""

from typing import Any
from uuid import UUID

from renkei.access import reach
from renkei.access.actor import Actor, Organization
from renkei.access.audit import Asked
from renkei.access.gate import authorize
from renkei.access.policy import Tie
from renkei.access.scopes import scope_text
from renkei.access.sight import READERS, Sight, in_order, sight
from renkei.database import Transaction
from renkei.store import organizations
from renkei.vocabulary import Group, Permission, Profession


async def read_access(tx: Transaction, asked: Asked, patient_id: UUID) -> dict[str, Any]:
    """For every organization with a tie, profession by profession: what it may read and write now, and on what basis.

    Made by the very functions that decide when one of them asks.
    """
    grant = await authorize(tx, asked, Permission.access_read, patient_id)
    found = await sight(tx, grant)
    named = await organizations.load_some(tx, list(found.ties))
    entries = [_entry(found, named[id_]) for id_ in found.ties]
    return {"patient_id": str(patient_id), "permission_table": found.table.version, "items": entries}


def _entry(found: Sight, organization: Organization) -> dict[str, Any]:
    tie = found.ties[organization.id]
    return {
        "organization": organization.as_json(),
        "basis": sorted(found.bases(organization.id)),
        **({"part": tie.part.value} if tie.part and tie.in_team else {}),
        "professions": [row for p in READERS if (row := _row(found, tie, p))],
    }


def _row(found: Sight, tie: Tie, profession: Profession) -> dict[str, Any] | None:
    """What one profession of an organization sees of others' statements, of its own, and may write; None: nothing."""
    rights, seen = found.table.of(profession), found.seen(tie.organization_id, profession)
    if seen is None or not (seen.shared or seen.own or rights.write):
        return None
    writes = rights.write if tie.in_team or tie.requested else frozenset()
    return {
        "profession": profession.value,
        "read": in_order(seen.shared),
        "read_own": in_order(seen.own),
        "write": in_order(f"{group}.{tier}" for group, tier in writes),
        "withheld": seen.withheld_in(tuple(Group)),
    }


async def read_me(tx: Transaction, actor: Actor) -> dict[str, Any]:
    """Who I am here: organization, user, profession, and what the permission table gives me."""
    table = await reach.permission_table(tx, await reach.table_version(tx))
    rights, organization = table.rights(actor), actor.organization
    return {
        "kind": actor.kind.value,
        "client_id": str(actor.client_id) if actor.client_id else None,
        "organization": organization.as_json() if organization else None,
        "user": {"id": actor.user_id, "name": actor.user_name} if actor.user_id else None,
        "profession": actor.profession,
        "professions": [p.value for p in actor.professions],
        **({} if actor.scopes is None else {"scopes": scope_text(actor.scopes).split()}),
        "rights": {
            "permission_table": table.version,
            "read": in_order(f"{group}.{tier}" for group, tier in rights.read),
            "write": in_order(f"{group}.{tier}" for group, tier in rights.write),
            "restricted": rights.restricted,
        },
    }
