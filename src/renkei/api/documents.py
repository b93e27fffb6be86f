"""What the OpenAPI document says of answers that routes send as bytes, and of bodies the catalogue describes."""

from typing import Any

from renkei.catalogue import load_catalogue
from renkei.catalogue.json_schema import schema_parts
from renkei.vocabulary import RecordKind

PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "request_id"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:renkei:problem:invalid-items"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "request_id": {"type": "string", "format": "uuid"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "pointer": {"type": "string"},
                    "item": {"type": ["string", "null"]},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
    },
}

_TITLES = {
    400: "本文を解釈できない / unparsable",
    401: "トークンがない・無効 / no valid token",
    403: "権限がない / not permitted",
    404: "存在しない、または見えない / absent or hidden",
    409: "既存の記録と矛盾 / conflict",
    412: "前提の版が違う / not the version that holds",
    413: "本文が大きすぎる / too large",
    415: "本文の種類が違う / wrong media type",
    422: "内容の誤り(すべて列挙) / invalid, every fault listed",
    429: "要求が多すぎる / too many requests",
    503: "一時的に利用できない / try again later",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Responses of these statuses, each a problem document.

    Always possible: 401, 422 (a query parameter the route does not know is refused), 429 and 503.
    """
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": _TITLES[status], "content": content}
        for status in sorted({401, 422, 429, 503, *statuses})
    }


REPEATED: dict[int | str, dict[str, Any]] = {
    200: {"description": "同じ要求の再送:最初の応答 / sent again: the first answer"}
}
"""Of what may be sent again without harm."""

PATIENT_ID = {"name": "patient_id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
"""The path parameter of plain routes, which FastAPI does not see."""

BODY = (400, 413, 415, 422)
"""What may be wrong with any body."""


def document_body(kind: RecordKind) -> dict[str, Any]:
    """``openapi_extra`` of a route that takes this kind of document."""
    schema = {"$ref": f"#/components/schemas/{_name(kind)}"}
    content = {"application/json": {"schema": schema}}
    return {"parameters": [PATIENT_ID], "requestBody": {"required": True, "content": content}}


def components() -> dict[str, Any]:
    """Schemas the routes above refer to: the two documents with names, units and codes, and the problem document."""
    found: dict[str, Any] = {"Problem": PROBLEM}
    for kind in RecordKind:
        schema, definitions = schema_parts(kind, load_catalogue(), "#/components/schemas/")
        found |= {**definitions, _name(kind): schema}
    return found


def _name(kind: RecordKind) -> str:
    return {RecordKind.face_sheet: "FaceSheet", RecordKind.care_report: "CareReport"}[kind]
