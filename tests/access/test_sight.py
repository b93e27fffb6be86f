"""Who sees what, now and after a change, of ties that the test makes."""

from dataclasses import replace

from renkei.access.policy import Consent, PermissionTable, Tie, default_rows
from renkei.access.sight import READERS, Change, Sight, differences, in_order
from renkei.ids import new_id
from renkei.vocabulary import Basis, ConsentSubject, Profession

TABLE = PermissionTable(1, default_rows())
STRANGER = Tie(new_id(), new_id())
HERE, ELSEWHERE = STRANGER.organization_id, new_id()
FOR_NURSES = Consent(
    ConsentSubject.patient, frozenset({"nurse"}), frozenset({"medical"}), frozenset({"basic"}), frozenset(), True, False
)
NAMED = replace(STRANGER, consents=[FOR_NURSES])
OWN = replace(STRANGER, own=True)
NURSE, PHYSICIAN = Profession.nurse, Profession.physician


def of(*ties: Tie) -> Sight:
    return Sight(TABLE, {tie.organization_id: tie for tie in ties})


def test_a_consent_for_nurses_makes_the_patient_known_to_nurses() -> None:
    sight = of(NAMED)
    assert (sight.bases(HERE), sight.bases(ELSEWHERE)) == ({Basis.consent}, frozenset())
    assert sight.shared(HERE, NURSE) == {"medical.basic"}
    assert sight.seen(HERE, PHYSICIAN) is None
    assert sight.seen(ELSEWHERE, NURSE) is None
    assert sight.shared(HERE, PHYSICIAN) == sight.shared(ELSEWHERE, NURSE) == frozenset()


def test_whoever_is_tied_sees_the_patient_even_where_nothing_is_shared() -> None:
    seen = of(OWN).seen(HERE, PHYSICIAN)
    assert seen is not None and not seen.shared and "medical.basic" in seen.own


def test_only_what_differs_is_told() -> None:
    gained = Change(NURSE, frozenset(), frozenset({"medical.basic"}))
    assert list(differences(of(), of(NAMED))) == [(HERE, [gained])]
    assert list(differences(of(NAMED), of())) == [(HERE, [Change(NURSE, gained.after, gained.now)])]
    assert list(differences(of(NAMED), of(NAMED))) == []
    # Known to somebody, though none of others' statements are read: that is told too.
    assert list(differences(of(), of(OWN))) == [(HERE, [])]
    other = replace(NAMED, organization_id=ELSEWHERE)
    assert [id_ for id_, _ in differences(of(other), of(NAMED, other))] == [HERE]
    assert [id_ for id_, _ in differences(of(), of(NAMED, other))] == sorted((HERE, ELSEWHERE))


def test_a_change_is_told_whole_and_as_difference() -> None:
    parts = frozenset({"medical.infection", "medical.basic"}), frozenset({"medical.basic", "person.basic"})
    assert Change(NURSE, *parts).as_json() == {
        "profession": "nurse",
        "now": ["medical.basic", "medical.infection"],
        "after": ["person.basic", "medical.basic"],
        "gains": ["person.basic"],
        "loses": ["medical.infection"],
    }
    assert in_order(["living.zzz", "living.aaa", "care_report.optional"]) == [
        "care_report.optional",
        "living.aaa",
        "living.zzz",
    ]


def test_a_system_is_no_reader_of_its_own() -> None:
    assert set(Profession) - set(READERS) == {Profession.system}
