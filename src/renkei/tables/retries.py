"""再送の鍵: what was done under an ``Idempotency-Key``. Kept for some weeks, then removed by the worker."""

import sqlalchemy as sa

from renkei.tables.base import column, metadata, moment, optional, reason

idempotency_keys = sa.Table(  # Keyed by its own hash, as identities; closed to all but the lookup function
    "idempotency_keys",
    metadata,
    sa.Column("key", sa.LargeBinary, primary_key=True),
    column("request", sa.LargeBinary),
    column("patient_id", sa.Uuid),
    optional("made_id", sa.Uuid),
    column("status", sa.SmallInteger),
    moment("done_at"),
    reason(),
    sa.Index(None, "done_at"),
)
