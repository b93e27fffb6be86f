"""Many patients at once: reach picks those an organization is tied to, the gate grants one page of them."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from renkei.access import reach
from renkei.access.audit import Asked
from renkei.access.gate import Grant, authorize_page
from renkei.access.policy import Tie
from renkei.access.rules import RULES
from renkei.database import Transaction
from renkei.vocabulary import Permission

SCANNED_AT_ONCE = 500
"""Patients reach picks per round at most; a grant opens at most 1,000."""

Pick = Callable[[Sequence[Tie]], Awaitable[Sequence[Tie]]]
"""Which of these tied patients are wanted."""


async def reach_page(
    tx: Transaction, asked: Asked, permission: Permission, after: UUID | None, limit: int, pick: Pick
) -> tuple[list[Grant], UUID | None]:
    """Grants for up to ``limit`` wanted patients tied as the permission asks, newest registration first, with one audit
    event for each; and the patient after whom the next page begins, None on the last one.

    Raises Forbidden when the permission table does not give the right.
    """
    organization, profession, rule = asked.actor.organization, asked.actor.profession, RULES[permission]
    before, ties, version = after, list[Tie](), await reach.table_version(tx)
    at_once = limit + 1  # where all are tied and wanted, no more is looked at; the fewer are, the more the next time
    while organization is not None and len(ties) <= limit:
        ids = await reach.candidates(tx, organization.id, before, min(at_once, SCANNED_AT_ONCE))
        if not ids:
            break
        before, at_once = ids[-1], at_once * 2
        found, version = await reach.ties(tx, [(id_, organization.id) for id_ in ids])
        standing = [(tie, tie.bases(profession)) for tie in found if tie.listed(profession)]
        ties += await pick([tie for tie, bases in standing if bases and (rule.ties is None or bases & rule.ties)])
    more, ties = len(ties) > limit, ties[:limit]
    grants = await authorize_page(tx, asked, permission, ties, version)
    return grants, ties[-1].patient_id if more else None
