"""A place in the care team (ケアチーム), and breaking the glass (緊急閲覧)."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from renkei.schemas.fields import Day, Strict, Text, Unique, faults
from renkei.vocabulary import Group, Part


class PlaceIn(Strict):
    """``PUT /v1/patients/{id}/care-team/{organization_id}``. Tokyo days, both ends inclusive; an omitted end is open."""

    part: Annotated[Part, Field(strict=False)]
    valid_from: Day
    valid_until: Day | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.valid_until is not None and self.valid_until < self.valid_from:
            raise faults([("/valid_until", "reversed", {})])
        return self


class EmergencyIn(Strict):
    """``POST /v1/patients/{id}/emergency-access``. Both halves of the law must be affirmed: life or body at risk, and
    consent hard to obtain (個人情報保護法 第27条第1項第2号). hours: at most 24."""

    reason: Text
    life_at_risk: Literal[True]
    consent_unobtainable: Literal[True]
    groups: Annotated[list[Annotated[Group, Field(strict=False)]], Field(min_length=1), Unique] = Field(
        default_factory=lambda: [Group.medical, Group.person]
    )
    hours: Annotated[int, Field(ge=1, le=24)] = 4
