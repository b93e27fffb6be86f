"""Rights and views without a database: what no default table shows."""

from dataclasses import replace

from renkei.access.actor import Actor, Organization
from renkei.access.policy import Consent, PermissionTable, Rights, Tie, View, Withheld, view
from renkei.catalogue import load_catalogue
from renkei.ids import new_id
from renkei.vocabulary import ActorKind, Basis, ConsentSubject, Group, OrganizationKind, Profession, Reason, Tier

TIE = Tie(new_id(), new_id(), in_team=True, was_in_team=True)
MEDICAL = (Group.medical, Tier.basic)
READER = Rights(frozenset({MEDICAL}), frozenset(), True)


def consent(**changes: object) -> Consent:
    base = Consent(
        ConsentSubject.patient,
        professions=frozenset(),
        groups=frozenset({"medical"}),
        tiers=frozenset(Tier),
        restricted=frozenset(),
        named=False,
        withdrawn=False,
    )
    return replace(base, **changes)


def system(*professions: Profession) -> Actor:
    office = Organization(new_id(), "c", "n", OrganizationKind.clinic)
    return Actor(ActorKind.client, new_id(), office, professions)


def test_a_system_has_never_more_than_its_own_row() -> None:
    """In the default table its row is wide; in another it may not be."""
    narrow = PermissionTable(
        2,
        {
            Profession.system: {"medical_basic": "r", "restricted": "r"},
            Profession.nurse: {"medical_basic": "rw", "living_basic": "rw", "restricted": "r"},
        },
    )
    assert narrow.rights(system(Profession.nurse)) == Rights(frozenset({MEDICAL}), frozenset(), False)
    assert narrow.rights(system()) == Rights(frozenset(), frozenset(), False)


def test_a_user_has_the_rights_of_the_one_profession() -> None:
    table = PermissionTable(2, {Profession.nurse: {"medical_basic": "r"}, Profession.system: {"medical_basic": "rw"}})
    named = replace(system(Profession.nurse), user_id="1", user_name="花子")
    assert table.rights(named) == table.of(Profession.nurse)
    assert (named.profession, system().profession) == (Profession.nurse, Profession.system)
    assert Actor(ActorKind.admin, new_id(), None, ()).profession is None


def test_what_one_consent_withdrew_another_may_still_allow() -> None:
    both = replace(TIE, consents=[consent(withdrawn=True), consent()])
    assert "medical.basic" in view(READER, both, Profession.nurse, load_catalogue()).shared
    gone = replace(TIE, consents=[consent(withdrawn=True)])
    seen = view(READER, gone, Profession.nurse, load_catalogue())
    assert Withheld(Group.medical, Tier.basic, None, Reason.consent_withdrawn) in seen.withheld


def test_two_consents_do_not_add_up_to_what_neither_says() -> None:
    infection = frozenset({"medical.infection"})
    apart = replace(TIE, consents=[consent(), consent(groups=frozenset({"living"}), restricted=infection)])
    assert not view(READER, apart, Profession.nurse, load_catalogue()).shared & infection
    together = replace(TIE, consents=[consent(restricted=infection)])
    assert view(READER, together, Profession.nurse, load_catalogue()).shared >= infection


def test_a_family_consent_counts_for_nothing_but_the_family() -> None:
    given = consent(about=ConsentSubject.family, groups=frozenset({"family", "medical"}), named=True)
    alone = replace(TIE, in_team=False, was_in_team=False, consents=[given])
    assert alone.bases(Profession.nurse) == frozenset()
    assert view(READER, alone, Profession.nurse, load_catalogue()).shared == frozenset()


def test_an_organization_in_the_team_knows_the_person_also_after_it_has_left() -> None:
    left = replace(TIE, in_team=False, own=True)
    assert left.bases(None) == {Basis.own}
    assert left.knows_person(None)
    assert not replace(left, was_in_team=False, requested=True).knows_person(None)


def test_an_empty_view_has_a_reason_too() -> None:
    assert View().reason_in([Group.medical]) is Reason.no_consent
    assert View().readable_groups(Group) == []


def test_nothing_of_a_view_depends_on_what_is_recorded() -> None:
    """The same for a patient with records and one without: ``withheld`` must not tell which."""
    seen = view(READER, TIE, Profession.nurse, load_catalogue())
    assert view(READER, replace(TIE, own=True), Profession.nurse, load_catalogue()) == seen
