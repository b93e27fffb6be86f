"""What answers look like, and the one way an instant is written."""

from datetime import datetime
from typing import Any, NotRequired

from typing_extensions import TypedDict  # pydantic asks for this one before Python 3.12

from renkei.schemas.completeness import Completeness
from renkei.schemas.dates import TOKYO


def rfc3339(instant: datetime) -> str:
    """An instant of ours with its offset, in Japan's time: what a reader here compares with the clock on the wall."""
    return instant.astimezone(TOKYO).isoformat(timespec="milliseconds")


class Warning_(TypedDict):
    """An item that differs from the registered person (登録内容と異なる項目)."""

    item: str
    code: str


class Submitted(TypedDict):
    """The answer to a face sheet or care report; the same again for a repeat, with ``withdrawn_at`` if withdrawn since."""

    id: str
    patient_id: str
    kind: str
    source: dict[str, Any]
    as_of: str
    received_at: str
    catalogue: str
    warnings: list[Warning_]
    completeness: Completeness
    withdrawn_at: NotRequired[str]


class Withheld(TypedDict):
    """Something not shown, and why. Either a tier of a group or one item."""

    group: str
    tier: NotRequired[str]
    item: NotRequired[str]
    reason: str


class Organization(TypedDict):
    """An origin."""

    id: str
    name: str


class Person(TypedDict):
    """Who entered or confirmed something (入力者・確認者). same_person: the confirming one is the one who entered it."""

    user_name: str | None
    profession: str | None
    same_person: NotRequired[bool]


class Record(TypedDict):
    """A record as read: what of it may be seen, and what is withheld. entered_by, confirmed_by: of one that was a draft."""

    id: str
    patient_id: str
    kind: str
    organization: Organization
    profession: str | None
    source: dict[str, Any]
    as_of: str
    received_at: str
    catalogue: str
    reason: NotRequired[str]
    coverage: NotRequired[str]
    author: NotRequired[dict[str, Any]]
    items: dict[str, dict[str, Any]]
    absent: NotRequired[dict[str, str]]
    replaced_by: NotRequired[str]
    withdrawn_at: NotRequired[str]
    withdrawal_reason: NotRequired[str]
    entered_by: NotRequired[Person]
    confirmed_by: NotRequired[Person]
    withheld: list[Withheld]


class Patient(TypedDict):
    """A registered person. With ``tie: requested`` only ``id`` and what this organization sent."""

    id: str
    identifiers: NotRequired[list[dict[str, Any]]]
    name: NotRequired[dict[str, str]]
    name_kana: NotRequired[dict[str, str]]
    birth_date: NotRequired[str]
    sex: NotRequired[str]
    former_names: NotRequired[list[dict[str, Any]]]
    moved: NotRequired[dict[str, str]]
    died: NotRequired[dict[str, str]]
    found_by: NotRequired[str]
    tie: str
    part: NotRequired[str]
