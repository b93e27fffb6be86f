"""Whom changes concern is asked once for each patient of a stretch, and not at all while nobody subscribes: an import's thousand
lines of two hundred patients looked up two hundred patients' ties a thousand times."""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

OFFICE_KINDS = "('emergency_access.open', 'emergency_access.close', 'emergency_access.review', 'access_request.submit')"
COLUMNS = 'subscription_id uuid, "position" bigint, patient_id uuid, change_id uuid, kind text, organization_id uuid'
# A kept plan looks through every subscription for each line.
HEAD = f"""
CREATE OR REPLACE FUNCTION renkei_fan_out(after bigint, upto bigint) RETURNS TABLE ({COLUMNS})
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public SET plan_cache_mode = 'force_custom_plan' AS $$
"""
TIES = (
    ("care_team_places", "t"),
    ("author_organizations", "a"),
    ("consent_organizations", "o"),
    ("emergency_accesses", "e"),
    ("join_requests", "j"),
)


def tied(patient: str) -> str:
    """Whoever has to do with a patient, under any id of a linked person. Wider than who is told: that is decided at each notice."""
    ids = f"ANY (coalesce(l.members, ARRAY[{patient}.patient_id]))"
    return "\n    UNION ".join(
        f"SELECT {alias}.organization_id FROM public.{table} {alias} WHERE {alias}.patient_id = {ids}"
        for table, alias in TIES
    )


ONCE_FOR_EACH_PATIENT = f"""{HEAD}  WITH lines AS MATERIALIZED (
    SELECT p.position, p.patient_id, p.change_id, c.kind, c.organization_id
    FROM public.change_positions p
    JOIN public.changes c ON c.patient_id = p.patient_id AND c.id = p.change_id
    WHERE p.position > after AND p.position <= upto AND EXISTS (SELECT FROM public.subscriptions WHERE ended_at IS NULL)
  ), told AS MATERIALIZED (
    SELECT w.patient_id, s.id, s.kinds FROM (SELECT DISTINCT patient_id FROM lines) w
    LEFT JOIN public.linked_patients l ON l.patient_id = w.patient_id
    CROSS JOIN LATERAL (
    {tied("w")}
    ) tied
    JOIN public.subscriptions s ON s.organization_id = tied.organization_id AND s.ended_at IS NULL
    JOIN public.delivery_queues q ON q.subscription_id = s.id AND q.off_at IS NULL
  )
  SELECT t.id, n.position, n.patient_id, n.change_id, n.kind, n.organization_id
  FROM lines n JOIN told t ON t.patient_id = n.patient_id
  WHERE t.kinds IS NULL OR n.kind = ANY (t.kinds)
  UNION ALL
  SELECT s.id, n.position, n.patient_id, n.change_id, n.kind, n.organization_id
  FROM lines n
  JOIN public.subscriptions s ON s.organization_id IS NULL AND s.ended_at IS NULL
  JOIN public.delivery_queues q ON q.subscription_id = s.id AND q.off_at IS NULL
  WHERE n.kind IN {OFFICE_KINDS} AND (s.kinds IS NULL OR n.kind = ANY (s.kinds))
$$
"""
FOR_EACH_LINE = f"""{HEAD}  SELECT s.id, p.position, p.patient_id, p.change_id, c.kind, c.organization_id
  FROM public.change_positions p
  JOIN public.changes c ON c.patient_id = p.patient_id AND c.id = p.change_id
  LEFT JOIN public.linked_patients l ON l.patient_id = p.patient_id
  CROSS JOIN LATERAL (
    {tied("p")}
  ) tied
  JOIN public.subscriptions s ON s.organization_id = tied.organization_id AND s.ended_at IS NULL
  JOIN public.delivery_queues q ON q.subscription_id = s.id AND q.off_at IS NULL
  WHERE p.position > after AND p.position <= upto AND (s.kinds IS NULL OR c.kind = ANY (s.kinds))
  UNION ALL
  SELECT s.id, p.position, p.patient_id, p.change_id, c.kind, c.organization_id
  FROM public.change_positions p
  JOIN public.changes c ON c.patient_id = p.patient_id AND c.id = p.change_id AND c.kind IN {OFFICE_KINDS}
  JOIN public.subscriptions s ON s.organization_id IS NULL AND s.ended_at IS NULL
  JOIN public.delivery_queues q ON q.subscription_id = s.id AND q.off_at IS NULL
  WHERE p.position > after AND p.position <= upto AND (s.kinds IS NULL OR c.kind = ANY (s.kinds))
$$
"""


def upgrade() -> None:
    op.execute(ONCE_FOR_EACH_PATIENT)


def downgrade() -> None:
    op.execute(FOR_EACH_LINE)
