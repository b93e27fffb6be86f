"""WHAT IS STORED. Columns and constraints only. Migrations are checked against these definitions.

Patient tables have the primary key ``(patient_id, id)``, composite foreign keys, no serials and no triggers, so that
they can be distributed by patient (design §10). Reference tables are small and have no foreign key to patient tables. Every
written row names its audit event by value, not by foreign key, because ledgers are archived on their own.
"""

from renkei.tables import (
    access,
    attachments,
    drafts,
    jobs,
    ledger,
    login,
    people,
    records,
    reference,
    retries,
    webhooks,
)
from renkei.tables.base import NO_ORGANIZATION, metadata

PATIENT_TABLES = tuple(sorted(name for name, table in metadata.tables.items() if "patient_id" in table.c))
"""Every table with a ``patient_id``: row-level security is enabled and forced on each."""
ORGANIZATION_TABLES = ("import_faults", "jobs")
"""Without one, but they name patients or tell of them in what is kept as JSON: enabled and forced, too, by organization."""

__all__ = [
    "NO_ORGANIZATION",
    "ORGANIZATION_TABLES",
    "PATIENT_TABLES",
    "access",
    "attachments",
    "drafts",
    "jobs",
    "ledger",
    "login",
    "metadata",
    "people",
    "records",
    "reference",
    "retries",
    "webhooks",
]
