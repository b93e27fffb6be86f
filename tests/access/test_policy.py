"""Rights and views without a database: what no default table shows."""

from dataclasses import replace

from renkei.access.actor import Actor, Organization
from renkei.access.policy import COLUMNS, Consent, PermissionTable, Rights, Tie, View, Withheld, united, view
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


def test_an_office_is_no_system_and_acts_in_no_profession() -> None:
    for professions in ((), (Profession.nurse,)):
        office = Actor(ActorKind.organization_admin, None, None, professions)
        assert (office.in_care, office.is_system, office.profession) == (False, False, None)


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


def seen(tie: Tie, rights: Rights, profession: Profession | None = Profession.nurse) -> View:
    return view(rights, tie, profession, load_catalogue())


EVERYTHING = Rights(frozenset(COLUMNS), frozenset(), True)
ALL_GROUPS = frozenset(map(str, Group))


def family(name: str | None = "高橋一郎", **changes: object) -> Consent:
    return consent(about=ConsentSubject.family, groups=frozenset({"family"}), family_name=name, **changes)


def test_a_consent_for_one_profession_makes_the_patient_known_to_that_one() -> None:
    tie = replace(
        TIE, in_team=False, was_in_team=False, consents=[consent(named=True, professions=frozenset({"nurse"}))]
    )
    assert (tie.bases(Profession.nurse), tie.bases(Profession.pt)) == (frozenset({Basis.consent}), frozenset())
    assert (tie.knows_person(Profession.nurse), tie.knows_person(Profession.pt)) == (True, False)
    assert tie.bases(None) == frozenset()


def test_withheld_names_only_the_groups_asked_for_and_of_ones_own_only_what_one_may_not_read() -> None:
    mine = View(
        own=frozenset({"medical.basic"}),
        withheld=(
            Withheld(Group.medical, Tier.basic, None, Reason.no_consent),
            Withheld(Group.medical, Tier.optional, None, Reason.profession),
            Withheld(Group.living, Tier.basic, None, Reason.no_consent),
        ),
    )
    medical = [
        {"group": "medical", "tier": tier, "reason": why}
        for tier, why in (("basic", "no_consent"), ("optional", "profession"))
    ]
    assert mine.withheld_in([Group.medical]) == medical
    assert mine.withheld_in([Group.medical], of_own=True) == medical[1:]
    assert mine.withheld_in([Group.living]) == [{"group": "living", "tier": "basic", "reason": "no_consent"}]
    assert mine.withheld_in([Group.person]) == []


def test_a_record_is_refused_for_the_reason_of_its_own_groups() -> None:
    shut = View(
        withheld=(
            Withheld(Group.person, Tier.basic, None, Reason.profession),
            Withheld(Group.care_report, Tier.basic, None, Reason.consent_withdrawn),
        )
    )
    assert shut.reason_in([Group.care_report]) is Reason.consent_withdrawn
    assert shut.reason_in([Group.person, Group.medical]) is Reason.profession
    assert shut.reason_in([Group.living]) is Reason.no_consent


def test_the_familys_withdrawal_is_not_the_patients() -> None:
    gone = replace(TIE, consents=[family(withdrawn=True)])
    assert Withheld(Group.family, Tier.basic, None, Reason.no_consent) in seen(gone, EVERYTHING).withheld
    standing = replace(TIE, consents=[consent()])
    assert Withheld(Group.living, Tier.basic, None, Reason.no_consent) in seen(standing, EVERYTHING).withheld


def test_a_restricted_item_is_told_of_where_its_column_is_shown_or_the_profession_may_not() -> None:
    """Where the whole column is withheld from one who may read restricted items, the column says it."""
    named = {w.item for w in seen(TIE, EVERYTHING).withheld if w.item}
    assert named == set()
    open_all = replace(TIE, consents=[consent(groups=ALL_GROUPS), family()])
    items = {(w.item, w.reason) for w in seen(open_all, EVERYTHING).withheld}
    assert items == {(code, Reason.restricted) for code in load_catalogue().restricted}
    barred = replace(EVERYTHING, restricted=False)
    for tie in (TIE, open_all):
        told = {w.item: w.reason for w in seen(tie, barred).withheld if w.item}
        assert told == dict.fromkeys(load_catalogue().restricted, Reason.profession)


def test_whose_rows_of_the_family_are_open() -> None:
    ichiro, jiro = family(), family("高橋次郎")
    assert seen(replace(TIE, consents=[ichiro, jiro]), EVERYTHING).members == {"高橋一郎", "高橋次郎"}
    for closed in (
        family("高橋次郎", withdrawn=True),
        family("高橋次郎", professions=frozenset({"pt"})),
        family("高橋次郎", tiers=frozenset({"optional"})),
        family(None),
        consent(groups=ALL_GROUPS),
    ):
        assert seen(replace(TIE, consents=[ichiro, closed]), EVERYTHING).members == {"高橋一郎"}
    assert seen(replace(TIE, consents=[ichiro], emergency=frozenset({"medical"})), EVERYTHING).members == {"高橋一郎"}
    assert seen(replace(TIE, emergency=frozenset({"family"})), EVERYTHING).members is None
    assert View().members == frozenset()


def test_tiers_narrow_and_two_consents_add_up_column_by_column() -> None:
    basic, optional = (
        consent(tiers=frozenset({"basic"})),
        consent(groups=frozenset({"living"}), tiers=frozenset({"optional"})),
    )
    assert seen(replace(TIE, consents=[basic, optional]), EVERYTHING).shared == {"medical.basic", "living.optional"}


def test_a_list_names_a_linked_person_once_for_each_reader() -> None:
    """Under the newest id that the reader's organization is itself tied to, as the reader's profession is."""
    older, newer = sorted((new_id(), new_id()))
    own = Tie(older, TIE.organization_id, own=True)
    agreed = Tie(newer, TIE.organization_id, consents=[consent(named=True, professions=frozenset({"nurse"}))])
    first, second = united([own, agreed]), united([agreed, own])
    assert [tie.listed(Profession.nurse) for tie in (first, second)] == [False, True]
    assert [tie.listed(Profession.physician) for tie in (first, second)] == [True, False]
    assert TIE.listed(Profession.nurse)


def test_what_is_ones_own_and_what_is_shared_are_asked_for_apart() -> None:
    seen = View(frozenset({"medical.basic"}), frozenset({"living.basic"}))
    assert [seen.shows("living.basic", mine=mine) for mine in (True, False)] == [True, False]
    assert [seen.shows("medical.basic", mine=mine) for mine in (True, False)] == [False, True]


def test_why_ones_own_statement_cannot_be_seen_whole() -> None:
    """For the profession alone; a restricted item with the column it lies in."""
    item = load_catalogue().items["medical.infection"]
    barred = Withheld(item.group, item.tier, None, Reason.profession)
    restricted = Withheld(item.group, None, "medical.infection", Reason.profession)
    living = Withheld(Group.living, Tier.basic, None, Reason.profession)
    agreed = Withheld(Group.family, Tier.basic, None, Reason.no_consent)
    seen = View(frozenset(), frozenset({"care_report.basic"}), (barred, restricted, living, agreed))
    assert seen.withheld_of_own(["living.basic", "family.basic", "care_report.basic"]) == [living.as_json()]
    assert seen.withheld_of_own(["medical.infection"]) == [barred.as_json(), restricted.as_json()]
    assert seen.withheld_of_own(["care_report.basic"]) == []


def test_an_emergency_opens_its_groups_without_a_consent_and_no_others() -> None:
    both = Rights(frozenset({MEDICAL, (Group.living, Tier.basic)}), frozenset(), True)
    seen = view(both, replace(TIE, emergency=frozenset({"medical"})), Profession.nurse, load_catalogue())
    assert seen.shared == {"medical.basic"}
    assert Withheld(Group.living, Tier.basic, None, Reason.no_consent) in seen.withheld


def test_family_items_need_the_familys_consent_too() -> None:
    reader = Rights(frozenset({(Group.family, Tier.basic)}), frozenset(), True)
    patients = consent(groups=frozenset({"family"}))
    familys = replace(patients, about=ConsentSubject.family, family_name="やまだ")
    for consents, lacks in (
        ([patients], Reason.family_consent_missing),
        ([familys], Reason.no_consent),
        ([patients, familys], None),
    ):
        seen = view(reader, replace(TIE, consents=consents), Profession.nurse, load_catalogue())
        assert ("family.basic" in seen.shared) is (lacks is None)
        assert (Withheld(Group.family, Tier.basic, None, lacks) in seen.withheld) is (lacks is not None)
        assert seen.members == (frozenset() if familys not in consents else {"やまだ"})
