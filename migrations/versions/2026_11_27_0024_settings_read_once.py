"""Row-level security reads its settings once for a statement, not once for every row and every look into an index.

Without the SELECT around it the list of ids is parsed anew each time: a page of patients cost the square of its length. Why the
form stays safe: docs/decisions/0065.
"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

POLICIES = (
    "SELECT tablename, policyname, qual, with_check FROM pg_policies WHERE schemaname = current_schema() ORDER BY 1, 2"
)
SETTING = r"\(string_to_array\(NULLIF\(current_setting\('renkei\.(?P<name>\w+)'::text, true\), ''::text\), ','::text\)\)::uuid\[\]"
LIST = "string_to_array(NULLIF(current_setting('renkei.{name}', true), ''), ',')::uuid[]"
EACH_TIME = re.compile(rf"ANY \({SETTING}\)")
ONCE = re.compile(rf"ANY \(\(\s*SELECT {SETTING} AS \w+\)::uuid\[\]\)")


def upgrade() -> None:
    _rewrite(EACH_TIME, "ANY ((SELECT {list})::uuid[])")


def downgrade() -> None:
    _rewrite(ONCE, "ANY ({list})")


def _rewrite(form: re.Pattern[str], replacement: str) -> None:
    for table, policy, using, check in op.get_bind().execute(sa.text(POLICIES)).all():
        clauses = {"USING": using, "WITH CHECK": check}
        said = {
            kind: form.sub(lambda found: replacement.format(list=LIST.format(name=found["name"])), clause)
            for kind, clause in clauses.items()
            if clause is not None
        }
        if any(said[kind] != clauses[kind] for kind in said):
            op.execute(
                f"ALTER POLICY {policy} ON {table} " + " ".join(f"{kind} ({text})" for kind, text in said.items())
            )
