"""パスキー (WebAuthn Level 3): what the browser is asked, and whether what it answers holds. py_webauthn reads it. Pure, no SQL.

The challenge is kept by who calls (``access.attempts``), so that an answer counts once, soon, and in the browser that was
asked. More is checked here than the library does: frames of other sites, the account a passkey says it is of, attestation
we did not ask for, and a key that was bound to its device and no longer is.
"""

import ipaddress
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    parse_attestation_object,
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.cose import COSEAlgorithmIdentifier as Algorithm
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

NAME = "renkei 連携"
TIMEOUT_MS = 120_000
ALGORITHMS = [Algorithm.ECDSA_SHA_256, Algorithm.EDDSA, Algorithm.RSASSA_PKCS1_v1_5_SHA_256]
ATTESTATIONS = {"none", "packed"}
"""None is asked for; some authenticators sign with the new key itself all the same. Chains of makers are not read."""
LONGEST_ID = 1023  # bytes, WebAuthn §4
LARGEST_ANSWER = 20_000
"""Bytes: what a browser may send in answer."""


class WrongPasskey(Exception):
    """An answer that does not hold. Says why for the log; the reader is told that it did not work."""


@contextmanager
def _reading() -> Iterator[None]:
    """Foreign CBOR, COSE, certificates and signatures: whatever a reader of them raises means that it does not hold."""
    try:
        yield
    except WrongPasskey:
        raise
    except Exception as error:
        raise WrongPasskey(f"{type(error).__name__}: {error}"[:200]) from error


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Whom passkeys are for: the name of this service, and the one origin its pages have."""

    id: str
    origin: str


def relying_party(issuer: str) -> RelyingParty | None:
    """That of an issuer's address. None where browsers know no passkeys: an address of numbers, or http elsewhere than localhost."""
    url = httpx.URL(issuer)
    host = url.host
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return None
    if url.scheme != "https" and not (host == "localhost" or host.endswith(".localhost")):
        return None
    return RelyingParty(host, f"{url.scheme}://{url.netloc.decode('ascii')}")


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """What is kept of a passkey. synced: it may be copied to its owner's other devices (WebAuthn: backup eligible)."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: tuple[str, ...]
    synced: bool


@dataclass(frozen=True, slots=True)
class KeptPasskey:
    """A passkey as kept, and whose it is."""

    account_id: UUID
    credential_id: bytes
    public_key: bytes
    sign_count: int
    synced: bool


@dataclass(frozen=True, slots=True)
class Proof:
    """A passkey was used. user_verified: by its owner's PIN, finger or face, so that it stands for two factors."""

    credential_id: bytes
    sign_count: int
    user_verified: bool


def registration_options(
    party: RelyingParty, challenge: bytes, account_id: UUID, email: str, name: str, known: Sequence[bytes]
) -> dict[str, Any]:
    """For ``navigator.credentials.create``. known: what the account has already, which is not to be made again."""
    options = generate_registration_options(
        rp_id=party.id,
        rp_name=NAME,
        user_id=account_id.bytes,
        user_name=email,
        user_display_name=name,
        challenge=challenge,
        timeout=TIMEOUT_MS,
        # Kept in the authenticator where it can be, so that nobody needs to type an address to sign in.
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.PREFERRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=one) for one in known],
        supported_pub_key_algs=ALGORITHMS,
    )
    return _as_json(options)


def registered(party: RelyingParty, challenge: bytes, said: Mapping[str, Any]) -> NewPasskey:
    """The passkey a browser has made. said: ``PublicKeyCredential.toJSON()``. Raises WrongPasskey."""
    with _reading():
        credential = parse_registration_credential_json(dict(said))
        _require_top(credential.response.client_data_json)
        if parse_attestation_object(credential.response.attestation_object).fmt not in ATTESTATIONS:
            raise WrongPasskey("attested in a form that was not asked for")
        made = verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            supported_pub_key_algs=ALGORITHMS,
        )
        if len(made.credential_id) > LONGEST_ID or made.credential_id != credential.raw_id:
            raise WrongPasskey("not the id it names itself by")
        transports = tuple(sorted({one.value for one in credential.response.transports or []}))
        synced = made.credential_device_type is CredentialDeviceType.MULTI_DEVICE
        return NewPasskey(made.credential_id, made.credential_public_key, made.sign_count, transports, synced)


def authentication_options(
    party: RelyingParty, challenge: bytes, known: Sequence[tuple[bytes, Sequence[str]]] | None
) -> dict[str, Any]:
    """For ``navigator.credentials.get``. known: ids and transports of an account that is known already (a second factor);
    None: whoever it is shall show themselves (the only factor)."""
    need = UserVerificationRequirement.REQUIRED if known is None else UserVerificationRequirement.PREFERRED
    options = generate_authentication_options(
        rp_id=party.id,
        challenge=challenge,
        timeout=TIMEOUT_MS,
        allow_credentials=[PublicKeyCredentialDescriptor(id=one) for one, _ in known or ()],
        user_verification=need,
    )
    asked = _as_json(options)
    for descriptor, (_, transports) in zip(asked.get("allowCredentials") or (), known or (), strict=True):
        # As the authenticator named them, new ones too: they only help the browser to find it.
        descriptor["transports"] = list(transports)
    return asked


def named(said: Mapping[str, Any]) -> bytes:
    """The id of the passkey an answer is of, before anything is proved. Raises WrongPasskey."""
    with _reading():
        return parse_authentication_credential_json(dict(said)).raw_id


def proven(
    party: RelyingParty, challenge: bytes, said: Mapping[str, Any], kept: KeptPasskey, *, only_factor: bool
) -> Proof:
    """What a browser's answer proves of the passkey it names. Raises WrongPasskey.

    only_factor: it alone is to sign in, so its owner must have been verified, and it must say whose it is.
    """
    with _reading():
        credential = parse_authentication_credential_json(dict(said))
        _require_top(credential.response.client_data_json)
        if credential.raw_id != kept.credential_id:
            raise WrongPasskey("another passkey")
        handle = credential.response.user_handle
        if handle != kept.account_id.bytes and (only_factor or handle):
            raise WrongPasskey("of another account")
        proof = verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=kept.public_key,
            credential_current_sign_count=kept.sign_count,
            require_user_verification=only_factor,
        )
        if (proof.credential_device_type is CredentialDeviceType.MULTI_DEVICE) != kept.synced:
            raise WrongPasskey("bound to its device at one time and not at the other")
        return Proof(proof.credential_id, proof.new_sign_count, proof.user_verified)


def _require_top(client_data: bytes) -> None:
    # Our pages cannot be framed; what says it was has been made elsewhere.
    if parse_client_data_json(client_data).cross_origin or "topOrigin" in json.loads(client_data):
        raise WrongPasskey("asked within a page of another site")


def _as_json(options: Any) -> dict[str, Any]:
    asked: dict[str, Any] = json.loads(options_to_json(options))
    return asked
