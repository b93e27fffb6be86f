"""One patient's life as rules in random order: grants, changes, withdrawals, places, requests, emergencies; and after each what
every door must then say (``probes.py``)."""

from collections import Counter
from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.access import oracle
from tests.access.oracle import Consent, Ties
from tests.access.probes import Stage, probe
from tests.access.world import (
    ALL_RESTRICTED,
    EVERYTHING,
    VALUES,
    Made,
    care_report,
    face_sheet,
    figure,
    tokyo,
)
from tests.factories import ALL_GROUPS, consent, family_consent, join, person, register, submit

READERS = ["nurse", "physician", "home_helper", "pt", "system"]
TIERS = st.sampled_from([frozenset({"basic", "optional"})] * 3 + [frozenset({"basic"}), frozenset({"optional"})])
GROUPS = st.frozensets(st.sampled_from(sorted(EVERYTHING)), min_size=1)
probed = Counter[str]()


stage = Stage()


class Patient(RuleBasedStateMachine):
    """One patient of the author's, and all that may tie the reader to it."""

    def __init__(self) -> None:
        super().__init__()
        stage.world.author.forget_tokens()  # a long run outlives them
        stage.world.reader.forget_tokens()
        self.whole = person()
        self.made = stage.run(self._begin())
        self.ties = Ties()
        self.place = ""  # as last given
        self.ended = False  # by DELETE: ending it again changes nothing, a request that waits goes on waiting
        self.consents: dict[str, Consent] = {}
        self.over: set[str] = set()  # withdrawn, also before they began or after their end
        self.emergencies: dict[str, frozenset[str]] = {}
        self.reviewed: set[str] = set()
        self.asked: list[str] = []

    async def _begin(self) -> Made:
        author = stage.world.author
        patient = await register(author, **self.whole)
        sheet = await submit(author, patient, face_sheet(VALUES), by="physician")
        report = await submit(author, patient, care_report(VALUES), by="physician")
        return Made(patient, "", sheet["id"], report["id"])

    @property
    def standing(self) -> list[str]:
        """Consents in force."""
        return [id_ for id_, consent in self.consents.items() if consent.when == "now"]

    @property
    def now(self) -> Ties:
        """What stands by now, as the oracle takes it."""
        open_groups = frozenset[str]().union(*self.emergencies.values())
        return replace(self.ties, consents=tuple(self.consents.values()), emergency=open_groups)

    @property
    def listed(self) -> str:
        """Under which id lists show the person."""
        return self.made.id

    def placed(self, team: str) -> None:
        """A place has been given to the reader, or ended."""

    @rule(when=st.sampled_from(["now", "not_yet", "past"]))
    def join(self, when: str) -> None:
        period = {"now": {}, "not_yet": {"valid_from": tokyo(1)}, "past": {"valid_until": tokyo(-1)}}[when]
        stage.run(join(stage.world.author, stage.world.reader, self.made.id, **period))
        team = {"now": "now", "not_yet": "not_yet", "past": "ended"}[when]
        same, self.place = (
            self.place == when,
            when,
        )  # the same place once more changes nothing: who asks goes on waiting
        self.ties, self.ended = replace(self.ties, team=team, requested=self.ties.requested and same), False
        self.placed(team)

    @precondition(lambda self: self.ties.team)
    @rule()
    def leave(self) -> None:
        path = f"{self.made.path}/care-team/{stage.world.reader.id}"
        assert stage.run(stage.world.author.call("DELETE", path)).status_code == 204
        self.ties = replace(self.ties, team="ended", requested=self.ties.requested and self.ended)
        self.ended, self.place = True, ""
        self.placed("ended")

    @rule()
    def register_by_number(self) -> None:
        answer = stage.run(stage.world.reader.post("/v1/patients", self.whole, by="physician"))
        assert (answer.status_code, answer.json()["id"]) == (200, self.made.id)
        if not oracle.tied(self.now, "physician"):
            assert answer.json()["tie"] == "requested"
            self.ties = replace(self.ties, requested=True)

    @precondition(lambda self: self.ties.requested)
    @rule()
    def refuse_to_let_join(self) -> None:
        stage.run(stage.world.refuse(self.made))
        self.ties = replace(self.ties, requested=False)

    @precondition(lambda self: oracle.tied(self.now, "physician") and not self.asked)
    @rule(wants=st.sampled_from(["care_team", "consent"]))
    def ask(self, wants: str) -> None:
        body = {"wants": wants, "reason": "引継ぎのため", **({"groups": ["medical"]} if wants == "consent" else {})}
        answer = stage.run(stage.world.reader.post(f"{self.made.path}/access-requests", body, by="physician"))
        assert answer.status_code in (200, 201), answer.text
        if answer.status_code == 201:  # else it has asked for the same by number, and that is the request
            self.asked = [wants, answer.json()["id"]]

    @precondition(lambda self: self.asked)
    @rule(approved=st.booleans())
    def decide(self, approved: bool) -> None:
        wants, request = self.asked
        self.asked = []
        path, author = f"{self.made.path}/access-requests/{request}", stage.world.author
        if not approved:
            refused = stage.run(author.post(f"{path}/refusal", {"comment": "担当外"}))
            assert refused.status_code == 201 or wants == "care_team", (
                refused.text
            )  # 409: its place was given meanwhile
        elif wants == "care_team":
            place = {"part": "other", "valid_from": tokyo()}
            answer = stage.run(author.post(f"{path}/approval", {"place": place}))
            assert answer.status_code in (201, 409), answer.text  # 409: its place was given meanwhile
            if answer.status_code == 201:
                self.ties, self.ended, self.place = replace(self.ties, team="now", requested=False), False, ""
                self.placed("now")
        else:
            named = {"care_team": False, "organizations": [stage.world.reader.id]}
            body = consent(recipients=named, valid_from=tokyo(), groups=ALL_GROUPS)
            answer = stage.run(author.post(f"{path}/approval", {"consent": body}))
            assert answer.status_code == 201, answer.text
            (newest, *_) = stage.run(author.get(f"{self.made.path}/consents")).json()["items"]
            self.consents[newest["id"]] = Consent(EVERYTHING, to="named")

    @rule(
        consent=st.builds(
            Consent,
            groups=GROUPS | st.just(EVERYTHING),
            restricted=st.sampled_from([frozenset(), frozenset({"medical.infection"}), ALL_RESTRICTED]),
            professions=st.sampled_from([frozenset(), frozenset({"nurse"}), frozenset({"physician", "pt"})]),
            to=st.sampled_from(["team", "named", "other"]),
            about=st.just("patient"),
            when=st.sampled_from(["now", "now", "now", "expired", "not_yet"]),
            tiers=TIERS,
            excepted=st.booleans(),
        )
        | st.builds(
            Consent,
            groups=st.just(frozenset({"family"})),
            to=st.sampled_from(["team", "named", "other"]),
            about=st.just("family"),
            tiers=TIERS,
            by=st.sampled_from(["ichiro", "jiro"]),
        )
    )
    def agree(self, consent: Consent) -> None:
        within = frozenset(code for code in consent.restricted if code.split(".")[0] in consent.groups)
        consent = replace(consent, restricted=within, excepted=consent.excepted and consent.to == "team")
        self.consents[stage.run(stage.world.agree(self.made.id, consent))] = consent

    @precondition(lambda self: self.standing)
    @rule(data=st.data(), about=st.sampled_from(["patient", "family"]))
    def change(self, data: st.DataObject, about: str) -> None:
        """Another consent takes the place of one that stands, in one act."""
        old = data.draw(st.sampled_from(self.standing))
        made = family_consent(valid_from=tokyo()) if about == "family" else consent(valid_from=tokyo())
        body = {**made, "replaces": [old]}
        answer = stage.run(stage.world.author.post(f"{self.made.path}/consents", body))
        assert answer.status_code == 201, answer.text
        self.consents[old] = replace(self.consents[old], when="withdrawn")
        self.over.add(old)
        groups = frozenset({"family"}) if about == "family" else EVERYTHING
        self.consents[answer.json()["id"]] = Consent(groups, about=about)

    @precondition(lambda self: self.standing)
    @rule(data=st.data())
    def withdraw_in_part(self, data: st.DataObject) -> None:
        """What is left stands as another consent; that one was whole explains why the rest is withheld."""
        found = data.draw(st.sampled_from(self.standing))
        consent = self.consents[found]
        parts = [*consent.groups, *consent.tiers, *consent.restricted]
        less = data.draw(st.frozensets(st.sampled_from(sorted(parts)), min_size=1, max_size=3))
        answer = stage.run(stage.world.withdraw(self.made.id, found, less))
        assert answer.status_code == 201, answer.text
        self.consents[found] = replace(consent, when="withdrawn")
        self.over.add(found)
        left = replace(consent, groups=consent.groups - less, tiers=consent.tiers - less)
        named = frozenset(c for c in consent.restricted - less if c.split(".")[0] in left.groups)
        assert ("replaced_by" in answer.json()) == bool(left.groups and left.tiers)
        if left.groups and left.tiers:
            self.consents[answer.json()["replaced_by"]["id"]] = replace(left, restricted=named)

    @precondition(lambda self: self.consents)
    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        found = data.draw(st.sampled_from(sorted(self.consents)))
        path = f"{self.made.path}/consents/{found}/withdrawal"
        status = stage.run(stage.world.author.post(path, {"reason": "申し出"})).status_code
        assert status in ((200, 409) if found in self.over else (201,))  # 409: in part, or replaced
        self.over.add(found)
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

    @precondition(lambda self: set(self.emergencies) - self.reviewed)
    @rule()
    def review(self) -> None:
        """A finding closes the queue; the access it is about ends at its hour, or when it is closed."""
        found = sorted(set(self.emergencies) - self.reviewed)[0]
        stage.run(stage.world.review(replace(self.made, emergency=found)))
        self.reviewed.add(found)

    @rule(who=st.sampled_from(["nurse", "physician", "home_helper"]))
    def write(self, who: str) -> None:
        answer = stage.run(stage.world.reader.post(f"{self.made.path}/care-reports", care_report(), by=who))
        assert answer.status_code == oracle.submit(self.now, who, ["care_report_basic"]), answer.text
        if answer.status_code == 201:
            self.ties = replace(self.ties, own=True)

    @invariant()
    def every_door_says_what_the_rules_say(self) -> None:
        probed["states"] += 1
        if probed["states"] % 1000 == 0:
            figure(f"state machine: states {probed['states']} so far, answers probed {probed['answers']}")
        who = READERS[probed["states"] % len(READERS)]
        signed_in = who != "system" and probed["states"] % 2
        reader = stage.staff if signed_in else stage.world.reader
        probed["answers"] += stage.run(probe(reader, stage, self.made, self.whole, self.now, who, self.listed))
