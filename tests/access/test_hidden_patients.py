"""A hidden patient answers as an absent one does, on every route; another team's ids open nothing."""

import re
from typing import Any

import httpx
from tests.access.doors import BREAKING_GLASS, ROUTES, documented, ids_of
from tests.access.oracle import Consent, Ties
from tests.access.world import EVERYTHING, World, care_report, figure, tokyo
from tests.factories import Region

from renkei.ids import new_id

STRANGE = Ties(consents=(Consent(EVERYTHING),))


def told(answer: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    """An answer without what must differ: instance, request id, Date. The id asked for may not stand in it."""
    raw = answer.content
    if request_id := answer.headers.get("x-request-id"):
        raw = raw.replace(request_id.encode(), b"-")
    headers = {k: v for k, v in answer.headers.items() if k not in ("date", "x-request-id")}
    return answer.status_code, raw, headers


async def openapi(world: World) -> dict[str, Any]:
    return dict((await world.author.http.get("/openapi.json")).json())


async def test_every_route_below_a_patient_is_listed_here(region: Region) -> None:
    world = await World.found(region)
    assert documented(await openapi(world)) == {route.name for route in ROUTES}


async def test_hidden_and_absent_patients_answer_alike(region: Region) -> None:
    world = await World.found(region)
    made = await world.make(Ties(consents=(Consent(EVERYTHING),)))
    compared, differing = 0, []
    for route in ROUTES:
        if route.action == BREAKING_GLASS:
            continue
        hidden = ids_of(route, made, world.reader.id)
        absent = {**hidden, "patient_id": str(new_id())}
        for who in ("physician", "home_helper", "family", None):
            answers = [told(await route.ask(world.reader, world, ids, who)) for ids in (hidden, absent)]
            compared += 1
            if answers[0] != answers[1] or answers[0][0] != 404:
                differing.append((route.name, who, answers))
    figure(f"hidden and absent patient: pairs of answers {compared}, differing {len(differing)}")
    assert not differing


async def test_breaking_the_glass_is_refused_alike_where_the_right_lacks(region: Region) -> None:
    world = await World.found(region)
    made = await world.make(STRANGE)
    route = next(route for route in ROUTES if route.action == BREAKING_GLASS)
    ids = ids_of(route, made, world.reader.id)
    for who in ("welfare_commissioner", "other", "family"):
        answers = [
            told(await route.ask(world.reader, world, {**ids, "patient_id": patient}, who))
            for patient in (made.id, str(new_id()))
        ]
        assert answers[0] == answers[1]
        assert answers[0][0] == 403
    assert (await route.ask(world.reader, world, {**ids, "patient_id": str(new_id())})).status_code == 404


async def test_an_id_that_is_none_answers_like_an_absent_one(region: Region) -> None:
    world = await World.found(region)
    made = await world.make(STRANGE)
    for route in ROUTES:
        ids = ids_of(route, made, world.reader.id)
        absent = told(await route.ask(world.reader, world, {**ids, "patient_id": str(new_id())}))
        assert told(await route.ask(world.reader, world, {**ids, "patient_id": "1"})) == absent, route.name


async def test_ids_of_another_team_open_nothing(region: Region) -> None:
    """Each path parameter in turn is one of another team's; the rest stay one's own."""
    ours, theirs = await World.found(region), await World.found(region)
    state = Ties("now", emergency=frozenset({"medical"}), consents=(Consent(EVERYTHING),))
    mine, other = await ours.make(state), await theirs.make(state)
    await ours.request(mine)
    await theirs.request(other)
    parameters, swapped, opened = set(), 0, []
    for route in ROUTES:
        own, strange = ids_of(route, mine, ours.reader.id), ids_of(route, other, theirs.reader.id)
        for name in re.findall(r"{(\w+)}", route.path):
            parameters.add((route.name, name))
            if (route.action, name) in NOT_THEIRS or name == "collection":  # a kind of record, nobody's
                continue
            swapped += 1
            answer = await route.ask(ours.author, ours, {**own, name: strange[name]})
            if answer.status_code < 300:
                opened.append((route.name, name))
    whole = {
        (name, parameter) for name in documented(await openapi(ours)) for parameter in re.findall(r"{(\w+)}", name)
    }
    figure(
        f"path parameters swapped: {swapped}, 2xx {len(opened)}, "
        f"parameters covered {len(parameters & whole)} of {len(whole)}"
    )
    assert not opened
    assert parameters == whole


NOT_THEIRS = {
    ("care_team.place", "organization_id"),  # any organization may be given a place: that is what the route is for
    (BREAKING_GLASS, "patient_id"),  # needs no tie; see above
}


async def test_records_are_found_only_under_their_own_patient_and_kind(region: Region) -> None:
    world = await World.found(region)
    first, second = await world.make(Ties("now")), await world.make(Ties("now"))
    for path in (
        f"{first.path}/face-sheets/{second.sheet}",
        f"{first.path}/care-reports/{second.report}",
        f"{first.path}/face-sheets/{first.report}",
        f"{first.path}/care-reports/{first.sheet}",
    ):
        assert (await world.author.get(path, by="physician")).status_code == 404


async def test_a_place_of_another_team_can_be_neither_seen_nor_ended(region: Region) -> None:
    """A second look after the swap: nothing was changed on the way to the refusal."""
    ours, theirs = await World.found(region), await World.found(region)
    made = await theirs.make(Ties("now"))
    before = (await theirs.author.get(f"{made.path}/care-team")).json()
    assert (await ours.author.call("DELETE", f"{made.path}/care-team/{theirs.reader.id}")).status_code == 404
    place = {"part": "other", "valid_from": tokyo()}
    assert (await ours.author.put(f"{made.path}/care-team/{ours.author.id}", place)).status_code == 404
    assert (await ours.author.post(f"{made.path}/care-reports", care_report())).status_code == 404
    assert (await theirs.author.get(f"{made.path}/care-team")).json() == before
