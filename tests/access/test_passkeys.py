"""The two ceremonies of WebAuthn, with an authenticator written here, and every way to get them wrong."""

import copy
import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.access.authenticator import ELIGIBLE, PRESENT, VERIFIED, Authenticator, text

from renkei.access import passkeys
from renkei.access.passkeys import KeptPasskey, RelyingParty, WrongPasskey
from renkei.ids import new_id

PARTY = RelyingParty("renkei.example.jp", "https://renkei.example.jp")
ACCOUNT = new_id()


def asked_to_make(challenge: bytes) -> dict[str, Any]:
    return passkeys.registration_options(PARTY, challenge, ACCOUNT, "megumi@example.jp", "佐藤 恵", [b"old"])


def authenticator(**changes: Any) -> Authenticator:
    return Authenticator(**{"origin": PARTY.origin, "rp_id": PARTY.id, **changes})


def made(device: Authenticator) -> KeptPasskey:
    challenge = os.urandom(32)
    new = passkeys.registered(PARTY, challenge, device.make(asked_to_make(challenge)))
    return KeptPasskey(ACCOUNT, new.credential_id, new.public_key, new.sign_count, new.synced)


@pytest.mark.parametrize(
    ("issuer", "expected"),
    [
        ("https://renkei.example.jp", PARTY),
        ("https://renkei.example.jp:8443/a", RelyingParty("renkei.example.jp", "https://renkei.example.jp:8443")),
        ("http://localhost:8000", RelyingParty("localhost", "http://localhost:8000")),
        ("http://care.localhost:8000", RelyingParty("care.localhost", "http://care.localhost:8000")),
        ("http://notlocalhost:8000", None),
        ("http://127.0.0.1:8000", None),
        ("https://[::1]:8000", None),
        ("http://renkei.example.jp", None),
    ],
)
def test_whom_passkeys_are_for(issuer: str, expected: RelyingParty | None) -> None:
    assert passkeys.relying_party(issuer) == expected


def test_what_the_browser_is_asked_to_make() -> None:
    asked = asked_to_make(b"c" * 32)
    assert asked["challenge"] == text(b"c" * 32)
    assert asked["rp"] == {"id": PARTY.id, "name": "renkei 連携"}
    assert asked["user"] == {"id": text(ACCOUNT.bytes), "name": "megumi@example.jp", "displayName": "佐藤 恵"}
    assert [one["id"] for one in asked["excludeCredentials"]] == [text(b"old")]
    assert asked["authenticatorSelection"]["residentKey"] == "preferred"
    assert asked["attestation"] == "none"


def test_what_the_browser_is_asked_to_show() -> None:
    anybody = passkeys.authentication_options(PARTY, b"c" * 32, None)
    assert (anybody["userVerification"], anybody["rpId"]) == ("required", PARTY.id)
    assert not anybody.get("allowCredentials")
    somebody = passkeys.authentication_options(PARTY, b"c" * 32, [(b"one", ["usb", "smart-card"])])
    assert somebody["userVerification"] == "preferred"
    assert somebody["allowCredentials"] == [
        {"id": text(b"one"), "type": "public-key", "transports": ["usb", "smart-card"]}
    ]


def test_the_longest_id() -> None:
    device, challenge = _with(authenticator(), credential_id=os.urandom(1023)), os.urandom(32)
    made = passkeys.registered(PARTY, challenge, device.make(asked_to_make(challenge)))
    assert made.credential_id == device.credential_id


@pytest.mark.parametrize("fmt", ["none", "packed"])
def test_made_and_used(fmt: str) -> None:
    device, challenge = authenticator(), os.urandom(32)
    new = passkeys.registered(PARTY, challenge, device.make(asked_to_make(challenge), fmt=fmt))
    assert (new.credential_id, new.transports, new.synced) == (device.credential_id, ("hybrid", "internal"), False)
    kept = KeptPasskey(ACCOUNT, new.credential_id, new.public_key, new.sign_count, new.synced)
    for only_factor in (True, False):
        challenge = os.urandom(32)
        said = device.use({"challenge": text(challenge)})
        assert passkeys.named(said) == device.credential_id
        proof = passkeys.proven(PARTY, challenge, said, kept, only_factor=only_factor)
        assert (proof.credential_id, proof.sign_count, proof.user_verified) == (
            device.credential_id,
            device.count,
            True,
        )


def test_without_its_owner_verified_it_is_a_second_factor_and_not_the_only_one() -> None:
    device = authenticator(flags=PRESENT)
    kept, challenge = made(device), os.urandom(32)
    said = device.use({"challenge": text(challenge)})
    assert not passkeys.proven(PARTY, challenge, said, kept, only_factor=False).user_verified
    with pytest.raises(WrongPasskey, match="verification is required"):
        passkeys.proven(PARTY, challenge, said, kept, only_factor=True)


def test_a_second_factor_need_not_say_whose_it_is_the_only_one_must() -> None:
    device = authenticator()
    kept, challenge = made(device), os.urandom(32)
    device.user_handle = None
    said = device.use({"challenge": text(challenge)})
    passkeys.proven(PARTY, challenge, said, kept, only_factor=False)
    with pytest.raises(WrongPasskey, match="another account"):
        passkeys.proven(PARTY, challenge, said, kept, only_factor=True)


Making = Callable[[Authenticator, dict[str, Any]], dict[str, Any]]
BADLY_MADE: dict[str, Making] = {
    "another challenge": lambda device, asked: device.make({**asked, "challenge": text(os.urandom(32))}),
    "no challenge": lambda device, asked: device.make({**asked, "challenge": ""}),
    "another site's origin": lambda device, asked: device.make(asked, origin="https://renkei.example.jp.evil.example"),
    "the origin over http": lambda device, asked: device.make(asked, origin="http://renkei.example.jp"),
    "in a frame": lambda device, asked: device.make(asked, crossOrigin=True),
    "under another page": lambda device, asked: device.make(asked, topOrigin="https://evil.example"),
    "an answer to the other question": lambda device, asked: device.make(asked, type="webauthn.get"),
    "nobody present": lambda device, asked: _with(device, flags=0).make(asked),
    "for another service": lambda device, asked: _with(device, rp_id="evil.example").make(asked),
    "an id of 1,024 bytes": lambda device, asked: _with(device, credential_id=os.urandom(1024)).make(asked),
    "no id": lambda device, asked: _with(device, credential_id=b"").make(asked),
    "an attestation of a maker, in order": lambda device, asked: device.make(asked, fmt="fido-u2f"),
    "a wrong signature of its own": lambda device, asked: device.make(
        asked, fmt="packed", statement={"alg": -7, "sig": b"0" * 70}
    ),
    "none with a statement": lambda device, asked: device.make(asked, fmt="none", statement={"sig": b"0"}),
    "another name outside": lambda device, asked: (
        device.make(asked) | {"id": text(b"x" * 32), "rawId": text(b"x" * 32)}
    ),
    "no JSON inside": lambda device, asked: _response(device.make(asked), clientDataJSON=text(b"{")),
    "no CBOR inside": lambda device, asked: _response(device.make(asked), attestationObject=text(b"\xff" * 40)),
    "nothing": lambda device, asked: {},
}


@pytest.mark.parametrize("how", BADLY_MADE)
def test_a_passkey_badly_made_is_refused(how: str) -> None:
    challenge = os.urandom(32)
    said = BADLY_MADE[how](authenticator(), asked_to_make(challenge))
    with pytest.raises(WrongPasskey):
        passkeys.registered(PARTY, challenge, said)


Using = Callable[[Authenticator, dict[str, Any]], dict[str, Any]]
BADLY_USED: dict[str, Using] = {
    "another challenge": lambda device, asked: device.use({"challenge": text(os.urandom(32))}),
    "another site's origin": lambda device, asked: device.use(asked, origin="https://evil.example"),
    "in a frame": lambda device, asked: device.use(asked, crossOrigin=True),
    "under another page": lambda device, asked: device.use(asked, topOrigin="https://evil.example"),
    "an answer to the other question": lambda device, asked: device.use(asked, kind="webauthn.create"),
    "nobody present": lambda device, asked: _with(device, flags=VERIFIED).use(asked),
    "for another service": lambda device, asked: _with(device, rp_id="evil.example").use(asked),
    "another key": lambda device, asked: _with(device, key=authenticator().key).use(asked),
    "another passkey's name": lambda device, asked: _with(device, credential_id=b"x" * 32).use(asked),
    "another account's": lambda device, asked: _with(device, user_handle=new_id().bytes).use(asked),
    "the count stands still": lambda device, asked: _with(device, steps=0).use(asked),
    "the count goes back": lambda device, asked: _with(device, steps=-1).use(asked),
    "the count is gone": lambda device, asked: _with(device, steps=-device.count).use(asked),
    "no longer bound to its device": lambda device, asked: _with(device, flags=PRESENT | VERIFIED | ELIGIBLE).use(
        asked
    ),
    "a signature cut off": lambda device, asked: _response(device.use(asked), signature=text(b"0" * 8)),
    "no signature": lambda device, asked: _response(device.use(asked), signature=""),
    "data cut off": lambda device, asked: _response(device.use(asked), authenticatorData=text(b"0" * 30)),
    "nothing": lambda device, asked: {},
}


@pytest.mark.parametrize("how", BADLY_USED)
@pytest.mark.parametrize("only_factor", [True, False])
def test_a_passkey_badly_used_is_refused(how: str, only_factor: bool) -> None:
    device = authenticator(count=7)
    kept, challenge = made(device), os.urandom(32)
    said = BADLY_USED[how](device, {"challenge": text(challenge)})
    with pytest.raises(WrongPasskey):
        passkeys.proven(PARTY, challenge, said, kept, only_factor=only_factor)


def test_an_answer_altered_anywhere_is_refused() -> None:
    device = authenticator(count=7)
    kept, challenge = made(device), os.urandom(32)
    said = device.use({"challenge": text(challenge)})
    accepted = 0
    for member in ("authenticatorData", "signature", "clientDataJSON"):
        for place in range(0, len(said["response"][member]) - 1, 3):
            altered = said["response"][member]
            other = "A" if altered[place] != "A" else "B"
            changed = _response(said, **{member: altered[:place] + other + altered[place + 1 :]})
            with pytest.raises(WrongPasskey):
                accepted += bool(passkeys.proven(PARTY, challenge, changed, kept, only_factor=True))
    assert accepted == 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = ("clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle", "transports")


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "id": JSON,
            "rawId": JSON,
            "type": st.just("public-key") | JSON,
            "response": JSON | st.fixed_dictionaries({}, optional=dict.fromkeys(MEMBERS, JSON)),
        },
    )
)
def test_whatever_is_sent_is_refused_and_nothing_else(said: dict[str, Any]) -> None:
    kept = KeptPasskey(ACCOUNT, b"x", b"x", 0, False)
    with pytest.raises(WrongPasskey):
        passkeys.registered(PARTY, b"c" * 32, said)
    with pytest.raises(WrongPasskey):
        passkeys.proven(PARTY, b"c" * 32, said, kept, only_factor=True)


def _with(device: Authenticator, **changes: Any) -> Authenticator:
    other = copy.copy(device)
    for name, value in changes.items():
        setattr(other, name, value)
    return other


def _response(said: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**said, "response": {**said["response"], **changes}}
