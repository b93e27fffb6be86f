"""Records as sent, and the summary composed from them."""

import sqlalchemy as sa

from renkei.tables.base import Instant, Json, column, metadata, moment, optional, patient_table, reason

records = patient_table(  # フェイスシートとケアレポート: appended, never updated
    "records",
    column("kind", sa.Text),
    column("organization_id", sa.Uuid),
    optional("client_id", sa.Uuid),  # none where a member wrote it here
    optional("user_id", sa.Text),
    optional("user_name", sa.Text),
    optional("profession", sa.Text),
    column("document_id", sa.Text),
    column("version", sa.Integer),
    column("as_of", Instant),
    moment("received_at"),
    column("catalogue", sa.Text),
    column("body", sa.Text),
    column("answer", sa.Text),
    optional("entered_by", Json),  # 代行入力: who had prepared what the sender confirmed
    reason(),
    sa.UniqueConstraint("patient_id", "organization_id", "document_id", "version"),
    sa.Index(None, "patient_id", "kind", "as_of", "id"),
    sa.CheckConstraint("kind IN ('face_sheet', 'care_report')", name="kind"),
)

record_withdrawals = patient_table(  # 取下げ
    "record_withdrawals",
    column("record_id", sa.Uuid),
    column("reason", sa.Text),
    moment("withdrawn_at"),
    reason(),
    sa.ForeignKeyConstraint(["patient_id", "record_id"], ["records.patient_id", "records.id"]),
    sa.UniqueConstraint("patient_id", "record_id"),
)

summaries = sa.Table(  # 共有サマリー: the row every writer of one patient locks first
    "summaries",
    metadata,
    sa.Column("patient_id", sa.Uuid, sa.ForeignKey("patients.patient_id"), primary_key=True),
    column("version", sa.BigInteger),
    reason(),
)

summary_parts = sa.Table(  # the stored parts: shared (organization_id all zero) and each organization's own view
    "summary_parts",
    metadata,
    sa.Column("patient_id", sa.Uuid, sa.ForeignKey("patients.patient_id"), nullable=False),
    column("organization_id", sa.Uuid),
    column("part", sa.Text),
    column("version", sa.BigInteger),
    moment("composed_at"),
    column("body", sa.Text),
    reason(),
    sa.PrimaryKeyConstraint("patient_id", "organization_id", "part"),
)
