"""権限表: what each profession may read and write; every edit is a version, and can be tried before it is made."""

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import product
from typing import Any
from uuid import UUID

from renkei.access.actor import Actor
from renkei.access.audit import Asked
from renkei.access.gate import authorize_ledger, authorize_service, show_ledger
from renkei.access.policy import PermissionTable, Rights
from renkei.catalogue import load_catalogue
from renkei.database import Row, Transaction
from renkei.errors import Fault, Invalid, NotFound, PreconditionFailed
from renkei.schemas.answers import rfc3339
from renkei.schemas.paging import Page, decode_cursor, page_of
from renkei.schemas.permission_tables import COLUMN_NAMES, DifferenceQuery, PermissionTableIn
from renkei.store import permission_tables, rights_in_use
from renkei.store.rights_in_use import Touch
from renkei.vocabulary import ActorKind, Group, Permission, Profession

Stored = Mapping[str, Mapping[str, str]]


async def read_permission_table(tx: Transaction, asked: Asked, version: int | None = None) -> dict[str, Any]:
    """The table in force, or as it stood in a version. For every client: it explains what each is refused."""
    await authorize_service(tx, asked, Permission.permission_table_read)
    if version is None:
        return _shown(await permission_tables.load_newest(tx))
    found = await permission_tables.load_versions(tx, version)
    if version not in found:
        raise NotFound
    return _shown(found[version])


async def list_permission_tables(tx: Transaction, asked: Asked, query: Page) -> dict[str, Any]:
    """All versions, newest first, without their rows."""
    await authorize_service(tx, asked, Permission.permission_table_read)
    last = decode_cursor(query.after, int)
    rows = await permission_tables.load_page(tx, last[0] if last else None, query.limit)
    return page_of(rows, query.limit, _heading, lambda row: (row.version,))


async def compare_permission_tables(tx: Transaction, asked: Asked, query: DifferenceQuery) -> dict[str, Any]:
    """What differs between two versions, cell by cell."""
    await authorize_service(tx, asked, Permission.permission_table_read)
    to = query.to or (await permission_tables.load_newest(tx)).version
    found = await permission_tables.load_versions(tx, query.from_, to)
    if unknown := [f"?{name}" for name, version in (("from", query.from_), ("to", to)) if version not in found]:
        raise Invalid([Fault(pointer, None, "unknown") for pointer in unknown])
    changes = _changes(found[query.from_].rights, found[to].rights)
    return {"from": query.from_, "to": to, "changes": changes}


async def edit_permission_table(
    tx: Transaction, asked: Asked, table: PermissionTableIn, if_match: str | None
) -> dict[str, Any]:
    """Put a new version in force, with this transaction's commit. The same table again is no new version.

    Raises PreconditionFailed unless if_match names the version that holds: nobody overwrites what they have not read.
    """
    await authorize_service(tx, asked, Permission.permission_table_edit)
    newest, rights = await permission_tables.load_newest(tx), table.rights()
    if if_match != etag(newest.version):
        raise PreconditionFailed(etag(newest.version))
    changes = _changes(newest.rights, rights)
    version = newest.version + bool(changes)
    event = asked.served(tx, {"version": version, "changes": changes, "comment": table.comment})
    if changes and not await permission_tables.insert_version(
        tx, version, rights, table.comment, asked.actor.client_id, event
    ):
        raise PreconditionFailed(etag((await permission_tables.load_newest(tx)).version))
    return _shown(await permission_tables.load_newest(tx))


async def preview_permission_table(tx: Transaction, asked: Asked, table: PermissionTableIn) -> dict[str, Any]:
    """Whom a change would touch: professions that systems may assert for an office or its staff have, and what they did
    with it of late."""
    grant = await authorize_ledger(tx, asked, Permission.permission_table_preview)
    newest, rights = await permission_tables.load_newest(tx), table.rights()
    changes = _changes(newest.rights, rights)
    before, after = _table(newest.rights), _table(rights)
    changed = _Changed(before, after)
    touches = _touches(await rights_in_use.load_delegations(tx, grant), changed)
    _touch_posts(touches, await rights_in_use.load_posts(tx, grant), changed)
    used = await rights_in_use.load_use(tx, grant, list(touches.values()))
    show_ledger(tx, grant, [], {"version": newest.version, "changes": changes})
    shown = [_touch(touch, *used.get(whose, (0, 0))) for whose, touch in touches.items()]
    shown.sort(key=lambda one: (-one["patients"], -one["users"]))
    return {"changes": changes, "in_use": any(one["patients"] for one in shown), "touches": shown}


def etag(version: int) -> str:
    """The ETag of a version, strong: a version never changes."""
    return f'"{version}"'


Touches = dict[tuple[UUID, Profession], Touch]


class _Changed:
    """In which groups reading, and writing, changes, by the very functions that decide; worked out once, as many offices have the
    same professions."""

    def __init__(self, before: PermissionTable, after: PermissionTable) -> None:
        self.of = cache(lambda profession: _differing(before.of(profession), after.of(profession)))
        self.of_system = cache(
            lambda delegated: _differing(before.rights(_system(delegated)), after.rights(_system(delegated)))
        )


def _system(delegated: tuple[Profession, ...]) -> Actor:
    return Actor(ActorKind.client, UUID(int=0), None, delegated)


def _touches(delegations: Sequence[Row], changed: _Changed) -> Touches:
    """What each office's professions gain or lose.

    Where a system acts as itself its rights are the union of those delegated to it, so they may change with any of them.
    """
    touches: Touches = {}
    for row in delegations:
        delegated = tuple(map(Profession, row.professions))
        found = {p: changed.of(p) for p in delegated}
        found[Profession.system] = changed.of_system(delegated)
        for profession, (reads, writes) in found.items():
            if not reads and not writes:
                continue
            touch = _touch_of(touches, row, profession)
            touch.clients.add(row.client_id)
            touch.reads |= reads
            touch.writes |= writes
    return touches


def _touch_posts(touches: Touches, posts: Sequence[Row], changed: _Changed) -> None:
    """The same of members, who have their profession's rights by their post."""
    for row in posts:
        if row.profession is None:
            continue
        reads, writes = changed.of(Profession(row.profession))
        if reads or writes:
            touch = _touch_of(touches, row, Profession(row.profession))
            touch.members += 1
            touch.reads |= reads
            touch.writes |= writes


def _touch_of(touches: Touches, row: Row, profession: Profession) -> Touch:
    new = Touch(row.organization_id, row.organization_name, profession)
    return touches.setdefault((row.organization_id, profession), new)


def _differing(old: Rights, new: Rights) -> tuple[set[Group], set[Group]]:
    """The groups in which reading, and in which writing changes; restricted items are a matter of reading theirs."""
    reads = {group for group, _ in old.read ^ new.read}
    if old.restricted != new.restricted:
        catalogue = load_catalogue()
        reads |= {catalogue.items[code].group for code in catalogue.restricted} & {group for group, _ in new.read}
    return reads, {group for group, _ in old.write ^ new.write}


def _touch(touch: Touch, users: int, patients: int) -> dict[str, Any]:
    return {
        "organization": {"id": str(touch.organization_id), "name": touch.organization_name},
        "profession": touch.profession.value,
        "clients": len(touch.clients),
        "members": touch.members,
        "users": users,
        "patients": patients,
        "groups": [group.value for group in Group if group in touch.reads | touch.writes],
    }


def _table(rights: Stored) -> PermissionTable:
    return PermissionTable(0, {Profession(profession): columns for profession, columns in rights.items()})


def _changes(before: Stored, after: Stored) -> list[dict[str, str]]:
    """The cells that differ. A version older than a profession gives it nothing."""
    cells = (
        (p, c, before.get(p, {}).get(c, ""), after.get(p, {}).get(c, "")) for p, c in product(Profession, COLUMN_NAMES)
    )
    return [
        {"profession": profession.value, "column": column, "before": old, "after": new}
        for profession, column, old, new in cells
        if old != new
    ]


def _heading(row: Row) -> dict[str, Any]:
    by = {"id": str(row.recorded_by), "name": row.recorded_by_name} if row.recorded_by else None
    return {"version": row.version, "recorded_at": rfc3339(row.recorded_at), "recorded_by": by, "comment": row.comment}


def _shown(row: Row) -> dict[str, Any]:
    # JSON objects keep no order in the database.
    rows = {p.value: {c: row.rights[p].get(c, "") for c in COLUMN_NAMES} for p in Profession if p in row.rights}
    return {**_heading(row), "rows": rows}
