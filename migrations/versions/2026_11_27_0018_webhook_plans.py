"""Whom changes concern is planned for the stretch at hand: one plan for all stretches looks through every subscription for each line."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

NAME = "renkei_fan_out(bigint, bigint)"


def upgrade() -> None:
    op.execute(f"ALTER FUNCTION {NAME} SET plan_cache_mode = 'force_custom_plan'")


def downgrade() -> None:
    op.execute(f"ALTER FUNCTION {NAME} RESET plan_cache_mode")
