"""The ledger for those who must answer for it: events (監査記録), seals (封印), and what a leak has reached (漏えい)."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from renkei.access import reach
from renkei.access.audit import Asked
from renkei.access.gate import authorize_ledger, show_ledger
from renkei.access.policy import PermissionTable
from renkei.catalogue import Catalogue, load_catalogue
from renkei.database import Row, Transaction
from renkei.errors import Fault, Invalid
from renkei.schemas.answers import rfc3339
from renkei.schemas.ledger import BreachQuery, EventQuery, Suspect, begin, deadlines, end, event_json, shown_seal_json
from renkei.schemas.paging import Page, decode_cursor, encode_cursor, page_of
from renkei.store import ledger, seals
from renkei.vocabulary import Group, Permission, Profession


async def read_audit(tx: Transaction, asked: Asked, query: EventQuery) -> dict[str, Any]:
    """Events of both ledgers, newest first; one event for each patient they tell of."""
    grant = await authorize_ledger(tx, asked, Permission.audit_read)
    acts = _acts(query)._replace(patient=query.patient, action=query.action, outcome=query.outcome)
    after = decode_cursor(query.after, datetime.fromisoformat, UUID)
    rows = await ledger.load_acts(tx, grant, acts, after, query.limit)
    shown = [row.patient_id for row in rows[: query.limit] if row.patient_id is not None]
    show_ledger(tx, grant, shown, {"asked": _told(query)})
    return page_of(rows, query.limit, event_json, lambda row: (row.at, row.id))


async def read_audit_seals(tx: Transaction, asked: Asked, query: Page) -> dict[str, Any]:
    """Seals, newest first. They tell of no patient and no organization."""
    grant = await authorize_ledger(tx, asked, Permission.audit_seal_read)
    last = decode_cursor(query.after, int)
    rows = await seals.load_page(tx, grant, last[0] if last else None, query.limit)
    show_ledger(tx, grant, [], {"seals": len(rows[: query.limit])})
    return page_of(rows, query.limit, shown_seal_json, lambda row: (row.position,))


async def read_breach(tx: Transaction, asked: Asked, query: BreachQuery) -> dict[str, Any]:
    """What these acts have reached: patient by patient, which items, and whom to tell by when (個人情報保護法 第26条)."""
    grant = await authorize_ledger(tx, asked, Permission.breach_read)
    if not any((query.client, query.organization, query.user, query.from_, query.to)):
        raise Invalid([Fault(f"?{name}", None, "required") for name in ("client", "organization", "user", "from")])
    last = decode_cursor(query.after, UUID)
    total, rows = await ledger.load_breach(tx, grant, _acts(query), last[0] if last else None, query.limit)
    kept, catalogue = rows[: query.limit], load_catalogue()
    versions = {version for row in kept for _, _, version in row.seen if version is not None}
    tables = {version: await reach.permission_table(tx, version) for version in sorted(versions)}
    show_ledger(tx, grant, [row.patient_id for row in kept], {"asked": _told(query)})
    return {
        "window": {"from": query.from_, "to": query.to},
        "counts": {"patients": total.patients, "events": total.events},
        "whom_to_tell": deadlines(total.at, query.known_on),
        "patients": [_reached(row, tables, catalogue) for row in kept],
        "next": encode_cursor(kept[-1].patient_id) if len(rows) > query.limit else None,
    }


def _acts(query: Suspect) -> ledger.Acts:
    return ledger.Acts(query.client, query.organization, query.user, begin(query.from_), end(query.to))


def _told(query: Suspect) -> dict[str, Any]:
    """What was asked for, as it goes on record."""
    return query.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"after", "limit"})


def _reached(row: Row, tables: dict[int, PermissionTable], catalogue: Catalogue) -> dict[str, Any]:
    groups = {group for _, group, _ in row.seen}
    return {
        "patient_id": str(row.patient_id),
        "first_at": rfc3339(row.first_at),
        "last_at": rfc3339(row.last_at),
        "events": row.events,
        "actions": row.actions,
        "groups": [group.value for group in Group if group in groups],
        "items": sorted(_items(row.seen, tables, catalogue)),
        "records": [str(record) for record in row.records or ()],
        "whom_to_tell": {"care_team": row.team},
    }


def _items(
    seen: Iterable[tuple[str | None, str, int | None]], tables: dict[int, PermissionTable], catalogue: Catalogue
) -> set[str]:
    """The most that may have been seen: what the permission table of the time let these professions read of the groups.

    Consent may have shown less; of a leak the law wants what *may* have leaked (漏えいのおそれ).
    """
    codes = set[str]()
    for profession, group, version in seen:
        if profession is None or version is None:
            continue
        rights = tables[version].of(Profession(profession))
        restricted = rights.restricted and profession != Profession.system
        codes |= {
            code
            for code, item in catalogue.items.items()
            if item.group == group
            and (item.group, item.tier) in rights.read
            and (restricted or code not in catalogue.restricted)
        }
    return codes
