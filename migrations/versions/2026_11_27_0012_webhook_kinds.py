"""What waits to be told keeps its kind and whose act it was: whether it may be told is decided before its patient is opened."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

OFFICE_KINDS = "('emergency_access.open', 'emergency_access.close', 'emergency_access.review', 'access_request.submit')"
NAME = "renkei_fan_out(bigint, bigint)"


def fan_out(more: str, columns: str) -> str:
    """The function as it is, and as it was. more: what it returns beside ids and position."""
    return f"""
CREATE FUNCTION renkei_fan_out(after bigint, upto bigint)
RETURNS TABLE (subscription_id uuid, "position" bigint, patient_id uuid, change_id uuid{more})
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT s.id, p.position, p.patient_id, p.change_id{columns}
  FROM public.change_positions p
  JOIN public.changes c ON c.patient_id = p.patient_id AND c.id = p.change_id
  CROSS JOIN LATERAL (
    SELECT t.organization_id FROM public.care_team_places t WHERE t.patient_id = p.patient_id
    UNION SELECT a.organization_id FROM public.author_organizations a WHERE a.patient_id = p.patient_id
    UNION SELECT o.organization_id FROM public.consent_organizations o WHERE o.patient_id = p.patient_id
    UNION SELECT e.organization_id FROM public.emergency_accesses e WHERE e.patient_id = p.patient_id
    UNION SELECT j.organization_id FROM public.join_requests j WHERE j.patient_id = p.patient_id
  ) tied
  JOIN public.subscriptions s ON s.organization_id = tied.organization_id AND s.ended_at IS NULL
  JOIN public.delivery_queues q ON q.subscription_id = s.id AND q.off_at IS NULL
  WHERE p.position > after AND p.position <= upto AND (s.kinds IS NULL OR c.kind = ANY (s.kinds))
  UNION ALL
  SELECT s.id, p.position, p.patient_id, p.change_id{columns}
  FROM public.change_positions p
  JOIN public.changes c ON c.patient_id = p.patient_id AND c.id = p.change_id AND c.kind IN {OFFICE_KINDS}
  JOIN public.subscriptions s ON s.organization_id IS NULL AND s.ended_at IS NULL
  JOIN public.delivery_queues q ON q.subscription_id = s.id AND q.off_at IS NULL
  WHERE p.position > after AND p.position <= upto AND (s.kinds IS NULL OR c.kind = ANY (s.kinds))
$$
"""


def replace(text: str) -> None:
    op.execute(f"DROP FUNCTION {NAME}")
    op.execute(text)
    op.execute(f"REVOKE ALL ON FUNCTION {NAME} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {NAME} TO renkei_worker")
    # To become its owner a role needs CREATE on the schema for a moment.
    op.execute("GRANT CREATE ON SCHEMA public TO renkei_lookup")
    op.execute(f"ALTER FUNCTION {NAME} OWNER TO renkei_lookup")
    op.execute("REVOKE CREATE ON SCHEMA public FROM renkei_lookup")


def upgrade() -> None:
    # Nothing has been queued before this version: nothing to fill.
    op.add_column("pending_deliveries", sa.Column("kind", sa.Text(), nullable=False))
    op.add_column("pending_deliveries", sa.Column("organization_id", sa.Uuid(), nullable=True))
    replace(fan_out(", kind text, organization_id uuid", ", c.kind, c.organization_id"))


def downgrade() -> None:
    replace(fan_out("", ""))
    op.drop_column("pending_deliveries", "organization_id")
    op.drop_column("pending_deliveries", "kind")
