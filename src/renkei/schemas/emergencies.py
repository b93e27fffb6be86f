"""Breaking the glass without knowing the id, the queue of what was opened, and its review (緊急閲覧の事後検証)."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from renkei.schemas.care_teams import EmergencyIn
from renkei.schemas.fields import Day, Strict, Text, faults
from renkei.schemas.paging import Page
from renkei.schemas.patients import HealthInsuranceIdentifier, KanaName, LtciIdentifier
from renkei.vocabulary import Finding, Sex

PERSON = ("name_kana", "birth_date", "sex")


class EmergencySearch(EmergencyIn):
    """``POST /v1/emergency-access``: whom it is about is told by one insurance number, or by kana, birth date and sex."""

    identifier: Annotated[LtciIdentifier | HealthInsuranceIdentifier, Field(discriminator="system")] | None = None
    name_kana: KanaName | None = None
    birth_date: Day | None = None
    sex: Annotated[Sex, Field(strict=False)] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        given = {name for name in PERSON if getattr(self, name) is not None}
        if self.identifier is not None and given:
            raise faults([(f"/{name}", "unknown", {}) for name in PERSON if name in given])
        if self.identifier is None and given != set(PERSON):
            missing = [name for name in PERSON if name not in given] if given else ["identifier"]
            raise faults([(f"/{name}", "required", {}) for name in missing])
        return self


class Review(Strict):
    """``POST …/emergency-access/{id}/review``: what those responsible for the patient found."""

    finding: Annotated[Finding, Field(strict=False)]
    comment: Text


class EmergencyQuery(Page):
    """``GET /v1/emergency-access``. limit: counts patients; what was opened of one patient stands together."""

    review: Literal["awaiting", "done"] = "awaiting"
