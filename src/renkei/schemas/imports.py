"""What is asked of an import and what is told of it (一括取込)."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from renkei.errors import FAULT_MESSAGES, Fault
from renkei.schemas.answers import rfc3339
from renkei.schemas.bulk.files import CSV, NDJSON
from renkei.schemas.bulk.mapping import Mapping_, letter
from renkei.schemas.bulk.suggest import REASONS, Suggestion
from renkei.schemas.bulk.targets import Sheet, find_target
from renkei.schemas.fields import Line, ShortLine, Strict
from renkei.vocabulary import Language


class ImportQuery(Strict):
    """``POST /v1/imports``. sheet: what each row is; lines of JSON say it themselves.

    check: tell first what would become of each row, and wait; by default for tables, not for lines. mapping: by its saved name.
    partial: take in the good rows where others are wrong.
    """

    sheet: Annotated[Sheet, Field(strict=False)] | None = None
    mapping: ShortLine | None = None
    worksheet: ShortLine | None = None
    check: Annotated[bool, Field(strict=False)] | None = None
    partial: Annotated[bool, Field(strict=False)] = True


class Confirmation(Strict):
    """``POST …/confirmation``: with the columns as suggested, as sent here, or as saved; checked once more, or taken in."""

    mapping: Mapping_ | None = None
    saved: ShortLine | None = None
    save_as: ShortLine | None = None
    check: bool = False
    partial: bool | None = None


class Undoing(Strict):
    """``POST …/undo``: the reason each record is withdrawn with."""

    reason: Line


class SavedMapping(Strict):
    """``PUT /v1/import-mappings/{name}``."""

    sheet: Annotated[Sheet, Field(strict=False)]
    mapping: Mapping_


class FaultQuery(Strict):
    """``GET …/errors``."""

    after: Annotated[int, Field(ge=0, strict=False)] = 0
    limit: Annotated[int, Field(ge=1, le=200, strict=False)] = 50


STOPPED: Mapping[str, tuple[str, str]] = {
    "standing_lost": ("依頼した人・システムの権限が途中で終わりました", "whoever asked may not act here any more"),
    "rows_invalid": ("誤りのある行があるため、何も取り込んでいません", "some rows are wrong, so nothing was taken in"),
    "mapping_unfit": ("列の割り当てがファイルに合いません", "the mapping does not fit the file"),
    "internal": ("サーバー内部の誤りで続けられません", "an internal error, several times"),
    "expired": ("確認されないまま期限が過ぎました", "it was not confirmed in time"),
    "file_gone": ("ファイルがもう保管されていません", "the file is not kept any more"),
    "too_large": ("ファイルが大きすぎます", "the file is too large"),
    "empty": ("見出しの行がありません", "there is no row of headings"),
    "encoding": ("文字コードが UTF-8 でも MS932 でもありません", "neither UTF-8 nor MS932"),
    "format": ("ファイルの形式が違うか、壊れています", "of another format, or damaged"),
    "encrypted": ("パスワードのかかったファイルです", "the file is encrypted"),
    "worksheet": ("その名前のシートがありません", "there is no worksheet of that name"),
}
"""Why an import stopped, in words."""
ROW_REFUSALS: Mapping[str, tuple[str, str]] = {
    "not_found": (
        "利用者が見つかりません(登録されていないか、貴機関とのつながりがありません)",
        "No such patient: not registered, or not tied to your organization",
    ),
}
"""Refusals of a row that an answer of its own would tell by its status."""


def job_json(row: Any, language: Language) -> dict[str, Any]:
    """An import as it stands now."""
    which = 0 if language is Language.ja else 1
    actor, spec, found = row.actor, row.spec, row.found
    told = {
        "id": str(row.id),
        "state": row.state,
        "step": row.step,
        "sheet": spec.get("sheet"),
        "media_type": spec["media_type"],
        "partial": spec["partial"],
        "progress": {"done": row.done, "total": row.total},
        "kept": row.kept,
        "repeated": row.repeated,
        "wrong": row.wrong,
        "requested_at": rfc3339(row.requested_at),
        "requested_by": {name: actor.get(name) for name in ("user_id", "user_name", "profession")},
        "ended_at": rfc3339(row.ended_at) if row.ended_at else None,
        "file": found.get("told", {}),
        "mapping": spec.get("mapping"),
        "columns": _columns(found, which),
        "errors": f"/v1/imports/{row.id}/errors",
        "rejected": f"/v1/imports/{row.id}/rejected" if row.result_key else None,
    }
    if row.reason:
        told |= {"reason": row.reason, "message": (found.get("detail") or STOPPED[row.reason])[which]}
    if "undone" in found:
        told["undone"] = found["undone"]
    return told


def _columns(found: Mapping[str, Any], which: int) -> list[dict[str, Any]]:
    suggested = found.get("suggested", {})
    columns = []
    for place, heading in enumerate(found.get("headings", ())):
        one: dict[str, Any] = {"column": letter(place), "heading": heading}
        if (suggestion := suggested.get(heading)) is not None:
            reasons = [{"code": code, "message": REASONS[code][which]} for code in suggestion["reasons"]]
            one |= {"target": suggestion["target"], "score": suggestion["score"], "reasons": reasons}
            if (target := find_target(Sheet(found["sheet"]), suggestion["target"])) is not None:
                one["title"] = target.title[which]
        columns.append(one)
    return columns


def suggestion_json(suggested: Mapping[str, Suggestion]) -> dict[str, Any]:
    """As kept with the import."""
    return {
        heading: {"target": one.target, "score": one.score, "reasons": list(one.reasons)}
        for heading, one in suggested.items()
    }


def row_faults(number: int, faults: Sequence[Mapping[str, Any]], language: Language) -> dict[str, Any]:
    """One row's faults in words."""
    return {"row": number, "errors": [fault_told(fault, language) for fault in faults]}


def fault_told(fault: Mapping[str, Any], language: Language) -> dict[str, Any]:
    """One fault with its message."""
    code = fault["code"]
    if code in FAULT_MESSAGES:
        message = Fault(fault["pointer"], fault["item"], code, fault.get("params", {})).message(language)
    else:
        message = fault["message"][0 if language is Language.ja else 1]
    named = ("pointer", "column", "heading", "item", "code")
    return {**{name: fault[name] for name in named if name in fault}, "message": message}


def rejected_file(import_id: UUID, media_type: str) -> tuple[str, str]:
    """Name and media type of the rows that were not taken in: of a workbook as CSV."""
    media, ending = (NDJSON, "ndjson") if media_type == NDJSON else (CSV, "csv")
    return f"rejected-{import_id}.{ending}", f"{media}; charset=utf-8"


def mapping_json(row: Any) -> dict[str, Any]:
    """A saved mapping."""
    return {"name": row.name, "sheet": row.sheet, "mapping": row.body, "saved_at": rfc3339(row.saved_at)}
