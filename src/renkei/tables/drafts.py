"""下書き: prepared and not yet said. A plain state of ours: changed in place, and removed when confirmed long ago, discarded or over."""

import sqlalchemy as sa

from renkei.tables.base import Instant, Json, column, moment, optional, patient_table, reason

drafts = patient_table(
    "drafts",
    column("kind", sa.Text),
    column("organization_id", sa.Uuid),
    column("document_id", sa.Text),
    column("version", sa.Integer),
    column("body", sa.Text),
    column("digest", sa.LargeBinary),
    column("faults", sa.Integer),
    sa.Column("revision", sa.Integer, nullable=False, server_default="1"),
    column("entered_by", Json),
    moment("entered_at"),
    moment("changed_at"),
    column("expires_at", Instant),
    # What it has become. No foreign key: of a linked person it may lie under their other id, beside its earlier version.
    optional("record_id", sa.Uuid),
    reason(),
    sa.UniqueConstraint("patient_id", "organization_id", "document_id", "version"),
    sa.Index(None, "expires_at"),
    sa.CheckConstraint("kind IN ('face_sheet', 'care_report')", name="kind"),
)
