"""The feed's shapes: what a reader asks for, and a page of it (更新情報)."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from typing_extensions import TypedDict  # pydantic asks for this one before Python 3.12

from renkei.schemas.answers import rfc3339
from renkei.schemas.fields import Id, Strict, fault
from renkei.schemas.paging import decode_cursor, encode_cursor
from renkei.vocabulary import Permission

LAST_POSITION = 2**63 - 1


def _kinds(text: str) -> str:
    if any(kind not in set(Permission) for kind in text.split(",")):
        raise fault("code", value_set="permission")
    return text


class ChangeQuery(Strict):
    """``GET /v1/changes``. wait: seconds to wait for an entry when there is none yet. kind: separated by commas."""

    after: str | None = None
    limit: Annotated[int, Field(ge=1, le=1000, strict=False)] = 100
    wait: Annotated[int, Field(ge=0, le=25, strict=False)] = 0
    kind: Annotated[str, AfterValidator(_kinds), Field(examples=["face_sheet.submit,care_report.submit"])] | None = None
    patient: Id | None = None

    @property
    def kinds(self) -> Sequence[str] | None:
        """The kinds wanted; None for all."""
        return None if self.kind is None else self.kind.split(",")

    @property
    def position(self) -> int:
        """The position after which to begin; raises Invalid for a cursor that is none of the feed's."""
        return feed_position(self.after)


def feed_cursor(position: int) -> str:
    """The cursor from which the feed goes on after a position."""
    return encode_cursor(position)


def feed_position(cursor: str | None) -> int:
    """The position a cursor stands for, 0 for none; raises Invalid for one that is none of the feed's."""
    found = decode_cursor(cursor, _position)
    return found[0] if found else 0


def _position(text: str) -> int:
    position = int(text)
    if not 0 <= position <= LAST_POSITION:
        raise ValueError(text)
    return position


class Change(TypedDict):
    """One entry of the feed. record_id: the record, consent, emergency access or request, where there is one.

    organization_id: whose act it was; null for the platform's administration. href: where to read it.
    """

    kind: str
    patient_id: str
    record_id: str | None
    organization_id: str | None
    at: str
    href: str


class ChangePage(TypedDict):
    """A page of the feed, oldest first; cursor: where to go on, also after an empty page."""

    changes: list[Change]
    cursor: str


PLACES = {
    "patient": "",
    "face_sheet": "/face-sheets/{record_id}",
    "care_report": "/care-reports/{record_id}",
    "attachment": "/attachments/{record_id}",
    "consent": "/consents",
    "consent_evidence": "/consents",
    "care_team": "/care-team",
    "access_request": "/access-requests",
    "emergency_access": "/emergency-access",
}
"""Noun of a kind → where under the patient the thing itself is read."""


def change_shown(row: Any) -> Change:
    """A line of the feed as it is told, by the feed and by a webhook alike."""
    place = PLACES[row.kind.partition(".")[0]].format(record_id=row.record_id)
    return {
        "kind": row.kind,
        "patient_id": str(row.patient_id),
        "record_id": str(row.record_id) if row.record_id else None,
        "organization_id": str(row.organization_id) if row.organization_id else None,
        "at": rfc3339(row.at),
        "href": f"/v1/patients/{row.patient_id}{place}",
    }
