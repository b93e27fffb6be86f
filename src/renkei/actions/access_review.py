"""棚卸: rights that nobody has used since a day, each with what would end it."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date, timedelta
from itertools import product
from typing import Any
from uuid import UUID

from renkei.access.audit import Asked
from renkei.access.gate import LedgerGrant, authorize_ledger, show_ledger
from renkei.database import Row, Transaction
from renkei.errors import Fault, Invalid
from renkei.ids import now
from renkei.schemas.access_reviews import Kind, ReviewQuery
from renkei.schemas.answers import rfc3339
from renkei.schemas.dates import tokyo_day
from renkei.schemas.paging import decode_cursor, page_of
from renkei.store import permission_tables, rights_in_use
from renkei.vocabulary import Group, Permission, Profession, Tier

A_YEAR = timedelta(days=365)
List = Callable[[Transaction, LedgerGrant, date, ReviewQuery], Awaitable[dict[str, Any]]]


async def read_access_review(tx: Transaction, asked: Asked, query: ReviewQuery) -> dict[str, Any]:
    """One page of one kind of right: those that stood on that day, stand now, and have not been used in between.

    An administrator of an organization sees its own part. One audit event for each patient shown.
    """
    today = tokyo_day(now())
    since = query.since or today - A_YEAR
    if since > today:
        raise Invalid([Fault("?since", None, "future")])
    grant = await authorize_ledger(tx, asked, Permission.access_review_read)
    found = await _LISTS[query.kind](tx, grant, since, query)
    patients = [UUID(item["patient_id"]) for item in found["items"] if "patient_id" in item]
    show_ledger(tx, grant, patients, {"kind": query.kind, "since": since.isoformat()})
    return {"kind": query.kind, "since": since.isoformat(), **found}


async def _delegations(tx: Transaction, grant: LedgerGrant, since: date, query: ReviewQuery) -> dict[str, Any]:
    """Who takes part is some hundred rows: read whole, then cut."""
    after = decode_cursor(query.after, UUID)
    used = await rights_in_use.load_used_delegations(tx, grant, since)
    acting = {one[:2] for one in used}
    unused = [
        (row, professions, (row.client_id, row.organization_id) not in acting)
        for row in await rights_in_use.load_delegations(tx, grant)
        if row.valid_from <= since and (after is None or row.id < after[0])
        if (professions := [p for p in row.professions if (row.client_id, row.organization_id, p) not in used])
    ]
    return page_of(unused, query.limit, lambda one: _delegation(*one), lambda one: (one[0].id,))


async def _posts(tx: Transaction, grant: LedgerGrant, since: date, query: ReviewQuery) -> dict[str, Any]:
    """Of one organization some dozen rows, of a region some thousand: read whole, then cut."""
    after = decode_cursor(query.after, UUID)
    used = await rights_in_use.load_used_posts(tx, grant, since)
    unused = [
        row
        for row in await rights_in_use.load_posts(tx, grant)
        if row.valid_from <= since and (after is None or row.id < after[0])
        if (str(row.account_id), row.organization_id, row.profession) not in used
    ]
    return page_of(unused, query.limit, _post, lambda row: (row.id,))


async def _places(tx: Transaction, grant: LedgerGrant, since: date, query: ReviewQuery) -> dict[str, Any]:
    after = decode_cursor(query.after, UUID, UUID)
    rows = await rights_in_use.load_unused_places(tx, grant, since, after, query.limit)
    return page_of(rows, query.limit, _place, lambda row: (row.patient_id, row.id))


async def _consents(tx: Transaction, grant: LedgerGrant, since: date, query: ReviewQuery) -> dict[str, Any]:
    after = decode_cursor(query.after, UUID, UUID, UUID)
    rows = await rights_in_use.load_unused_consents(tx, grant, since, after, query.limit)
    return page_of(rows, query.limit, _consent, lambda row: (row.patient_id, row.id, row.organization_id))


async def _cells(tx: Transaction, grant: LedgerGrant, since: date, query: ReviewQuery) -> dict[str, Any]:
    """The whole table is some hundred cells: read whole, then cut."""
    after = decode_cursor(query.after, int)
    begin = after[0] if after else 0
    used = await rights_in_use.load_used_cells(tx, grant, since)
    table = (await permission_tables.load_newest(tx)).rights
    cells = [
        (place, profession, group, rights)
        for place, (profession, group) in enumerate(product(Profession, Group), 1)
        if place > begin
        and (profession, group) not in used
        and any((rights := _rights(table, profession, group)).values())
    ]
    return page_of(cells, query.limit, lambda cell: _cell(*cell[1:]), lambda cell: cell[:1])


_LISTS: Mapping[Kind, List] = {
    "delegation": _delegations,
    "member": _posts,
    "place": _places,
    "consent": _consents,
    "permission": _cells,
}


def _rights(table: Mapping[str, Mapping[str, str]], profession: Profession, group: Group) -> dict[str, str]:
    return {tier.value: table.get(profession, {}).get(f"{group}_{tier}", "") for tier in Tier}


def _cell(profession: Profession, group: Group, rights: Mapping[str, str]) -> dict[str, Any]:
    to_end = {"method": "PUT", "href": "/v1/permissions"}
    return {"profession": profession.value, "group": group.value, "rights": rights, "to_end": to_end}


def _delegation(row: Row, professions: list[str], whole: bool) -> dict[str, Any]:
    """whole: not even the system itself has acted under it."""
    return {
        "delegation_id": str(row.id),
        "client": {"id": str(row.client_id), "name": row.client_name},
        "organization": _organization(row),
        "professions": professions,
        "whole": whole,
        "valid_from": row.valid_from.isoformat(),
        "to_end": {"method": "POST", "href": f"/v1/delegations/{row.id}/end"},
    }


def _post(row: Row) -> dict[str, Any]:
    """accepted: whether anybody has taken it yet."""
    return {
        "member_id": str(row.id),
        "name": row.name,
        "organization": _organization(row),
        "office": row.office,
        "profession": row.profession,
        "accepted": row.account_id is not None,
        "valid_from": row.valid_from.isoformat(),
        "to_end": {"method": "POST", "href": f"/v1/members/{row.id}/end"},
    }


def _place(row: Row) -> dict[str, Any]:
    href = f"/v1/patients/{row.patient_id}/care-team/{row.organization_id}"
    return {**_of_patient(row), "part": row.part, "to_end": {"method": "DELETE", "href": href}}


def _consent(row: Row) -> dict[str, Any]:
    href = f"/v1/patients/{row.patient_id}/consents/{row.id}/withdrawal"
    to_end = {"method": "POST", "href": href}
    return {**_of_patient(row), "consent_id": str(row.id), "about": row.about, "to_end": to_end}


def _of_patient(row: Row) -> dict[str, Any]:
    return {
        "patient_id": str(row.patient_id),
        "organization": _organization(row),
        "valid_from": row.valid_from.isoformat(),
        "last_used_at": rfc3339(row.last_used_at) if row.last_used_at else None,
    }


def _organization(row: Row) -> dict[str, str]:
    return {"id": str(row.organization_id), "name": row.organization_name}
