"""Whom an import is about and what it has made: ids only."""

from collections.abc import Iterable
from uuid import UUID

from renkei.access.audit import Asked
from renkei.database import Row, Transaction

# No birth date and no sex are compared: whether a person may be written about is the gate's to decide.
MATCH = "SELECT key, patient_id FROM renkei_match_identity(%s::bytea[], NULL, NULL) WHERE NOT ended"
MADE = """
SELECT patient_id, number, kind, record_id FROM import_rows
WHERE organization_id = %s AND import_id = %s AND number > %s ORDER BY number LIMIT %s
"""


async def patients_by_number(tx: Transaction, asked: Asked, keys: Iterable[bytes]) -> dict[bytes, UUID]:
    """Who bears these numbers, by the keys of ``number_key``; none where it would be two. The gate then decides as if the id
    had been sent."""
    wanted = list(keys)
    found: dict[bytes, set[UUID]] = {}
    for row in await tx.rows(MATCH, [wanted]) if wanted else ():
        found.setdefault(bytes(row.key), set()).add(row.patient_id)
    return {key: next(iter(bearers)) for key, bearers in found.items() if len(bearers) == 1}


async def made_by(tx: Transaction, organization_id: UUID, import_id: UUID, after: int, limit: int) -> list[Row]:
    """The records an import has made, in the order of its rows. Each is then withdrawn by a grant of its own."""
    tx.ask_about([organization_id])
    return await tx.rows(MADE, [organization_id, import_id, after, limit])
