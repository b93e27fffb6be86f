"""Asking for what was refused, and the answer to it (閲覧・参加の申請)."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from renkei.catalogue import load_catalogue
from renkei.schemas.care_teams import PlaceIn
from renkei.schemas.consents import ConsentIn
from renkei.schemas.fields import Found, Strict, Text, Unique, faults
from renkei.schemas.paging import Page
from renkei.vocabulary import Group, Wants


class AccessRequestIn(Strict):
    """``POST /v1/patients/{id}/access-requests``. Whoever wants a consent says to what; who says only to what, wants one."""

    wants: Annotated[Wants, Field(strict=False)] = Wants.consent
    groups: Annotated[list[Annotated[Group, Field(strict=False)]], Unique] = Field(default_factory=list)
    restricted: Annotated[list[str], Unique] = Field(default_factory=list)
    reason: Text

    @model_validator(mode="after")
    def _whole(self) -> Self:
        known = load_catalogue().restricted
        found: list[Found] = [
            (f"/restricted/{place}", "code", {"value_set": "restricted items"})
            for place, code in enumerate(self.restricted)
            if code not in known
        ]
        if self.wants is Wants.consent and not self.groups and not self.restricted:
            found.append(("/groups", "required", {}))
        if found:
            raise faults(found)
        return self


class Approval(Strict):
    """``…/approval``: with the place or the consent that the request wants, so that approving is granting it."""

    place: PlaceIn | None = None
    consent: ConsentIn | None = None
    comment: Text | None = None


class Refusal(Strict):
    """``…/refusal``."""

    comment: Text


class RequestQuery(Page):
    """``GET /v1/access-requests``. limit: counts patients; the requests about one patient stand together."""

    state: Literal["open", "approved", "refused"] = "open"
