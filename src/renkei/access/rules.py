"""What each act asks of who does it: the closed list of permissions, each with its rule. Pure, no SQL."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from renkei.access.actor import Actor
from renkei.access.policy import COLUMNS, Rights
from renkei.vocabulary import ActorKind, Basis, Group, Permission, RecordKind, Tier


class Rule(NamedTuple):
    """What a permission asks of the actor: a right by the table, a tie, or an office of administration.

    knows_person: more than a match by number, which shows only what one sent.
    """

    right: str
    has_right: Callable[[Rights], bool]
    ties: frozenset[Basis] | None = None  # None: any of them
    admin: bool = False
    auditor: bool = False
    organization_admin: bool = False  # within the ledger of its own organization
    knows_person: bool = False


def _reads(*columns: tuple[Group, Tier]) -> Callable[[Rights], bool]:
    return lambda rights: any(column in rights.read for column in columns)


def _writes(*columns: tuple[Group, Tier]) -> Callable[[Rights], bool]:
    return lambda rights: any(column in rights.write for column in columns)


def _of(kind: RecordKind) -> tuple[tuple[Group, Tier], ...]:
    return tuple(column for column in COLUMNS if column[0] in kind.groups)


_TEAM = frozenset({Basis.care_team})
# `own`: correcting one's own needs no place in the team any more; a new document does (writing.require_team).
_WRITERS = frozenset({Basis.care_team, Basis.requested, Basis.own})
_SHEET, _REPORT = _of(RecordKind.face_sheet), _of(RecordKind.care_report)
_PERSON = (Group.person, Tier.basic)
_TEAM_RULE = Rule("person_basic.write", _writes(_PERSON), _TEAM, admin=True)
_TEAM_READ_RULE = Rule("person_basic.write", _writes(_PERSON), _TEAM, admin=True, auditor=True)
_PLATFORM_RULE = Rule("platform_admin", lambda _: False, admin=True)
_DELEGATION_RULE = Rule("organization_admin", lambda _: False, admin=True, organization_admin=True)
_DELEGATION_READ_RULE = Rule("organization_admin", lambda _: False, admin=True, auditor=True, organization_admin=True)
_FEED_RULE = Rule("any", lambda _: True, admin=True, auditor=True)
_SUBSCRIPTION_RULE = Rule("any", lambda _: True, admin=True, auditor=True, organization_admin=True)
_LEDGER_RULE = Rule("ledger", lambda _: False, admin=True, auditor=True, organization_admin=True)

_IMPORTS = tuple(act for act in Permission if act.partition(".")[0] in ("import", "import_mapping"))

RULES: Mapping[Permission, Rule] = {
    Permission.patient_register: Rule("any.write", _writes(*COLUMNS)),
    Permission.patient_search: Rule("any.read", _reads(*COLUMNS)),
    Permission.patient_read: Rule("any.read", _reads(*COLUMNS)),
    # Not by office: whoever changes a person sees them.
    Permission.patient_change: Rule("person_basic.write", _writes(_PERSON), _TEAM),
    # Whoever says that two are one, or are not, must reach both; the administrator acts on what those who know them say.
    Permission.patient_link: _TEAM_RULE,
    Permission.patient_unlink: _TEAM_RULE,
    Permission.patient_distinguish: _TEAM_RULE,
    Permission.link_read: Rule("any.read", _reads(*COLUMNS), admin=True, auditor=True, knows_person=True),
    Permission.candidate_read: Rule("person_basic.write", _writes(_PERSON), _TEAM),
    Permission.possible_duplicate_read: Rule("platform_admin", lambda _: False, admin=True, auditor=True),
    Permission.face_sheet_submit: Rule("face_sheet.write", _writes(*_SHEET), _WRITERS),
    Permission.face_sheet_read: Rule("face_sheet.read", _reads(*_SHEET)),
    Permission.face_sheet_withdraw: Rule("face_sheet.write", _writes(*_SHEET)),
    Permission.care_report_submit: Rule("care_report.write", _writes(*_REPORT), _WRITERS),
    Permission.care_report_read: Rule("care_report.read", _reads(*_REPORT)),
    Permission.care_report_withdraw: Rule("care_report.write", _writes(*_REPORT)),
    # To prepare is not to say: whoever of a caring organization may read anything may type what another will confirm.
    Permission.draft_enter: Rule("any.read", _reads(*COLUMNS), _WRITERS),
    Permission.draft_read: Rule("any.read", _reads(*COLUMNS)),
    Permission.draft_change: Rule("any.read", _reads(*COLUMNS)),
    Permission.draft_discard: Rule("any.read", _reads(*COLUMNS)),
    Permission.draft_confirm: Rule("any.write", _writes(*COLUMNS), _WRITERS),
    Permission.draft_expire: Rule("worker", lambda _: False),
    # Of which column, and whether restricted, the attachment says; the action asks for that.
    Permission.attachment_add: Rule("any.write", _writes(*COLUMNS), _WRITERS),
    Permission.attachment_read: Rule("any.read", _reads(*COLUMNS)),
    Permission.attachment_withdraw: Rule("any.write", _writes(*COLUMNS)),
    Permission.summary_read: Rule("any.read", _reads(*COLUMNS)),
    Permission.consent_record: _TEAM_RULE,
    Permission.consent_read: _TEAM_READ_RULE,
    Permission.consent_withdraw: _TEAM_RULE,
    Permission.consent_preview: _TEAM_READ_RULE,
    Permission.consent_evidence_add: _TEAM_RULE,
    Permission.consent_evidence_read: _TEAM_RULE,
    Permission.care_team_place: _TEAM_RULE,
    Permission.care_team_read: Rule("any.read", _reads(*COLUMNS), admin=True, auditor=True, knows_person=True),
    Permission.care_team_end: _TEAM_RULE,
    Permission.care_team_hand_over: _PLATFORM_RULE,
    # Whoever has a tie may ask: asking is what a refusal advises.
    Permission.access_request_submit: Rule("any", lambda _: True),
    Permission.access_request_read: _TEAM_READ_RULE,
    Permission.access_request_approve: _TEAM_RULE,
    Permission.access_request_refuse: _TEAM_RULE,
    Permission.emergency_access_open: Rule("medical_basic.read", _reads((Group.medical, Tier.basic))),
    Permission.emergency_access_close: Rule("medical_basic.read", _reads((Group.medical, Tier.basic))),
    Permission.emergency_access_read: _TEAM_READ_RULE,
    Permission.emergency_access_review: _TEAM_RULE,
    Permission.access_read: _TEAM_READ_RULE,
    Permission.access_log_read: _TEAM_READ_RULE,
    Permission.organization_read: Rule("any", lambda _: True, admin=True, auditor=True, organization_admin=True),
    Permission.organization_register: _PLATFORM_RULE,
    Permission.organization_suspend: _PLATFORM_RULE,
    Permission.organization_resume: _PLATFORM_RULE,
    Permission.client_register: _PLATFORM_RULE,
    Permission.client_read: _DELEGATION_READ_RULE,
    Permission.client_replace_keys: _PLATFORM_RULE,
    Permission.client_renew: _PLATFORM_RULE,
    Permission.client_suspend: _PLATFORM_RULE,
    Permission.client_resume: _PLATFORM_RULE,
    Permission.delegation_read: _DELEGATION_READ_RULE,
    Permission.delegation_register: _DELEGATION_RULE,
    Permission.delegation_end: _DELEGATION_RULE,
    Permission.login_provider_read: _DELEGATION_READ_RULE,
    Permission.login_provider_set: _DELEGATION_RULE,
    Permission.login_provider_remove: _DELEGATION_RULE,
    Permission.member_read: _DELEGATION_READ_RULE,
    Permission.member_invite: _DELEGATION_RULE,
    Permission.member_reinvite: _DELEGATION_RULE,
    Permission.member_change: _DELEGATION_RULE,
    Permission.member_end: _DELEGATION_RULE,
    Permission.member_give_code: _DELEGATION_RULE,
    Permission.member_import: _DELEGATION_RULE,
    Permission.permission_table_read: Rule("any", lambda _: True, admin=True, auditor=True, organization_admin=True),
    Permission.permission_table_preview: _PLATFORM_RULE,
    Permission.permission_table_edit: _PLATFORM_RULE,
    Permission.access_review_read: _LEDGER_RULE,
    Permission.audit_read: _LEDGER_RULE,
    Permission.audit_seal_read: _LEDGER_RULE,
    Permission.breach_read: _LEDGER_RULE,
    # Whoever may write documents may bring many; each row is then decided as if it had been sent alone.
    **{act: Rule("any.write", _writes(*COLUMNS)) for act in _IMPORTS},
    # What is written out is what reading shows: each part is then asked for by the act that reads it.
    **{act: Rule("any.read", _reads(*COLUMNS)) for act in Permission if act.startswith("export.")},
    Permission.change_read: _FEED_RULE,
    Permission.change_notify: _FEED_RULE,
    # Whoever reads the feed may have it sent. Others' subscriptions are listed and ended by office, never led elsewhere.
    Permission.subscription_register: _FEED_RULE,
    Permission.subscription_read: _SUBSCRIPTION_RULE,
    Permission.subscription_edit: _FEED_RULE,
    Permission.subscription_renew: _FEED_RULE,
    Permission.subscription_resume: _FEED_RULE,
    Permission.subscription_end: _SUBSCRIPTION_RULE,
    Permission.delivery_read: _FEED_RULE,
    Permission.delivery_repeat: _FEED_RULE,
}


_EMERGENCY, _REQUEST = Permission.emergency_access_read, Permission.access_request_read
CHANGE_READ_AS: Mapping[Permission, Permission] = {
    # Registering makes a place in the team or asks for one.
    Permission.patient_register: Permission.care_team_read,
    # By who knows the person; `patient.read` also lets in who only matched a number.
    Permission.patient_change: Permission.care_team_read,
    Permission.patient_distinguish: Permission.care_team_read,
    Permission.patient_link: Permission.care_team_read,
    Permission.patient_unlink: Permission.care_team_read,
    Permission.face_sheet_submit: Permission.face_sheet_read,
    Permission.face_sheet_withdraw: Permission.face_sheet_read,
    Permission.care_report_submit: Permission.care_report_read,
    Permission.care_report_withdraw: Permission.care_report_read,
    Permission.attachment_add: Permission.attachment_read,
    Permission.attachment_withdraw: Permission.attachment_read,
    Permission.consent_record: Permission.consent_read,
    Permission.consent_withdraw: Permission.consent_read,
    Permission.consent_evidence_add: Permission.consent_read,
    Permission.care_team_place: Permission.care_team_read,
    Permission.care_team_end: Permission.care_team_read,
    Permission.care_team_hand_over: Permission.care_team_read,
    Permission.access_request_submit: _REQUEST,
    Permission.access_request_approve: _REQUEST,
    Permission.access_request_refuse: _REQUEST,
    Permission.emergency_access_open: _EMERGENCY,
    Permission.emergency_access_close: _EMERGENCY,
    Permission.emergency_access_review: _EMERGENCY,
}
"""更新情報: every kind of change, and by what permission another organization's is read in the feed."""
RECORDS_READ: Mapping[Permission, RecordKind] = {
    Permission.face_sheet_read: RecordKind.face_sheet,
    Permission.care_report_read: RecordKind.care_report,
}
"""Those of them that consent decides, item by item."""


def holds_office(rule: Rule, actor: Actor) -> bool:
    """Whether an administrator or auditor may do this by office."""
    offices = {
        ActorKind.admin: rule.admin,
        ActorKind.auditor: rule.auditor,
        ActorKind.organization_admin: rule.organization_admin,
    }
    return offices.get(actor.kind, False)
