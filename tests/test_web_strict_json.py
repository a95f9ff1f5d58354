"""The one parser in front of everything: what it takes, what it refuses, and where."""

import json
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import TooLarge
from registry.web.strict_json import INT64, NotJson, parse, read

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(INT64[0], INT64[-1])
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4)
    ),
    max_leaves=20,
)


@given(VALUES, st.booleans())
def test_every_sane_value_comes_through_unchanged(value: Any, ascii_only: bool) -> None:
    assert parse(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(st.binary(max_size=60))
def test_any_bytes_are_a_value_or_a_clear_refusal(data: bytes) -> None:
    with suppress(NotJson):
        parse(data)


@pytest.mark.parametrize(
    ("body", "place", "word"),
    [
        (b'{"a": [1, NaN]}', "$.a[1]", "NaN"),
        (b'{"a": -Infinity}', "$.a", "-Infinity"),
        (b'{"a": 1e999}', "$.a", "too large"),
        (b'{"a": 9223372036854775808}', "$.a", "64 bits"),
        (b'{"a": -9223372036854775809}', "$.a", "64 bits"),
        (b'{"a": {"b": 1, "c": 2, "b": 3}}', "$.a", '"b" occurs twice'),
        (b'{"a": "x\\u0000"}', "$.a", "NUL"),
        (b'{"x\\u0000": 1}', "$.x", "NUL"),
        (b'{"a": "\\ud83d"}', "$.a", "surrogate"),
        (b'{"a": "\\ude00\\ud83d"}', "$.a", "surrogate"),
        (b'{"a": 1,}', "line 1, column 9", ""),
        (b'{"a": 1}\n{"b": 2}', "line 2, column 1", "Extra data"),
        (b'\xef\xbb\xbf{"a": 1}', "byte 0", "byte order mark"),
        (b'{"a": "\xff"}', "byte 7", "UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "byte 7", "UTF-8"),
        (b'{"a": "line\nbreak"}', "line 1, column 12", ""),
        (b"  ", "$", "empty"),
        (b"{'a': 1}", "line 1, column 2", ""),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    body: bytes, place: str, word: str
) -> None:
    with pytest.raises(NotJson) as refusal:
        parse(body)

    assert refusal.value.errors[0].field.startswith(place)
    assert word in refusal.value.detail


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": "\\ud83d\\ude00"}',  # a whole pair is one character
        b'{"a": "\\\\u0000"}',  # a backslash and u0000
        b'{"a": 9223372036854775807, "b": -9223372036854775808}',
        b'{"a": 0.12345678901234567890123}',
        b'{"a": 1e308}',
    ],
)
def test_what_only_looks_suspicious_is_taken(body: bytes) -> None:
    assert parse(body) == json.loads(body)


def test_thirty_two_levels_are_enough_and_one_more_is_refused() -> None:
    assert parse(b"[" * 32 + b"]" * 32)
    assert parse(b'{"a":[' * 16 + b"1" + b"]}" * 16)

    with pytest.raises(NotJson, match="deeper than 32"):
        parse(b"[" * 33 + b"]" * 33)
    with pytest.raises(NotJson, match="deeper than 32"):
        parse(b'{"a":[' * 16 + b"{}" + b"]}" * 16)


def test_brackets_in_texts_are_no_levels() -> None:
    text = '["[[[' * 20 + '\\"{{{'

    assert parse(json.dumps([text] * 40).encode()) == [text] * 40


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 10_000_000,
        b"]" * 10_000_000,
        b"[]" * 5_000_000,
        b'{"a":' * 2_000_000,
        b'"' + b"\\" * 9_999_999,
        b"1" * 10_000_000,
        b'["' * 5_000_000,
    ],
    ids=lambda body: body[:6].decode(),
)
def test_torture_is_refused_in_good_time(body: bytes) -> None:
    start = time.thread_time()  # work, not waiting: a machine may be busy

    with pytest.raises(NotJson):
        parse(body)

    assert time.thread_time() - start < 10


def test_reading_stops_at_the_limit() -> None:
    class Endless:
        taken = 0

        def read(self, size: int) -> bytes:
            self.taken += size
            return b"x" * size

    stream = Endless()
    with pytest.raises(TooLarge):
        read(stream, limit=1000)  # type: ignore[arg-type]

    assert stream.taken == 1001


def test_a_key_that_occurs_twice_is_named_among_a_hundred_thousand_others() -> None:
    """Looking each key up in all of them would take minutes."""
    keys = [*range(100_000), 99_999]
    body = ",".join(f'"{key}": 1' for key in keys)

    with pytest.raises(NotJson, match='"99999" occurs twice'):
        parse(f"{{{body}}}".encode())
