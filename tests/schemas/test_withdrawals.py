"""What is left of a consent when a part is withdrawn: never more than before, and never what was withdrawn."""

from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from renkei.catalogue import load_catalogue
from renkei.ids import new_id
from renkei.schemas.consents import ConsentIn
from renkei.schemas.withdrawals import Only, rest, uncovered
from renkei.vocabulary import Group, Profession, Tier

IDS = [new_id() for _ in range(4)]
PROFESSIONS = [Profession.nurse, Profession.physician, Profession.system]
RESTRICTED = ["medical.infection", "family.abuse_concern", "living.home_access"]


def some(of: Any, least: int = 0) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(list(of)), unique=True, min_size=least)


def consent(terms: dict[str, Any]) -> ConsentIn:
    """A consent of these terms, by notice."""
    whole = {"form": "notice", "given_on": "2026-01-05", "valid_from": "2026-02-01", "groups": list(Group), **terms}
    return ConsentIn.model_validate(whole)


def to(care_team: bool, named: list[UUID], excepted: list[UUID], professions: list[Profession]) -> dict[str, Any]:
    return {
        "care_team": care_team or not named,
        "organizations": [str(id_) for id_ in named],
        "except_organizations": [str(id_) for id_ in excepted if id_ not in named and (care_team or not named)],
        "professions": professions,
    }


CONSENTS = st.fixed_dictionaries(
    {
        "groups": some(Group, 1),
        "tiers": some(Tier, 1),
        "restricted": some(RESTRICTED),
        "recipients": st.builds(to, st.booleans(), some(IDS), some(IDS), some(PROFESSIONS)),
    }
).map(consent)
MEANT = {"groups": Group, "tiers": Tier, "restricted": RESTRICTED, "organizations": IDS, "professions": PROFESSIONS}


def only_of(names: list[str], values: dict[str, list[Any]], care_team: bool) -> Only:
    # Of most kinds nothing, or nothing would be left to look at.
    return Only.model_construct(care_team=care_team, **{name: values[name] if name in names else [] for name in MEANT})


ONLY = st.builds(
    only_of,
    st.lists(st.sampled_from(list(MEANT)), min_size=1, max_size=2),
    st.fixed_dictionaries({name: some(of) for name, of in MEANT.items()}),
    st.sampled_from([False, False, False, True]),
)


def opens(one: ConsentIn | None, organization: UUID, in_team: bool) -> set[tuple[Profession, str]]:
    """What a consent opens to an organization, by profession, as design §4 has it: parts and restricted items."""
    if one is None:
        return set()
    whom, items = one.recipients, load_catalogue().items
    named = organization in whom.organizations
    if not named and not (whom.care_team and in_team and organization not in whom.except_organizations):
        return set()
    parts = {f"{group}.{tier}" for group in one.groups for tier in one.tiers}
    parts |= {code for code in one.restricted if f"{items[code].group}.{items[code].tier}" in parts}
    return {(p, part) for p in (whom.professions or Profession) for part in parts}


def withdrawn(only: Only, organization: UUID, profession: Profession, part: str, named: bool) -> bool:
    """Whether a withdrawal means this reader's reading of this part."""
    item = load_catalogue().items.get(part)
    column = (item.group, item.tier) if item else tuple(part.split("."))
    by_reader = organization in only.organizations or profession in only.professions or (only.care_team and not named)
    return by_reader or column[0] in only.groups or column[1] in only.tiers or part in only.restricted


@settings(max_examples=300)
@given(CONSENTS, ONLY, st.sampled_from(IDS), st.booleans())
def test_what_is_left_is_what_was_less_what_is_withdrawn(
    one: ConsentIn, only: Only, organization: UUID, in_team: bool
) -> None:
    named = organization in one.recipients.organizations
    before, left = opens(one, organization, in_team), rest(one, only)
    expected = {(p, part) for p, part in before if not withdrawn(only, organization, p, part, named)}
    assert opens(left, organization, in_team) == expected
    if left is not None:
        # What is left is a consent as any that may be sent.
        assert ConsentIn.model_validate(left.as_json()) == left
        items = load_catalogue().items  # and names no restricted item of a column that it does not open
        assert all(items[c].group in left.groups and items[c].tier in left.tiers for c in left.restricted)


def test_a_whole_withdrawal_leaves_nothing() -> None:
    assert rest(consent({"recipients": {"care_team": True}}), None) is None


@given(CONSENTS, ONLY, some(IDS))
def test_each_thing_that_is_not_covered_is_named(one: ConsentIn, only: Only, members: list[UUID]) -> None:
    whom = one.recipients
    named = {fault.pointer for fault in uncovered(one, only, members)}
    reached = {*whom.organizations, *(set(members) - set(whom.except_organizations) if whom.care_team else ())}
    covers: dict[str, Any] = {"groups": one.groups, "tiers": one.tiers, "restricted": one.restricted}
    covers |= {"organizations": reached, "professions": whom.professions or list(Profession)}
    expected = {
        f"/only/{name}/{place}"
        for name, of in covers.items()
        for place, value in enumerate(getattr(only, name))
        if value not in of
    }
    assert named == expected | ({"/only/care_team"} if only.care_team and not whom.care_team else set())
