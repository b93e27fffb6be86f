"""職: the posts a person may choose among when signed in. No patient, so no grant."""

from collections.abc import Sequence
from uuid import UUID

from renkei.access.standing import POST_STANDS
from renkei.database import Row, Transaction

POSTS = f"""
SELECT m.id, m.office, m.profession, m.valid_until, m.organization_id, o.name AS organization_name
FROM members m JOIN organizations o ON o.id = m.organization_id
WHERE m.account_id = %(account)s AND (%(only)s::uuid IS NULL OR m.organization_id = %(only)s)
  AND (%(professions)s::text[] IS NULL OR m.profession = ANY (%(professions)s)) AND {POST_STANDS}
ORDER BY o.name, m.office DESC, m.id
"""  # noqa: S608 - composed of literals of ours; what a request says is a parameter
ELSEWHERE = """
SELECT id FROM members WHERE account_id = %s AND organization_id <> %s AND ended_at IS NULL
  AND (valid_until IS NULL OR valid_until >= (now() AT TIME ZONE 'Asia/Tokyo')::date) LIMIT 1
"""


async def load_posts(
    tx: Transaction, account_id: UUID, only: UUID | None = None, professions: Sequence[str] | None = None
) -> list[Row]:
    """A person's posts that stand today, at organizations that may act. only: at this one; professions: of these, and no office's."""
    wanted = None if professions is None else list(professions)
    return await tx.rows(POSTS, {"account": account_id, "only": only, "professions": wanted})


async def stands_elsewhere(tx: Transaction, account_id: UUID, organization: UUID) -> bool:
    """Whether a person has a post, standing or to come, at another organization than this."""
    return await tx.row(ELSEWHERE, [account_id, organization]) is not None
