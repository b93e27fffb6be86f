"""添付: what is said of a file beside it, and how it is shown."""

from typing import Annotated, Any, NotRequired, Self

from pydantic import AfterValidator, Field, model_validator
from typing_extensions import TypedDict  # pydantic asks for this one before Python 3.12

from renkei.catalogue import load_catalogue
from renkei.schemas.answers import Organization, Withheld, rfc3339
from renkei.schemas.dates import instant
from renkei.schemas.family_members import MEMBER
from renkei.schemas.fields import Id, ShortLine, Strict, fault, faults
from renkei.schemas.paging import Page
from renkei.schemas.summary import part_of
from renkei.vocabulary import Group, Tier


def _item(code: str) -> str:
    # Rows of family.member open each by a name, and a file has none: it belongs to the family's basic column.
    if code == MEMBER or code not in load_catalogue().items:
        raise fault("code", value_set="items")
    return code


def _moment(text: str) -> str:
    try:
        instant(text)
    except ValueError:
        raise fault("format", expected="YYYY-MM-DDThh:mm:ss±hh:mm") from None
    return text


Item = Annotated[str, AfterValidator(_item), Field(examples=["care_report.wound_treatment"])]


class AttachmentIn(Strict):
    """``POST …/attachments``. It lies in a column (group and tier) or with an item, and opens to whom that opens.

    taken_at: when it was taken or written, RFC 3339. record_id: a record of one's own that it belongs to.
    """

    title: ShortLine
    group: Annotated[Group, Field(strict=False)] | None = None
    tier: Annotated[Tier, Field(strict=False)] | None = None
    item: Item | None = None
    taken_at: Annotated[str, Field(max_length=40), AfterValidator(_moment)] | None = None
    record_id: Id | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        by_item = self.item is not None
        wrong = [name for name in ("group", "tier") if (getattr(self, name) is not None) is by_item]
        if wrong:
            raise faults([(f"/{name}", "unknown" if by_item else "required", {}) for name in wrong])
        return self

    @property
    def column(self) -> tuple[Group, Tier]:
        """The column whose right to write it asks."""
        if self.group is not None and self.tier is not None:
            return self.group, self.tier
        item = load_catalogue().items[self.item or ""]
        return item.group, item.tier

    @property
    def part(self) -> str:
        """The part it opens with: a restricted item alone, all else with its column."""
        return part_of(load_catalogue().items[self.item]) if self.item else ".".join(self.column)


class AttachmentQuery(Page):
    """``GET …/attachments``."""

    group: Annotated[Group, Field(strict=False)] | None = None
    item: Item | None = None
    record_id: Id | None = None


class Attachment(TypedDict):
    """An attachment without its content. sha256: hexadecimal, of the content as it is given back.

    metadata_removed: it was sent with place, time or device beside the picture. withdrawn_at: it was sent in error.
    """

    id: str
    patient_id: str
    organization: Organization
    profession: str | None
    user_name: NotRequired[str]
    group: str
    tier: str
    item: NotRequired[str]
    title: str
    taken_at: NotRequired[str]
    record_id: NotRequired[str]
    media_type: str
    size: int
    sha256: str
    metadata_removed: bool
    added_at: str
    withdrawn_at: NotRequired[str]
    withdrawal_reason: NotRequired[str]


class Attachments(TypedDict):
    """A page of them, newest first; withheld: what the caller may not see, whether or not there is anything."""

    items: list[Attachment]
    next: str | None
    withheld: list[Withheld]


def attachment_json(row: Any) -> dict[str, Any]:
    """An attachment as shown. row: with the columns of ``store.attachments``."""
    told = {
        "id": str(row.id),
        "patient_id": str(row.patient_id),
        "organization": {"id": str(row.organization_id), "name": row.organization_name},
        "profession": row.profession,
        "user_name": row.user_name,
        "group": row.group_name,
        "tier": row.tier,
        "item": row.item,
        "title": row.title,
        "taken_at": row.taken_at,
        "record_id": str(row.record_id) if row.record_id else None,
        "media_type": row.media_type,
        "size": row.size,
        "sha256": row.sha256,
        "metadata_removed": row.metadata_removed,
        "added_at": rfc3339(row.added_at),
        "withdrawn_at": rfc3339(row.withdrawn_at) if row.withdrawn_at else None,
        "withdrawal_reason": row.withdrawal_reason,
    }
    return {name: value for name, value in told.items() if value is not None or name == "profession"}
