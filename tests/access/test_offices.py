"""Refusals of an office, to the word: which rule it was and who could change it, before anything is looked up."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from renkei.access.actor import Actor, Organization
from renkei.access.audit import Asked
from renkei.access.gate import (
    LedgerGrant,
    authorize,
    authorize_ledger,
    authorize_office_page,
    authorize_service,
    may_break_glass,
)
from renkei.access.refusals import (
    NO_CONTENT,
    NO_OFFICE,
    NO_ORGANIZATION,
    Refused,
    not_own_record,
    own_matter,
    unreadable,
)
from renkei.database import Transaction
from renkei.errors import Forbidden
from renkei.ids import new_id
from renkei.vocabulary import ActorKind, OrganizationKind, Permission, Reason

NO_DATABASE = cast(Transaction, None)
"""Refused before a statement is sent: there is nothing to send it to."""
CLINIC = Organization(new_id(), "c", "n", OrganizationKind.clinic)


def asked(kind: ActorKind, permission: Permission) -> Asked:
    organization = CLINIC if kind in (ActorKind.client, ActorKind.organization_admin) else None
    return Asked(new_id(), Actor(kind, new_id(), organization, ()), permission)


def told(error: Any) -> tuple[object, ...]:
    return error.members["reason_code"], error.members["rule"], error.members["grantable_by"], error.detail


def office(right: str) -> tuple[object, ...]:
    return Reason.not_administrator.value, f"office.{right}", "platform_admin", NO_OFFICE


@pytest.mark.parametrize("kind", [ActorKind.client, ActorKind.worker])
async def test_the_ledger_is_the_offices(kind: ActorKind) -> None:
    with pytest.raises(Forbidden) as refused:
        await authorize_ledger(NO_DATABASE, asked(kind, Permission.audit_read), Permission.audit_read)
    assert told(refused.value) == office("ledger")


@pytest.mark.parametrize("kind", [ActorKind.client, ActorKind.auditor, ActorKind.organization_admin, ActorKind.worker])
def test_acts_on_many_patients_are_the_platforms(kind: ActorKind) -> None:
    permission = Permission.care_team_hand_over
    for patients in ([], [new_id()]):
        with pytest.raises(Forbidden) as refused:
            authorize_office_page(NO_DATABASE, asked(kind, permission), permission, patients)
        assert told(refused.value) == office("platform_admin")
    assert authorize_office_page(NO_DATABASE, asked(ActorKind.admin, permission), permission, []) == []


@pytest.mark.parametrize("kind", [ActorKind.client, ActorKind.auditor, ActorKind.organization_admin, ActorKind.worker])
async def test_acts_on_no_patient_are_the_platforms(kind: ActorKind) -> None:
    permission = Permission.organization_suspend
    with pytest.raises(Forbidden) as refused:
        await authorize_service(NO_DATABASE, asked(kind, permission), permission)
    assert told(refused.value)[:3] == (Reason.not_administrator.value, "platform_admin", "platform_admin")
    await authorize_service(NO_DATABASE, asked(ActorKind.admin, permission), permission)


async def test_what_every_client_may_no_worker_may() -> None:
    await authorize_service(NO_DATABASE, asked(ActorKind.client, Permission.change_read), Permission.change_read)
    for kind in (ActorKind.organization_admin, ActorKind.worker):
        with pytest.raises(Forbidden):
            await authorize_service(NO_DATABASE, asked(kind, Permission.change_read), Permission.change_read)


@pytest.mark.parametrize("kind", [kind for kind in ActorKind if kind is not ActorKind.client])
async def test_no_office_breaks_the_glass(kind: ActorKind) -> None:
    with pytest.raises(Forbidden) as refused:
        await may_break_glass(NO_DATABASE, asked(kind, Permission.emergency_access_open))
    assert told(refused.value) == ("profession", "medical_basic.read", "platform_admin", NO_ORGANIZATION)


def test_nobody_else_makes_a_grant_of_the_ledger() -> None:
    with pytest.raises(TypeError, match=r"^only the gate makes a LedgerGrant$"):
        LedgerGrant(asked(ActorKind.admin, Permission.audit_read), Permission.audit_read, None, object())


@pytest.mark.parametrize(
    ("refusal", "members", "ja", "en"),
    [
        (
            not_own_record,
            ("not_own_record", "record.organization", "organization"),
            "他機関の記録は訂正・取下げできません",
            "Only the organization that sent a record may correct or withdraw it",
        ),
        (
            own_matter,
            ("own_matter", "another_organization", "organization"),
            "自機関の緊急閲覧や申請は、チームのほかの事業所か基盤の管理者が判断します",
            "Another organization of the team, or the administrator, decides on what your own opened or asked for",
        ),
        (
            lambda: unreadable(Reason.profession),
            ("profession", "permission_table", "platform_admin"),
            "この職種には権限表でこの操作が許されていません",
            "The permission table does not allow this profession to do this",
        ),
        (
            lambda: unreadable(Reason.no_consent),
            ("no_consent", "consent", "patient"),
            "この項目群の提供について同意がありません",
            "No consent in force covers these items for you",
        ),
        (
            lambda: unreadable(Reason.consent_withdrawn),
            ("consent_withdrawn", "consent", "patient"),
            "同意が撤回されています",
            "The consent has been withdrawn",
        ),
        (
            lambda: unreadable(Reason.family_consent_missing),
            ("family_consent_missing", "consent", "patient"),
            "家族の同意がありません",
            "The family's own consent is missing",
        ),
        (
            lambda: unreadable(Reason.restricted),
            ("restricted", "consent", "patient"),
            "同意で名指しされていない要配慮項目です",
            "A restricted item that no consent names",
        ),
    ],
)
def test_a_refusal_says_in_both_languages_what_would_have_to_change(
    refusal: Callable[[], Forbidden], members: tuple[str, str, str], ja: str, en: str
) -> None:
    assert told(refusal()) == (*members, (ja, en))


def test_a_refused_token_request_is_logged_with_its_reason() -> None:
    assert str(Refused("invalid_client", "no such client")) == "no such client"


@pytest.mark.parametrize("kind", [ActorKind.admin, ActorKind.auditor, ActorKind.organization_admin, ActorKind.worker])
async def test_no_office_handles_content(kind: ActorKind) -> None:
    permission = Permission.summary_read
    with pytest.raises(Forbidden) as refused:
        await authorize(NO_DATABASE, asked(kind, permission), permission, new_id())
    assert told(refused.value) == ("profession", "office.any.read", "platform_admin", NO_CONTENT)
