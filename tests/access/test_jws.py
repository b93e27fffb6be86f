"""One spelling for every signed text, up to its greatest length."""

import base64
import json

import pytest

from renkei.access.jws import LARGEST, Malformed, Signed, canonical


def part(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.mark.parametrize("raw", [b"", b"a", b"ab", b"abc", b"\x00\x00\x17", b"\xff" * 64])
def test_what_is_written_is_read(raw: bytes) -> None:
    assert canonical(part(raw)) == raw


@pytest.mark.parametrize("spelling", ["A", "AB", "AA=", "AA==", "AA A", "A+A=", "あ", "AAAAA"])
def test_another_spelling_of_the_same_bytes_is_none(spelling: str) -> None:
    with pytest.raises(Malformed):
        canonical(spelling)


def text(length: int) -> str:
    """A text of three parts and so many characters."""
    head = f"{part(b'{}')}.{part(json.dumps({'a': ''}).encode())}."
    return head + part(bytes((length - len(head)) * 3 // 4))


def test_the_longest_text() -> None:
    longest, longer = text(LARGEST), text(LARGEST + 2)
    assert (len(longest), len(longer)) == (LARGEST, LARGEST + 1)
    assert Signed.parse(longest).claims == {"a": ""}
    with pytest.raises(Malformed):
        Signed.parse(longer)


@pytest.mark.parametrize("claims", [b'{"a": 1, "a": 1}', b"[]", b"1", b"{", b"\xff", b"[" * 5000])
def test_claims_are_one_object_of_members_named_once(claims: bytes) -> None:
    with pytest.raises(Malformed):
        Signed.parse(f"{part(b'{}')}.{part(claims)}.")
