"""Who can see what of one patient (誰に何が見えるか): as it is now, and what a change would make of it.

Asked of ``reach`` and ``policy``, the functions that decide when one of them reads; nothing here decides anything.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from renkei.access import reach
from renkei.access.gate import Grant
from renkei.access.policy import PermissionTable, Tie, View, view
from renkei.catalogue import load_catalogue
from renkei.database import Transaction
from renkei.vocabulary import Basis, Group, Profession, Tier

READERS = tuple(p for p in Profession if p is not Profession.system)
"""A system's rights are those of the professions that delegations give it, and never more than theirs."""


@dataclass(frozen=True, slots=True)
class Sight:
    """All organizations with a tie to a patient in this moment of the transaction, and the permission table in force."""

    table: PermissionTable
    ties: Mapping[UUID, Tie]

    def bases(self, organization_id: UUID) -> frozenset[Basis]:
        """On what basis anybody of this organization knows the patient."""
        tie = self.ties.get(organization_id)
        return frozenset(basis for p in Profession for basis in tie.bases(p)) if tie else frozenset()

    def seen(self, organization_id: UUID, profession: Profession) -> View | None:
        """What one profession of an organization may read; None where the patient does not exist for it."""
        tie = self.ties.get(organization_id)
        if tie is None or not tie.bases(profession):
            return None
        return view(self.table.of(profession), tie, profession, load_catalogue())

    def shared(self, organization_id: UUID, profession: Profession) -> frozenset[str]:
        """The parts in which it reads what others state."""
        seen = self.seen(organization_id, profession)
        return seen.shared if seen else frozenset()


@dataclass(frozen=True, slots=True)
class Change:
    """What one profession of an organization reads of others' statements, now and after a change: parts, in order."""

    profession: Profession
    now: frozenset[str]
    after: frozenset[str]

    def as_json(self) -> dict[str, object]:
        """Shown whole and as difference, so that a reader need not compare lists."""
        return {
            "profession": self.profession.value,
            "now": in_order(self.now),
            "after": in_order(self.after),
            "gains": in_order(self.after - self.now),
            "loses": in_order(self.now - self.after),
        }


async def sight(tx: Transaction, grant: Grant) -> Sight:
    """Who sees what, by all that has been written so far in this transaction."""
    ids = await reach.tied_organizations(tx, grant.patient_ids)
    found, version = await reach.ties(tx, [(grant.patient_id, id_) for id_ in ids])
    table = await reach.permission_table(tx, version)
    ties = {tie.organization_id: tie for tie in found if any(tie.bases(p) for p in Profession)}
    return Sight(table, ties)


def differences(before: Sight, after: Sight) -> Iterator[tuple[UUID, list[Change]]]:
    """The organizations for whom something differs, and those of their professions for whom it does."""
    for id_ in sorted(before.ties.keys() | after.ties.keys()):
        rows = [Change(p, before.shared(id_, p), after.shared(id_, p)) for p in READERS]
        differing = [row for row in rows if row.now != row.after]
        if differing or before.bases(id_) != after.bases(id_):
            yield id_, differing


def in_order(parts: Iterable[str]) -> list[str]:
    """Parts in the order of the permission table, restricted items last."""
    order = {f"{group}.{tier}": place for place, (group, tier) in enumerate((g, t) for g in Group for t in Tier)}
    return sorted(parts, key=lambda part: (order.get(part, len(order)), part))
