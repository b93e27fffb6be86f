"""Whether a system may be told something now, of the row that the database has of it. That rows say so: tests/webhooks."""

from types import SimpleNamespace
from typing import Any

import pytest

from renkei.access.actor import Actor, Organization
from renkei.access.standing import standing_system
from renkei.ids import new_id
from renkei.vocabulary import ActorKind, OrganizationKind, Profession, Scope

CLIENT, CLINIC = new_id(), Organization(new_id(), "c", "n", OrganizationKind.clinic)


async def told(kind: str | None, delegated: Any = None, organization: Organization | None = CLINIC) -> Actor | None:
    """The actor for this organization, as far as the feed; kind None: no such row."""
    there = (
        {"id": CLINIC.id, "code": "c", "name": "n", "kind": "clinic"}
        if organization
        else dict.fromkeys(("id", "code", "name", "kind"))
    )

    async def row(statement: str, parameters: dict[str, Any]) -> Any:
        assert parameters == {"client": CLIENT, "organization": organization.id if organization else None}
        return SimpleNamespace(client_kind=kind, delegated=delegated, **there) if kind else None

    tx: Any = SimpleNamespace(row=row)
    return await standing_system(tx, CLIENT, organization.id if organization else None, Scope.changes)


@pytest.mark.parametrize(
    ("delegated", "professions", "scopes"),
    [
        ([(["nurse"], None)], (Profession.nurse,), None),
        ([(["physician", "nurse"], None), (["nurse"], None)], (Profession.nurse, Profession.physician), None),
        ([(["nurse"], ["changes", "patients"])], (Profession.nurse,), frozenset({Scope.changes, Scope.patients})),
    ],
)
async def test_a_system_is_told_within_what_it_was_delegated(
    delegated: Any, professions: tuple[Profession, ...], scopes: frozenset[Scope] | None
) -> None:
    assert await told("client", delegated) == Actor(ActorKind.client, CLIENT, CLINIC, professions, scopes=scopes)


@pytest.mark.parametrize("kind", ["admin", "auditor"])
async def test_an_office_is_told_for_the_platform_and_for_no_organization(kind: str) -> None:
    assert await told(kind, organization=None) == Actor(ActorKind(kind), CLIENT, None, ())
    assert await told(kind, [(["nurse"], None)]) is None


async def test_nobody_else_is_told() -> None:
    assert await told(None) is None
    assert await told("client", None) is None
    assert await told("client", [(["nurse"], ["patients"])]) is None
    assert await told("client", organization=None) is None
    assert await told("organization_admin", organization=None) is None
