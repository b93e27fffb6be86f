"""HOW IT IS KEPT. All SQL on patient data; every function takes the transaction and the grant it works under."""

from typing import Any, LiteralString

from renkei.access.gate import Grant
from renkei.database import Transaction

LOCK = "SELECT version FROM summaries WHERE patient_id = %(patient)s ORDER BY patient_id FOR UPDATE"


def lock_patient(tx: Transaction, grant: Grant) -> None:
    """Let one writer at a time at a patient; what is read after this is what is committed.

    Two offices writing at once lose nothing from the summary, and one thing sent twice at once is kept once.
    """
    tx.later(whose(LOCK, grant), about(grant))


def whose(text: LiteralString, grant: Grant) -> LiteralString:
    """A statement about ``%(patient)s``, for the ids of a linked person. For everybody else it stays as it is, or PostgreSQL
    could not walk an index in the order that is asked for."""
    return text.replace("= %(patient)s", "= ANY (%(patients)s)") if len(grant.patient_ids) > 1 else text


def about(grant: Grant) -> dict[str, Any]:
    """The parameters of such a statement that name the person."""
    return {"patient": grant.patient_id, "patients": list(grant.patient_ids)}


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
