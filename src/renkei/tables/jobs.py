"""長い処理: imports and exports, done by the worker. A job's rows hold ids, counts and codes, nothing of what was sent; who asked and
about whom, so that row-level security shows them to their organization alone."""

import sqlalchemy as sa

from renkei.tables.base import Instant, Json, column, metadata, moment, optional, patient_table, reason

jobs = sa.Table(  # 取込・書出し: a plain state of ours, changed in place by the worker
    "jobs",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    column("kind", sa.Text),
    column("state", sa.Text),
    column("step", sa.Text),
    sa.Column("organization_id", sa.Uuid, sa.ForeignKey("organizations.id"), nullable=False),
    # Who asked, so that standing can be proved again at every batch; what was asked; what was found out about the file.
    column("actor", Json),
    column("spec", Json),
    column("found", Json),
    optional("total", sa.Integer),
    sa.Column("done", sa.Integer, nullable=False, server_default="0"),
    sa.Column("kept", sa.Integer, nullable=False, server_default="0"),
    sa.Column("repeated", sa.Integer, nullable=False, server_default="0"),
    sa.Column("wrong", sa.Integer, nullable=False, server_default="0"),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    optional("reason", sa.Text),
    optional("file_key", sa.Text),
    optional("result_key", sa.Text),
    moment("requested_at"),
    moment("touched_at"),
    optional("ended_at", Instant),
    reason(),
    sa.CheckConstraint("kind IN ('import', 'export')", name="kind"),
    sa.CheckConstraint(
        "state IN ('queued', 'running', 'waiting', 'done', 'failed', 'cancelled', 'undone')", name="state"
    ),
    sa.Index(None, "organization_id", "kind", "id"),
    sa.Index("ix_jobs_open", "touched_at", postgresql_where=sa.text("state IN ('queued', 'running')")),
    sa.Index("ix_jobs_files", "ended_at", postgresql_where=sa.text("file_key IS NOT NULL OR result_key IS NOT NULL")),
)

import_faults = sa.Table(  # 取込の誤り: where and what, never the value
    "import_faults",
    metadata,
    sa.Column("import_id", sa.Uuid, sa.ForeignKey("jobs.id"), nullable=False),
    column("organization_id", sa.Uuid),
    sa.Column("number", sa.Integer, nullable=False),
    column("faults", Json),
    sa.PrimaryKeyConstraint("import_id", "number"),
)

import_mappings = sa.Table(  # 列の割り当て, as each office has named it
    "import_mappings",
    metadata,
    sa.Column("organization_id", sa.Uuid, sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    column("sheet", sa.Text),
    column("body", Json),
    moment("saved_at"),
    reason(),
    sa.PrimaryKeyConstraint("organization_id", "name"),
)

import_rows = patient_table(  # 取り込まれた記録: what an import has made, for undoing it
    "import_rows",
    column("import_id", sa.Uuid),
    column("organization_id", sa.Uuid),
    column("number", sa.Integer),
    column("kind", sa.Text),
    column("record_id", sa.Uuid),
    reason(),
    sa.ForeignKeyConstraint(["patient_id", "record_id"], ["records.patient_id", "records.id"]),
    sa.Index(None, "organization_id", "import_id", "number"),
)
