"""An attachment may come from a member, without a client, as a record may."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("attachments", "client_id", existing_type=sa.Uuid(), nullable=True)


def downgrade() -> None:
    """What a member sent keeps its origin but for the client, which it never had: the nil id."""
    op.execute("ALTER TABLE attachments NO FORCE ROW LEVEL SECURITY")
    op.execute("UPDATE attachments SET client_id = '00000000-0000-0000-0000-000000000000' WHERE client_id IS NULL")
    op.execute("ALTER TABLE attachments FORCE ROW LEVEL SECURITY")
    op.alter_column("attachments", "client_id", existing_type=sa.Uuid(), nullable=False)
