"""Consent in all its forms, requests and reviews, seals, the feed's lookups, and what the auditor's role may read.

The ledger's role is taken by the service for the length of a transaction, after the gate has decided (``Transaction.become``);
it reads who did what and who is tied to whom, nothing clinical, and writes nothing.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

OPENED = "ANY (string_to_array(NULLIF(current_setting('renkei.patient_ids', true), ''), ',')::uuid[])"
ASKED = "ANY (string_to_array(NULLIF(current_setting('renkei.asked', true), ''), ',')::uuid[])"

NEW = ("consent_evidence", "emergency_reviews", "access_requests", "request_decisions", "audit_leaves")
SEEN_BY_LEDGER = (
    "care_team_places",
    "join_requests",
    "author_organizations",
    "consents",
    "consent_organizations",
    "consent_withdrawals",
    "emergency_accesses",
    "emergency_closures",
    "emergency_reviews",
    "access_requests",
    "request_decisions",
)
COLUMNS_FOR_LEDGER = {
    "consents": "patient_id, id, about, valid_from, valid_until, care_team, professions, groups, tiers, restricted, "
    "except_organizations, recorded_by, recorded_at",
    # Not what was sent with the number: the person's name, perhaps as somebody else bears it.
    "join_requests": "patient_id, id, organization_id, part, requested_at, audit_event_id",
}
CLIENT_COLUMNS = "id, client_id, name, kind, organization_id, registered_at, disabled_at"

FUNCTIONS = {
    # Whom kana, birth date and sex point to, for breaking the glass: ids only.
    "renkei_find_person(text, date, text)": """
CREATE FUNCTION renkei_find_person(kana text, born date, sex_code text) RETURNS TABLE (patient_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT DISTINCT k.patient_id FROM public.search_keys k
  CROSS JOIN LATERAL (
    SELECT p.birth_date, p.sex FROM public.patient_particulars p
    WHERE p.patient_id = k.patient_id ORDER BY p.recorded_at DESC, p.id DESC LIMIT 1
  ) p
  WHERE k.birth_date = born AND k.kana_key = kana AND p.birth_date = born AND p.sex = sex_code
$$
""",
    # How often an organization has of late looked for somebody in vain. Not who lacked the right: those looked for nobody.
    "renkei_emergency_refusals(uuid, timestamptz)": """
CREATE FUNCTION renkei_emergency_refusals(organization uuid, since timestamptz) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT count(*) FROM public.service_events
  WHERE action = 'emergency_access.open' AND reason = 'not-found' AND organization_id = organization AND at >= since
$$
""",
    # The next lines of the feed that concern patients an organization may be tied to; reach then tells which of them it is.
    # A short stretch is walked line by line. For a long one, each patient's next line is asked first: no more than `largest`
    # patients can be on the page, and none of its lines lies beyond the last of theirs. So a page costs the same wherever it
    # begins, and however many lines there are. Not inlined and planned once, unlike a function in plain SQL.
    "renkei_feed(uuid, text[], uuid, bigint, bigint, integer)": """
CREATE FUNCTION renkei_feed(organization uuid, kinds text[], patient uuid, after bigint, upto bigint, largest integer)
RETURNS TABLE ("position" bigint, patient_id uuid, change_id uuid, kind text, organization_id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
#variable_conflict use_column
BEGIN
  IF upto - after <= 1000 THEN
    RETURN QUERY
    SELECT p.position, p.patient_id, p.change_id, c.kind, c.organization_id
    FROM public.change_positions p
    JOIN public.changes c ON c.patient_id = p.patient_id AND c.id = p.change_id
    CROSS JOIN LATERAL (
      SELECT FROM (
        SELECT FROM public.care_team_places t WHERE t.patient_id = p.patient_id AND t.organization_id = organization
        UNION ALL
        SELECT FROM public.author_organizations a WHERE a.patient_id = p.patient_id AND a.organization_id = organization
        UNION ALL
        SELECT FROM public.consent_organizations o WHERE o.patient_id = p.patient_id AND o.organization_id = organization
        UNION ALL
        SELECT FROM public.emergency_accesses e WHERE e.patient_id = p.patient_id AND e.organization_id = organization
        UNION ALL
        SELECT FROM public.join_requests j WHERE j.patient_id = p.patient_id AND j.organization_id = organization
      ) any_tie LIMIT 1
    ) reached
    WHERE p.position > after AND p.position <= upto AND (patient IS NULL OR p.patient_id = patient)
      AND (kinds IS NULL OR c.kind = ANY (kinds))
    ORDER BY p.position LIMIT largest;
    RETURN;
  END IF;
  RETURN QUERY
  WITH reached AS MATERIALIZED (
    SELECT t.patient_id FROM public.care_team_places t WHERE t.organization_id = organization
    UNION SELECT a.patient_id FROM public.author_organizations a WHERE a.organization_id = organization
    UNION SELECT o.patient_id FROM public.consent_organizations o WHERE o.organization_id = organization
    UNION SELECT e.patient_id FROM public.emergency_accesses e WHERE e.organization_id = organization
    UNION SELECT j.patient_id FROM public.join_requests j WHERE j.organization_id = organization
  ), firsts AS MATERIALIZED (
    SELECT r.patient_id, f.position FROM reached r CROSS JOIN LATERAL (
      SELECT p.position FROM public.change_positions p
      WHERE p.patient_id = r.patient_id AND p.position > after AND p.position <= upto
        AND (kinds IS NULL OR EXISTS (SELECT FROM public.changes c
                                      WHERE c.patient_id = p.patient_id AND c.id = p.change_id AND c.kind = ANY (kinds)))
      ORDER BY p.position LIMIT 1
    ) f
    WHERE patient IS NULL OR r.patient_id = patient
    ORDER BY f.position LIMIT largest
  ), page AS MATERIALIZED (
    SELECT l.position, l.patient_id, l.change_id FROM firsts f CROSS JOIN LATERAL (
      SELECT p.position, p.patient_id, p.change_id FROM public.change_positions p
      WHERE p.patient_id = f.patient_id AND p.position >= f.position
        AND p.position <= (SELECT CASE WHEN count(*) = largest THEN max(b.position) ELSE upto END FROM firsts b)
        AND (kinds IS NULL OR EXISTS (SELECT FROM public.changes c
                                      WHERE c.patient_id = p.patient_id AND c.id = p.change_id AND c.kind = ANY (kinds)))
      ORDER BY p.position LIMIT largest
    ) l ORDER BY l.position LIMIT largest
  )
  SELECT g.position, g.patient_id, g.change_id, c.kind, c.organization_id
  FROM page g JOIN public.changes c ON c.patient_id = g.patient_id AND c.id = g.change_id
  ORDER BY g.position;
END
$$
""",
    # The same for the platform's offices: only what they are to be told of.
    "renkei_office_feed(text[], uuid, bigint, bigint, integer)": """
CREATE FUNCTION renkei_office_feed(kinds text[], patient uuid, after bigint, upto bigint, largest integer)
RETURNS TABLE ("position" bigint, patient_id uuid, change_id uuid, kind text, organization_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT p.position, c.patient_id, c.id, c.kind, c.organization_id
  FROM public.changes c JOIN public.change_positions p ON p.patient_id = c.patient_id AND p.change_id = c.id
  WHERE c.kind IN ('emergency_access.open', 'emergency_access.close', 'emergency_access.review', 'access_request.submit')
    AND (kinds IS NULL OR c.kind = ANY (kinds)) AND (patient IS NULL OR c.patient_id = patient)
    AND p.position > after AND p.position <= upto
  ORDER BY p.position LIMIT largest
$$
""",
    "renkei_feed_end()": """
CREATE FUNCTION renkei_feed_end() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT coalesce(max("position"), 0) FROM public.change_positions
$$
""",
}
LOOKED_UP = (
    "search_keys",
    "changes",
    "change_positions",
    "author_organizations",
    "care_team_places",
    "consent_organizations",
    "emergency_accesses",
    "join_requests",
)
OFFICE_KINDS = (
    "kind IN ('emergency_access.open', 'emergency_access.close', 'emergency_access.review', 'access_request.submit')"
)


def policy(table: str, name: str, command: str, role: str, using: str | None = None, check: str | None = None) -> None:
    clauses = (f" USING ({using})" if using else "") + (f" WITH CHECK ({check})" if check else "")
    op.execute(f"CREATE POLICY {name} ON {table} FOR {command} TO {role}{clauses}")


def patient_table(name: str, *columns: sa.schema.SchemaItem) -> None:
    op.create_table(
        name,
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        *columns,
        sa.Column("audit_event_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("patient_id", "id", name=op.f(f"pk_{name}")),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.patient_id"], name=op.f(f"fk_{name}_patient_id")),
    )


def full(name: str, kind: object) -> sa.Column:
    return sa.Column(name, kind, nullable=False)


def moment(name: str) -> sa.Column:
    return sa.Column(name, sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False)


TEXTS, IDS, JSON = postgresql.ARRAY(sa.Text()), postgresql.ARRAY(sa.Uuid()), postgresql.JSONB()


def upgrade() -> None:
    _consents()
    _emergencies_and_requests()
    _seals()
    _reference()
    for table in NEW:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    _policies()
    _lookups()


def _consents() -> None:
    # The constant default is dropped at once: it fills what is there, and what comes has to say.
    op.add_column("consents", sa.Column("tiers", TEXTS, nullable=False, server_default="{basic,optional}"))
    op.add_column("consents", sa.Column("except_organizations", IDS, nullable=False, server_default="{}"))
    op.alter_column("consents", "tiers", server_default=None)
    op.alter_column("consents", "except_organizations", server_default=None)
    op.add_column("consent_withdrawals", sa.Column("replaced_by", sa.Uuid(), nullable=True))
    patient_table(
        "consent_evidence",
        full("consent_id", sa.Uuid()),
        full("media_type", sa.Text()),
        sa.Column("title", sa.Text(), nullable=True),
        full("size", sa.Integer()),
        full("digest", sa.LargeBinary()),
        full("content", sa.LargeBinary()),
        full("added_by", sa.Uuid()),
        moment("added_at"),
        sa.ForeignKeyConstraint(
            ["patient_id", "consent_id"],
            ["consents.patient_id", "consents.id"],
            name=op.f("fk_consent_evidence_patient_id_consent_id"),
        ),
        sa.UniqueConstraint(
            "patient_id", "consent_id", "digest", name=op.f("uq_consent_evidence_patient_id_consent_id_digest")
        ),
    )
    # Scans are compressed already.
    op.execute("ALTER TABLE consent_evidence ALTER COLUMN content SET STORAGE EXTERNAL")


def _emergencies_and_requests() -> None:
    patient_table(
        "emergency_reviews",
        full("emergency_access_id", sa.Uuid()),
        full("finding", sa.Text()),
        full("comment", sa.Text()),
        full("reviewed_by", JSON),
        moment("reviewed_at"),
        sa.ForeignKeyConstraint(
            ["patient_id", "emergency_access_id"],
            ["emergency_accesses.patient_id", "emergency_accesses.id"],
            name=op.f("fk_emergency_reviews_patient_id_emergency_access_id"),
        ),
        sa.UniqueConstraint(
            "patient_id", "emergency_access_id", name=op.f("uq_emergency_reviews_patient_id_emergency_access_id")
        ),
        sa.CheckConstraint(
            "finding IN ('justified', 'unjustified', 'unclear')", name=op.f("ck_emergency_reviews_finding")
        ),
    )
    patient_table(
        "access_requests",
        full("organization_id", sa.Uuid()),
        full("wants", sa.Text()),
        full("groups", TEXTS),
        full("restricted", TEXTS),
        full("reason", sa.Text()),
        full("requested_by", JSON),
        moment("requested_at"),
        sa.CheckConstraint("wants IN ('care_team', 'consent', 'permission')", name=op.f("ck_access_requests_wants")),
    )
    op.create_index(
        op.f("ix_access_requests_organization_id_patient_id"), "access_requests", ["organization_id", "patient_id"]
    )
    patient_table(
        "request_decisions",
        full("request_id", sa.Uuid()),
        full("approved", sa.Boolean()),
        sa.Column("comment", sa.Text(), nullable=True),
        full("decided_by", JSON),
        moment("decided_at"),
        sa.UniqueConstraint("patient_id", "request_id", name=op.f("uq_request_decisions_patient_id_request_id")),
    )


def _seals() -> None:
    op.create_table(
        "audit_seals",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        full("id", sa.Uuid()),
        full("count", sa.Integer()),
        full("merkle_root", sa.LargeBinary()),
        sa.Column("previous", sa.LargeBinary(), nullable=True),
        full("sealed_at", sa.TIMESTAMP(timezone=True)),
        full("signature", sa.Text()),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_audit_seals")),
        sa.UniqueConstraint("id", name=op.f("uq_audit_seals_id")),
    )
    op.create_table(
        "audit_leaves",
        full("seal_position", sa.BigInteger()),
        full("leaf", sa.Integer()),
        sa.Column("patient_id", sa.Uuid(), nullable=True),
        full("event_id", sa.Uuid()),
        full("digest", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("seal_position", "leaf", name=op.f("pk_audit_leaves")),
        sa.ForeignKeyConstraint(
            ["seal_position"], ["audit_seals.position"], name=op.f("fk_audit_leaves_seal_position")
        ),
        sa.UniqueConstraint("event_id", name=op.f("uq_audit_leaves_event_id")),
    )
    op.create_index(
        op.f("ix_service_events_emergency"),
        "service_events",
        ["organization_id", "at"],
        postgresql_where=sa.text("action = 'emergency_access.open'"),
    )


def _reference() -> None:
    op.add_column("clients", sa.Column("organization_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_clients_organization_id"), "clients", "organizations", ["organization_id"], ["id"])
    op.drop_constraint(op.f("ck_clients_kind"), "clients")
    op.create_check_constraint(
        op.f("ck_clients_kind"), "clients", "kind IN ('client', 'admin', 'auditor', 'organization_admin')"
    )
    op.create_check_constraint(
        op.f("ck_clients_organization"), "clients", "(kind = 'organization_admin') = (organization_id IS NOT NULL)"
    )
    op.add_column("permission_tables", sa.Column("comment", sa.Text(), nullable=True))
    op.add_column("permission_tables", sa.Column("recorded_by", sa.Uuid(), nullable=True))
    # A suspension is undone by another; each is on record in service_events.
    op.execute("GRANT UPDATE (suspended_at, audit_event_id) ON organizations TO renkei_service")


def _policies() -> None:
    opened = f"patient_id = {OPENED}"
    asked = f"patient_id = {ASKED} OR {opened}"
    for table in ("consent_evidence", "emergency_reviews", "access_requests", "request_decisions"):
        op.execute(f"GRANT SELECT, INSERT ON {table} TO renkei_service")
    policy("consent_evidence", "opened", "ALL", "renkei_service", opened, opened)
    policy("access_requests", "asked", "SELECT", "renkei_service", f"{asked} OR organization_id = {ASKED}")
    for table in ("emergency_reviews", "request_decisions"):
        policy(table, "asked", "SELECT", "renkei_service", asked)
    for table in ("emergency_reviews", "access_requests", "request_decisions"):
        policy(table, "opened", "INSERT", "renkei_service", check=opened)

    for table in SEEN_BY_LEDGER:
        columns = f" ({COLUMNS_FOR_LEDGER[table]})" if table in COLUMNS_FOR_LEDGER else ""
        op.execute(f"GRANT SELECT{columns} ON {table} TO renkei_ledger")
        policy(table, "ledger", "SELECT", "renkei_ledger", "true")
    op.execute(f"GRANT SELECT ({CLIENT_COLUMNS}) ON clients TO renkei_ledger, renkei_worker")
    op.execute("GRANT SELECT ON delegations TO renkei_ledger")
    op.execute("GRANT SELECT ON audit_seals TO renkei_ledger")
    op.execute("GRANT SELECT, INSERT ON audit_seals, audit_leaves TO renkei_worker")
    op.execute("GRANT SELECT ON audit_leaves TO renkei_ledger")
    policy("audit_leaves", "seal", "ALL", "renkei_worker", "true", "true")
    policy("audit_leaves", "ledger", "SELECT", "renkei_ledger", "true")


def _lookups() -> None:
    op.create_index(op.f("ix_change_positions_patient_id_position"), "change_positions", ["patient_id", "position"])
    op.create_index(op.f("ix_search_keys_birth_date_kana_key"), "search_keys", ["birth_date", "kana_key"])
    op.create_index(op.f("ix_changes_office"), "changes", ["patient_id", "id"], postgresql_where=sa.text(OFFICE_KINDS))
    for table in LOOKED_UP:
        op.execute(f"GRANT SELECT ON {table} TO renkei_lookup")
        policy(table, "lookup", "SELECT", "renkei_lookup", "true")
    op.execute("GRANT SELECT (action, reason, organization_id, at) ON service_events TO renkei_lookup")
    # To become their owner a role needs CREATE on the schema for a moment.
    op.execute("GRANT CREATE ON SCHEMA public TO renkei_lookup")
    for signature, definition in FUNCTIONS.items():
        op.execute(definition)
        op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO renkei_service")
        op.execute(f"ALTER FUNCTION {signature} OWNER TO renkei_lookup")
    op.execute("REVOKE CREATE ON SCHEMA public FROM renkei_lookup")


def downgrade() -> None:
    for signature in FUNCTIONS:
        op.execute(f"DROP FUNCTION {signature}")
    op.execute("REVOKE ALL (action, reason, organization_id, at) ON service_events FROM renkei_lookup")
    for table in LOOKED_UP:
        op.execute(f"DROP POLICY lookup ON {table}")
        op.execute(f"REVOKE SELECT ON {table} FROM renkei_lookup")
    op.drop_index(op.f("ix_changes_office"), "changes")
    op.drop_index(op.f("ix_search_keys_birth_date_kana_key"), "search_keys")
    op.drop_index(op.f("ix_change_positions_patient_id_position"), "change_positions")
    for table in SEEN_BY_LEDGER:
        op.execute(f"DROP POLICY ledger ON {table}")
        columns = f" ({COLUMNS_FOR_LEDGER[table]})" if table in COLUMNS_FOR_LEDGER else ""
        op.execute(f"REVOKE SELECT{columns} ON {table} FROM renkei_ledger")
    op.execute(f"REVOKE SELECT ({CLIENT_COLUMNS}) ON clients FROM renkei_ledger, renkei_worker")
    op.execute("REVOKE SELECT ON delegations FROM renkei_ledger")
    op.execute("REVOKE UPDATE (suspended_at, audit_event_id) ON organizations FROM renkei_service")
    op.drop_constraint(op.f("ck_clients_organization"), "clients")
    op.drop_constraint(op.f("ck_clients_kind"), "clients")
    op.create_check_constraint(op.f("ck_clients_kind"), "clients", "kind IN ('client', 'admin', 'auditor')")
    op.drop_column("clients", "organization_id")
    op.drop_column("permission_tables", "recorded_by")
    op.drop_column("permission_tables", "comment")
    op.drop_index(op.f("ix_service_events_emergency"), "service_events")
    for table in (
        "audit_leaves",
        "audit_seals",
        "request_decisions",
        "access_requests",
        "emergency_reviews",
        "consent_evidence",
    ):
        op.drop_table(table)
    op.drop_column("consent_withdrawals", "replaced_by")
    op.drop_column("consents", "except_organizations")
    op.drop_column("consents", "tiers")
