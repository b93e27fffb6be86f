"""What the fan-out and the worker read of subscriptions and systems: the columns they use, no secret among them."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

FOR_LOOKUP = "id, organization_id, kinds, ended_at"
FOR_WORKER = "id, client_id, name, kind, organization_id, registered_at, disabled_at"


def upgrade() -> None:
    op.execute("REVOKE SELECT ON subscriptions FROM renkei_lookup")
    op.execute(f"GRANT SELECT ({FOR_LOOKUP}) ON subscriptions TO renkei_lookup")
    # Revoking from the table takes the columns' grants too.
    op.execute("REVOKE SELECT ON clients FROM renkei_worker")
    op.execute(f"GRANT SELECT ({FOR_WORKER}) ON clients TO renkei_worker")


def downgrade() -> None:
    op.execute("GRANT SELECT ON subscriptions TO renkei_lookup")
    op.execute("GRANT SELECT ON clients TO renkei_worker")
