"""長い処理: what was asked, how far it is, what became of it. No content, so no grant; whom an export is about and who asked are
their organization's to know: row-level security shows it its own jobs alone, and every function here asks about that one.

A worker holds a job by the lock of its row, for one batch and its transaction: when the worker dies, the lock goes with it, and
what the batch had done, too. The checkpoint is written in the same transaction as what it counts.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb
from pydantic_core import to_json

from renkei.access.askers import IDENTIFYING
from renkei.database import Row, Transaction
from renkei.errors import Conflict

DUE_AT_ONCE = 100
"""Jobs whose turn it is, of which the first that no other worker holds is taken."""

COLUMNS: LiteralString = """
SELECT id, kind, state, step, organization_id, actor, spec, found, total, done, kept, repeated, wrong, attempts, reason,
  file_key, result_key, requested_at, touched_at, ended_at, now() AS now
FROM jobs
"""
INSERT = """
INSERT INTO jobs (id, kind, state, step, organization_id, actor, spec, found, file_key, audit_event_id)
VALUES (%s, %s, 'queued', %s, %s, %s, %s, '{}', %s, %s)
"""
DUE = "SELECT id, organization_id FROM renkei_jobs_due(%s, %s)"
CLAIM = COLUMNS + (
    "WHERE id = ANY (%s) AND state IN ('queued', 'running') AND touched_at <= now() "
    "ORDER BY touched_at, id LIMIT 1 FOR UPDATE SKIP LOCKED"
)
STILL_OPEN = "SELECT id FROM jobs WHERE id = ANY (%s) AND state IN ('queued', 'running', 'waiting')"
ONE = COLUMNS + "WHERE id = %(id)s AND organization_id = %(organization)s AND kind = %(kind)s"
LOCKED = ONE + " FOR UPDATE"
PAGE = COLUMNS + (
    "WHERE organization_id = %(organization)s AND kind = %(kind)s AND (%(before)s::uuid IS NULL OR id < %(before)s) "
    "AND (%(asker)s::jsonb IS NULL OR (actor @> %(asker)s::jsonb AND NOT actor ?| %(absent)s::text[])) "
    "ORDER BY id DESC LIMIT %(limit)s"
)
# Counts are added to, all else is replaced where it is given. touched_at: the next turn, behind the jobs of others.
NOTE = """
UPDATE jobs SET touched_at = now(), attempts = 0, state = coalesce(%(state)s, state), step = coalesce(%(step)s, step),
  found = found || %(found)s, spec = spec || %(spec)s, actor = coalesce(%(actor)s, actor), total = coalesce(%(total)s, total),
  done = coalesce(%(done)s, done), kept = kept + %(kept)s, repeated = repeated + %(repeated)s,
  wrong = coalesce(%(wrong)s, wrong), reason = coalesce(%(reason)s, reason),
  file_key = coalesce(%(file_key)s, file_key), result_key = coalesce(%(result_key)s, result_key), audit_event_id = coalesce(%(event)s, audit_event_id),
  ended_at = CASE WHEN coalesce(%(state)s, state) IN ('done', 'failed', 'cancelled', 'undone') THEN now() END
WHERE id = %(id)s
"""
FAILED = """
UPDATE jobs SET attempts = attempts + 1, touched_at = now() + make_interval(secs => 2 ^ attempts),
  state = CASE WHEN attempts + 1 >= %(most)s THEN 'failed' ELSE state END,
  reason = CASE WHEN attempts + 1 >= %(most)s THEN 'internal' ELSE reason END,
  ended_at = CASE WHEN attempts + 1 >= %(most)s THEN now() END
WHERE id = %(id)s AND state IN ('queued', 'running')
"""
FAULTS = """
INSERT INTO import_faults (import_id, organization_id, number, faults)
SELECT %s, %s, number, faults FROM jsonb_to_recordset(%s::jsonb) AS f (number integer, faults jsonb)
"""
FAULTS_PAGE = """
SELECT number, faults FROM import_faults WHERE import_id = %s AND number > %s ORDER BY number LIMIT %s
"""
FORGET_FAULTS = "DELETE FROM import_faults WHERE import_id = %s"
OVER = "SELECT id, organization_id FROM renkei_jobs_over(%s, %s, %s)"
ENDED = COLUMNS + "WHERE id = ANY (%s) AND state NOT IN ('queued', 'running') FOR UPDATE SKIP LOCKED"
FORGET_FILES = """
UPDATE jobs SET file_key = NULL, result_key = NULL, state = CASE WHEN state = 'waiting' THEN 'cancelled' ELSE state END,
  reason = CASE WHEN state = 'waiting' THEN 'expired' ELSE reason END, ended_at = coalesce(ended_at, now())
WHERE id = %s
"""
IN_USE = "SELECT key FROM renkei_job_files(%s)"

MAPPING = "SELECT name, sheet, body, saved_at FROM import_mappings WHERE organization_id = %s AND name = %s"
MAPPINGS = "SELECT name, sheet, body, saved_at FROM import_mappings WHERE organization_id = %s ORDER BY name LIMIT 500"
SAVE_MAPPING = """
INSERT INTO import_mappings (organization_id, name, sheet, body, audit_event_id) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (organization_id, name) DO UPDATE
SET sheet = excluded.sheet, body = excluded.body, saved_at = now(), audit_event_id = excluded.audit_event_id
RETURNING name, sheet, body, saved_at
"""


def insert_job(
    tx: Transaction,
    job_id: UUID,
    kind: str,
    step: str,
    organization_id: UUID,
    actor: Mapping[str, Any],
    spec: Mapping[str, Any],
    file_key: str | None,
    event_id: UUID,
) -> None:
    """A job that waits for a worker."""
    documents = Jsonb(dict(actor)), Jsonb(dict(spec))
    tx.ask_about([organization_id])
    tx.later(INSERT, [job_id, kind, step, organization_id, *documents, file_key, event_id])


async def claim(tx: Transaction, kind: str) -> Row | None:
    """The job of this kind whose turn it is, held until the transaction ends; None when none waits that nobody else holds."""
    due = await tx.rows(DUE, [[kind], DUE_AT_ONCE])
    if not due:
        return None
    tx.ask_about({row.organization_id for row in due})
    return await tx.row(CLAIM, [[row.id for row in due]])


async def still_open(tx: Transaction, organizations: Mapping[UUID, UUID]) -> set[UUID]:
    """Those of these jobs, each with whose it is, that have not ended."""
    tx.ask_about(set(organizations.values()))
    return {row.id for row in await tx.rows(STILL_OPEN, [list(organizations)])}


async def load_job(
    tx: Transaction, organization_id: UUID, kind: str, job_id: UUID, *, lock: bool = False
) -> Row | None:
    """One of an organization's jobs; lock: no worker is at it from here to the end of the transaction."""
    wanted = {"id": job_id, "organization": organization_id, "kind": kind}
    tx.ask_about([organization_id])
    return await tx.row(LOCKED if lock else ONE, wanted)


async def load_jobs(
    tx: Transaction,
    organization_id: UUID,
    kind: str,
    before: UUID | None,
    limit: int,
    asker: Mapping[str, Any] | None = None,
) -> list[Row]:
    """One page of an organization's jobs, newest first, and one more. asker: of whom only (``access.askers``); None: of all."""
    wanted = {
        "organization": organization_id,
        "kind": kind,
        "before": before,
        "limit": limit + 1,
        "asker": Jsonb(dict(asker)) if asker is not None else None,
        "absent": [name for name in IDENTIFYING if name not in (asker or ())],
    }
    tx.ask_about([organization_id])
    return await tx.rows(PAGE, wanted)


def note(tx: Transaction, job: Row, **changes: Any) -> None:
    """How far a job is. kept, repeated: to be added; state, step, found, spec, actor, total, done, wrong, reason, file_key,
    result_key, event: what holds from now on."""
    columns: dict[str, Any] = dict.fromkeys(
        ("state", "step", "actor", "total", "done", "wrong", "reason", "file_key", "result_key", "event")
    )
    columns |= {"kept": 0, "repeated": 0, "found": {}, "spec": {}, **changes, "id": job.id}
    for name in ("found", "spec", "actor"):
        columns[name] = None if columns[name] is None else Jsonb(columns[name])
    tx.ask_about([job.organization_id])
    tx.later(NOTE, columns)


def cancel(tx: Transaction, job: Row, event: UUID, cancellable: Collection[str], told: tuple[str, str]) -> None:
    """No worker goes on with a job that is held. Again changes nothing; one that has ended in another way is a Conflict, ``told``."""
    if job.state == "cancelled":
        return
    if job.state not in cancellable:
        raise Conflict("already_ended", told)
    note(tx, job, state="cancelled", event=event)


def note_failure(tx: Transaction, job: Row, most: int) -> None:
    """A batch that failed by no fault of its rows: again after a pause that doubles, and given up after ``most`` times."""
    tx.ask_about([job.organization_id])
    tx.later(FAILED, {"id": job.id, "most": most})


def insert_faults(tx: Transaction, job: Row, faults: Sequence[Mapping[str, Any]]) -> None:
    """Faults by row: ``{"number", "faults"}``."""
    if faults:
        tx.ask_about([job.organization_id])
        tx.later(FAULTS, [job.id, job.organization_id, to_json(faults).decode()])


async def load_faults(tx: Transaction, job: Row, after: int, limit: int) -> list[Row]:
    """One page of rows with faults, in their order, and one more."""
    tx.ask_about([job.organization_id])
    return await tx.rows(FAULTS_PAGE, [job.id, after, limit + 1])


def forget_faults(tx: Transaction, job: Row) -> None:
    """What a check has found is found anew when the rows are taken in."""
    tx.ask_about([job.organization_id])
    tx.later(FORGET_FAULTS, [job.id])


async def expired(tx: Transaction, kind: str, days: int, limit: int) -> list[Row]:
    """Jobs that ended so long ago that their files go; held until the transaction ends."""
    over = await tx.rows(OVER, [kind, days, limit])
    tx.ask_about({row.organization_id for row in over})
    return await tx.rows(ENDED, [[row.id for row in over]])


def forget_files(tx: Transaction, job: Row) -> None:
    """Its files are gone. What waited for a confirmation that never came is over."""
    tx.ask_about([job.organization_id])
    tx.later(FORGET_FILES, [job.id])


async def keys_in_use(tx: Transaction, keys: Sequence[str]) -> set[str]:
    """Those of these files that a job names."""
    return {row.key for row in await tx.rows(IN_USE, [list(keys)])}


async def load_mapping(tx: Transaction, organization_id: UUID, name: str) -> Row | None:
    """A mapping of columns by the name its office has given it."""
    return await tx.row(MAPPING, [organization_id, name])


async def load_mappings(tx: Transaction, organization_id: UUID) -> list[Row]:
    """All of an office's mappings, by name."""
    return await tx.rows(MAPPINGS, [organization_id])


async def save_mapping(
    tx: Transaction, organization_id: UUID, name: str, sheet: str, body: Mapping[str, Any], event_id: UUID
) -> Row:
    """Keep a mapping under a name, in place of one that had it."""
    return await tx.row(SAVE_MAPPING, [organization_id, name, sheet, Jsonb(dict(body)), event_id])
