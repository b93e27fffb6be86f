"""What a refusal says: the rule, who could change it, and why."""

import pytest

from renkei.access import refusals
from renkei.access.refusals import Refused
from renkei.errors import Forbidden
from renkei.vocabulary import Reason

PATIENTS_TO_GIVE = [
    Reason.no_consent,
    Reason.consent_withdrawn,
    Reason.family_consent_missing,
    Reason.restricted,
]


def told(refusal: Forbidden) -> tuple[object, ...]:
    return (refusal.reason, refusal.rule, refusal.grantable_by, refusal.detail, refusal.faults)


def test_what_is_not_ones_own_to_do() -> None:
    assert told(refusals.not_own_record()) == (
        Reason.not_own_record,
        "record.organization",
        "organization",
        refusals.NOT_OWN_RECORD,
        (),
    )
    assert told(refusals.own_matter()) == (
        Reason.own_matter,
        "another_organization",
        "organization",
        refusals.OWN_MATTER,
        (),
    )


@pytest.mark.parametrize("reason", PATIENTS_TO_GIVE)
def test_what_a_consent_would_open(reason: Reason) -> None:
    assert told(refusals.unreadable(reason))[:3] == (reason, "consent", "patient")


def test_what_the_permission_table_would_open() -> None:
    assert told(refusals.unreadable(Reason.profession)) == (
        Reason.profession,
        "permission_table",
        "platform_admin",
        refusals.NO_RIGHT,
        (),
    )


def test_every_reason_is_told_in_words_of_its_own() -> None:
    words = [refusals.unreadable(reason).detail for reason in [*PATIENTS_TO_GIVE, Reason.profession]]
    assert len(set(words)) == len(words) and all(japanese and english for japanese, english in words)


def test_a_refused_token_request_is_logged_with_its_reason() -> None:
    assert str(Refused("invalid_client", "no such client")) == "no such client"
