"""同意: what the patient, or somebody for them, allows whom to read."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from renkei.catalogue import load_catalogue
from renkei.schemas.fields import Day, Found, Id, Line, ShortLine, Strict, Text, Unique, faults
from renkei.schemas.patients import Name
from renkei.vocabulary import ConsentForm, ConsentSubject, Group, Profession, Tier

SPOKEN_FOR = frozenset({ConsentForm.written, ConsentForm.oral})
"""Forms that somebody gives. By notice, joint use, entrustment or law nobody has to, and ``given_by`` may stay away."""


class Person(Strict):
    """本人."""

    relation: Literal["self"]


class Proxy(Strict):
    """代理人: their kind (成年後見人 …), and the document that shows it."""

    relation: Literal["proxy"]
    kind: ShortLine
    name: ShortLine
    document: Line
    valid_until: Day | None = None


class Recipients(Strict):
    """Whom it lets read. ``professions`` narrows the other two; empty means all.

    except_organizations: of the care team, now and as it changes, all but these.
    """

    care_team: bool = False
    organizations: Annotated[list[Id], Field(max_length=100), Unique] = Field(default_factory=list)
    except_organizations: Annotated[list[Id], Field(max_length=100), Unique] = Field(default_factory=list)
    professions: Annotated[list[Annotated[Profession, Field(strict=False)]], Unique] = Field(default_factory=list)


class ConsentIn(Strict):
    """``POST /v1/patients/{id}/consents``. Dates are Tokyo days, both ends inclusive; an omitted end is open.

    replaces: consents of this patient that end in the moment in which this one begins to count.
    """

    form: Annotated[ConsentForm, Field(strict=False)]
    about: Annotated[ConsentSubject, Field(strict=False)] = ConsentSubject.patient
    family_name: ShortLine | Name | None = None
    given_by: Annotated[Person | Proxy, Field(discriminator="relation")] | None = None
    given_on: Day
    valid_from: Day
    valid_until: Day | None = None
    recipients: Recipients
    groups: Annotated[list[Annotated[Group, Field(strict=False)]], Field(min_length=1), Unique]
    tiers: Annotated[list[Annotated[Tier, Field(strict=False)]], Field(min_length=1), Unique] = Field(
        default_factory=lambda: list(Tier)
    )
    restricted: Annotated[list[str], Unique] = Field(default_factory=list)
    wording: Text | None = None
    recorded_by: ShortLine | None = None
    replaces: Annotated[list[Id], Field(max_length=20), Unique] = Field(default_factory=list)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if found := [*self._period_faults(), *self._content_faults()]:
            raise faults(found)
        return self

    def _period_faults(self) -> Iterator[Found]:
        if self.valid_until is not None and self.valid_until < self.valid_from:
            yield "/valid_until", "reversed", {}
        if isinstance(self.given_by, Proxy) and self.given_by.valid_until and self.given_by.valid_until < self.given_on:
            yield "/given_by/valid_until", "order", {"expected": "given_on <= valid_until"}

    def _content_faults(self) -> Iterator[Found]:
        for place, code in enumerate(self.restricted):
            if code not in load_catalogue().restricted:
                yield f"/restricted/{place}", "code", {"value_set": "restricted items"}
        yield from ((f"/recipients{at}", code, {}) for at, code in self._recipient_faults())
        if self.given_by is None and self.form in SPOKEN_FOR:
            yield "/given_by", "required", {}
        if self.form is ConsentForm.oral:
            # What was said, and who noted it, is all that will later show that an oral consent was given.
            yield from (
                (f"/{name}", "required", {}) for name in ("wording", "recorded_by") if getattr(self, name) is None
            )
        if self.about is ConsentSubject.family:
            if self.family_name is None:
                yield "/family_name", "required", {}
            if Group.family not in self.groups:
                yield "/groups", "required", {}

    def _recipient_faults(self) -> Iterator[tuple[str, str]]:
        to = self.recipients
        if not to.care_team and not to.organizations:
            yield "", "empty"
        if to.except_organizations and not to.care_team:
            yield "/care_team", "required"
        for place, organization in enumerate(to.except_organizations):
            if organization in to.organizations:
                yield f"/except_organizations/{place}", "repeated"

    def as_json(self) -> dict[str, Any]:
        """As sent."""
        return self.model_dump(mode="json", exclude_unset=True)


class Withdrawal(Strict):
    """Why something is withdrawn (撤回・取下げの理由)."""

    reason: Text
