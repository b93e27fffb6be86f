"""Face sheets and care reports read: one, or a list, without what this actor may not see (閲覧・一覧)."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from renkei.access.audit import Asked
from renkei.access.gate import Grant, authorize
from renkei.access.refusals import unreadable
from renkei.catalogue import load_catalogue
from renkei.database import Row, Transaction
from renkei.errors import NotFound
from renkei.schemas.answers import rfc3339
from renkei.schemas.drafts import names
from renkei.schemas.family_members import MISSING, agreed_items
from renkei.schemas.paging import ReportQuery, decode_cursor, page, page_of
from renkei.schemas.summary import part_of
from renkei.store import records
from renkei.vocabulary import Group, Permission, RecordKind


async def read_face_sheet(tx: Transaction, asked: Asked, patient_id: UUID, record_id: UUID) -> dict[str, Any]:
    """フェイスシートの閲覧."""
    return await _read(tx, asked, patient_id, RecordKind.face_sheet, Permission.face_sheet_read, record_id)


async def read_care_report(tx: Transaction, asked: Asked, patient_id: UUID, record_id: UUID) -> dict[str, Any]:
    """ケアレポートの閲覧."""
    return await _read(tx, asked, patient_id, RecordKind.care_report, Permission.care_report_read, record_id)


async def list_face_sheets(tx: Transaction, asked: Asked, patient_id: UUID, query: ReportQuery) -> dict[str, Any]:
    """フェイスシートの一覧."""
    return await _list(tx, asked, patient_id, RecordKind.face_sheet, Permission.face_sheet_read, query)


async def list_care_reports(tx: Transaction, asked: Asked, patient_id: UUID, query: ReportQuery) -> dict[str, Any]:
    """ケアレポートの一覧."""
    return await _list(tx, asked, patient_id, RecordKind.care_report, Permission.care_report_read, query)


async def list_face_sheet_versions(tx: Transaction, asked: Asked, patient_id: UUID, record_id: UUID) -> dict[str, Any]:
    """フェイスシートの版の一覧."""
    return await _versions(tx, asked, patient_id, RecordKind.face_sheet, Permission.face_sheet_read, record_id)


async def list_care_report_versions(tx: Transaction, asked: Asked, patient_id: UUID, record_id: UUID) -> dict[str, Any]:
    """ケアレポートの版の一覧."""
    return await _versions(tx, asked, patient_id, RecordKind.care_report, Permission.care_report_read, record_id)


async def _versions(
    tx: Transaction, asked: Asked, patient_id: UUID, kind: RecordKind, permission: Permission, record_id: UUID
) -> dict[str, Any]:
    grant, row = await _found(tx, asked, patient_id, kind, permission, record_id)
    return page([_shown(grant, kind, version) for version in await records.load_versions(tx, grant, row)], None)


async def _read(
    tx: Transaction, asked: Asked, patient_id: UUID, kind: RecordKind, permission: Permission, record_id: UUID
) -> dict[str, Any]:
    grant, row = await _found(tx, asked, patient_id, kind, permission, record_id)
    return _shown(grant, kind, row)


async def _found(
    tx: Transaction, asked: Asked, patient_id: UUID, kind: RecordKind, permission: Permission, record_id: UUID
) -> tuple[Grant, Row]:
    """A record of which this actor may see something."""
    grant = await authorize(tx, asked, permission, patient_id, kind.groups)
    row = await records.load_record(tx, grant, kind, record_id)
    if row is None:
        raise NotFound
    if row.organization_id != grant.organization_id and not grant.view.shares(kind.groups):
        raise unreadable(grant.view.reason_in(kind.groups))
    return grant, row


async def _list(
    tx: Transaction, asked: Asked, patient_id: UUID, kind: RecordKind, permission: Permission, query: ReportQuery
) -> dict[str, Any]:
    grant = await authorize(tx, asked, permission, patient_id, kind.groups)
    after = decode_cursor(query.after, datetime.fromisoformat, UUID)
    filters = records.Filters(query.limit, query.from_, query.to, query.organization, query.profession, after)
    rows = await records.load_page(tx, grant, kind, filters, others=grant.view.shares(kind.groups))
    return page_of(rows, query.limit, lambda row: _shown(grant, kind, row), lambda row: (row.as_of, row.id))


def _shown(grant: Grant, kind: RecordKind, row: Row) -> dict[str, Any]:
    """A record without what this actor may not read."""
    body, items = json.loads(row.body), load_catalogue(row.catalogue).items
    mine = row.organization_id == grant.organization_id
    open_parts = grant.view.own if mine else grant.view.shared
    readable = {code for code, item in items.items() if part_of(item) in open_parts}
    said = {g: {n: v for n, v in of.items() if f"{g}.{n}" in readable} for g, of in body["items"].items()}
    withheld = grant.view.withheld_in(kind.groups, of_own=mine)
    family = said.get(Group.family, {})
    if not mine and (agreed := agreed_items(family, grant.view.members)) != family:
        said[Group.family], withheld = agreed, [*withheld, MISSING]
    absent = {code: why for code, why in body.get("absent", {}).items() if code in readable}
    record: dict[str, Any] = {
        "id": str(row.id),
        "patient_id": str(row.patient_id),
        "kind": kind.value,
        "organization": {"id": str(row.organization_id), "name": row.organization_name},
        "profession": row.profession,
        "as_of": body["as_of"] if "as_of" in body else body["items"]["care_report"]["observed_at"],
        "received_at": rfc3339(row.received_at),
        "catalogue": row.catalogue,
        **{name: body[name] for name in ("source", "reason", "author", "coverage") if name in body},
        "items": {group: of for group, of in said.items() if of},
        "withheld": withheld,
    }
    optional = {
        "absent": absent or None,
        "replaced_by": str(row.replaced_by) if row.replaced_by else None,
        "withdrawn_at": rfc3339(row.withdrawn_at) if row.withdrawn_at else None,
        "withdrawal_reason": row.withdrawal_reason,
    }
    return record | {name: value for name, value in optional.items() if value is not None} | names(row)
