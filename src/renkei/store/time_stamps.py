"""Time stamps (タイムスタンプ) beside the seals: which seal is to have one, and what an authority has said. Only ever appended to."""

from renkei.database import Row, Transaction

# The newest alone: it names the one before, and so on back, so that its stamp is theirs too.
NEXT = """
SELECT s.position, s.signature, s.sealed_at FROM audit_seals s
WHERE s.position = (SELECT max(position) FROM audit_seals)
  AND NOT EXISTS (SELECT FROM audit_time_stamps t WHERE t.seal_position = s.position)
  AND NOT EXISTS (SELECT FROM (SELECT kept_at FROM audit_time_stamps ORDER BY seal_position DESC LIMIT 1) newest
                  WHERE newest.kept_at > now() - make_interval(secs => %s))
"""
# Two workers may have asked at once: the first that answers is kept.
INSERT = """
INSERT INTO audit_time_stamps (seal_position, token, says) VALUES (%s, %s, %s) ON CONFLICT (seal_position) DO NOTHING
"""
WAITING = """
SELECT greatest(extract(epoch FROM now() - s.sealed_at), 0)::double precision AS seconds FROM audit_seals s
WHERE s.position > (SELECT coalesce(max(seal_position), 0) FROM audit_time_stamps)
ORDER BY s.position LIMIT 1
"""


async def next_to_stamp(tx: Transaction, seconds: int) -> Row | None:
    """The newest seal, if it has no stamp and the last stamp was kept so many seconds ago. The worker's only."""
    return await tx.row(NEXT, [seconds])


def insert_stamp(tx: Transaction, position: int, token: bytes, says: object) -> None:
    """Keep what an authority has said of a seal; nothing where another worker was earlier. The worker's only."""
    tx.later(INSERT, [position, token, says])


async def waiting_seconds(tx: Transaction) -> float:
    """For how long the oldest seal has waited that no stamp covers."""
    row = await tx.row(WAITING)
    return float(row.seconds) if row else 0.0
