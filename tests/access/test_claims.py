"""What an organization has said that its login's claims mean, claim by claim."""

from types import SimpleNamespace
from typing import Any

import pytest

from renkei.access.claims import of_organization, professions_of, two_factors
from renkei.access.oidc import Proven

PROVIDER = SimpleNamespace(
    accepted_acr=["urn:two"],
    accepted_amr=["hwk", "otp"],
    organization_claim="tenant",
    organization_values=["clinic", "ward"],
    profession_claim="roles",
    professions={"Dr": "physician", "Ns": "nurse", "N2": "nurse"},
)


def proven(acr: str | None = None, *amr: str) -> Proven:
    return Proven("s", {}, acr, amr, None)


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        (proven("urn:two"), True),
        (proven("urn:one", "pwd", "otp"), True),
        (proven("urn:two", "pwd"), True),
        (proven("urn:one", "pwd"), False),
        (proven(), False),
    ],
)
def test_either_value_counts_for_two_factors(said: Proven, counts: bool) -> None:
    assert two_factors(PROVIDER, said) is counts


@pytest.mark.parametrize(
    ("claims", "professions", "ours"),
    [
        ({"tenant": "clinic", "roles": "Ns"}, ["nurse"], True),
        ({"tenant": ["other", "ward"], "roles": ["N2", "Ns", "Dr", "porter"]}, ["nurse", "physician"], True),
        ({"tenant": "other", "roles": ["porter"]}, [], False),
        ({"tenant": ["other", 7, None]}, [], False),
        ({"organization": "clinic", "role": "Ns"}, [], False),
    ],
)
def test_claims_name_the_organization_and_professions(
    claims: dict[str, Any], professions: list[str], ours: bool
) -> None:
    assert professions_of(PROVIDER, claims) == professions
    assert of_organization(PROVIDER, claims) is ours


def test_what_no_claim_is_named_for_is_open() -> None:
    open_to_all = SimpleNamespace(
        organization_claim=None, organization_values=[], profession_claim=None, professions={}
    )
    assert professions_of(open_to_all, {}) is None
    assert of_organization(open_to_all, {})
