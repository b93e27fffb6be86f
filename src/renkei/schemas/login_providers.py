"""事業所のログイン, as an administrator sends and sees it (``PUT /v1/organizations/{organization_id}/login-provider``)."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from renkei.schemas.fields import ShortLine, Strict, Unique, fault, faults
from renkei.targets import LONGEST_URL, RefusedTarget, require_target
from renkei.vocabulary import Profession


def _issuer(url: str) -> str:
    # By its looks only; whether private addresses may be asked is a setting.
    try:
        parsed = require_target(url, allow_private=True)
    except RefusedTarget:
        raise fault("format", expected="https://…") from None
    if parsed.query:
        raise fault("format", expected="https://…, no query")
    return url


def _human(profession: Profession) -> Profession:
    if profession is Profession.system:
        raise fault("code", value_set="profession")
    return profession


Issuer = Annotated[str, Field(max_length=LONGEST_URL), AfterValidator(_issuer)]
ClientId = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[!-~]+$")]
Secret = Annotated[str, StringConstraints(min_length=16, max_length=500, pattern=r"^[!-~]+$")]
ScopeName = Annotated[str, StringConstraints(max_length=50, pattern=r"^[!#-\[\]-~]+$")]  # RFC 6749 §3.3
Named = Annotated[Profession, Field(strict=False), AfterValidator(_human)]
Values = Annotated[list[ShortLine], Field(max_length=50), Unique]


class OfOrganization(Strict):
    """Which claim of the provider must have one of which values, where it serves other organizations too."""

    claim: ShortLine
    values: Annotated[list[ShortLine], Field(min_length=1, max_length=50), Unique]


class OfProfession(Strict):
    """Which claim tells the profession, and what its values stand for. It chooses among posts and never adds one."""

    claim: ShortLine
    values: Annotated[dict[ShortLine, Named], Field(min_length=1, max_length=200)]


class SecondFactor(Strict):
    """What the provider says of a sign-in by two factors: an ``acr``, or one of these methods in ``amr`` (RFC 8176)."""

    acr: Values = Field(default_factory=list)
    amr: Values = Field(default_factory=list)


class LoginProviderIn(Strict):
    """auth_method: how we prove ourselves to the provider. client_secret: for basic; left out later, the kept one stays."""

    issuer: Issuer
    client_id: ClientId
    auth_method: Literal["client_secret_basic", "private_key_jwt"]
    client_secret: Secret | None = None
    scopes: Annotated[list[ScopeName], Field(max_length=20), Unique] = Field(
        default_factory=lambda: ["profile", "email"]
    )
    organization: OfOrganization | None = None
    profession: OfProfession | None = None
    second_factor: SecondFactor = Field(default_factory=SecondFactor)

    @model_validator(mode="after")
    def _secret_where_it_is_used(self) -> Self:
        if self.client_secret is not None and self.auth_method == "private_key_jwt":
            raise faults([("/client_secret", "unknown", {})])
        return self


def callback(issuer: str, organization_id: UUID) -> str:
    """Where the provider sends browsers back to. One for each organization, so that no answer is taken for another's."""
    return f"{issuer}/login/organizations/{organization_id}/callback"


def purpose(organization_id: UUID) -> str:
    """What the sealed secret is for."""
    return f"login_provider:{organization_id}"
