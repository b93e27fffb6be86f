"""What the platform's admin registers: organizations and vendors' systems."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from renkei.schemas.fields import Day, Id, Line, ShortLine, Strict, Unique, fault
from renkei.vocabulary import OrganizationKind, Profession


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
    """委任: an organization lets a client act for it, asserting these professions."""

    organization_id: Id
    professions: Annotated[
        list[Annotated[Profession, Field(strict=False), AfterValidator(_human)]], Field(min_length=1), Unique
    ]
    valid_from: Day | None = None
    valid_until: Day | None = None


class ClientIn(Strict):
    """``POST /v1/clients``. Administrators' and auditors' clients have no delegations."""

    name: Line
    kind: Literal["vendor", "admin", "auditor"]
    delegations: Annotated[list[DelegationIn], Field(max_length=200)] = Field(default_factory=list)


class OrganizationQuery(Strict):
    """``GET /v1/organizations``: part of the name, kind."""

    name: ShortLine | None = None
    kind: Annotated[OrganizationKind, Field(strict=False)] | None = None
    after: str | None = None
    limit: Annotated[int, Field(ge=1, le=200, strict=False)] = 50
