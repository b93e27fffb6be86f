"""The ledger, read by grant: a patient's access log (閲覧記録), the auditors' events, and what a leak has reached."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg import sql

from renkei.access.gate import Grant, LedgerGrant
from renkei.database import Row, Transaction
from renkei.store import about, whose

PAGE: LiteralString = """
SELECT e.id, e.at, e.request_id, e.action, e.outcome, e.reason, e.actor_kind, e.client_id, e.organization_id,
  o.name AS organization_name, e.user_id, e.user_name, e.profession, e.basis, e.groups, e.record_id
FROM audit_events e LEFT JOIN organizations o ON o.id = e.organization_id
WHERE e.patient_id = %(patient)s{once}
  AND (%(time)s::timestamptz IS NULL OR (e.at, e.id) < (%(time)s::timestamptz, %(id)s::uuid))
ORDER BY e.at DESC, e.id DESC LIMIT %(limit)s
"""
ONCE: LiteralString = """
  AND NOT EXISTS (SELECT FROM audit_events f WHERE f.patient_id = %(patient)s AND f.at = e.at AND f.request_id = e.request_id
                  AND f.action = e.action AND f.record_id IS NOT DISTINCT FROM e.record_id AND f.id < e.id)"""
"""What was done with a linked person under several ids at once is told once; each document of a batch is."""

CONDITIONS: Mapping[str, LiteralString] = {
    "scope": "e.organization_id = %(scope)s",
    "patient": "e.patient_id = %(patient)s",
    "organization": "e.organization_id = %(organization)s",
    "client": "e.client_id IN (SELECT c.id FROM clients c WHERE c.client_id = %(client)s OR c.id::text = %(client)s)",
    "user": "e.user_id = %(user)s",
    "action": "e.action = %(action)s",
    "outcome": "e.outcome = %(outcome)s",
    "since": "e.at >= %(since)s",
    "until": "e.at < %(until)s",
    "time": "(e.at, e.id) < (%(time)s, %(id)s)",
    "after": "e.patient_id > %(after)s",
}
"""Only those that are asked for enter a statement: each kind of question has a plan of its own."""

_BRANCH: LiteralString = """
(SELECT e.id, e.at, e.request_id, {patient} AS patient_id, e.action, e.outcome, e.reason, e.actor_kind, e.client_id,
   e.organization_id, e.user_id, e.user_name, e.profession, {basis} AS basis, {groups} AS groups, {record} AS record_id,
   {detail} AS detail
 FROM {table} e WHERE {conditions} ORDER BY e.at DESC, e.id DESC LIMIT %(limit)s)
"""
_OF_PATIENTS = {
    "table": sql.SQL("audit_events"),
    "patient": sql.SQL("e.patient_id"),
    "basis": sql.SQL("e.basis"),
    "groups": sql.SQL("e.groups"),
    "record": sql.SQL("e.record_id"),
    "detail": sql.SQL("NULL::jsonb"),
}
_OF_NONE = {
    "table": sql.SQL("service_events"),
    "patient": sql.SQL("NULL::uuid"),
    "basis": sql.SQL("'{}'::text[]"),
    "groups": sql.SQL("'{}'::text[]"),
    "record": sql.SQL("NULL::uuid"),
    "detail": sql.SQL("e.detail"),
}
EVENTS = sql.SQL("""
SELECT e.*, o.name AS organization_name, c.client_id AS client_name, c.name AS client_title
FROM (SELECT * FROM ({branches}) both_ledgers ORDER BY at DESC, id DESC LIMIT %(limit)s) e
LEFT JOIN organizations o ON o.id = e.organization_id
LEFT JOIN clients c ON c.id = e.client_id
ORDER BY e.at DESC, e.id DESC
""")

_ACTS = sql.SQL("FROM audit_events e WHERE e.outcome = 'allowed' AND {}")
BREACH = sql.SQL("""
WITH acts AS MATERIALIZED (SELECT e.patient_id, e.at, e.action, e.profession, e.groups, e.record_id {acts}),
page AS MATERIALIZED (
  SELECT patient_id, min(at) AS first_at, max(at) AS last_at, count(*) AS events, array_agg(DISTINCT action) AS actions,
    array_agg(DISTINCT record_id) FILTER (WHERE record_id IS NOT NULL) AS records
  FROM acts GROUP BY patient_id ORDER BY patient_id LIMIT %(limit)s
),
seen AS (  -- which profession saw which group, under which version of the permission table
  SELECT a.patient_id, jsonb_agg(DISTINCT jsonb_build_array(a.profession, g.name, v.version)) AS groups
  FROM acts a JOIN page USING (patient_id)
  CROSS JOIN LATERAL unnest(a.groups) AS g (name)
  CROSS JOIN LATERAL (SELECT max(version) AS version FROM permission_tables t WHERE t.recorded_at <= a.at) v
  GROUP BY a.patient_id
)
SELECT page.*, coalesce(seen.groups, '[]') AS seen, coalesce(team.places, '[]') AS team
FROM page LEFT JOIN seen USING (patient_id)
CROSS JOIN (SELECT (now() AT TIME ZONE 'Asia/Tokyo')::date AS day) today
LEFT JOIN LATERAL (
  SELECT jsonb_agg(jsonb_build_object('organization', jsonb_build_object('id', o.id, 'name', o.name), 'part', t.part)
                   ORDER BY o.name, o.id) AS places
  FROM (SELECT DISTINCT ON (organization_id) * FROM care_team_places p WHERE p.patient_id = page.patient_id
        ORDER BY organization_id, recorded_at DESC, id DESC) t
  JOIN organizations o ON o.id = t.organization_id
  WHERE NOT t.ended AND t.valid_from <= today.day AND (t.valid_until IS NULL OR t.valid_until >= today.day)
    AND (%(scope)s::uuid IS NULL OR t.organization_id = %(scope)s)
) team ON true
ORDER BY page.patient_id
""")
COUNTS = sql.SQL("SELECT count(DISTINCT e.patient_id) AS patients, count(*) AS events, now() AS at {acts}")


class Acts(NamedTuple):
    """Which events: all that is not None must fit. client: its id or ``client_id``. since inclusive, until exclusive."""

    client: str | None = None
    organization: UUID | None = None
    user: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    patient: UUID | None = None
    action: str | None = None
    outcome: str | None = None


async def load_events(tx: Transaction, grant: Grant, after: Sequence[str] | None, limit: int) -> list[Row]:
    """One page of who did or was refused what, newest first; one row more tells of a next page."""
    time, id_ = after or (None, None)
    text = PAGE.replace("{once}", ONCE if len(grant.patient_ids) > 1 else "")
    return await tx.rows(whose(text, grant), {**about(grant), "time": time, "id": id_, "limit": limit + 1})


async def load_acts(
    tx: Transaction, grant: LedgerGrant, acts: Acts, after: Sequence[Any] | None, limit: int
) -> list[Row]:
    """One page of both ledgers, newest first; one row more tells of a next page."""
    time, id_ = after or (None, None)
    asked, conditions = _asked(grant, acts, time=time)
    ledgers = [_OF_PATIENTS] if acts.patient else [_OF_PATIENTS, _OF_NONE]
    branches = sql.SQL(" UNION ALL ").join(sql.SQL(_BRANCH).format(**each, conditions=conditions) for each in ledgers)
    return await tx.rows(EVENTS.format(branches=branches), {**asked, "id": id_, "limit": limit + 1})


async def load_breach(
    tx: Transaction, grant: LedgerGrant, acts: Acts, after: UUID | None, limit: int
) -> tuple[Row, list[Row]]:
    """How much these acts have reached in all, and one page of the patients, one more telling of a next page."""
    every, of_all = _asked(grant, acts)
    total: Row = await tx.row(COUNTS.format(acts=_ACTS.format(of_all)), every)
    asked, conditions = _asked(grant, acts, after=after)
    rows = await tx.rows(
        BREACH.format(acts=_ACTS.format(conditions)), {**asked, "scope": grant.organization_id, "limit": limit + 1}
    )
    return total, rows


def _asked(grant: LedgerGrant, acts: Acts, **position: object) -> tuple[dict[str, object], sql.Composable]:
    """The parameters that are given, and their conditions; an organization's administrator sees its own part only."""
    given = {**acts._asdict(), "scope": grant.organization_id, **position}
    asked = {name: value for name, value in given.items() if value is not None}
    conditions = sql.SQL(" AND ").join(sql.SQL(CONDITIONS[name]) for name in asked) if asked else sql.SQL("true")
    return asked, conditions
