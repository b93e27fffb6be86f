"""The shared summary: composed when something is written, kept as text in parts, served as it is kept.

A part is one (group, tier) or one restricted item. Each organization's own view of it is its standing statement, and the
shared view is composed from all of those. Whoever restates has locked the patient's summary (``lock_patient``).
"""

import functools
import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg import sql
from pydantic_core import to_json

from renkei.access.gate import Grant
from renkei.catalogue import Catalogue
from renkei.database import Row, Transaction
from renkei.schemas.stored_records import encode_reports, line_of, sheet_of
from renkei.schemas.summary import (
    REPORTS_SHOWN,
    ReportLine,
    Sheet,
    Stated,
    by_part,
    compose,
    encode_part,
    fold,
    insert_report,
    own,
    part_of,
)
from renkei.store import about, whose
from renkei.tables import NO_ORGANIZATION
from renkei.vocabulary import Group, RecordKind, Tier

REPORTS = f"{Group.care_report}.{Tier.basic}"
"""The part that holds the latest care reports: their four basic items."""
MEMBERS = f"{Group.family}.{Tier.basic}"
"""The part that holds ``family.member``, whose rows open one by one."""

STATEMENTS = """
SELECT organization_id, part, body FROM summary_parts
WHERE patient_id = %(patient)s AND organization_id <> %(shared)s AND part <> %(reports)s
  AND (%(parts)s::text[] IS NULL OR part = ANY (%(parts)s))
"""
REPORT_PARTS = """
SELECT organization_id, body FROM summary_parts
WHERE patient_id = %s AND organization_id = ANY (%s::uuid[]) AND part = %s
"""
STANDING = """
FROM records r JOIN organizations o ON o.id = r.organization_id
WHERE r.patient_id = %(patient)s AND r.kind = %(kind)s AND (%(organization)s::uuid IS NULL OR r.organization_id = %(organization)s)
  AND NOT EXISTS (SELECT FROM record_withdrawals w WHERE w.patient_id = r.patient_id AND w.record_id = r.id)
  AND NOT EXISTS (SELECT FROM records n WHERE n.patient_id = r.patient_id AND n.organization_id = r.organization_id
                  AND n.document_id = r.document_id AND n.version > r.version)
ORDER BY r.as_of DESC, r.id DESC LIMIT %(limit)s
"""
RECORDS = "SELECT r.id, r.organization_id, o.name, r.profession, r.as_of, r.body " + STANDING
ALL_STANDING = """
SELECT * FROM (
  SELECT r.id, r.organization_id, o.name, r.profession, r.kind, r.as_of, r.body,
    row_number() OVER (PARTITION BY r.organization_id, r.kind ORDER BY r.as_of DESC, r.id DESC) AS place
  FROM records r JOIN organizations o ON o.id = r.organization_id
  WHERE r.patient_id = ANY (%(patients)s::uuid[])
    AND NOT EXISTS (SELECT FROM record_withdrawals w WHERE w.patient_id = r.patient_id AND w.record_id = r.id)
    AND NOT EXISTS (SELECT FROM records n WHERE n.patient_id = r.patient_id AND n.organization_id = r.organization_id
                    AND n.document_id = r.document_id AND n.version > r.version)
) standing
WHERE kind = %(sheets)s OR place <= %(reports)s
ORDER BY as_of DESC, id DESC
"""
KEPT = "SELECT patient_id, organization_id, part, body FROM summary_parts WHERE patient_id = ANY (%s::uuid[])"
BUMP = """
UPDATE summaries SET version = version + 1, audit_event_id = %s WHERE patient_id = ANY (%s::uuid[])
"""
READ = """
WITH shown AS (
  SELECT part, organization_id, version, composed_at, body FROM summary_parts
  WHERE patient_id = %(patient)s
    AND ((organization_id = %(nobody)s AND part = ANY (%(shared)s)) OR (organization_id = %(own)s AND part = ANY (%(mine)s)))
), tag AS (
  SELECT max(composed_at) AS as_of, encode(sha256(convert_to(%(grant)s || coalesce(
    string_agg(part || ':' || version, ',' ORDER BY part, organization_id), ''), 'UTF8')), 'hex') AS etag
  FROM shown
)
SELECT tag.etag, tag.as_of, shown.part, shown.organization_id,
       CASE WHEN tag.etag = ANY (%(known)s) THEN NULL ELSE shown.body END AS body
FROM tag LEFT JOIN shown ON true
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a read found: the parts as stored text, by name; none of them when the reader's copy is still good.

    beside: one's own view of a shared part, where what is shown of it depends on whom others name in it.
    as_of: when the newest of these parts was composed, None where there are none. Never that of parts withheld: it would
    tell that others have written.
    """

    etag: str
    as_of: datetime | None
    parts: Mapping[str, str]
    beside: Mapping[str, str]


async def restate_sheet(tx: Transaction, grant: Grant, sheet: Sheet, catalogue: Catalogue) -> None:
    """Take a sheet that is newer than everything its organization has said into the summary."""
    whole = sheet.coverage == "complete"
    touched = None if whole else sorted({part_of(catalogue.items[code]) for code in (*sheet.items, *sheet.absent)})
    before = await _statements(tx, grant, touched)
    standing = {} if whole else _parsed(before.get(grant.organization_id, {}))
    _save(tx, grant, catalogue, before, fold(standing, [sheet], catalogue))


async def restate_all(tx: Transaction, grant: Grant, kind: RecordKind, catalogue: Catalogue) -> None:
    """Make the organization's standing statement anew from its records: after a late arrival, correction, withdrawal."""
    if kind is RecordKind.care_report:
        views = []
        for organization in (None, grant.organization_id):
            rows = await _standing(tx, grant, kind, organization, REPORTS_SHOWN)
            views.append((organization or NO_ORGANIZATION, REPORTS, encode_reports([line_of(row) for row in rows])))
        _put(tx, grant, views)
        return
    sheets = [sheet_of(row) for row in await _standing(tx, grant, kind, grant.organization_id, None)]
    before = await _statements(tx, grant, None)
    _save(tx, grant, catalogue, before, fold({}, sheets, catalogue))


async def restate_person(tx: Transaction, grant: Grant, patient_ids: Sequence[UUID], catalogue: Catalogue) -> None:
    """Compose the summary of a person from all records under these ids, and keep it under each: they are one by now, or
    no longer one with others."""
    terms = {"patients": list(patient_ids), "sheets": RecordKind.face_sheet, "reports": REPORTS_SHOWN}
    rows = await tx.rows(ALL_STANDING, terms)
    sheets, reports = dict[UUID, list[Sheet]](), {NO_ORGANIZATION: list[ReportLine]()}
    for row in rows:
        if row.kind == RecordKind.face_sheet:
            sheets.setdefault(row.organization_id, []).append(sheet_of(row))
        else:
            for owner in (NO_ORGANIZATION, row.organization_id):
                reports.setdefault(owner, []).append(line_of(row))
    said = {owner: fold({}, theirs, catalogue) for owner, theirs in sheets.items()}
    views = {(owner, REPORTS): encode_reports(lines[:REPORTS_SHOWN]) for owner, lines in reports.items()}
    for owner, parts in (
        *((owner, by_part(own(statement), catalogue)) for owner, statement in said.items()),
        (NO_ORGANIZATION, by_part(compose(list(said.values()), catalogue), catalogue)),
    ):
        views |= {(owner, part): encode_part(entries) for part, entries in parts.items()}
    kept = dict[UUID, dict[tuple[UUID, str], str]]()
    for row in await tx.rows(KEPT, [list(patient_ids)]):
        kept.setdefault(row.patient_id, {})[row.organization_id, row.part] = row.body
    for id_ in patient_ids:
        # What stays the same keeps its version, and the instant at which it was composed.
        stored = kept.get(id_, {})
        changed = [place for place in {**stored, **views} if stored.get(place, "") != views.get(place, "")]
        if changed:
            texts = [(owner, part, views.get((owner, part), "")) for owner, part in changed]
            _put(tx, grant, texts, only=id_, person=patient_ids)


async def restate_report(tx: Transaction, grant: Grant, line: ReportLine) -> None:
    """Put a new report among the latest, for all and for its organization."""
    owners = [NO_ORGANIZATION, grant.organization_id]
    rows = await tx.rows(REPORT_PARTS, [grant.patient_id, owners, REPORTS])
    stored = {row.organization_id: json.loads(f"[{row.body}]") for row in rows}
    lists = {owner: insert_report(stored.get(owner, []), line) for owner in owners}
    if views := [(owner, REPORTS, encode_reports(lines)) for owner, lines in lists.items() if line in lines]:
        _put(tx, grant, views)


async def standing_codes(tx: Transaction, grant: Grant) -> set[str]:
    """The items this organization's standing statement names."""
    before = await _statements(tx, grant, None)
    return set(_parsed(before.get(grant.organization_id, {})))


async def load_summary(tx: Transaction, grant: Grant, groups: Collection[Group], known: Sequence[str]) -> Kept:
    """The parts this grant opens of these groups. known: ETags the reader has. The request's last statement."""
    seen, view = set(groups), grant.view
    shared = sorted(p for p in view.shared if p.split(".")[0] in seen)
    named = {MEMBERS} if view.members is not None else set[str]()
    mine = sorted(p for p in view.own - (view.shared - named) if p.split(".")[0] in seen)
    members = None if view.members is None else sorted(view.members)
    terms = [
        *map(str, grant.patient_ids),
        grant.organization_id,
        shared,
        mine,
        members,
        view.withheld_in(seen),
        sorted(seen),
    ]
    parameters = {
        "patient": grant.patient_id,
        "nobody": NO_ORGANIZATION,
        "own": grant.organization_id,
        "shared": shared,
        "mine": mine,
        "known": list(known),
        "grant": hashlib.sha256(to_json(terms)).hexdigest(),
    }
    rows = await tx.rows(READ, parameters, last=True)
    parts, beside = dict[str, str](), dict[str, str]()
    for row in rows:
        if row.body is not None:
            owns_too = row.organization_id != NO_ORGANIZATION and row.part in view.shared
            (beside if owns_too else parts)[row.part] = row.body
    return Kept(rows[0].etag, rows[0].as_of, parts, beside)


async def _statements(tx: Transaction, grant: Grant, parts: list[str] | None) -> dict[UUID, dict[str, str]]:
    """Every organization's own view, as text by part; of these parts, or of all."""
    parameters = {"patient": grant.patient_id, "shared": NO_ORGANIZATION, "reports": REPORTS, "parts": parts}
    found: dict[UUID, dict[str, str]] = {}
    for row in await tx.rows(STATEMENTS, parameters):
        found.setdefault(row.organization_id, {})[row.part] = row.body
    return found


def _parsed(parts: Mapping[str, str]) -> dict[str, Stated]:
    """An organization's stored view back as its standing statement, by item code."""
    statement: dict[str, Stated] = {}
    for part, text in parts.items():
        for name, entry in json.loads(f"{{{text}}}").items():
            entry.pop("others")
            statement[f"{part.split('.')[0]}.{name}"] = entry
    return statement


def _save(
    tx: Transaction,
    grant: Grant,
    catalogue: Catalogue,
    before: Mapping[UUID, Mapping[str, str]],
    statement: Mapping[str, Stated],
) -> None:
    """Keep the organization's parts that have changed, and compose the shared view of those parts."""
    stored = before.get(grant.organization_id, {})
    parts = by_part(own(statement), catalogue)
    now = {part: encode_part(entries) for part, entries in parts.items()}
    changed = [part for part in {**stored, **now} if stored.get(part, "") != now.get(part, "")]
    if not changed:
        return
    mine = {code: statement[code] for part in changed for code in parts.get(part, ())}
    others = [
        _parsed({part: texts[part] for part in changed if part in texts})
        for organization, texts in before.items()
        if organization != grant.organization_id
    ]
    shared = by_part(compose([mine, *others], catalogue), catalogue)
    views = [(grant.organization_id, part, now.get(part, "")) for part in changed]
    views += [(NO_ORGANIZATION, part, encode_part(shared.get(part, {}))) for part in changed]
    _put(tx, grant, views)


def _put(
    tx: Transaction,
    grant: Grant,
    views: Sequence[tuple[UUID, str, str]],
    only: UUID | None = None,
    person: Sequence[UUID] = (),
) -> None:
    """Queue parts to keep: (whose view, part, text), under each id of the person or ``only`` one. They all carry the
    summary's next version. person: the ids that are one by now, where not the grant's; the database refuses any others."""
    ids = list(person or grant.patient_ids)
    written = [only] if only else ids
    tx.later(BUMP, [grant.event_id, written])
    tx.later(_upsert(len(views)), [grant.event_id, *(column for view in views for column in view), written, ids])


@functools.cache
def _upsert(rows: int) -> sql.Composed:
    """A VALUES list: parameters as lists cost psycopg three times as much here (design §11). Short, too: psycopg does not
    remember how to read a statement of more than 4,096 bytes."""
    values = sql.SQL(", ").join([sql.SQL("(%s::uuid, %s::text, %s::text)"), *[sql.SQL("(%s, %s, %s)")] * (rows - 1)])
    return sql.SQL(
        "INSERT INTO summary_parts (patient_id, organization_id, part, body, audit_event_id, version) "
        "SELECT s.patient_id, v.organization_id, v.part, v.body, %s, s.version "
        "FROM summaries s CROSS JOIN (VALUES {}) v (organization_id, part, body) "
        "WHERE s.patient_id = ANY (%s::uuid[]) AND renkei_still_linked(s.patient_id, %s::uuid[]) "
        "ON CONFLICT (patient_id, organization_id, part) DO UPDATE SET body = excluded.body, "
        "version = excluded.version, composed_at = now(), audit_event_id = excluded.audit_event_id"
    ).format(values)


async def _standing(
    tx: Transaction, grant: Grant, kind: RecordKind, organization: UUID | None, limit: int | None
) -> list[Row]:
    parameters = {**about(grant), "kind": kind, "organization": organization, "limit": limit}
    return await tx.rows(whose(RECORDS, grant), parameters)
