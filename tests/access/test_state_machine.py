"""Grants, withdrawals, places, matches and emergencies in random order; then every reading door against the oracle.

RENKEI_ACCESS_STEPS: how many steps in all (200 unless told). A longer run: ``RENKEI_ACCESS_STEPS=20000 pytest …``.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine
from dataclasses import replace
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from tests.access import oracle
from tests.access.oracle import Consent, Ties
from tests.access.states import DELEGATED, reason_told, value_in
from tests.access.world import ALL_RESTRICTED, EVERYTHING, VALUES, Made, World, care_report, face_sheet, figure, tokyo
from tests.factories import Region, Vendor, join, person, register, submit

from renkei.main import create_app
from renkei.settings import Settings

STEPS = int(os.environ.get("RENKEI_ACCESS_STEPS", "200"))
PER_RUN = 20
READERS = ["nurse", "physician", "home_helper", "pt", "system"]
GROUPS = st.frozensets(st.sampled_from(sorted(EVERYTHING)), min_size=1)
probed = {"states": 0, "answers": 0}


class Stage:
    """A loop, a service and a world that the machines share: an organization more costs more than a patient."""

    loop: asyncio.AbstractEventLoop
    world: World

    def run(self, what: Coroutine[Any, Any, Any]) -> Any:
        """Wait for it; machines are not coroutines."""
        return self.loop.run_until_complete(what)


stage = Stage()


class Patient(RuleBasedStateMachine):
    """One patient of the author's, and all that may tie the reader to it."""

    def __init__(self) -> None:
        super().__init__()
        self.whole = person()
        self.made = stage.run(self._begin())
        self.ties = Ties()
        self.ended = False  # by DELETE: ending it again changes nothing, a request that waits goes on waiting
        self.consents: dict[str, Consent] = {}
        self.emergencies: dict[str, frozenset[str]] = {}

    async def _begin(self) -> Made:
        author = stage.world.author
        patient = await register(author, **self.whole)
        sheet = await submit(author, patient, face_sheet(VALUES), by="physician")
        report = await submit(author, patient, care_report(VALUES), by="physician")
        return Made(patient, "", sheet["id"], report["id"])

    @property
    def now(self) -> Ties:
        """What stands by now, as the oracle takes it."""
        open_groups = frozenset[str]().union(*self.emergencies.values())
        return replace(self.ties, consents=tuple(self.consents.values()), emergency=open_groups)

    @rule(when=st.sampled_from(["now", "not_yet", "past"]))
    def join(self, when: str) -> None:
        period = {"now": {}, "not_yet": {"valid_from": tokyo(1)}, "past": {"valid_until": tokyo(-1)}}[when]
        stage.run(join(stage.world.author, stage.world.reader, self.made.id, **period))
        team = {"now": "now", "not_yet": "not_yet", "past": "ended"}[when]
        self.ties, self.ended = replace(self.ties, team=team, requested=False), False

    @precondition(lambda self: self.ties.team)
    @rule()
    def leave(self) -> None:
        path = f"{self.made.path}/care-team/{stage.world.reader.id}"
        assert stage.run(stage.world.author.call("DELETE", path)).status_code == 204
        self.ties = replace(self.ties, team="ended", requested=self.ties.requested and self.ended)
        self.ended = True

    @rule()
    def register_by_number(self) -> None:
        answer = stage.run(stage.world.reader.post("/v1/patients", self.whole, by="physician"))
        assert (answer.status_code, answer.json()["id"]) == (200, self.made.id)
        if not oracle.tied(self.now, "physician"):
            assert answer.json()["tie"] == "requested"
            self.ties = replace(self.ties, requested=True)

    @rule(
        consent=st.builds(
            Consent,
            groups=GROUPS | st.just(EVERYTHING),
            restricted=st.sampled_from([frozenset(), frozenset({"medical.infection"}), ALL_RESTRICTED]),
            professions=st.sampled_from([frozenset(), frozenset({"nurse"}), frozenset({"physician", "pt"})]),
            to=st.sampled_from(["team", "named", "other"]),
            about=st.just("patient"),
            when=st.sampled_from(["now", "now", "now", "expired", "not_yet"]),
        )
        | st.builds(
            Consent,
            groups=st.just(frozenset({"family"})),
            to=st.sampled_from(["team", "named", "other"]),
            about=st.just("family"),
        )
    )
    def agree(self, consent: Consent) -> None:
        within = frozenset(code for code in consent.restricted if code.split(".")[0] in consent.groups)
        consent = replace(consent, restricted=within)
        self.consents[stage.run(stage.world.agree(self.made.id, consent))] = consent

    @precondition(lambda self: self.consents)
    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        found = data.draw(st.sampled_from(sorted(self.consents)))
        path = f"{self.made.path}/consents/{found}/withdrawal"
        assert stage.run(stage.world.author.post(path, {"reason": "申し出"})).status_code in (200, 201)
        if self.consents[found].when == "now":
            self.consents[found] = replace(self.consents[found], when="withdrawn")

    @rule(groups=GROUPS)
    def break_glass(self, groups: frozenset[str]) -> None:
        self.emergencies[stage.run(stage.world.break_glass(self.made.id, groups))] = groups

    @precondition(lambda self: self.emergencies)
    @rule(data=st.data())
    def close(self, data: st.DataObject) -> None:
        found = data.draw(st.sampled_from(sorted(self.emergencies)))
        path = f"{self.made.path}/emergency-access/{found}"
        assert stage.run(stage.world.reader.call("DELETE", path, by="physician")).status_code == 204
        del self.emergencies[found]

    @rule(who=st.sampled_from(["nurse", "physician", "home_helper"]))
    def write(self, who: str) -> None:
        answer = stage.run(stage.world.reader.post(f"{self.made.path}/care-reports", care_report(), by=who))
        assert answer.status_code == oracle.submit(self.now, who, ["care_report_basic"]), answer.text
        if answer.status_code == 201:
            self.ties = replace(self.ties, own=True)

    @invariant()
    def every_door_says_what_the_rules_say(self) -> None:
        probed["states"] += 1
        who = READERS[probed["states"] % len(READERS)]
        stage.run(self._probe(who, None if who == "system" else who))

    async def _probe(self, who: str, by: str | None) -> None:
        reader, ties, path = stage.world.reader, self.now, self.made.path
        found, known = oracle.tied(ties, who), oracle.knows_person(ties, who)
        number = f"ltci|{self.whole['identifiers'][0]['value']}"
        summary, sheet, sheets, mine, search, team = [
            await reader.get(place, by=by, params=query)
            for place, query in (
                (f"{path}/summary", {}),
                (f"{path}/face-sheets/{self.made.sheet}", {}),
                (f"{path}/face-sheets", {}),
                ("/v1/patients", {"limit": 200}),
                ("/v1/patients", {"identifier": number}),
                (f"{path}/access", {}),
            )
        ]
        probed["answers"] += 6
        assert summary.status_code == (200 if found else 404)
        assert (self.made.id in [p["id"] for p in mine.json()["items"]]) == found
        assert [p["id"] for p in search.json()["items"]] == ([self.made.id] if found and known else [])
        guard = oracle.guard_team(ties, who, DELEGATED)
        assert team.status_code == {None: 404, True: 200, False: 403}[guard]
        meant = {
            c: oracle.hidden(ties, who, c, delegated=DELEGATED) for c in VALUES if not c.startswith("care_report.")
        }
        readable = any(reason is None for reason in meant.values())
        assert sheet.status_code == ((200 if readable else 403) if found else 404)
        if found:
            assert (self.made.sheet in [r["id"] for r in sheets.json()["items"]]) == readable
            for code, reason in meant.items():
                assert (value_in(summary.json()["groups"], code) is not None) == (reason is None), (code, ties)
                assert reason_told(code, summary.json()["withheld"]) == reason, (code, ties)


@pytest.fixture
def staged(settings: Settings, admin: Vendor) -> Any:
    """A service on a loop of its own: machines run outside the tests' loop."""
    loop = asyncio.new_event_loop()

    async def serve() -> AsyncIterator[None]:
        app = create_app(settings)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://test") as http,
        ):
            office = Vendor(http, admin.client_id, admin.client_secret)
            stage.world = await World.found(Region(http, office))
            yield

    service = serve()
    stage.loop = loop
    return loop, service


def in_a_thread(loop: asyncio.AbstractEventLoop, service: AsyncIterator[None]) -> None:
    """Run all machines; called where no other loop runs."""
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(anext(service))
        how = settings(
            max_examples=max(STEPS // PER_RUN, 1),
            stateful_step_count=PER_RUN,
            deadline=None,
            database=None,
            derandomize=STEPS == 200,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink] if STEPS > 200 else [Phase.generate],
        )
        run_state_machine_as_test(Patient, settings=how)
        loop.run_until_complete(anext(service, None))
    finally:
        loop.close()


async def test_random_lives(staged: Any) -> None:
    await asyncio.to_thread(in_a_thread, *staged)
    figure(f"state machine: states {probed['states']}, answers probed {probed['answers']}, violations 0")
    assert probed["states"] >= STEPS // 2
