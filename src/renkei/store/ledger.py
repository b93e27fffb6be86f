"""The patient's access log (閲覧記録), read from the ledger by grant."""

from collections.abc import Sequence

from renkei.access.gate import Grant
from renkei.database import Row, Transaction

PAGE = """
SELECT e.id, e.at, e.request_id, e.action, e.outcome, e.reason, e.actor_kind, e.organization_id,
  o.name AS organization_name, e.user_id, e.user_name, e.profession, e.basis, e.groups, e.record_id
FROM audit_events e LEFT JOIN organizations o ON o.id = e.organization_id
WHERE e.patient_id = %(patient)s
  AND (%(time)s::timestamptz IS NULL OR (e.at, e.id) < (%(time)s::timestamptz, %(id)s::uuid))
ORDER BY e.at DESC, e.id DESC LIMIT %(limit)s
"""


async def load_events(tx: Transaction, grant: Grant, after: Sequence[str] | None, limit: int) -> list[Row]:
    """One page of who did or was refused what, newest first; one row more tells of a next page."""
    time, id_ = after or (None, None)
    return await tx.rows(PAGE, {"patient": grant.patient_id, "time": time, "id": id_, "limit": limit + 1})
