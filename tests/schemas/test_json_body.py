"""Strict JSON: what is refused, and which bodies are one and the same."""

import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renkei.errors import Unparsable
from renkei.schemas.json_body import DEEPEST, digest, parse_json

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "line 1 column 1"),
        (b'{\n "a": }', "line 2 column 7"),
        (b"{} {}", "Extra data"),
        (b"{'a': 1}", "line 1 column 2"),
        (b'{"a": 1,}', "not JSON"),
        (b'"\n"', "not JSON"),
        (b"01", "not JSON"),
        (b'{"a": "\xff"}', "byte 7 is not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "byte 0 is not UTF-8"),
        ("髙".encode("shift_jis", "replace") + b"\x81", "not"),
        (b'"\xed\xa0\x80"', "byte 1 is not UTF-8"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b"NaN", "NaN is not a JSON number"),
        (b'{"a": [Infinity]}', "Infinity is not a JSON number"),
        (b"[-Infinity]", "-Infinity is not a JSON number"),
        (b"[1e400]", "1e400 is too large"),
        (b"[-1e400]", "-1e400 is too large"),
        (b"1" * 10_000, "too many digits"),
        (b'{"a": 1, "a": 1}', "'a' occurs twice"),
        (b'{"items": [{"b": {"c": 1, "d": 2, "c": 3}}]}', "'c' occurs twice"),
        (b'{"a": 1, "\\u0061": 2}', "'a' occurs twice"),
        (b'{"\\ud800": 1, "\\ud800": 2}', "'\\ud800' occurs twice"),
        (b"[" * 20_000, "nested too deep"),
        (b"[" * 20_000 + b"]" * 20_000, "nested too deep"),
        (b'{"a":' * 20_000 + b"1" + b"}" * 20_000, "nested too deep"),
        (b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), "nested too deep"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_refused(raw: bytes, says: str) -> None:
    with pytest.raises(Unparsable) as refused:
        parse_json(raw)
    ja, en = refused.value.detail
    assert says in en and ja
    (ja + en).encode()


@pytest.mark.parametrize("raw", [b"[" * DEEPEST + b"]" * DEEPEST, b'"' + b"[" * 500 + b'"', b'{"a": {}, "b": {}}'])
def test_not_refused_for_depth(raw: bytes) -> None:
    assert parse_json(raw) == json.loads(raw)


def test_values_keep_their_type() -> None:
    value = parse_json('{"a": 36, "b": 36.0, "c": true, "d": null, "e": "\\u0000\\ud800", "f": "神"}'.encode())
    assert repr(value) == repr({"a": 36, "b": 36.0, "c": True, "d": None, "e": "\x00\ud800", "f": "神"})


@given(JSON)
def test_whatever_json_says_is_what_is_read(value: object) -> None:
    for ascii_only in (True, False):
        raw = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "replace" if not ascii_only else "strict")
        assert repr(parse_json(raw)) == repr(json.loads(raw))


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        parse_json(raw)
    except Unparsable as refused:
        assert refused.detail is not None and len(refused.detail) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b'{"a": 1, "b": [2, 3]}', b' {"b":[2,3],"a":1}'),
        (b"36", b"36.0"),
        (b"[360]", b"[3.6e2]"),
        (b"0", b"-0.0"),
        (b'"\\u795e\\/"', '"神/"'.encode()),
        (b'"\\ud842\\udfb7"', '"𠮷"'.encode()),
    ],
)
def test_equal_values_have_one_digest(one: bytes, other: bytes) -> None:
    assert digest(parse_json(one)) == digest(parse_json(other))
    assert len(digest(parse_json(one))) == 32


def test_different_values_have_different_digests() -> None:
    numbers = ["1", "true", "false", "0", "null", "[]", "{}", "[1]", "[1,2]", "[2,1]", "[[1],2]", "1.5"]
    objects = ['{"a":1}', '{"a":"1"}', '{"b":1}']
    strings = ["1", "null", "\\ud800", "\\udfff", "\ufa19", "\u795e", "", " ", "36.0,", "36,"]
    texts = [*numbers, *objects, *(f'"{string}"' for string in strings)]
    assert len({digest(parse_json(text.encode())) for text in texts}) == len(texts)


@given(JSON, st.randoms())
def test_order_spacing_and_escapes_do_not_count(value: object, random: Random) -> None:
    def shuffled(value: object) -> object:
        if isinstance(value, dict):
            names = list(value)
            random.shuffle(names)
            return {name: shuffled(value[name]) for name in names}
        return [shuffled(v) for v in value] if isinstance(value, list) else value

    assert digest(shuffled(value)) == digest(value)
    assert digest(parse_json(json.dumps(value, indent=2).encode())) == digest(value)
