"""Files that belong to a patient's records: what is known of them. Their content lies outside the rows."""

import sqlalchemy as sa

from renkei.tables.base import column, moment, optional, patient_table, reason

attachments = patient_table(  # 添付: appended, never updated. part: what it is seen with; key: where its content lies
    "attachments",
    column("organization_id", sa.Uuid),
    optional("client_id", sa.Uuid),  # none where a member added it here
    optional("user_id", sa.Text),
    optional("user_name", sa.Text),
    optional("profession", sa.Text),
    column("part", sa.Text),
    column("group_name", sa.Text),
    column("tier", sa.Text),
    optional("item", sa.Text),
    column("title", sa.Text),
    optional("taken_at", sa.Text),
    optional("record_id", sa.Uuid),
    column("media_type", sa.Text),
    column("size", sa.Integer),
    column("digest", sa.LargeBinary),
    column("metadata_removed", sa.Boolean),
    column("key", sa.Text),
    moment("added_at"),
    reason(),
    sa.ForeignKeyConstraint(["patient_id", "record_id"], ["records.patient_id", "records.id"]),
    sa.Index(None, "patient_id", "added_at", "id"),
    # Not unique: that would need patient_id in it to be distributed (design §10), and an id of ours is no other's.
    sa.Index(None, "key"),
)

attachment_withdrawals = patient_table(  # 添付の取下げ
    "attachment_withdrawals",
    column("attachment_id", sa.Uuid),
    column("reason", sa.Text),
    moment("withdrawn_at"),
    reason(),
    sa.ForeignKeyConstraint(["patient_id", "attachment_id"], ["attachments.patient_id", "attachments.id"]),
    sa.UniqueConstraint("patient_id", "attachment_id"),
)
