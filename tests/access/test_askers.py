"""By what of long work's kept actor it is known that it is the same again."""

from dataclasses import replace
from typing import Any

import pytest

from renkei.access.actor import Actor, Organization, SignedIn
from renkei.access.askers import asker, same_actor
from renkei.ids import new_id, now
from renkei.vocabulary import ActorKind, OrganizationKind, Profession

CLINIC = Organization(new_id(), "c", "n", OrganizationKind.clinic)
CLIENT, POST, ACCOUNT = new_id(), new_id(), new_id()
SYSTEM = Actor(ActorKind.client, CLIENT, CLINIC, (Profession.nurse, Profession.physician))
USER = replace(SYSTEM, user_id="1", user_name="花子", professions=(Profession.nurse,))
MEMBER = Actor(
    ActorKind.member,
    None,
    CLINIC,
    (Profession.nurse,),
    str(ACCOUNT),
    "花子",
    signed_in=SignedIn(new_id(), ACCOUNT, POST, ("pwd",), now(), False),
)
AT = {"organization": str(CLINIC.id)}
KEPT: list[tuple[Actor, dict[str, Any]]] = [
    (SYSTEM, {"client_id": str(CLIENT), **AT}),
    (USER, {"client_id": str(CLIENT), **AT, "user_id": "1", "profession": "nurse"}),
    (MEMBER, {"member_id": str(POST), **AT, "user_id": str(ACCOUNT), "profession": "nurse"}),
    (Actor(ActorKind.admin, CLIENT, None, ()), {"client_id": str(CLIENT)}),
]


@pytest.mark.parametrize(("actor", "known"), KEPT)
def test_by_what_an_actor_is_known(actor: Actor, known: dict[str, Any]) -> None:
    assert asker(actor) == known
    kept = {**known, "proof": 1, "user_name": "another", "scope": "exports"}
    assert [same_actor(kept, other) for other, _ in KEPT] == [other is actor for other, _ in KEPT]
    for name in known:
        assert not same_actor({**kept, name: "another"}, actor)
        assert not same_actor({one: value for one, value in kept.items() if one != name}, actor)
