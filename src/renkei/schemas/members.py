"""職員: what an administrator says of a post, and asks about the list; and what of it is shown."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from renkei.schemas.answers import rfc3339
from renkei.schemas.fields import Day, Id, Line, ShortLine, Strict, Text, fault, faults
from renkei.schemas.paging import Page
from renkei.schemas.people import EMAIL, LONGEST_EMAIL
from renkei.vocabulary import Office, Profession


def _human(profession: Profession) -> Profession:
    """``system`` is what a vendor's system is without a person."""
    if profession is Profession.system:
        raise fault("code", value_set="profession")
    return profession


Email = Annotated[
    str, StringConstraints(pattern=EMAIL, max_length=LONGEST_EMAIL), Field(json_schema_extra={"format": "email"})
]
Human = Annotated[Profession, Field(strict=False), AfterValidator(_human)]


class Post(Strict):
    """職: what a member does here, and from when to when. An administrator's post has no profession: it reads no content."""

    office: Annotated[Office, Field(strict=False)] = Office.ordinary
    profession: Human | None = None
    valid_from: Day | None = None
    valid_until: Day | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        found: list[tuple[str, str, dict[str, object]]] = []
        if (self.office is Office.ordinary) != (self.profession is not None):
            found.append(("/profession", "required" if self.office is Office.ordinary else "unknown", {}))
        if self.valid_from and self.valid_until and self.valid_until < self.valid_from:
            found.append(("/valid_until", "reversed", {}))
        if found:
            raise faults(found)
        return self


class MemberIn(Post):
    """``POST /v1/members``. organization_id: left out by an organization's own administrator."""

    email: Email
    name: ShortLine
    name_kana: ShortLine | None = None
    organization_id: Id | None = None


class MemberEnd(Strict):
    """``POST /v1/members/{id}/end``. last_day: a Tokyo day, the last on which the post stands; at once when left out."""

    reason: Text
    last_day: Day | None = None


class StaffListQuery(Strict):
    """``POST /v1/members/import``. organization: left out by an organization's own administrator; dry_run: nothing is kept."""

    organization: Id | None = None
    dry_run: Annotated[bool, Field(strict=False)] = False


class MemberQuery(Page):
    """``GET /v1/members``: of an organization, part of the name or address, state."""

    organization: Id | None = None
    name: Line | None = None
    state: Literal["invited", "future", "active", "ended"] | None = None


def member_shown(row: Any) -> dict[str, Any]:
    """A post as an administrator sees it."""
    return {
        "id": str(row.id),
        "organization": {"id": str(row.organization_id), "name": row.organization_name},
        "name": row.name,
        "name_kana": row.name_kana,
        "email": row.email,
        "office": row.office,
        "profession": row.profession,
        "valid_from": row.valid_from.isoformat(),
        "valid_until": row.valid_until.isoformat() if row.valid_until else None,
        "ended_at": rfc3339(row.ended_at) if row.ended_at else None,
        "state": row.state,
        "invited_until": rfc3339(row.invited_until) if row.invited_until else None,
        "last_seen_at": rfc3339(row.last_seen_at) if row.last_seen_at else None,
    }
