"""The key of a retry: what makes two requests the same, and what is no key."""

from itertools import combinations

import pytest

from renkei.errors import BadRequest
from renkei.schemas.retry_keys import retry_key

SCOPE = ("client", "organization", "POST", "/v1/patients")


def test_none_without_the_header() -> None:
    assert retry_key([], SCOPE, {}) is None


@pytest.mark.parametrize("given", ["", " ", '""', "k" * 256, "鍵", "a\x00", "a\x7f", "é"])
def test_what_is_no_key(given: str) -> None:
    with pytest.raises(BadRequest):
        retry_key([given], SCOPE, {})


def test_two_keys_are_none() -> None:
    with pytest.raises(BadRequest):
        retry_key(["a", "a"], SCOPE, {})


def test_the_quoted_form_is_the_same_key() -> None:
    assert retry_key(['"a b"'], SCOPE, {}) == retry_key(["a b"], SCOPE, {}) == retry_key([" a b "], SCOPE, {})
    assert retry_key(['"'], SCOPE, {}) != retry_key(["a"], SCOPE, {})


def test_another_scope_is_another_key() -> None:
    scopes = [SCOPE, ("other", *SCOPE[1:]), (SCOPE[0], None, *SCOPE[2:]), (*SCOPE[:3], "/v1/emergency-access")]
    keys = [retry_key(["k"], scope, {}) for scope in scopes]
    assert all(one and other and one.key != other.key for one, other in combinations(keys, 2))


def test_the_same_request_is_the_same_json_value() -> None:
    one, same = ({"a": 1, "b": [True]}, {"b": [True], "a": 1.0})
    first, again, other = (retry_key(["k"], SCOPE, ["/p", body]) for body in (one, same, {"a": 2, "b": [True]}))
    assert first == again
    assert first and other and first.key == other.key and first.request != other.request
