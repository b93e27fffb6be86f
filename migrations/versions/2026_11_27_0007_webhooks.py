"""通知先と配信: subscriptions, what waits for them, each attempt; what the worker may read to decide and to tell."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

REACH = {
    "asked": (
        "consents",
        "consent_withdrawals",
        "emergency_closures",
        "request_decisions",
        "author_organizations",
        "care_team_places",
        "join_requests",
        "consent_organizations",
        "emergency_accesses",
    ),
    "opened": ("changes",),
}
"""What ``access.reach`` and the feed read: the worker decides at delivery by the same statements, under the same policies."""
REFERENCE = "clients, delegations"
OFFICE_KINDS = "('emergency_access.open', 'emergency_access.close', 'emergency_access.review', 'access_request.submit')"

FUNCTIONS = {
    "renkei_fan_out(bigint, bigint)": f"""
CREATE FUNCTION renkei_fan_out(after bigint, upto bigint)
RETURNS TABLE (subscription_id uuid, "position" bigint, patient_id uuid, change_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT s.id, p.position, p.patient_id, p.change_id
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
  SELECT s.id, p.position, p.patient_id, p.change_id
  FROM public.change_positions p
  JOIN public.changes c ON c.patient_id = p.patient_id AND c.id = p.change_id AND c.kind IN {OFFICE_KINDS}
  JOIN public.subscriptions s ON s.organization_id IS NULL AND s.ended_at IS NULL
  JOIN public.delivery_queues q ON q.subscription_id = s.id AND q.off_at IS NULL
  WHERE p.position > after AND p.position <= upto AND (s.kinds IS NULL OR c.kind = ANY (s.kinds))
$$
""",
    "renkei_deliveries(uuid, text, uuid, integer)": """
CREATE FUNCTION renkei_deliveries(subscription uuid, wanted text, before uuid, largest integer)
RETURNS TABLE (id uuid, "position" bigint, change_id uuid, kind text, attempt integer, outcome text, status smallint,
  answer text, error text, duration_ms integer, at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT d.id, d.position, d.change_id, d.kind, d.attempt, d.outcome, d.status, d.answer, d.error, d.duration_ms, d.at
  FROM public.deliveries d
  WHERE d.subscription_id = subscription AND (wanted IS NULL OR d.outcome = wanted) AND (before IS NULL OR d.id < before)
  ORDER BY d.id DESC LIMIT largest
$$
""",
    "renkei_delivery(uuid, uuid)": """
CREATE FUNCTION renkei_delivery(subscription uuid, delivery uuid) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT d.position FROM public.deliveries d WHERE d.subscription_id = subscription AND d.id = delivery
$$
""",
    # The last position before an instant. Positions follow the instants of the changes but for what commits late.
    "renkei_feed_position(timestamptz)": """
CREATE FUNCTION renkei_feed_position(moment timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  low bigint := 0;
  high bigint;
  middle bigint;
  found timestamptz;
BEGIN
  SELECT coalesce(max(p.position), 0) INTO high FROM public.change_positions p;
  WHILE low < high LOOP
    middle := low + (high - low + 1) / 2;
    SELECT c.at INTO found FROM public.change_positions p
    JOIN public.changes c ON c.patient_id = p.patient_id AND c.id = p.change_id WHERE p.position = middle;
    IF found < moment THEN low := middle; ELSE high := middle - 1; END IF;
  END LOOP;
  RETURN low;
END $$
""",
    # Counted up to a bound: what stands far behind is told as that, whatever it takes to count it.
    "renkei_delivery_depth()": """
CREATE FUNCTION renkei_delivery_depth() RETURNS TABLE (waiting bigint, oldest_seconds double precision, off bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT (SELECT count(*) FROM (SELECT FROM public.pending_deliveries LIMIT 100000) bounded),
    (SELECT coalesce(greatest(extract(epoch FROM now() - min(q.next_at)), 0), 0)::double precision
     FROM public.delivery_queues q WHERE q.next_at IS NOT NULL AND q.off_at IS NULL),
    (SELECT count(*) FROM public.delivery_queues q JOIN public.subscriptions s ON s.id = q.subscription_id
     WHERE q.off_at IS NOT NULL AND s.ended_at IS NULL)
$$
""",
}
CALLED_BY = {"renkei_fan_out(bigint, bigint)": "renkei_worker"}
"""All others by the service."""
ALREADY = (
    "renkei_feed(uuid, text[], uuid, bigint, bigint, integer)",
    "renkei_office_feed(text[], uuid, bigint, bigint, integer)",
)
"""What walks a stretch of the feed; for redelivery the worker walks too."""
PATIENT_TABLES = ("pending_deliveries", "deliveries")


def upgrade() -> None:
    _subscriptions()
    _deliveries()
    for table in PATIENT_TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY deliver ON {table} FOR ALL TO renkei_worker USING (true) WITH CHECK (true)")
        op.execute(f"CREATE POLICY lookup ON {table} FOR SELECT TO renkei_lookup USING (true)")
    _rights()
    for name, text in FUNCTIONS.items():
        op.execute(text)
        op.execute(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {name} TO {CALLED_BY.get(name, 'renkei_service')}")
        # To become its owner a role needs CREATE on the schema for a moment.
        op.execute("GRANT CREATE ON SCHEMA public TO renkei_lookup")
        op.execute(f"ALTER FUNCTION {name} OWNER TO renkei_lookup")
        op.execute("REVOKE CREATE ON SCHEMA public FROM renkei_lookup")


def _subscriptions() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=True),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("kinds", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("previous_secret", sa.LargeBinary(), nullable=True),
        sa.Column("previous_until", _instant(), nullable=True),
        sa.Column("registered_at", _instant(), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", _instant(), nullable=True),
        sa.Column("audit_event_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriptions")),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_subscriptions_client_id")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_subscriptions_organization_id")
        ),
    )
    op.create_index(op.f("ix_subscriptions_client_id"), "subscriptions", ["client_id"])
    standing = sa.text("ended_at IS NULL")
    op.create_index("ix_subscriptions_standing", "subscriptions", ["organization_id"], postgresql_where=standing)
    op.create_table(
        "delivery_queues",
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("receiver", sa.Text(), nullable=False),
        sa.Column("next_at", _instant(), nullable=True),
        sa.Column("leased_by", sa.Uuid(), nullable=True),
        sa.Column("leased_until", _instant(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failing_since", _instant(), nullable=True),
        sa.Column("off_at", _instant(), nullable=True),
        sa.Column("off_reason", sa.Text(), nullable=True),
        sa.Column("off_position", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("subscription_id", name=op.f("pk_delivery_queues")),
        _of_subscription("delivery_queues"),
        sa.CheckConstraint(
            "off_reason IN ('failed', 'gone', 'not_allowed')", name=op.f("ck_delivery_queues_off_reason")
        ),
    )
    waits, leased = sa.text("next_at IS NOT NULL"), sa.text("leased_until IS NOT NULL")
    op.create_index("ix_delivery_queues_next_at", "delivery_queues", ["next_at"], postgresql_where=waits)
    op.create_index("ix_delivery_queues_leased", "delivery_queues", ["receiver"], postgresql_where=leased)
    op.create_table(
        "redeliveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("upto", sa.BigInteger(), nullable=True),
        sa.Column("requested_at", _instant(), server_default=sa.text("now()"), nullable=False),
        sa.Column("audit_event_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_redeliveries")),
        _of_subscription("redeliveries"),
    )
    op.create_table(
        "delivery_progress",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_progress")),
        sa.CheckConstraint("id = 1", name=op.f("ck_delivery_progress_one")),
    )
    # Nobody has subscribed yet to what has happened so far.
    op.execute("INSERT INTO delivery_progress SELECT 1, coalesce(max(position), 0) FROM change_positions")


def _deliveries() -> None:
    op.create_table(
        "pending_deliveries",
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("change_id", sa.Uuid(), nullable=False),
        sa.Column("due_at", _instant(), server_default=sa.text("now()"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("first_at", _instant(), nullable=True),
        sa.Column("shown_under", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("patient_id", "subscription_id", "position", name=op.f("pk_pending_deliveries")),
        sa.ForeignKeyConstraint(
            ["patient_id", "change_id"],
            ["changes.patient_id", "changes.id"],
            name=op.f("fk_pending_deliveries_patient_id_change_id"),
        ),
    )
    op.create_index(
        op.f("ix_pending_deliveries_subscription_id_due_at_position"),
        "pending_deliveries",
        ["subscription_id", "due_at", "position"],
    )
    op.create_table(
        "deliveries",
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("change_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("at", _instant(), server_default=sa.text("now()"), nullable=False),
        sa.Column("audit_event_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("patient_id", "id", name=op.f("pk_deliveries")),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.patient_id"], name=op.f("fk_deliveries_patient_id")),
        sa.CheckConstraint(
            "outcome IN ('delivered', 'failed', 'dead', 'withheld')", name=op.f("ck_deliveries_outcome")
        ),
    )
    op.create_index(op.f("ix_deliveries_subscription_id_id"), "deliveries", ["subscription_id", "id"])
    dead = sa.text("outcome = 'dead'")
    op.create_index("ix_deliveries_dead", "deliveries", ["subscription_id", "id"], postgresql_where=dead)
    op.create_index(op.f("ix_deliveries_at"), "deliveries", ["at"])


def _rights() -> None:
    op.execute("GRANT SELECT, INSERT ON subscriptions, delivery_queues TO renkei_service")
    # Where it leads, by which secret, and that it has ended stand on the row itself; each change is in service_events.
    changed = "url, kinds, description, secret, previous_secret, previous_until, ended_at, audit_event_id"
    op.execute(f"GRANT UPDATE ({changed}) ON subscriptions TO renkei_service")
    resumed = "receiver, next_at, failures, failing_since, off_at, off_reason, off_position"
    op.execute(f"GRANT UPDATE ({resumed}) ON delivery_queues TO renkei_service")
    op.execute("GRANT INSERT ON redeliveries TO renkei_service")
    op.execute(f"GRANT SELECT ON subscriptions, {REFERENCE} TO renkei_worker")
    op.execute("GRANT SELECT, UPDATE ON delivery_queues, delivery_progress TO renkei_worker")
    op.execute("GRANT SELECT, UPDATE, DELETE ON redeliveries TO renkei_worker")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON pending_deliveries TO renkei_worker")
    op.execute("GRANT SELECT, INSERT, DELETE ON deliveries TO renkei_worker")
    op.execute("GRANT SELECT ON subscriptions, delivery_queues, pending_deliveries, deliveries TO renkei_lookup")
    for name, tables in REACH.items():
        for table in tables:
            op.execute(f"GRANT SELECT ON {table} TO renkei_worker")
            op.execute(f"ALTER POLICY {name} ON {table} TO renkei_service, renkei_worker")
    for name in (*ALREADY, "renkei_feed_end()"):
        op.execute(f"GRANT EXECUTE ON FUNCTION {name} TO renkei_worker")
    # It tells a vendor's system something about a patient, and switches off what cannot be reached: both on record.
    op.execute("GRANT INSERT ON audit_events, service_events TO renkei_worker")
    op.execute("ALTER POLICY written_always ON audit_events TO renkei_service, renkei_worker")


def downgrade() -> None:
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION {name}")
    op.execute("ALTER POLICY written_always ON audit_events TO renkei_service")
    op.execute("REVOKE INSERT ON audit_events, service_events FROM renkei_worker")
    for name in (*ALREADY, "renkei_feed_end()"):
        op.execute(f"REVOKE EXECUTE ON FUNCTION {name} FROM renkei_worker")
    for name, tables in REACH.items():
        for table in tables:
            op.execute(f"ALTER POLICY {name} ON {table} TO renkei_service")
            op.execute(f"REVOKE SELECT ON {table} FROM renkei_worker")
    op.execute(f"REVOKE SELECT ON {REFERENCE} FROM renkei_worker")
    for table in ("deliveries", "pending_deliveries", "delivery_progress", "redeliveries", "delivery_queues"):
        op.drop_table(table)
    op.drop_table("subscriptions")


def _instant() -> sa.TIMESTAMP:
    return sa.TIMESTAMP(timezone=True)


def _of_subscription(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_subscription_id")
    return sa.ForeignKeyConstraint(["subscription_id"], ["subscriptions.id"], name=name)
