"""名寄せ: which ids are one person. Asked by reach beside the ties; feed and fan-out follow it."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

OPENED = "ANY (string_to_array(NULLIF(current_setting('renkei.patient_ids', true), ''), ',')::uuid[])"
ASKED = "ANY (string_to_array(NULLIF(current_setting('renkei.asked', true), ''), ',')::uuid[])"
# The functions that pick who may be told of what: whoever is tied under any of a linked person's ids.
JOIN = "LEFT JOIN public.linked_patients l ON l.patient_id = {}.patient_id"
ANY_ID = "ANY (coalesce(l.members, ARRAY[{}.patient_id]))"
TIED = tuple(
    (f"WHERE {alias}.patient_id = p.patient_id", f"WHERE {alias}.patient_id = {ANY_ID.format('p')}")
    for alias in "taoej"
)
CHANGED = {
    "renkei_feed(uuid, text[], uuid, bigint, bigint, integer)": (
        *TIED,
        (
            "CROSS JOIN LATERAL (\n      SELECT FROM (",
            f"{JOIN.format('p')}\n    CROSS JOIN LATERAL (\n      SELECT FROM (",
        ),
        ("WITH reached AS MATERIALIZED (", "WITH tied AS MATERIALIZED ("),
        (
            "), firsts AS",
            "), reached AS MATERIALIZED (\n    SELECT DISTINCT unnest(coalesce(l.members, ARRAY[p.patient_id])) AS patient_id\n"
            f"    FROM tied p {JOIN.format('p')}\n  ), firsts AS",
        ),
    ),
    "renkei_fan_out(bigint, bigint)": (
        *TIED,
        ("CROSS JOIN LATERAL (\n    SELECT t.org", f"{JOIN.format('p')}\n  CROSS JOIN LATERAL (\n    SELECT t.org"),
    ),
    "renkei_attachment_parts(uuid[], uuid[])": (
        (
            "JOIN public.attachments a ON a.patient_id = w.patient_id",
            f"{JOIN.format('w')}\n  JOIN public.attachments a ON a.patient_id = {ANY_ID.format('w')}",
        ),
    ),
}
"""Function → what stands in it, and what it becomes; each stands once."""

# Whoever restates a summary has locked it; between the gate and the lock two persons may have become one, or one two.
STILL_LINKED = """
CREATE FUNCTION renkei_still_linked(patient uuid, expected uuid[]) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public AS $$
DECLARE
  ids uuid[] := coalesce((SELECT l.members FROM public.linked_patients l WHERE l.patient_id = patient), ARRAY[patient]);
BEGIN
  IF NOT (ids @> expected AND expected @> ids) THEN
    RAISE EXCEPTION 'linked or parted meanwhile' USING ERRCODE = 'serialization_failure';
  END IF;
  RETURN true;
END
$$
"""


def rewrite(*, back: bool) -> None:
    """Change the functions as they are by now, and only there; back: to the letter what they were."""
    for signature, changes in CHANGED.items():
        found = op.get_bind().execute(sa.text("SELECT pg_get_functiondef(CAST(:f AS regprocedure))"), {"f": signature})
        text = found.scalar_one()
        for old, new in changes:
            one, other = (new, old) if back else (old, new)
            if text.count(one) != 1:
                raise ValueError(f"{signature}: {one}")
            text = text.replace(one, other)
        op.get_bind().exec_driver_sql(text.replace("%", "%%"))


def upgrade() -> None:
    op.create_table(
        "linked_patients",
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("members", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("audit_event_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.patient_id"], name=op.f("fk_linked_patients_patient_id")),
        sa.PrimaryKeyConstraint("patient_id", name=op.f("pk_linked_patients")),
    )
    op.execute("ALTER TABLE linked_patients ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE linked_patients FORCE ROW LEVEL SECURITY")
    op.execute("GRANT SELECT, INSERT, UPDATE ON linked_patients TO renkei_service")
    op.execute("GRANT SELECT ON linked_patients TO renkei_worker, renkei_lookup")
    opened, readers = f"patient_id = {OPENED}", "renkei_service, renkei_worker"
    asked = f"patient_id = {ASKED} OR {opened}"
    op.execute(f"CREATE POLICY asked ON linked_patients FOR SELECT TO {readers} USING ({asked})")
    op.execute(f"CREATE POLICY opened ON linked_patients FOR INSERT TO renkei_service WITH CHECK ({opened})")
    changed = f"FOR UPDATE TO renkei_service USING ({opened}) WITH CHECK ({opened})"
    op.execute(f"CREATE POLICY changed ON linked_patients {changed}")
    op.execute("CREATE POLICY lookup ON linked_patients FOR SELECT TO renkei_lookup USING (true)")
    op.execute(STILL_LINKED)
    op.execute("REVOKE ALL ON FUNCTION renkei_still_linked(uuid, uuid[]) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION renkei_still_linked(uuid, uuid[]) TO renkei_service")
    rewrite(back=False)


def downgrade() -> None:
    rewrite(back=True)
    op.execute("DROP FUNCTION renkei_still_linked(uuid, uuid[])")
    op.drop_table("linked_patients")
