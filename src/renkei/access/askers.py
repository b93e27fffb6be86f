"""Who asked for long work, kept with it, and whether they still may act (再確認): asked again at every batch.

A job works with the rights of who asked, as they are at each row: the gate decides those. Here is what comes before the
gate: that the system, its key and its delegation, or the member's post, and the organization still stand.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from renkei.access.actor import Actor, Organization
from renkei.access.identity import DELEGATION, on_behalf
from renkei.access.refusals import Refused
from renkei.access.scopes import scope_text
from renkei.access.standing import POST_STANDS
from renkei.database import Transaction
from renkei.vocabulary import ActorKind, OrganizationKind, Profession, Scope

PROOF = "SELECT proof FROM clients WHERE id = %s"
# Not the session: long work goes on when its browser is closed.
POST = f"""
SELECT m.profession, o.id, o.code, o.name, o.kind FROM members m JOIN organizations o ON o.id = m.organization_id
WHERE m.id = %s AND m.account_id = %s AND m.office = 'ordinary' AND {POST_STANDS}
"""  # noqa: S608 - composed of literals of ours; what a request says is a parameter

IDENTIFYING = ("client_id", "member_id", "organization", "user_id", "profession")


class NoLonger(Exception):
    """Who asked may not act here any more."""


async def kept_actor(tx: Transaction, actor: Actor) -> dict[str, Any]:
    """What is kept of who asks: what a token would say of them, or which post is theirs, and nothing secret."""
    said = _named(actor)
    if actor.client_id is not None:
        row = await tx.row(PROOF, [actor.client_id])
        said["proof"] = row.proof if row else None
    if actor.scopes is not None:
        said["scope"] = scope_text(actor.scopes)
    return {name: value for name, value in said.items() if value is not None}


async def still_standing(tx: Transaction, kept: Mapping[str, Any]) -> Actor:
    """The actor, as a token of theirs or their session would name them now. Raises NoLonger."""
    if "member_id" in kept:
        return await _member(tx, kept)
    client = UUID(kept["client_id"])
    asked = {"client": client, "proof": kept.get("proof"), "organization": kept.get("organization")}
    row = await tx.row(DELEGATION, asked)
    if row is None:
        raise NoLonger
    scopes = frozenset(Scope(one) for one in kept["scope"].split(" ")) if "scope" in kept else None
    try:
        return on_behalf(client, row, kept, scopes)
    except Refused as error:
        raise NoLonger from error


async def _member(tx: Transaction, kept: Mapping[str, Any]) -> Actor:
    row = await tx.row(POST, [UUID(kept["member_id"]), UUID(kept["user_id"])])
    if row is None or row.profession != kept["profession"]:
        raise NoLonger
    organization = Organization(row.id, row.code, row.name, OrganizationKind(row.kind))
    professions = (Profession(row.profession),)
    return Actor(ActorKind.member, None, organization, professions, kept["user_id"], kept["user_name"])


def same_actor(kept: Mapping[str, Any], actor: Actor) -> bool:
    """Whether it was this very actor: the same system or post, for the same organization, in the name of the same user."""
    return {name: kept[name] for name in IDENTIFYING if name in kept} == asker(actor)


def asker(actor: Actor) -> dict[str, Any]:
    """By what of a kept actor it is known that it was this very one."""
    return {name: value for name, value in _named(actor).items() if name in IDENTIFYING and value is not None}


def _named(actor: Actor) -> dict[str, Any]:
    member = actor.signed_in.member_id if actor.signed_in else None
    return {
        "client_id": str(actor.client_id) if actor.client_id else None,
        "member_id": str(member) if member else None,
        "organization": str(actor.organization.id) if actor.organization else None,
        "user_id": actor.user_id,
        "user_name": actor.user_name,
        "profession": str(actor.professions[0]) if actor.user_id and actor.professions else None,
    }
