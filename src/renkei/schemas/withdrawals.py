"""同意の撤回, whole or in part: what is withdrawn, and what of the consent stands after it. Pure."""

from collections.abc import Collection, Iterator
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from renkei.catalogue import load_catalogue
from renkei.errors import Fault
from renkei.schemas.consents import ConsentIn, Recipients
from renkei.schemas.fields import Id, Strict, Text, Unique, fault
from renkei.vocabulary import ConsentSubject, Group, Profession, Tier


class Only(Strict):
    """What alone is withdrawn. Each name by itself: a group in both its tiers, a tier in all its groups.

    organizations: named ones, and members of a care team that the consent is given to, who then are excepted.
    """

    groups: Annotated[list[Annotated[Group, Field(strict=False)]], Unique] = Field(default_factory=list)
    tiers: Annotated[list[Annotated[Tier, Field(strict=False)]], Unique] = Field(default_factory=list)
    restricted: Annotated[list[str], Unique] = Field(default_factory=list)
    organizations: Annotated[list[Id], Field(max_length=100), Unique] = Field(default_factory=list)
    professions: Annotated[list[Annotated[Profession, Field(strict=False)]], Unique] = Field(default_factory=list)
    care_team: bool = False

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if not any(self.model_dump().values()):
            raise fault("empty")
        return self


class WithdrawalPreview(Strict):
    """``POST …/withdrawal/preview``: a withdrawal that is only tried needs no reason yet."""

    reason: Text | None = None
    only: Only | None = None


class ConsentWithdrawal(WithdrawalPreview):
    """``POST …/consents/{id}/withdrawal``. Without ``only`` the whole consent."""

    reason: Text


def rest(consent: ConsentIn, only: Only | None) -> ConsentIn | None:
    """The consent less what is withdrawn, on the same terms and from the same day; None when nothing is left of it."""
    if only is None:
        return None
    groups = [group for group in consent.groups if group not in only.groups]
    tiers = [tier for tier in consent.tiers if tier not in only.tiers]
    recipients = _recipients(consent.recipients, only)
    lacks_family = consent.about is ConsentSubject.family and Group.family not in groups
    if not groups or not tiers or recipients is None or lacks_family:
        return None
    items = load_catalogue().items
    named = [code for code in consent.restricted if items[code].group in groups and items[code].tier in tiers]
    left = {
        "groups": groups,
        "tiers": tiers,
        "recipients": recipients,
        "restricted": [code for code in named if code not in only.restricted],
    }
    return consent.model_copy(update=left)


def _recipients(to: Recipients, only: Only) -> Recipients | None:
    organizations = [id_ for id_ in to.organizations if id_ not in only.organizations]
    care_team = to.care_team and not only.care_team
    # An empty list means all of them: who is taken out of "all" leaves the others named, and the last named nobody.
    professions = [p for p in to.professions or Profession if p not in only.professions]
    if not professions or not (organizations or care_team):
        return None
    excepted = [*to.except_organizations, *only.organizations] if care_team else []
    left = {
        "care_team": care_team,
        "organizations": organizations,
        "except_organizations": list(dict.fromkeys(excepted)),
        "professions": professions if to.professions or only.professions else [],
    }
    return to.model_copy(update=left)


def uncovered(consent: ConsentIn, only: Only, members: Collection[UUID]) -> list[Fault]:
    """What is to be withdrawn although the consent does not cover it. members: organizations with a place in the team."""
    return [Fault(f"/only{pointer}", None, "unknown") for pointer in _uncovered(consent, only, members)]


def _uncovered(consent: ConsentIn, only: Only, members: Collection[UUID]) -> Iterator[str]:
    to = consent.recipients
    reached = set(to.organizations)
    if to.care_team:
        reached |= set(members) - set(to.except_organizations)
    covered: list[tuple[str, Collection[object], Collection[object]]] = [
        ("groups", only.groups, consent.groups),
        ("tiers", only.tiers, consent.tiers),
        ("restricted", only.restricted, consent.restricted),
        ("organizations", only.organizations, reached),
        ("professions", only.professions, to.professions or tuple(Profession)),
    ]
    for name, withdrawn, covers in covered:
        yield from (f"/{name}/{place}" for place, one in enumerate(withdrawn) if one not in covers)
    if only.care_team and not to.care_team:
        yield "/care_team"
