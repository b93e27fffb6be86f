"""名寄せ: two registrations of one person are linked, and parted again. No id is ever rewritten."""

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from renkei.access.audit import Asked
from renkei.access.gate import Grant, authorize, authorize_two
from renkei.catalogue import load_catalogue
from renkei.database import Transaction
from renkei.errors import Conflict, NotFound
from renkei.schemas.candidates import Distinction, decision, require_other
from renkei.schemas.paging import page
from renkei.store import changes, links, summaries
from renkei.vocabulary import Permission

MOST = 10
"""Ids of one person at most; more of them would be a mistake of another kind."""

Pair = frozenset[UUID]


async def link_patient(
    tx: Transaction, asked: Asked, patient_id: UUID, link: Distinction
) -> tuple[int, dict[str, Any]]:
    """Make two registrations one person, for whoever reaches both; read as one from this moment. Again: 200."""
    require_other(patient_id, link.patient_id)
    one, other = await authorize_two(tx, asked, Permission.patient_link, patient_id, link.patient_id)
    ids = sorted({*one.patient_ids, *other.patient_ids})
    await _lock(tx, one, (one.patient_ids, other.patient_ids))
    new = other.patient_id not in one.patient_ids
    if new:
        if len(ids) > MOST:
            raise Conflict("too_many_linked", TOO_MANY)
        links.insert_decision(tx, one, other, "linked", link.reason)
        await _settle(tx, one, [ids])
        changes.announce(tx, one)
        changes.announce(tx, other)
    return (201 if new else 200), {"patient_id": str(patient_id), "linked": _others(patient_id, ids)}


async def unlink_patient(
    tx: Transaction, asked: Asked, patient_id: UUID, linked_id: UUID, reason: str
) -> tuple[int, dict[str, Any]]:
    """Part two that were linked: each answers from what stands under it, as if they had never been one. Again: 200."""
    one = await authorize(tx, asked, Permission.patient_unlink, patient_id)
    await _lock(tx, one, (one.patient_ids,))
    if linked_id not in one.patient_ids[1:]:
        stands = (await links.load_decisions(tx, one)).get(linked_id)
        if stands is None or stands.verdict != "parted":
            raise NotFound
        return 200, {"patient_id": str(patient_id), "linked": _others(patient_id, one.patient_ids)}
    pairs = await links.load_pairs(tx, one)
    if (pair := frozenset({patient_id, linked_id})) not in pairs:
        raise Conflict("linked_through_another", THROUGH_ANOTHER)
    other = one.under(linked_id)
    links.insert_decision(tx, one, other, "parted", reason)
    groups = connected(one.patient_ids, pairs - {pair})
    await _settle(tx, one, groups)
    changes.announce(tx, one)
    changes.announce(tx, other)
    mine = next(group for group in groups if patient_id in group)
    return 201, {"patient_id": str(patient_id), "linked": _others(patient_id, mine)}


async def list_links(tx: Transaction, asked: Asked, patient_id: UUID) -> dict[str, Any]:
    """What makes this person's ids one: who linked them, when and why. By office also what was parted, or told apart."""
    grant = await authorize(tx, asked, Permission.link_read, patient_id)
    rows = await links.load_history(tx, grant, everything=grant.tie is None)
    return page([decision(row) for row in rows], None) | {"linked": _others(patient_id, grant.patient_ids)}


def connected(ids: Iterable[UUID], pairs: Collection[Pair]) -> list[list[UUID]]:
    """The ids, put together as the pairs have it. Pure."""
    groups = [{id_} for id_ in ids]
    for pair in pairs:
        joined = [group for group in groups if group & pair]
        groups = [group for group in groups if not group & pair] + [set().union(*joined)]
    return sorted(sorted(group) for group in groups)


async def _lock(tx: Transaction, grant: Grant, sets: Collection[Collection[UUID]]) -> None:
    """Hold the summaries of these persons; raises Conflict when somebody has linked or parted them meanwhile."""
    expected = {id_: set(ids) for ids in sets for id_ in ids}
    links.lock_all(tx, grant, list(expected))
    if await links.load_members(tx, grant, list(expected)) != expected:
        raise Conflict("linked_meanwhile", MEANWHILE)


async def _settle(tx: Transaction, grant: Grant, groups: Collection[Collection[UUID]]) -> None:
    """Keep who is one with whom, and compose each person's summary from what stands under their ids."""
    links.save_members(tx, grant, groups)
    for group in groups:
        await summaries.restate_person(tx, grant, list(group), load_catalogue())


def _others(patient_id: UUID, ids: Iterable[UUID]) -> list[str]:
    return [str(id_) for id_ in sorted(ids) if id_ != patient_id]


TOO_MANY = ("一人にまとめられる id の数を超えます", "That would be too many ids for one person")
THROUGH_ANOTHER = (
    "この二つは直接ではなく、別の id を通じて結ばれています。GET …/links にある組を解いてください",
    "These two are linked through another id: part a pair that GET …/links names",
)
MEANWHILE = (
    "ほかの人が先に結び付けたか、解きました。読み直してから送り直してください",
    "Somebody else has linked or parted them meanwhile: read again, then send again",
)
