"""Scopes (範囲): what a delegation or a token is for. They narrow what the rights allow and never add to it. Pure, no SQL."""

from collections.abc import Iterable, Mapping

from renkei.errors import Forbidden
from renkei.vocabulary import Permission, Reason, Scope

Scopes = frozenset[Scope]
"""``None`` in its place everywhere: no limit."""

_ACTS: Mapping[Scope, str] = {
    Scope.patients: (
        "patient.register patient.search patient.read patient.change patient.distinguish patient.link patient.unlink "
        "link.read candidate.read"
    ),
    Scope.records_read: "face_sheet.read care_report.read attachment.read summary.read",
    Scope.records_write: (
        "face_sheet.submit face_sheet.withdraw care_report.submit care_report.withdraw attachment.add attachment.withdraw "
        "draft.enter draft.read draft.change draft.discard draft.confirm draft.expire"
    ),
    Scope.changes: (
        "change.read change.notify subscription.register subscription.read subscription.edit subscription.renew "
        "subscription.resume subscription.end delivery.read delivery.repeat"
    ),
    Scope.consents: "consent.record consent.read consent.withdraw consent.preview consent_evidence.add consent_evidence.read",
    Scope.care_team: (
        "care_team.place care_team.read care_team.end organization.read "
        "access_request.submit access_request.read access_request.approve access_request.refuse"
    ),
    Scope.emergency: "emergency_access.open emergency_access.close emergency_access.read emergency_access.review",
    Scope.exports: "export.request export.make export.read export.download export.cancel",
    Scope.imports: (
        "import.submit import.read import.confirm import.cancel import.undo import_mapping.read import_mapping.save"
    ),
    Scope.oversight: (
        "access.read access_log.read audit.read audit_seal.read breach.read access_review.read permission_table.read"
    ),
    Scope.administration: (
        "organization.register organization.suspend organization.resume care_team.hand_over possible_duplicate.read "
        "client.register client.read client.replace_keys client.renew client.suspend client.resume "
        "delegation.read delegation.register delegation.end "
        "member.read member.invite member.reinvite member.change member.end member.give_code member.import "
        "login_provider.read login_provider.set login_provider.remove permission_table.preview permission_table.edit"
    ),
}
SCOPES: Mapping[Permission, Scope] = {Permission(act): scope for scope, acts in _ACTS.items() for act in acts.split()}
"""The one scope of each act. ``/v1/me`` and the catalogue are no acts: every token reads them."""

OUTSIDE = (
    "この操作は、委任またはトークンの範囲に含まれていません",
    "The delegation or the token does not include this kind of act",
)


def require_scope(scopes: Scopes | None, permission: Permission) -> None:
    """Raise Forbidden when the act lies outside. Asked before any patient is looked for: it tells of nobody."""
    scope = SCOPES[permission]
    if scopes is not None and scope not in scopes:
        raise Forbidden(Reason.scope, f"scope.{scope}", "organization", OUTSIDE)


def narrowed(wider: Scopes | None, asked: Scopes | None) -> Scopes | None:
    """What both allow."""
    if wider is None or asked is None:
        return asked if wider is None else wider
    return wider & asked


def common(limits: Iterable[Iterable[str] | None]) -> Scopes | None:
    """What all of these limits allow."""
    found: Scopes | None = None
    for limit in limits:
        found = narrowed(found, None if limit is None else frozenset(Scope(one) for one in limit))
    return found


def united(limits: Iterable[Iterable[str] | None]) -> Scopes | None:
    """What any of these limits allows."""
    found: set[Scope] = set()
    for limit in limits:
        if limit is None:
            return None
        found |= {Scope(one) for one in limit}
    return frozenset(found)


def parse_scope(text: str | None) -> Scopes | None:
    """The ``scope`` of RFC 6749 §3.3, words separated by spaces; None where none is named. Raises ValueError: not ours."""
    return frozenset(Scope(word) for word in text.split(" ")) if text else None


def scope_text(scopes: Scopes) -> str:
    """The same as text, in the order of the list."""
    return " ".join(scope for scope in Scope if scope in scopes)
