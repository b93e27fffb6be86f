"""What reach makes of the database's rows: consents, parts, and the ids of a linked person. The rows are the test's."""

from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from renkei.access import reach
from renkei.access.policy import Consent, PermissionTable, Tie, united
from renkei.ids import new_id
from renkei.vocabulary import ConsentSubject, Part, Profession

CLINIC, OTHER_CLINIC = new_id(), new_id()
ONE, TWO, THREE = new_id(), new_id(), new_id()
CONSENT = ["family", ["nurse"], ["family"], ["basic"], [], True, False, {"text": "山田 花子"}]


def row(patient: UUID, organization: UUID = CLINIC, members: list[UUID] | None = None, **said: Any) -> SimpleNamespace:
    ties = {"own": False, "in_team": False, "part": None, "was_in_team": False, "requested": False}
    rest = {"consents": [], "emergency": [], "table_version": 7, "members": members}
    return SimpleNamespace(patient_id=patient, organization_id=organization, **{**ties, **rest, **said})


class Base:
    """A database of ties: rows for the pairs asked for, and whom it was asked about."""

    def __init__(self, *rows: SimpleNamespace) -> None:
        self.known = {(one.patient_id, one.organization_id): one for one in rows}
        self.engine, self.about, self.asked = self, list[list[UUID]](), list[str]()

    def ask_about(self, ids: Any) -> None:
        self.about.append(list(ids))

    async def rows(self, statement: str, parameters: Any) -> list[Any]:
        self.asked.append(statement)
        if statement == reach.TIES:
            pairs = zip(parameters["patients"], parameters["organizations"], strict=True)
            return [self.known.get(pair, row(*pair)) for pair in pairs]
        return [SimpleNamespace(patient_id=ONE, members=[TWO, ONE])]

    async def row(self, statement: str, parameters: Any) -> Any:
        self.asked.append(statement)
        if statement == reach.IDS:
            return {ONE: SimpleNamespace(members=[TWO, ONE]), THREE: SimpleNamespace(members=None)}.get(parameters[0])
        if parameters and parameters[0] == 7:
            return SimpleNamespace(rights={"nurse": {"medical_basic": "r"}})
        return None


def test_a_row_is_a_tie() -> None:
    said = {"own": True, "in_team": True, "was_in_team": True, "requested": True}
    part = next(iter(Part))
    found = reach._tie(row(ONE, **{**said, "part": part.value}, consents=[CONSENT], emergency=["medical"]))
    family = Consent(
        ConsentSubject.family,
        frozenset({"nurse"}),
        frozenset({"family"}),
        frozenset({"basic"}),
        frozenset(),
        True,
        False,
        reach.person_key({"text": "山田 花子"}),
    )
    assert found == Tie(ONE, CLINIC, True, True, True, part, True, [family], frozenset({"medical"}))
    assert reach._tie(row(ONE)) == Tie(ONE, CLINIC, consents=[])
    assert reach._consent("patient", [], [], [], ["medical.infection"], False, True, None).family_name is None


async def test_a_linked_person_is_reached_by_all_their_ids() -> None:
    database: Any = Base(row(ONE, members=[TWO, ONE], own=True), row(TWO, members=[TWO, ONE], in_team=True))
    found, version = await reach.ties(database, [(ONE, CLINIC), (THREE, OTHER_CLINIC)])
    own, placed = Tie(ONE, CLINIC, own=True, consents=[]), Tie(TWO, CLINIC, in_team=True, consents=[])
    assert (found, version) == ([united([own, placed]), Tie(THREE, OTHER_CLINIC, consents=[])], 7)
    assert database.about == [[ONE, CLINIC, THREE, OTHER_CLINIC], [ONE, CLINIC, THREE, OTHER_CLINIC, TWO]]


async def test_nobody_else_is_asked_about_where_nobody_is_linked() -> None:
    database: Any = Base(row(ONE, own=True))
    assert await reach.ties(database, [(ONE, CLINIC)]) == ([Tie(ONE, CLINIC, own=True, consents=[])], 7)
    assert database.asked == [reach.TIES]
    both: Any = Base(row(ONE, members=[TWO, ONE]), row(TWO, members=[TWO, ONE]))
    await reach.ties(both, [(ONE, CLINIC), (TWO, CLINIC)])
    assert both.asked == [reach.TIES]
    assert await reach.ties(database, []) == ([], 0)


@pytest.mark.parametrize(("asked", "ids"), [(ONE, (ONE, TWO)), (THREE, (THREE,)), (TWO, ())])
async def test_the_ids_of_a_person_this_one_first(asked: UUID, ids: tuple[UUID, ...]) -> None:
    database: Any = Base()
    assert await reach.same_person(database, asked) == ids


async def test_one_id_for_each_person() -> None:
    database: Any = Base()
    assert await reach.persons(database, [TWO, ONE, THREE]) == sorted({min(ONE, TWO), TWO, THREE})


async def test_a_version_of_the_table_is_read_once() -> None:
    database: Any = Base()
    table = await reach.permission_table(database, 7)
    assert table == PermissionTable(7, {Profession.nurse: {"medical_basic": "r"}})
    assert await reach.permission_table(database, 7) is table and len(database.asked) == 1
    assert await reach.permission_table(database, 8) == PermissionTable(8, {})
