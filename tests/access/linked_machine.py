"""The same life, of a person who was registered twice: both are linked and parted again at any moment."""

from collections import Counter
from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule
from tests.access import oracle
from tests.access.machine import GROUPS, READERS, Patient, probed, stage
from tests.access.oracle import Consent, Ties
from tests.access.world import EVERYTHING
from tests.factories import join, register

TWIN_CONSENTS = st.builds(
    Consent,
    groups=GROUPS | st.just(EVERYTHING),
    restricted=st.just(frozenset()),
    to=st.sampled_from(["team", "named"]),
    professions=st.sampled_from([frozenset(), frozenset({"nurse"})]),
)


class LinkedPatient(Patient):
    """Nothing is written under the second registration; places and consents are."""

    def __init__(self) -> None:
        super().__init__()
        self.twin = stage.run(register(stage.world.author, birth_date="1938-04-12"))
        self.twin_ties, self.twin_placed, self.linked = Ties(), False, False

    @property
    def now(self) -> Ties:
        """What stands by now, under both ids while they are linked."""
        return replace(super().now, also=(self.twin_ties,) if self.linked else ())

    @property
    def listed(self) -> str:
        """Under which id the reader's lists show the person: the newest to which it is tied itself."""
        who = READERS[probed["states"] % len(READERS)]
        return self.twin if self.linked and oracle.tied(self.twin_ties, who) else self.made.id

    def placed(self, team: str) -> None:
        """A linked person has one team: what is said under one id holds for a place under the other."""
        if self.linked and self.twin_placed:
            self.twin_ties, self.twin_placed = replace(self.twin_ties, team=team), not self.ended

    @rule()
    def link(self) -> None:
        body = {"patient_id": self.twin, "reason": "同じ保険証"}
        answer = stage.run(stage.world.author.post(f"{self.made.path}/links", body))
        assert answer.status_code == (200 if self.linked else 201), answer.text
        self.linked = True

    @precondition(lambda self: self.linked)
    @rule()
    def unlink(self) -> None:
        path = f"{self.made.path}/links/{self.twin}/end"
        assert stage.run(stage.world.author.post(path, {"reason": "別人"})).status_code == 201
        self.linked = False

    @precondition(lambda self: not self.linked)
    @rule(given=st.booleans())
    def place_under_the_second(self, given: bool) -> None:
        if given:
            stage.run(join(stage.world.author, stage.world.reader, self.twin))
        elif self.twin_placed:
            path = f"/v1/patients/{self.twin}/care-team/{stage.world.reader.id}"
            assert stage.run(stage.world.author.call("DELETE", path)).status_code == 204
        if given or self.twin_placed:
            self.twin_ties = replace(self.twin_ties, team="now" if given else "ended")
        self.twin_placed = given

    @rule(consent=TWIN_CONSENTS)
    def agree_under_the_second(self, consent: Consent) -> None:
        stage.run(stage.world.agree(self.twin, consent))
        self.twin_ties = replace(self.twin_ties, consents=(*self.twin_ties.consents, consent))

    @invariant()
    def the_second_says_the_same_while_linked_and_its_own_when_parted(self) -> None:
        who = READERS[probed["states"] % len(READERS)]
        by = None if who == "system" else who
        reader, ties = stage.world.reader, self.now if self.linked else self.twin_ties
        second = stage.run(reader.get(f"/v1/patients/{self.twin}/summary", by=by))
        probed.update(Counter(answers=1))
        assert second.status_code == (200 if oracle.tied(ties, who) else 404)
        if second.status_code == 200:
            first = stage.run(reader.get(f"{self.made.path}/summary", by=by))
            said = second.json()
            if self.linked:
                assert said["groups"] == first.json()["groups"] and said["withheld"] == first.json()["withheld"]
            else:
                assert not any(said["groups"].values()) and said["care_reports"] == []
