"""Pages of tied patients among many that are not: none left out, none twice, and no page promised that is empty. Reach is the test's."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from renkei.access import scan
from renkei.access.actor import Actor, Organization
from renkei.access.audit import Asked
from renkei.access.policy import Consent, Tie, united
from renkei.ids import new_id
from renkei.vocabulary import ActorKind, ConsentSubject, OrganizationKind, Permission, Profession

CLINIC = Organization(new_id(), "c", "n", OrganizationKind.clinic)
NURSE = Actor(ActorKind.client, new_id(), CLINIC, (Profession.nurse,), "1", "花子")
IDS = [UUID(int=number) for number in range(12)]
FOR_NURSES = Consent(
    ConsentSubject.patient, frozenset({"nurse"}), frozenset({"medical"}), frozenset({"basic"}), frozenset(), True, False
)


@pytest.fixture
def reach(monkeypatch: pytest.MonkeyPatch) -> dict[UUID, Tie]:
    """The ties there are; whoever has none stands among the candidates all the same."""
    known: dict[UUID, Tie] = {}

    async def candidates(tx: object, organization: UUID, before: UUID | None, limit: int) -> list[UUID]:
        return sorted((id_ for id_ in IDS if before is None or id_ < before), reverse=True)[:limit]

    async def ties(tx: object, pairs: Sequence[tuple[UUID, UUID]]) -> tuple[list[Tie], int]:
        return [known.get(id_, Tie(id_, organization)) for id_, organization in pairs], 1

    async def version(tx: object) -> int:
        return 1

    async def page(tx: object, asked: Asked, permission: Permission, found: Sequence[Tie], version: int) -> list[Tie]:
        return list(found)

    monkeypatch.setattr(scan, "reach", SimpleNamespace(candidates=candidates, ties=ties, table_version=version))
    monkeypatch.setattr(scan, "authorize_page", page)
    return known


async def everybody(tie: Sequence[Tie]) -> Sequence[Tie]:
    return tie


async def walked(limit: int, permission: Permission = Permission.patient_search, actor: Actor = NURSE) -> list[int]:
    asked, found, after = Asked(new_id(), actor, permission.value), list[int](), None
    for _ in IDS:
        grants, after = await scan.reach_page(Any, asked, permission, after, limit, everybody)  # type: ignore[arg-type]  # no database here
        assert len(grants) <= limit and (after is None or len(grants) == limit)
        assert grants or not found, "a page that promised another"
        found += [grant.patient_id.int for grant in grants]
        if after is None:
            return found
    raise AssertionError("no last page")


@pytest.mark.parametrize("limit", [1, 2, 3, 11, 12])
@pytest.mark.parametrize("tied", [range(12), [0], [11], [0, 11], [11, 9, 3], [10, 8, 6, 4, 2, 0], []])
async def test_each_tied_patient_once_and_the_newest_first(
    reach: dict[UUID, Tie], limit: int, tied: Sequence[int]
) -> None:
    reach |= {UUID(int=number): Tie(UUID(int=number), CLINIC.id, own=True) for number in tied}
    assert await walked(limit) == sorted(tied, reverse=True)


async def test_an_act_that_asks_for_a_place_in_the_team_lists_no_others(reach: dict[UUID, Tie]) -> None:
    reach |= {id_: Tie(id_, CLINIC.id, own=True, in_team=id_.int % 2 == 0) for id_ in IDS}
    assert await walked(3, Permission.candidate_read) == [10, 8, 6, 4, 2, 0]


async def test_a_linked_person_is_listed_where_the_reader_is_tied(reach: dict[UUID, Tie]) -> None:
    own, agreed = Tie(IDS[3], CLINIC.id, own=True), Tie(IDS[7], CLINIC.id, consents=[FOR_NURSES])
    reach |= {IDS[3]: united([own, agreed]), IDS[7]: united([agreed, own])}
    assert await walked(1) == [7]


async def test_whoever_has_no_organization_lists_nobody(reach: dict[UUID, Tie]) -> None:
    reach |= {id_: Tie(id_, CLINIC.id, own=True) for id_ in IDS}
    assert await walked(3, actor=Actor(ActorKind.admin, new_id(), None, ())) == []
