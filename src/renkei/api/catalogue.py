"""/v1/catalogue: the 237 items and the JSON Schemas made from them."""

from functools import cache

from fastapi import APIRouter, Response
from pydantic_core import to_json

from renkei.api.documents import problems
from renkei.api.door import Asking, Door, answer
from renkei.catalogue import load_catalogue
from renkei.catalogue.describe import describe, describe_item
from renkei.catalogue.json_schema import json_schema
from renkei.errors import NotFound
from renkei.vocabulary import RecordKind

router = APIRouter(prefix="/v1/catalogue", tags=["catalogue 項目"], route_class=Door)


@cache
def _catalogue() -> bytes:
    return to_json(describe(load_catalogue()))


@router.get("", name="catalogue.read", responses=problems())
async def read_catalogue(call: Asking) -> Response:
    """標準的な共有情報の一覧。 The 86 basic and 151 optional items."""
    return answer(_catalogue())


@router.get("/items/{code}", name="catalogue.read", responses=problems(404))
async def read_item(call: Asking, code: str) -> Response:
    """一つの項目と値集合。 One item, with the words of its codes."""
    item = load_catalogue().items.get(code)
    if item is None:
        raise NotFound
    return answer(describe_item(item, load_catalogue()))


@router.get("/schemas/{kind}", name="catalogue.read", responses=problems(404))
async def read_schema(call: Asking, kind: str) -> Response:
    """文書の JSON Schema 2020-12。 ``face-sheet`` or ``care-report``."""
    kinds = {"face-sheet": RecordKind.face_sheet, "care-report": RecordKind.care_report}
    if kind not in kinds:
        raise NotFound
    body = answer(json_schema(kinds[kind], load_catalogue()))
    body.headers["Content-Type"] = "application/schema+json"
    return body
