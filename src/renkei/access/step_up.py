"""本人の再確認 (step-up): acts for which a person's session alone is not enough. Pure, no SQL.

A tablet that lies open on the desk of a station is a session. Whoever breaks the glass, takes data out or changes rights by
one must have shown a second factor minutes ago (``settings.step_up_seconds``). Systems show a key or a secret for each token
and are not concerned.
"""

from renkei.access.actor import Actor
from renkei.access.scopes import SCOPES, require_scope
from renkei.errors import Forbidden
from renkei.vocabulary import Permission, Reason, Scope

SECOND_FACTORS = ("otp", "recovery", "one_time", "pop", "mfa")
"""``methods`` of a session, any of which stands for a second factor."""
LOOKS = (".read", ".preview")


def _asks(permission: Permission) -> bool:
    if permission is Permission.emergency_access_open or permission.startswith("export."):
        return True
    # What administers decides who may do what; a new act of that kind belongs here until somebody says why not.
    return SCOPES[permission] is Scope.administration and not permission.endswith(LOOKS)


STEP_UP = frozenset(permission for permission in Permission if _asks(permission))
"""The acts: breaking the glass, exports, and whatever changes rights."""

PROVE_AGAIN = (
    "この操作の前に、二要素目でもう一度本人確認をしてください",
    "Prove yourself by a second factor again before you do this",
)

SIGN_IN_AGAIN = ("この操作の前に、もう一度サインインしてください", "Sign in again before you do this")


def require_leave(actor: Actor, permission: Permission) -> None:
    """Raise Forbidden: outside the actor's scopes, or a person's second factor is too long ago. Asked before any patient is known."""
    require_scope(actor.scopes, permission)
    if permission in STEP_UP and actor.signed_in is not None and not actor.signed_in.recently:
        raise Forbidden(Reason.not_proved_recently, "second_factor.recent", "yourself", PROVE_AGAIN)
