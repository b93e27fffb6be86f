"""The feed's shapes: what a reader asks for, and a page of it (更新情報)."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field
from typing_extensions import TypedDict  # pydantic asks for this one before Python 3.12

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
        found = decode_cursor(self.after, _position)
        return found[0] if found else 0


def feed_cursor(position: int) -> str:
    """The cursor from which the feed goes on after a position."""
    return encode_cursor(position)


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
