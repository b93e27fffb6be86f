"""What is asked of an export and what is told of it (書出し)."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from renkei.schemas.answers import rfc3339
from renkei.schemas.bulk.files import CSV, NDJSON, XLSX
from renkei.schemas.bulk.targets import Sheet
from renkei.schemas.fields import Day, Id, Strict, faults
from renkei.vocabulary import Language


class Format(StrEnum):
    """Of the file."""

    json = "json"
    ndjson = "ndjson"
    csv = "csv"
    xlsx = "xlsx"


class What(StrEnum):
    """Whose records."""

    patient = "patient"  # 一人の利用者について、見てよいもの
    own_records = "own_records"  # 自機関の記録


class ExportRequest(Strict):
    """``POST /v1/exports``. sheet: of CSV, which has room for one kind of rows. from, to: Tokyo days of the records."""

    what: Annotated[What, Field(strict=False)]
    patient_id: Id | None = None
    format: Annotated[Format, Field(strict=False)]
    sheet: Annotated[Sheet, Field(strict=False)] | None = None
    from_: Annotated[Day | None, Field(alias="from")] = None
    to: Day | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        wrong: list[tuple[str, str, dict[str, object]]] = []
        if (self.patient_id is None) == (self.what is What.patient):
            wrong.append(("/patient_id", "required" if self.patient_id is None else "unknown", {}))
        if (self.sheet is None) == (self.format is Format.csv):
            wrong.append(("/sheet", "required" if self.sheet is None else "unknown", {}))
        if self.from_ and self.to and self.from_ > self.to:
            wrong.append(("/to", "reversed", {}))
        if wrong:
            raise faults(wrong)
        return self


MEDIA: Mapping[str, str] = {
    "json": "application/json",
    "ndjson": NDJSON,
    "csv": f"{CSV}; charset=utf-8",
    "xlsx": XLSX,
}
STOPPED: Mapping[str, tuple[str, str]] = {
    "standing_lost": ("依頼した人・システムの権限が途中で終わりました", "whoever asked may not act here any more"),
    "not_found": ("利用者とのつながりがなくなりました", "no tie to the patient any more"),
    "forbidden": ("見る権限がなくなりました", "no right to read it any more"),
    "internal": ("サーバー内部の誤りで続けられません", "an internal error, several times"),
}


def export_json(row: Any, language: Language) -> dict[str, Any]:
    """An export as it stands now."""
    actor, spec = row.actor, row.spec
    told = {
        "id": str(row.id),
        "state": row.state,
        **{name: spec.get(name) for name in ("what", "patient_id", "format", "sheet", "from", "to")},
        "progress": {"done": row.done, "total": row.total},
        "requested_at": rfc3339(row.requested_at),
        "requested_by": {name: actor.get(name) for name in ("user_id", "user_name", "profession")},
        "ended_at": rfc3339(row.ended_at) if row.ended_at else None,
        "file": f"/v1/exports/{row.id}/file" if row.result_key else None,
        "withheld": row.found.get("withheld", []),
    }
    if row.reason:
        told |= {"reason": row.reason, "message": STOPPED[row.reason][0 if language is Language.ja else 1]}
    return told


def export_file(row: Any) -> tuple[str, str]:
    """Name and media type of the file."""
    form = row.spec["format"]
    return f"renkei-{row.requested_at:%Y%m%d}-{form}.{form}", MEDIA[form]
