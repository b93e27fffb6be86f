"""How a vendor's system proves itself (連携システムの鍵), as an administrator sends it; and lists of systems and delegations."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, WithJsonSchema, model_validator

from renkei.schemas.addresses import TargetUrl
from renkei.schemas.fields import Id, ShortLine, Strict, Text, faults
from renkei.schemas.key_sets import MOST_KEYS, WrongKeys, read_key_set
from renkei.schemas.paging import Page


def _kept(value: dict[str, Any]) -> dict[str, Any]:
    """The set with what verifies, and nothing else that came with it."""
    try:
        return {"keys": [dict(key.jwk) for key in read_key_set(value, strict=True).values()]}
    except WrongKeys as error:
        raise faults(error.found) from None


_KEY = {"type": "object", "required": ["kty", "kid"], "properties": {"kty": {"enum": ["EC", "RSA"]}}}
KeySet = Annotated[
    dict[str, Any],
    AfterValidator(_kept),
    WithJsonSchema(
        {
            "type": "object",
            "required": ["keys"],
            "properties": {"keys": {"type": "array", "minItems": 1, "maxItems": MOST_KEYS, "items": _KEY}},
        }
    ),
]
"""A JWK Set of public keys: P-256 (ES256), P-384 (ES384) or RSA from 2,048 bits (RS384), each with a ``kid``."""


class Keys(Strict):
    """Keys of a system's own, by value or by address; with neither it proves itself by a secret."""

    jwks: KeySet | None = None
    jwks_uri: TargetUrl | None = None

    @model_validator(mode="after")
    def _not_both(self) -> Self:
        if self.jwks is not None and self.jwks_uri is not None:
            raise faults([("/jwks_uri", "none_alone", {})])
        return self


class KeysIn(Keys):
    """``PUT /v1/clients/{client_id}/keys``: exactly one of the two."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.jwks is None and self.jwks_uri is None:
            raise faults([("/jwks", "required", {})])
        return self


class Because(Strict):
    """Why something is ended or suspended; it stands in the ledger."""

    reason: Text


class ClientQuery(Page):
    """``GET /v1/clients``: part of the name."""

    name: ShortLine | None = None


class DelegationQuery(Page):
    """``GET /v1/delegations``: of an organization (its id), of a system (its ``client_id`` or id)."""

    organization: Id | None = None
    client: ShortLine | None = None


def keys_said(keys: Keys) -> dict[str, Any]:
    """The keys as they were sent, where any were."""
    return keys.model_dump(mode="json", include={"jwks", "jwks_uri"}, exclude_none=True)
