"""A person as registered (利用者の登録)."""

import hashlib
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from renkei.catalogue import load_catalogue
from renkei.catalogue.checks import CHECKS
from renkei.schemas.fields import Day, ShortLine, Strict, fault, faults
from renkei.vocabulary import IdentifierSystem, Sex


def _checked(rule: str) -> AfterValidator:
    def check(number: str) -> str:
        if not CHECKS[rule](number):
            raise fault("check_digit")
        return number

    return AfterValidator(check)


def _pattern(code: str) -> StringConstraints:
    """The form of a number is the catalogue's: said once, for sheets and for registering alike."""
    return StringConstraints(pattern=load_catalogue().items[code].pattern)


_kana = load_catalogue().items["person.name_kana"].pattern
Kana = Annotated[ShortLine, StringConstraints(pattern=_kana)]


class Name(Strict):
    """氏名, as on the insurance card. Comes back byte for byte."""

    family: ShortLine
    given: ShortLine | None = None


class KanaName(Strict):
    """フリガナ, full-width katakana."""

    family: Kana
    given: Kana | None = None


class LtciIdentifier(Strict):
    """介護保険の被保険者番号, within its insurer (保険者番号)."""

    system: Literal["ltci"]
    insurer: Annotated[str, _pattern("person.ltci_insurer_number"), _checked("insurer_check_digit")]
    value: Annotated[str, _pattern("person.ltci_insured_number")]


class HealthInsuranceIdentifier(Strict):
    """医療保険の被保険者番号, with symbol (記号) and branch (枝番) where the insurer uses them."""

    system: Literal["health_insurance"]
    insurer: Annotated[str, _pattern("person.health_insurer_number"), _checked("health_insurer_check_digit")]
    symbol: ShortLine | None = None
    value: ShortLine
    branch: Annotated[str, StringConstraints(pattern=r"^[0-9]{2}$")] | None = None


class LocalIdentifier(Strict):
    """The caller's own number for the person (自機関の利用者番号)."""

    system: Literal["local"]
    value: ShortLine


Identifier = Annotated[LtciIdentifier | HealthInsuranceIdentifier | LocalIdentifier, Field(discriminator="system")]


def _each_once(identifiers: list[Any]) -> list[Any]:
    if len({i.model_dump_json() for i in identifiers}) != len(identifiers):
        raise fault("repeated")
    return identifiers


class Registration(Strict):
    """``POST /v1/patients``. With no identifier nobody can be matched, and a new person is registered."""

    identifiers: Annotated[list[Identifier], Field(max_length=20), AfterValidator(_each_once)] = Field(
        default_factory=list
    )
    name: Name
    name_kana: KanaName
    birth_date: Day
    sex: Annotated[Sex, Field(strict=False)]

    def as_json(self) -> dict[str, Any]:
        """As sent: members not given stay away."""
        return self.model_dump(mode="json", exclude_unset=True)


class PatientQuery(Strict):
    """``GET /v1/patients``: none of the filters: my patients."""

    kana: ShortLine | None = None
    name: ShortLine | None = None
    birth_date: ShortLine | None = None
    identifier: ShortLine | None = None
    after: str | None = None
    limit: Annotated[int, Field(ge=1, le=200, strict=False)] = 50

    @model_validator(mode="after")
    def _identifier_form(self) -> Self:
        system, bar, _ = (self.identifier or "").partition("|")
        if self.identifier is not None and not bar:
            raise faults([("/identifier", "format", {"expected": "<system>|<value>"})])
        if bar and system not in set(IdentifierSystem):
            raise faults([("/identifier", "code", {"value_set": ", ".join(IdentifierSystem)})])
        return self


def identity_key(identifier: Identifier, organization_id: UUID) -> bytes:
    """The key a whole number is looked up by: equal numbers in any width, a local number only within its organization."""
    return number_key(identifier.model_dump(mode="json"), organization_id)


def number_key(parts: Mapping[str, Any], organization_id: UUID | None) -> bytes:
    """The same of a number as it is kept. organization_id: whose own number it is, where it is anybody's."""
    owner = str(organization_id) if parts["system"] == "local" else ""
    names = ("system", "insurer", "symbol", "value", "branch")
    whole = [unicodedata.normalize("NFKC", parts.get(name) or "").replace(" ", "") for name in names]
    return hashlib.sha256("\x1f".join([*whole, owner]).encode()).digest()


def search_identifier(system: str, value: str, organization_id: UUID) -> str:
    """The form a number is searched by among one's own patients: ``ltci|0000012345``."""
    owner = f"{organization_id}|" if system == "local" else ""
    return f"{system}|{owner}{unicodedata.normalize('NFKC', value).strip()}"
