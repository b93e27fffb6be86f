"""What an organization has said that the claims of its own login mean. provider: a row of ``login_providers``. Pure, no SQL."""

from collections.abc import Mapping
from typing import Any

from renkei.access.oidc import Proven
from renkei.database import Row


def two_factors(provider: Row, proven: Proven) -> bool:
    """Whether the provider says one of the values by which its organization takes a sign-in for one of two factors."""
    return proven.acr in provider.accepted_acr or not set(proven.amr).isdisjoint(provider.accepted_amr)


def of_organization(provider: Row, claims: Mapping[str, Any]) -> bool:
    """Whether the person is this organization's, where its provider serves others too."""
    wanted = provider.organization_claim
    return wanted is None or not _values(claims, wanted).isdisjoint(provider.organization_values)


def professions_of(provider: Row, claims: Mapping[str, Any]) -> list[str] | None:
    """Of which professions the posts are that may be opened; None: of any."""
    if provider.profession_claim is None:
        return None
    return sorted(
        {provider.professions[v] for v in _values(claims, provider.profession_claim) if v in provider.professions}
    )


def _values(claims: Mapping[str, Any], name: str) -> set[str]:
    value = claims.get(name)
    return {one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)}
