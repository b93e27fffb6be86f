"""What the platform's admin registers, suspends and hands over: organizations and the systems that act for them."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from renkei.schemas.client_keys import Keys
from renkei.schemas.fields import Day, Id, Line, ShortLine, Strict, Text, Unique, fault, faults
from renkei.vocabulary import OrganizationKind, Profession, Scope


class OrganizationIn(Strict):
    """``POST /v1/organizations``. code: the short name clients use in token requests."""

    code: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    name: Line
    kind: Annotated[OrganizationKind, Field(strict=False)]


def _human(profession: Profession) -> Profession:
    """A client asserts the professions of people; ``system`` is what it is without one."""
    if profession is Profession.system:
        raise fault("code", value_set="profession")
    return profession


class DelegationIn(Strict):
    """委任: an organization lets a client act for it, asserting these professions, for these kinds of act (all where none are named)."""

    organization_id: Id
    professions: Annotated[
        list[Annotated[Profession, Field(strict=False), AfterValidator(_human)]], Field(min_length=1), Unique
    ]
    scopes: Annotated[list[Annotated[Scope, Field(strict=False)]], Field(min_length=1), Unique] | None = None
    valid_from: Day | None = None
    valid_until: Day | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_from and self.valid_until and self.valid_until < self.valid_from:
            raise faults([("/valid_until", "reversed", {})])
        return self


class DelegationFor(DelegationIn):
    """``POST /v1/delegations``: the same, for a system that is registered, by the name it shows to others."""

    client_id: ShortLine


class ClientIn(Keys):
    """``POST /v1/clients``. Administrators' and auditors' clients have no delegations.

    organization_id: whose administrator (事業所の管理者) it is; for that kind required, for all others refused.
    """

    name: Line
    kind: Literal["vendor", "admin", "auditor", "organization_admin"]
    organization_id: Id | None = None
    delegations: Annotated[list[DelegationIn], Field(max_length=200)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _of_one_organization(self) -> Self:
        office = self.kind == "organization_admin"
        if office != (self.organization_id is not None):
            raise faults([("/organization_id", "required" if office else "unknown", {})])
        return self


class HandoverIn(Strict):
    """``POST /v1/organizations/{id}/handover``. patients: only these; all where it has a place today when left out."""

    to: Id
    reason: Text
    patients: Annotated[list[Id], Field(min_length=1, max_length=1000), Unique] | None = None


class OrganizationQuery(Strict):
    """``GET /v1/organizations``: part of the name, kind. suspended: those suspended instead, for offices only."""

    name: ShortLine | None = None
    kind: Annotated[OrganizationKind, Field(strict=False)] | None = None
    suspended: Annotated[bool, Field(strict=False)] = False
    after: str | None = None
    limit: Annotated[int, Field(ge=1, le=200, strict=False)] = 50
