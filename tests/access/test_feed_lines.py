"""Which line of the feed is shown to whom, rule by rule, without a database."""

from dataclasses import replace

import pytest

from renkei.access.feed import may_read
from renkei.access.policy import COLUMNS, Consent, Rights, Tie, View
from renkei.ids import new_id
from renkei.vocabulary import ConsentSubject, Profession

ALL = Rights(frozenset(COLUMNS), frozenset(COLUMNS), True)
NONE = Rights(frozenset(), frozenset(), False)
STRANGER = Tie(new_id(), new_id())
TEAM = replace(STRANGER, in_team=True, was_in_team=True)
LEFT = replace(STRANGER, own=True, was_in_team=True)
MATCHED = replace(STRANGER, own=True)
FOR_NURSES = Consent(
    ConsentSubject.patient, frozenset({"nurse"}), frozenset({"medical"}), frozenset({"basic"}), frozenset(), True, False
)
NAMED = replace(MATCHED, consents=[FOR_NURSES])
SHARED, OWN = View(frozenset({"medical.basic"})), View(frozenset(), frozenset({"medical.basic"}))


@pytest.mark.parametrize(
    ("kind", "tie", "rights", "seen", "part", "shown"),
    [
        ("attachment.add", TEAM, ALL, SHARED, "medical.basic", True),
        ("attachment.add", TEAM, ALL, OWN, "medical.basic", False),
        ("attachment.add", TEAM, ALL, SHARED, "medical.detailed", False),
        ("attachment.add", TEAM, ALL, SHARED, None, False),
        ("face_sheet.submit", TEAM, ALL, SHARED, None, True),
        ("face_sheet.submit", TEAM, ALL, OWN, None, False),
        ("face_sheet.submit", STRANGER, ALL, SHARED, None, False),
        ("patient.change", TEAM, ALL, View(), None, True),
        ("patient.change", TEAM, NONE, View(), None, False),
        ("patient.change", LEFT, ALL, View(), None, True),
        ("patient.change", MATCHED, ALL, View(), None, False),
        ("patient.change", NAMED, ALL, View(), None, True),
        ("consent.record", TEAM, ALL, View(), None, True),
        ("consent.record", TEAM, NONE, View(), None, False),
        ("consent.record", LEFT, ALL, View(), None, False),
        ("patient.forget", TEAM, ALL, SHARED, None, False),
    ],
)
def test_a_line_of_anothers(kind: str, tie: Tie, rights: Rights, seen: View, part: str | None, shown: bool) -> None:
    assert may_read(kind, tie, rights, seen, Profession.nurse, mine=False, part=part) is shown


@pytest.mark.parametrize(("tie", "shown"), [(TEAM, True), (MATCHED, True), (STRANGER, False)])
def test_a_line_of_ones_own_while_there_is_a_tie(tie: Tie, shown: bool) -> None:
    assert may_read("attachment.add", tie, NONE, View(), Profession.nurse, mine=True) is shown


def test_a_consent_for_another_profession_makes_nobody_known() -> None:
    assert not may_read("patient.change", NAMED, ALL, View(), Profession.physician, mine=False)
