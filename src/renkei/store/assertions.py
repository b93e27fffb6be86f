"""Used assertions (使用済みの申告) that nobody can use again anyway. No patient, so no grant."""

from renkei.database import Transaction

AT_ONCE = 10_000
FORGET = """
WITH gone AS (
  DELETE FROM used_assertions WHERE (client_id, jti) IN (
    SELECT client_id, jti FROM used_assertions WHERE kept_until < now() ORDER BY kept_until LIMIT %s
  ) RETURNING 1
)
SELECT count(*) AS count FROM gone
"""


async def forget_used(tx: Transaction) -> int:
    """Forget those whose time is over, AT_ONCE at most; how many. They are refused for their ``exp`` by now."""
    (row,) = await tx.rows(FORGET, [AT_ONCE])
    return int(row.count)
