"""職員: posts at organizations, as an administrator keeps them. No patient, so no grant."""

from collections.abc import Sequence
from datetime import date
from typing import LiteralString, NamedTuple
from uuid import UUID

from renkei.database import Row, Transaction
from renkei.ids import new_id

INSERT = """
INSERT INTO members (id, organization_id, account_id, email, name, name_kana, office, profession, valid_from, valid_until,
  audit_event_id)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, coalesce(%s, (now() AT TIME ZONE 'Asia/Tokyo')::date), %s, %s)
"""
SHOWN: LiteralString = """
SELECT * FROM (
  SELECT m.*, o.name AS organization_name,
    CASE WHEN m.ended_at IS NOT NULL OR m.valid_until < (now() AT TIME ZONE 'Asia/Tokyo')::date THEN 'ended'
         WHEN m.account_id IS NULL THEN 'invited'
         WHEN m.valid_from > (now() AT TIME ZONE 'Asia/Tokyo')::date THEN 'future' ELSE 'active' END AS state,
    (SELECT max(i.expires_at) FROM invitations i
     WHERE i.member_id = m.id AND i.used_at IS NULL AND i.expires_at > now()) AS invited_until,
    (SELECT max(s.last_seen_at) FROM sessions s WHERE s.member_id = m.id) AS last_seen_at
  FROM members m JOIN organizations o ON o.id = m.organization_id
  WHERE (%(organization)s::uuid IS NULL OR m.organization_id = %(organization)s)
) m
"""
PAGE = (
    SHOWN
    + """
WHERE (%(name)s::text IS NULL OR position(lower(%(name)s) IN lower(name || ' ' || coalesce(name_kana, '') || ' ' || email)) > 0)
  AND (%(state)s::text IS NULL OR state = %(state)s) AND (%(before)s::uuid IS NULL OR id < %(before)s)
ORDER BY id DESC LIMIT %(limit)s
"""
)
ONE = SHOWN + "WHERE id = %(id)s"
STANDING = """
SELECT email, office, profession FROM members
WHERE organization_id = %s AND ended_at IS NULL
  AND (valid_until IS NULL OR valid_until >= (now() AT TIME ZONE 'Asia/Tokyo')::date)
"""
# In force to the end of that day; what has ended stays ended.
END_AFTER = "UPDATE members SET valid_until = %s, audit_event_id = %s WHERE id = %s AND ended_at IS NULL"
END = "UPDATE members SET ended_at = now(), audit_event_id = %s WHERE id = %s AND ended_at IS NULL"
TODAY = "SELECT (now() AT TIME ZONE 'Asia/Tokyo')::date AS day"


class Who(NamedTuple):
    """Whose post it is. account: None until they have accepted."""

    email: str
    name: str
    name_kana: str | None
    account: UUID | None = None


def insert_member(
    tx: Transaction,
    organization: UUID,
    who: Who,
    office: str,
    profession: str | None,
    period: tuple[date | None, date | None],
    event_id: UUID,
) -> UUID:
    """A post in a period (from: today when None; until: open when None); its id."""
    id_ = new_id()
    values = [who.account, who.email, who.name, who.name_kana, office, profession, *period, event_id]
    tx.later(INSERT, [id_, organization, *values])
    return id_


async def load_page(
    tx: Transaction,
    organization: UUID | None,
    name: str | None,
    state: str | None,
    before: Sequence[UUID] | None,
    limit: int,
) -> list[Row]:
    """One page, newest first, and one more; of one organization, or of all."""
    last = before[0] if before else None
    asked = {"organization": organization, "name": name, "state": state, "before": last, "limit": limit + 1}
    return await tx.rows(PAGE, asked)


async def load_one(tx: Transaction, member_id: UUID, organization: UUID | None = None) -> Row | None:
    """The one of this id, of this organization if one is named."""
    return await tx.row(ONE, {"id": member_id, "organization": organization})


async def load_standing(tx: Transaction, organization: UUID) -> set[tuple[str, str, str | None]]:
    """The posts there, standing or to come: address, office, profession."""
    return {(row.email, row.office, row.profession) for row in await tx.rows(STANDING, [organization])}


def end_member(tx: Transaction, member_id: UUID, last_day: date | None, event_id: UUID) -> None:
    """End a post, after this day or at once; sessions under it act no more."""
    if last_day is None:
        tx.later(END, [event_id, member_id])
    else:
        tx.later(END_AFTER, [last_day, event_id, member_id])


async def load_today(tx: Transaction) -> date:
    """The Tokyo day of this transaction."""
    (row,) = await tx.rows(TODAY)
    day: date = row.day
    return day
