"""Both ledgers with their seals as lines (監査記録の書き出し): what is exported to a file and what is verified."""

from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from renkei.access.audit import Asked
from renkei.access.gate import LedgerGrant, authorize_ledger, show_ledger
from renkei.access.seals import EVENT
from renkei.access.verification import FORMAT
from renkei.database import Row, Transaction, transaction
from renkei.schemas.answers import rfc3339
from renkei.schemas.dates import TOKYO
from renkei.schemas.ledger import seal_json, time_stamp_json
from renkei.store import seals
from renkei.vocabulary import Permission

AT_ONCE = 20_000
"""Events read by one statement; memory and the statement's time stay the same however long the ledger is."""

Line = dict[str, Any]


class Days(NamedTuple):
    """Tokyo days on which seals were made, both inclusive; None: open."""

    first: date | None = None
    last: date | None = None


async def export_lines(engine: AsyncEngine, asked: Asked, days: Days) -> AsyncIterator[Line]:
    """The lines of ``access.verification``, each page read in a transaction of its own. One event is on record for it."""
    since, until = _bounds(days)
    async with transaction(engine) as tx:
        covered = await seals.begin_export(tx, await _grant(tx, asked), since, until)
    first, last = (day and day.isoformat() for day in days)
    told = {"from": first, "to": last, "first": covered.first, "last": covered.last}
    yield {"export": FORMAT, "exported_at": rfc3339(covered.at), **told}
    counts = {"seals": 0, "leaves": 0, "unsealed": 0}
    async for line in _sealed(engine, asked, covered):
        counts["leaves" if "leaf" in line else "seals"] += 1
        yield line
    if until is None:
        async for line in _unsealed(engine, asked, covered):
            counts["unsealed"] += 1
            yield line
    # Last, so that it is not among what it tells of.
    async with transaction(engine) as tx:
        show_ledger(tx, await _grant(tx, asked), [], {"export": {**told, **counts}})
    yield {"end": counts}


async def _grant(tx: Transaction, asked: Asked) -> LedgerGrant:
    return await authorize_ledger(tx, asked, Permission.audit_read)


def _bounds(days: Days) -> tuple[datetime | None, datetime | None]:
    since = datetime.combine(days.first, time(), TOKYO) if days.first else None
    until = datetime.combine(days.last + timedelta(days=1), time(), TOKYO) if days.last else None
    return since, until


async def _sealed(engine: AsyncEngine, asked: Asked, covered: seals.Range) -> AsyncIterator[Line]:
    position = covered.first - 1
    while position < covered.last:
        async with transaction(engine) as tx:
            grant = await _grant(tx, asked)
            rows = _some([row for row in await seals.load_after(tx, position, 200) if row.position <= covered.last])
            leaves = await seals.load_leaves(tx, grant, rows[0].position, rows[-1].position) if rows else []
        if not rows:
            return
        position, each = rows[-1].position, iter(leaves)
        leaf = next(each, None)
        for row in rows:
            stamp = time_stamp_json(row)
            yield {"seal": seal_json(row), **({"time_stamp": stamp} if stamp else {})}
            # Leaves of a position that has no seal are passed over: the gap among the seals tells of them.
            while leaf is not None and leaf.seal_position <= row.position:
                if leaf.seal_position == row.position:
                    yield _leaf(leaf)
                leaf = next(each, None)


def _some(rows: Sequence[Row]) -> Sequence[Row]:
    """As many of these seals as hold no more events together than are read at once; one at least."""
    total = 0
    for place, row in enumerate(rows):
        total += row.count
        if place and total > AT_ONCE:
            return rows[:place]
    return rows


def _leaf(row: Row) -> Line:
    line: Line = {"leaf": row.leaf, "digest": row.digest}
    if row.id is None:
        return {**line, "missing": [row.leaf_patient, row.leaf_event]}
    return {**line, "event": _event(row)}


def _event(row: Row) -> list[Any]:
    return [getattr(row, name) for name in EVENT]


async def _unsealed(engine: AsyncEngine, asked: Asked, covered: seals.Range) -> AsyncIterator[Line]:
    for of_patients in (True, False):
        after: tuple[Any, UUID] | None = None
        while True:
            async with transaction(engine) as tx:
                grant = await _grant(tx, asked)
                rows, after = await seals.load_unsealed(tx, grant, covered, of_patients, after, AT_ONCE)
            for row in rows:
                yield {"event": _event(row)}
            if after is None:
                break
