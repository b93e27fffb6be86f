"""What a seal says: the tree of RFC 6962, the one spelling of an event, and a signature that is no token's."""

import hashlib
import json
from pathlib import Path

import pytest

from renkei.access import seals
from renkei.access.tokens import (
    PUBLISHED_SECONDS,
    Keys,
    issue,
    public_keys,
    sign_seal,
    verify,
    verify_seal,
    write_new_key,
)
from renkei.errors import Unauthorized
from renkei.ids import now


def recursive(leaves: list[bytes]) -> bytes:
    """RFC 6962 §2.1, word for word."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\1" + recursive(leaves[:k]) + recursive(leaves[k:])).digest()


@pytest.mark.parametrize("count", [*range(34), 100, 257])
def test_the_root_is_that_of_rfc_6962(count: int) -> None:
    leaves = [hashlib.sha256(b"\0" + bytes([i % 256])).digest() for i in range(count)]
    assert seals.merkle_root(leaves) == recursive(leaves)


def test_known_roots() -> None:
    """The first trees of the test data of Certificate Transparency."""
    inputs = [b"", b"\0", b"\x10", b"\x20\x21", b"\x30\x31", b"\x40\x41\x42\x43", b"\x50\x51\x52\x53\x54\x55\x56\x57"]
    inputs.append(b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f")
    leaves = [hashlib.sha256(b"\0" + text).digest() for text in inputs]
    assert seals.merkle_root(leaves[:1]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert seals.merkle_root(leaves).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def test_a_leaf_is_no_node_and_every_column_counts() -> None:
    event = [f"v{place}" for place in range(len(seals.EVENT))]
    pair = seals.leaf(event), seals.leaf([*event[:-1], None])
    assert pair[0] != pair[1]
    assert seals.leaf(event) == hashlib.sha256(b"\0" + json.dumps(event, separators=(",", ":")).encode()).digest()
    # Two columns never run into one another, and nothing is not an empty text.
    assert seals.leaf(["a", "bc"]) != seals.leaf(["ab", "c"])
    assert len({seals.leaf([value]) for value in ("", None, [], "None", "[]")}) == 5
    assert seals.canonical(["髙 \u2028\n", None]) == '["髙 \u2028\\n",null]'.encode()


STATED = {
    "id": "0",
    "position": 1,
    "count": 2,
    "merkle_root": "ab",
    "previous": None,
    "sealed_at": "2026-11-23T02:44:41.173+09:00",
}


def test_a_seal_is_no_token_and_a_token_no_seal(tmp_path: Path) -> None:
    """With the same key, even one whose members are those the other asks for."""
    keys, moment = Keys.load(tmp_path), 1_800_000_000
    claims = {"iss": "x", "aud": "renkei", "exp": moment + 60, "iat": moment, "sub": "s", "jti": "j", "kind": "client"}
    claims["proof"] = 1
    token, seal = issue(keys, claims), sign_seal(keys, claims)
    assert verify(keys, token, "x", moment) == claims and verify_seal(keys.public_pem, seal) == claims
    with pytest.raises(Unauthorized):
        verify(keys, seal, "x", moment)
    with pytest.raises(Unauthorized):
        verify_seal(keys.public_pem, token)


def test_what_is_signed_is_the_statement_letter_for_letter(tmp_path: Path) -> None:
    keys = Keys.load(tmp_path)
    signature = sign_seal(keys, STATED)
    assert list(verify_seal(keys.public_pem, signature)) == list(seals.STATEMENT)
    other = Keys.load(tmp_path / "other")
    for wrong in (signature[:-4] + "AAAA", signature + "A", "a.b.c", "", sign_seal(other, STATED)):
        with pytest.raises(Unauthorized):
            verify_seal(keys.public_pem, wrong)


def test_public_keys_are_known_by_their_thumbprint(tmp_path: Path) -> None:
    keys = Keys.load(tmp_path)
    assert public_keys(keys.jwks) == dict(keys.public_pem)
    # Whatever name a set gives a key: a name is not a key.
    renamed = {"keys": [{**keys.jwks["keys"][0], "kid": "trusted"}]}
    assert public_keys(renamed) == dict(keys.public_pem)
    for wrong in ({}, {"keys": [{}]}, {"keys": [{"x": "AA", "y": "AA"}]}, [], {"keys": [{"x": 1, "y": 2}]}):
        with pytest.raises(ValueError, match=r"key|curve|EC"):
            public_keys(wrong)  # type: ignore[arg-type]  # what a file may hold


def test_an_old_key_still_verifies(tmp_path: Path) -> None:
    first = Keys.load(tmp_path)
    signature = sign_seal(first, STATED)
    write_new_key(tmp_path, "0002.pem")
    second = Keys.load(tmp_path, now().timestamp() + PUBLISHED_SECONDS + 1)
    assert second.signing_kid != first.signing_kid
    assert verify_seal(second.public_pem, signature) == STATED
