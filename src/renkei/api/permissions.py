"""/v1/permissions: the permission table, its versions, and what a change would do."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Response

from renkei.actions import permission_table
from renkei.actions.permission_table import etag
from renkei.api.documents import BODY, problems
from renkei.api.door import Asking, Door, answer, listing
from renkei.schemas.paging import Page
from renkei.schemas.permission_tables import LATEST, DifferenceQuery, PermissionTableIn
from renkei.vocabulary import Permission

router = APIRouter(prefix="/v1/permissions", tags=["administration 管理"], route_class=Door)


@router.get("", name=Permission.permission_table_read, responses=problems())
async def read_permission_table(call: Asking) -> Response:
    """権限表。 The permission table in force."""
    return _answered(await permission_table.read_permission_table(call.tx, call.asked))


@router.put("", name=Permission.permission_table_edit, responses=problems(*BODY, 403, 412))
async def edit_permission_table(
    call: Asking, table: PermissionTableIn, if_match: Annotated[str | None, Header()] = None
) -> Response:
    """権限表を改める。If-Match が要る。直ちに効く。 Put a new version in force; needs ``If-Match``."""
    return _answered(await permission_table.edit_permission_table(call.tx, call.asked, table, if_match))


@router.post("/preview", name=Permission.permission_table_preview, responses=problems(*BODY, 403))
async def preview_permission_table(call: Asking, table: PermissionTableIn) -> Response:
    """権限表の変更が誰に及ぶか。 Whom a change would touch; nothing is changed."""
    return answer(await permission_table.preview_permission_table(call.tx, call.asked, table))


@router.get("/versions", name=Permission.permission_table_read, responses=problems(422))
async def list_permission_tables(call: Asking, query: Annotated[Page, Query()]) -> Response:
    """権限表の版の一覧。 All versions, newest first."""
    return listing(call, await permission_table.list_permission_tables(call.tx, call.asked, query))


@router.get("/versions/{version}", name=Permission.permission_table_read, responses=problems(404))
async def read_version(call: Asking, version: Annotated[int, Path(ge=1, le=LATEST)]) -> Response:
    """その版の権限表。 The permission table as it stood in a version."""
    return _answered(await permission_table.read_permission_table(call.tx, call.asked, version))


@router.get("/diff", name=Permission.permission_table_read, responses=problems(422))
async def compare_permission_tables(call: Asking, query: Annotated[DifferenceQuery, Query()]) -> Response:
    """二つの版の違い。 What differs between two versions, cell by cell."""
    return answer(await permission_table.compare_permission_tables(call.tx, call.asked, query))


def _answered(table: Mapping[str, Any]) -> Response:
    return answer(table, headers={"ETag": etag(table["version"])})
