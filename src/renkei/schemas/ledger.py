"""What is asked of the ledger (監査記録), and what of it is shown."""

from base64 import b64encode
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from renkei.schemas.answers import rfc3339
from renkei.schemas.dates import TOKYO, instant, tokyo_day
from renkei.schemas.fields import Day, Id, ShortLine, Strict, fault
from renkei.schemas.paging import Page
from renkei.vocabulary import Outcome

Columns = Any
"""A row of the database, or anything with its attributes."""


def _moment(text: str) -> str:
    try:
        date.fromisoformat(text) if len(text) == len("2026-11-23") else instant(text)
    except ValueError:
        raise fault("format", expected="YYYY-MM-DD, RFC 3339") from None
    return text


Moment = Annotated[str, Field(max_length=40), AfterValidator(_moment)]
"""A Tokyo day, or an instant in RFC 3339 (in an address ``+`` is written ``%2B``)."""


def begin(moment: str | None) -> datetime | None:
    """The first instant of a moment, inclusive."""
    if moment is None:
        return None
    return instant(moment) if "T" in moment.upper() else datetime.combine(date.fromisoformat(moment), time(), TOKYO)


def end(moment: str | None) -> datetime | None:
    """The first instant after a moment: a day is in with all its hours, an instant is in itself."""
    if moment is None:
        return None
    if "T" in moment.upper():
        return instant(moment) + timedelta(microseconds=1)
    return datetime.combine(date.fromisoformat(moment), time(), TOKYO) + timedelta(days=1)


class Suspect(Strict):
    """Whose acts: of a client (its id or ``client_id``), an organization, an account. All that is given must fit."""

    client: ShortLine | None = None
    organization: Id | None = None
    user: ShortLine | None = None
    from_: Annotated[Moment | None, Field(alias="from")] = None
    to: Moment | None = None


class EventQuery(Page, Suspect):
    """``GET /v1/audit-events``."""

    patient: Id | None = None
    action: ShortLine | None = None
    outcome: Annotated[Outcome, Field(strict=False)] | None = None


class BreachQuery(Page, Suspect):
    """``GET /v1/breach-report``. known_on: the Tokyo day it became known; today when left out."""

    known_on: Day | None = None


def seal_json(row: Columns) -> dict[str, Any]:
    """A seal (封印) as the contract shows it; all but ``signature`` is what was signed, letter for letter."""
    return {
        "id": str(row.id),
        "position": row.position,
        "count": row.count,
        "merkle_root": row.merkle_root,
        "previous": row.previous,
        "sealed_at": rfc3339(row.sealed_at),
        "signature": row.signature,
    }


def time_stamp_json(row: Columns) -> dict[str, Any] | None:
    """The time stamp (タイムスタンプ) of a seal, if it has one. token: DER in base64."""
    if row.token is None:
        return None
    return {"time": rfc3339(row.says), "token": b64encode(row.token).decode()}


def shown_seal_json(row: Columns) -> dict[str, Any]:
    """A seal with what an authority outside says of it."""
    return {**seal_json(row), "time_stamp": time_stamp_json(row)}


def event_told(row: Columns) -> dict[str, Any]:
    """What the patient's access log and the auditor's list both tell of an event: ids, codes and names, never content."""
    return {
        "id": str(row.id),
        "at": rfc3339(row.at),
        "request_id": str(row.request_id),
        "action": row.action,
        "outcome": row.outcome,
        "reason": row.reason,
        "actor": row.actor_kind,
        "organization": {"id": str(row.organization_id), "name": row.organization_name}
        if row.organization_id
        else None,
        "user": {"id": row.user_id, "name": row.user_name} if row.user_id else None,
        "profession": row.profession,
        "basis": row.basis,
        "groups": row.groups,
        "record_id": str(row.record_id) if row.record_id else None,
    }


def event_json(row: Columns) -> dict[str, Any]:
    """An event of either ledger as the auditor reads it. ``patient_id`` null for acts on no patient."""
    return {
        **event_told(row),
        "patient_id": str(row.patient_id) if row.patient_id else None,
        "client": {"id": str(row.client_id), "client_id": row.client_name, "name": row.client_title}
        if row.client_name
        else None,
        "detail": row.detail,
    }


def deadlines(known: datetime, known_on: date | None) -> dict[str, Any]:
    """Whom the law wants told of a leak, and by when (漏えい等の報告).

    個人情報保護法 第26条: 個人情報保護委員会 (where its power is delegated, the minister in charge), and the persons
    themselves. 施行規則 第7条: a leak of sensitive data (要配慮個人情報, as all care records are) must be reported from one
    person on. 第8条: a preliminary report at once (ガイドライン通則編 3-5-3-3: within about 3 to 5 days), a final one within 30 days,
    60 where a wrong purpose is possible (第7条第3号). The day it became known is counted as the first: the earlier reading.
    """
    first = known_on or tokyo_day(known)
    return {
        "authority": "個人情報保護委員会",
        "known_on": first.isoformat(),
        "preliminary_by": (first + timedelta(days=2)).isoformat(),
        "preliminary_at_latest": (first + timedelta(days=4)).isoformat(),
        "final_by": (first + timedelta(days=29)).isoformat(),
        "final_by_if_malicious": (first + timedelta(days=59)).isoformat(),
    }
