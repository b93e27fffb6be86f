"""HOW IT IS KEPT. All SQL on patient data; every function takes the transaction and the grant it works under."""

from typing import Any

from renkei.access.gate import Grant
from renkei.database import Transaction

LOCK = "SELECT version FROM summaries WHERE patient_id = %s FOR UPDATE"


def lock_patient(tx: Transaction, grant: Grant) -> None:
    """Let one writer at a time at a patient; what is read after this is what is committed.

    Two offices writing at once lose nothing from the summary, and one thing sent twice at once is kept once.
    """
    tx.later(LOCK, [grant.patient_id])


def signature(grant: Grant) -> dict[str, Any]:
    """Who does it, as kept beside a request, a decision, a finding: office, organization, person, profession."""
    actor = grant.asked.actor
    return {
        "actor": actor.kind.value,
        "organization": actor.organization.reference if actor.organization else None,
        "user_id": actor.user_id,
        "user_name": actor.user_name,
        "profession": actor.profession,
    }
