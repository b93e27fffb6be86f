"""下書き: entered by anybody of an organization that cares, seen by it alone, until somebody with the right confirms it."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from renkei.access.audit import Asked
from renkei.access.gate import Grant, authorize
from renkei.access.refusals import unseen_draft
from renkei.access.writing import require_team
from renkei.catalogue import load_catalogue
from renkei.database import Row, Transaction
from renkei.errors import Conflict, Fault, NotFound, PreconditionFailed
from renkei.schemas.drafts import DraftQuery, Prepared, draft_json, etag, parts_named, prepared
from renkei.schemas.paging import decode_cursor, page_of
from renkei.store import drafts
from renkei.vocabulary import Permission, RecordKind


class Shown(NamedTuple):
    """A draft to be answered. faults: to be put into words; etag: of its revision."""

    status: int
    draft: dict[str, Any]
    faults: Sequence[Fault]
    etag: str


async def enter_draft(
    tx: Transaction, asked: Asked, patient_id: UUID, kind: RecordKind, body: object, days: int
) -> Shown:
    """下書きの入力. The same again: 200 and the first answer; another under the same document's id and version: 409."""
    said = prepared(kind, body, load_catalogue())
    grant = await authorize(tx, asked, Permission.draft_enter, patient_id, kind.groups)
    require_team(grant)
    row, new = await drafts.enter_draft(tx, grant, kind, said, days)
    if not new and (row.kind != kind or bytes(row.digest) != said.digest):
        raise Conflict("draft_exists", DRAFT_EXISTS)
    return _shown(grant, row, 201 if new else 200)


async def list_drafts(
    tx: Transaction, asked: Asked, patient_id: UUID, kind: RecordKind, query: DraftQuery
) -> dict[str, Any]:
    """下書きの一覧: of one's own organization, awaiting confirmation, newest first, without their documents."""
    grant = await authorize(tx, asked, Permission.draft_read, patient_id, kind.groups)
    after = decode_cursor(query.after, datetime.fromisoformat, UUID)
    rows = await drafts.load_page(tx, grant, kind, after, query.limit)
    return page_of(rows, query.limit, lambda row: draft_json(row, _hidden(grant, row)), lambda r: (r.entered_at, r.id))


async def read_draft(tx: Transaction, asked: Asked, patient_id: UUID, kind: RecordKind, draft_id: UUID) -> Shown:
    """下書きの閲覧."""
    grant = await authorize(tx, asked, Permission.draft_read, patient_id, kind.groups)
    row = await drafts.load_draft(tx, grant, kind, draft_id)
    if row is None:
        raise NotFound
    return _shown(grant, row, 200)


async def change_draft(
    tx: Transaction,
    asked: Asked,
    patient_id: UUID,
    kind: RecordKind,
    draft_id: UUID,
    body: object,
    if_match: str | None,
    days: int,
) -> Shown:
    """下書きの変更: another whole document in its place, entered by who changes it."""
    said = prepared(kind, body, load_catalogue())
    grant = await authorize(tx, asked, Permission.draft_change, patient_id, kind.groups)
    row = await _open(tx, grant, kind, draft_id, if_match)
    if _hidden(grant, row):
        raise unseen_draft()
    if not await drafts.change_draft(tx, grant.under(row.patient_id), draft_id, said, days):
        raise Conflict("draft_exists", DRAFT_EXISTS)
    changed = await drafts.load_draft(tx, grant, kind, draft_id)
    return _shown(grant, changed, 200)


async def discard_draft(tx: Transaction, asked: Asked, patient_id: UUID, kind: RecordKind, draft_id: UUID) -> None:
    """下書きの破棄."""
    grant = await authorize(tx, asked, Permission.draft_discard, patient_id, kind.groups)
    row = await drafts.load_draft(tx, grant, kind, draft_id, locked=True)
    if row is None or row.record_id is not None:
        raise NotFound
    drafts.discard_draft(tx, grant.under(row.patient_id), draft_id)


async def _open(tx: Transaction, grant: Grant, kind: RecordKind, draft_id: UUID, if_match: str | None) -> Row:
    row = await drafts.load_draft(tx, grant, kind, draft_id, locked=True)
    if row is None or row.record_id is not None:
        raise NotFound
    if if_match != etag(row):
        raise PreconditionFailed(etag(row))
    return row


def _hidden(grant: Grant, row: Row) -> list[dict[str, str]]:
    """Why its document is not shown: parts it names that this actor may not read. Who entered it has seen it."""
    if drafts.has_entered(grant, row):
        return []
    named = parts_named(RecordKind(row.kind), json.loads(row.body), load_catalogue())
    return grant.view.withheld_of_own(named)


def _shown(grant: Grant, row: Row, status: int) -> Shown:
    hidden, kind = _hidden(grant, row), RecordKind(row.kind)
    shown = draft_json(row, hidden)
    if hidden or row.record_id is not None:
        return Shown(status, shown, (), etag(row))
    said: Prepared = prepared(kind, json.loads(row.body), load_catalogue())
    return Shown(status, {**shown, "document": said.document}, said.faults, etag(row))


DRAFT_EXISTS = (
    "同じ文書番号と版の下書きが既にあります。内容を変えるには、その下書きを If-Match を付けて書き換えてください",
    "A draft stands under this document id and version; to change it, replace that draft with If-Match",
)
