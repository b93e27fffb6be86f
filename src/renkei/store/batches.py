"""Many documents of one organization kept at once: what ``records``, ``changes`` and ``summaries`` do for one, in a few statements.

Rows travel as one list for each column, in binary: written as text, a list of documents costs psycopg a hundred times as much (every
quote of theirs is escaped), and a parameter each more than all the rest. A stretch is written with only its own patients open, since
row-level security compares every row with each that is.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from pydantic_core import to_json

from renkei.access.gate import Grant
from renkei.database import Row, Statement, Transaction
from renkei.ids import new_id
from renkei.schemas.submitted import Ready
from renkei.schemas.summary import ReportLine, newest_reports
from renkei.tables import NO_ORGANIZATION
from renkei.vocabulary import Group, RecordKind, Tier

REPORTS = f"{Group.care_report}.{Tier.basic}"

# In one order, whoever else locks many.
LOCK = "SELECT now() AS now FROM summaries WHERE patient_id = ANY (%b::uuid[]) ORDER BY patient_id FOR UPDATE"
# OFFSET 0: looked up one by one, by the natural key. As a plain join PostgreSQL reads all that these patients have, by the
# policy's list of them.
SAME_DOCUMENTS = """
SELECT t.n, r.patient_id, r.id, r.version, r.kind, r.answer, w.withdrawn_at, CASE WHEN r.version = t.version THEN r.body END AS body
FROM unnest(%b::integer[], %b::uuid[], %b::text[], %b::integer[]) AS t (n, patient_id, document_id, version)
CROSS JOIN LATERAL (
  SELECT * FROM records
  WHERE patient_id = t.patient_id AND organization_id = %s AND document_id = t.document_id ORDER BY version DESC OFFSET 0
) r
LEFT JOIN record_withdrawals w ON w.patient_id = r.patient_id AND w.record_id = r.id
ORDER BY t.n, r.version DESC
"""
NEWEST = """
SELECT patient_id, max(as_of) AS as_of FROM records
WHERE patient_id = ANY (%b::uuid[]) AND organization_id = %s AND kind = 'face_sheet' GROUP BY patient_id
"""
REPORT_PARTS = """
SELECT patient_id, organization_id, body FROM summary_parts
WHERE patient_id = ANY (%b::uuid[]) AND organization_id = ANY (%b::uuid[]) AND part = %s
"""
APPEND = """
WITH t AS MATERIALIZED (
  SELECT * FROM unnest(%(patients)b::uuid[], %(ids)b::uuid[], %(professions)b::text[], %(documents)b::text[], %(versions)b::integer[],
    %(moments)b::text[], %(bodies)b::text[], %(answers)b::text[], %(events)b::uuid[], %(changes)b::uuid[], %(made)b::uuid[],
    %(numbers)b::integer[])
    AS t (patient_id, id, profession, document_id, version, as_of, body, answer, event, change, made, number)
), kept AS (
  INSERT INTO records (patient_id, id, kind, organization_id, client_id, user_id, user_name, profession, document_id, version,
    as_of, received_at, catalogue, body, answer, audit_event_id)
  SELECT patient_id, id, %(kind)s, %(organization)s, %(client)s, %(user_id)s, %(user_name)s, profession, document_id, version,
    as_of::timestamptz, %(received_at)s, %(catalogue)s, body, answer, event FROM t
), authors AS (
  INSERT INTO author_organizations (patient_id, organization_id, audit_event_id)
  SELECT DISTINCT ON (patient_id) patient_id, %(organization)s::uuid, event FROM t ON CONFLICT DO NOTHING
), announced AS (
  INSERT INTO changes (patient_id, id, kind, record_id, organization_id, audit_event_id)
  SELECT patient_id, change, %(permission)s, id, %(organization)s, event FROM t
), queued AS (
  INSERT INTO unpublished_changes (patient_id, change_id) SELECT patient_id, change FROM t
)
INSERT INTO import_rows (patient_id, id, import_id, organization_id, number, kind, record_id, audit_event_id)
SELECT patient_id, made, %(import)s, %(organization)s, number, %(kind)s, id, event FROM t
"""
BUMP = """
UPDATE summaries s SET version = s.version + 1, audit_event_id = t.event
FROM unnest(%b::uuid[], %b::uuid[]) AS t (patient_id, event) WHERE s.patient_id = t.patient_id
"""
PUT = """
INSERT INTO summary_parts (patient_id, organization_id, part, body, audit_event_id, version)
SELECT s.patient_id, t.organization_id, %s, t.body, t.event, s.version
FROM unnest(%b::uuid[], %b::uuid[], %b::text[], %b::uuid[]) AS t (patient_id, organization_id, body, event)
JOIN summaries s ON s.patient_id = t.patient_id AND renkei_still_linked(s.patient_id, ARRAY[s.patient_id])
ON CONFLICT (patient_id, organization_id, part) DO UPDATE SET body = excluded.body,
  version = excluded.version, composed_at = now(), audit_event_id = excluded.audit_event_id
"""


class New(NamedTuple):
    """One to be kept."""

    number: int
    grant: Grant
    ready: Ready
    record_id: UUID
    answer: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands when a stretch arrives, read under its patients' locks.

    versions: of each document, by its place in the stretch, newest first. newest: the latest ``as_of`` of the organization's
    sheets, by patient. parts: the latest care reports as text, by patient and whose view.
    """

    now: datetime
    versions: Mapping[int, Sequence[Row]]
    newest: Mapping[UUID, datetime]
    parts: Mapping[tuple[UUID, UUID], str]


async def standing(tx: Transaction, grants: Sequence[Grant], documents: Sequence[Ready], kind: RecordKind) -> Standing:
    """Lock the patients of a stretch, then see what is committed under its documents and what the summary shows."""
    organization = grants[0].organization_id
    patients = sorted({id_ for grant in grants for id_ in grant.patient_ids})
    keys = [
        (n, id_, document.document_id, document.version)
        for n, (grant, (document, *_)) in enumerate(zip(grants, documents, strict=True))
        for id_ in grant.patient_ids
    ]
    of_kind = Statement(NEWEST, [patients, organization])
    if kind is RecordKind.care_report:
        of_kind = Statement(REPORT_PARTS, [patients, [NO_ORGANIZATION, organization], REPORTS])
    locked, same, rest = await tx.run(
        Statement(LOCK, [patients]), Statement(SAME_DOCUMENTS, [*_columns(keys), organization]), of_kind
    )
    versions: dict[int, list[Row]] = {}
    for row in same:
        versions.setdefault(row.n, []).append(row)
    reports = kind is RecordKind.care_report
    return Standing(
        locked[0].now,
        versions,
        {} if reports else {row.patient_id: row.as_of for row in rest},
        {(row.patient_id, row.organization_id): row.body for row in rest} if reports else {},
    )


def append_records(tx: Transaction, grant: Grant, new: Sequence[New], received_at: datetime, import_id: UUID) -> None:
    """Keep these documents for ever, with the answers their sender would be given, and announce each. grant: one of them."""
    actor, first = grant.asked.actor, new[0].ready.document
    names = ("patients", "ids", "professions", "documents", "versions", "moments", "bodies", "answers", "events")
    rows = [
        (
            one.grant.patient_id,
            one.record_id,
            one.grant.profession_of(one.ready.document),
            one.ready.document.document_id,
            one.ready.document.version,
            one.ready.document.as_of_text,
            one.ready.document.text,
            one.answer,
            one.grant.event_id,
            new_id(),
            new_id(),
            one.number,
        )
        for one in new
    ]
    parameters = {
        **dict(zip((*names, "changes", "made", "numbers"), _columns(rows), strict=True)),
        "kind": first.kind,
        "organization": grant.organization_id,
        "client": actor.client_id,
        "user_id": actor.user_id,
        "user_name": actor.user_name,
        "received_at": received_at,
        "catalogue": first.catalogue,
        "permission": grant.permission.value,
        "import": import_id,
    }
    tx.later(APPEND, parameters)


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def restate_reports(tx: Transaction, stands: Standing, lines: Iterable[tuple[Grant, ReportLine]]) -> None:
    """Put new reports among the latest of their patients, for all and for their organization; once for each patient."""
    added: dict[UUID, list[ReportLine]] = {}
    grants: dict[UUID, Grant] = {}
    for grant, line in lines:
        added.setdefault(grant.patient_id, []).append(line)
        grants[grant.patient_id] = grant
    put, bump = list[tuple[UUID, UUID, str, UUID]](), list[tuple[UUID, UUID]]()
    for patient_id, new in added.items():
        grant = grants[patient_id]
        made = dict[str, str]()  # of each list that stood: mostly both are the same
        for owner in (NO_ORGANIZATION, grant.organization_id):
            text = stands.parts.get((patient_id, owner), "")
            if text not in made:
                made[text] = to_json(newest_reports([*json.loads(f"[{text}]"), *new])).decode()[1:-1]
            if made[text] != text:
                put.append((patient_id, owner, made[text], grant.event_id))
        if put and put[-1][0] == patient_id:
            bump.append((patient_id, grant.event_id))
    if put:
        tx.later(BUMP, _columns(bump))
        tx.later(PUT, [REPORTS, *_columns(put)])
