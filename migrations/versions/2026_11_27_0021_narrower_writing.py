"""What the worker and the service alter of queues, of what waits and of drafts: the columns that change; and policies for no more
commands than are granted."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

COLUMNS = {
    ("renkei_worker", "delivery_queues"): (
        "next_at, leased_by, leased_until, failures, failing_since, off_at, off_reason, off_position"
    ),
    ("renkei_worker", "delivery_progress"): "position",
    ("renkei_worker", "redeliveries"): "position, upto",
    ("renkei_worker", "pending_deliveries"): "due_at, attempts, first_at, shown_under",
    ("renkei_service", "drafts"): (
        "document_id, version, body, digest, faults, revision, entered_by, changed_at, expires_at, record_id, audit_event_id"
    ),
}
POLICIES = {
    ("deliveries", "deliver"): ("SELECT", "INSERT", "DELETE"),
    ("drafts", "forget"): ("SELECT", "DELETE"),
    ("idempotency_keys", "forget"): ("SELECT", "DELETE"),
    ("unpublished_changes", "publish"): ("SELECT", "DELETE"),
    ("change_positions", "publish"): ("SELECT", "INSERT"),
    ("audit_leaves", "seal"): ("SELECT", "INSERT"),
}
"""The worker's that open every row, each with the commands it has been granted on the table."""


def upgrade() -> None:
    for (role, table), columns in COLUMNS.items():
        op.execute(f"REVOKE UPDATE ON {table} FROM {role}")
        op.execute(f"GRANT UPDATE ({columns}) ON {table} TO {role}")
    for (table, name), commands in POLICIES.items():
        op.execute(f"DROP POLICY {name} ON {table}")
        for command in commands:
            clause = "WITH CHECK (true)" if command == "INSERT" else "USING (true)"
            op.execute(f"CREATE POLICY {name}_{command.lower()} ON {table} FOR {command} TO renkei_worker {clause}")


def downgrade() -> None:
    for (table, name), commands in POLICIES.items():
        for command in commands:
            op.execute(f"DROP POLICY {name}_{command.lower()} ON {table}")
        op.execute(f"CREATE POLICY {name} ON {table} FOR ALL TO renkei_worker USING (true) WITH CHECK (true)")
    for (role, table), columns in COLUMNS.items():
        op.execute(f"REVOKE UPDATE ({columns}) ON {table} FROM {role}")
        op.execute(f"GRANT UPDATE ON {table} TO {role}")
