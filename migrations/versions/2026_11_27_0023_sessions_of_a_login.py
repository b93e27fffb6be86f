"""What an organization's login has opened, and what waits to be linked, is found by an index: it ends with the login, at once."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

INDEXES = (
    ("sessions", "organization_id", "organization_id IS NOT NULL AND ended_at IS NULL"),
    ("login_subjects", "session_hash", "confirmed_at IS NULL AND ended_at IS NULL"),
)


def upgrade() -> None:
    for table, column, where in INDEXES:
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column], postgresql_where=sa.text(where))


def downgrade() -> None:
    for table, column, _ in INDEXES:
        op.drop_index(op.f(f"ix_{table}_{column}"), table)
