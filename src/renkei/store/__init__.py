"""HOW IT IS KEPT. All SQL on patient data; every function takes the transaction and the grant it works under."""

from renkei.access.gate import Grant
from renkei.database import Transaction

LOCK = "SELECT version FROM summaries WHERE patient_id = %s FOR UPDATE"


def lock_patient(tx: Transaction, grant: Grant) -> None:
    """Let one writer at a time at a patient; what is read after this is what is committed.

    Two offices writing at once lose nothing from the summary, and one thing sent twice at once is kept once.
    """
    tx.later(LOCK, [grant.patient_id])
