"""更新情報: the feed of what happened to the patients one may know of, oldest first, from any position."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from renkei.access.audit import Asked
from renkei.access.feed import FeedReader
from renkei.access.gate import Grant, authorize_office_page, authorize_service
from renkei.database import Row, Transaction
from renkei.errors import Fault, Invalid
from renkei.schemas.changes import Change, change_shown
from renkei.store import changes
from renkei.store.changes import Stretch
from renkei.vocabulary import Permission

WALKED = 500
"""Lines looked at one by one; beyond, the database asks each patient for its next line."""
DENSE = 8
"""Where at least every so-many-th line is of use, walking on is quicker than that."""
FILTERED = 100_000
"""Lines looked through at most in one statement when only some kinds are wanted: 0.4 s."""
MOST_PATIENTS = 1000
"""As many as the gate opens."""
ROUNDS = 20
"""Statements at most for one page, so that no transaction lasts."""


class Wanted(NamedTuple):
    """What a reader asks for. after: a position; kinds, patient: None for any."""

    after: int
    limit: int
    kinds: Sequence[str] | None = None
    patient: UUID | None = None


class FeedPage(NamedTuple):
    """A page. position: where to go on; at_end: there was nothing beyond it."""

    changes: list[Change]
    position: int
    at_end: bool


async def read_changes(tx: Transaction, asked: Asked, wanted: Wanted) -> FeedPage:
    """The next entries the reader may see now. Fewer than asked for, perhaps none, also when much else lies between."""
    await authorize_service(tx, asked, Permission.change_read)
    end = await changes.feed_end(tx)
    if wanted.after > end:  # From before this installation was restored: what is written next would be passed over.
        raise Invalid([Fault("?after", None, "future")])
    organization = asked.actor.organization
    reader = FeedReader(tx, asked, organization) if organization else None
    lines, position = await _collect(tx, reader, organization.id if organization else None, wanted, end)
    patient_ids = list(dict.fromkeys(line.patient_id for line in lines))
    grants: list[Grant] = []
    if reader:
        grants = await reader.open(patient_ids) if patient_ids else []
    else:
        grants = authorize_office_page(tx, asked, Permission.change_read, patient_ids)
    rows = await changes.load_changes(tx, grants, lines) if lines else []
    return FeedPage([change_shown(row) for row in rows], position, position >= end)


async def _collect(
    tx: Transaction, reader: FeedReader | None, organization_id: UUID | None, wanted: Wanted, end: int
) -> tuple[list[Row], int]:
    """Lines that may be shown, as many as wanted or as a bounded search finds; and the position it has come to."""
    found, position, largest = list[Row](), wanted.after, wanted.limit
    walking = wanted.patient is None and reader is not None
    for _ in range(ROUNDS):
        if len(found) >= wanted.limit or position >= end:
            break
        reach = WALKED if walking else end if wanted.kinds is None else FILTERED
        upto = min(end, position + reach)
        stretch = Stretch(position, upto, largest, wanted.kinds, wanted.patient)
        lines = await changes.next_lines(tx, organization_id, stretch)
        walking = walking and len(lines) >= min(largest, (upto - position) // DENSE)
        position = lines[-1].position if len(lines) == largest else upto
        found += await reader.readable(lines) if reader else lines
        largest = min(MOST_PATIENTS, 2 * largest)  # When little of it may be shown, more is fetched at once.
    if len(found) > wanted.limit:
        found = found[: wanted.limit]
        position = found[-1].position
    return found, position
