"""長い処理: imports and exports as jobs, their faults, the mappings of columns, and what an import has made."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

OPENED = "ANY (string_to_array(NULLIF(current_setting('renkei.patient_ids', true), ''), ',')::uuid[])"
ASKED = "ANY (string_to_array(NULLIF(current_setting('renkei.asked', true), ''), ',')::uuid[])"

CHANGED = (
    "state, step, actor, spec, found, total, done, kept, repeated, wrong, attempts, reason, file_key, result_key, "
    "touched_at, ended_at, audit_event_id"
)


def counter(name: str) -> "sa.Column[int]":
    return sa.Column(name, sa.Integer(), server_default="0", nullable=False)


def instant(name: str, *, given: bool = True) -> "sa.Column[object]":
    default = sa.text("now()") if given else None
    return sa.Column(name, sa.TIMESTAMP(timezone=True), server_default=default, nullable=not given)


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("actor", postgresql.JSONB(), nullable=False),
        sa.Column("spec", postgresql.JSONB(), nullable=False),
        sa.Column("found", postgresql.JSONB(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        *map(counter, ("done", "kept", "repeated", "wrong", "attempts")),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("file_key", sa.Text(), nullable=True),
        sa.Column("result_key", sa.Text(), nullable=True),
        instant("requested_at"),
        instant("touched_at"),
        instant("ended_at", given=False),
        sa.Column("audit_event_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_jobs_organization_id")),
        sa.CheckConstraint("kind IN ('import', 'export')", name=op.f("ck_jobs_kind")),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'waiting', 'done', 'failed', 'cancelled', 'undone')",
            name=op.f("ck_jobs_state"),
        ),
    )
    op.create_index(op.f("ix_jobs_organization_id_kind_id"), "jobs", ["organization_id", "kind", "id"])
    op.create_index("ix_jobs_open", "jobs", ["touched_at"], postgresql_where=sa.text("state IN ('queued', 'running')"))
    op.create_index(
        "ix_jobs_files",
        "jobs",
        ["ended_at"],
        postgresql_where=sa.text("file_key IS NOT NULL OR result_key IS NOT NULL"),
    )
    op.create_table(
        "import_faults",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("faults", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("import_id", "number", name=op.f("pk_import_faults")),
        sa.ForeignKeyConstraint(["import_id"], ["jobs.id"], name=op.f("fk_import_faults_import_id")),
    )
    op.create_table(
        "import_mappings",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sheet", sa.Text(), nullable=False),
        sa.Column("body", postgresql.JSONB(), nullable=False),
        instant("saved_at"),
        sa.Column("audit_event_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "name", name=op.f("pk_import_mappings")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_import_mappings_organization_id")
        ),
    )
    op.create_table(
        "import_rows",
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("audit_event_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("patient_id", "id", name=op.f("pk_import_rows")),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.patient_id"], name=op.f("fk_import_rows_patient_id")),
        sa.ForeignKeyConstraint(
            ["patient_id", "record_id"],
            ["records.patient_id", "records.id"],
            name=op.f("fk_import_rows_patient_id_record_id"),
        ),
    )
    op.create_index(
        op.f("ix_import_rows_organization_id_import_id_number"),
        "import_rows",
        ["organization_id", "import_id", "number"],
    )
    _grant()


def _grant() -> None:
    op.execute("GRANT SELECT, INSERT ON jobs, import_faults, import_mappings, import_rows TO renkei_service")
    op.execute(f"GRANT UPDATE ({CHANGED}) ON jobs TO renkei_service")
    op.execute("GRANT UPDATE (sheet, body, saved_at, audit_event_id) ON import_mappings TO renkei_service")
    # Faults are worked off: a row that is checked again, or a file that is no longer kept, takes its own with it.
    op.execute("GRANT DELETE ON import_faults TO renkei_service")
    op.execute("ALTER TABLE import_rows ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE import_rows FORCE ROW LEVEL SECURITY")
    asked = f"patient_id = {ASKED} OR patient_id = {OPENED} OR organization_id = {ASKED}"
    op.execute(f"CREATE POLICY asked ON import_rows FOR SELECT TO renkei_service USING ({asked})")
    op.execute(f"CREATE POLICY opened ON import_rows FOR INSERT TO renkei_service WITH CHECK (patient_id = {OPENED})")


def downgrade() -> None:
    for table in ("import_rows", "import_mappings", "import_faults", "jobs"):
        op.drop_table(table)
