"""What comes from the wire: bounded, plain, finite; and nothing of it makes us stumble."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloned import wire


@pytest.mark.parametrize(
    "data",
    [
        b"\xff",
        b"{",
        b"",
        b"NaN",
        b'{"a": Infinity}',
        b"1e999",
        b"9" * 401,
        b"[" * 100_000,
        b"[" * 40 + b"]" * 40,
        b"[" + b"0," * 100_001 + b"0]",
        '"\ud800"'.encode("utf-8", "surrogatepass"),
    ],
)
def test_what_is_no_plain_json_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        wire.parse(data)


def test_texts_lose_what_nobody_can_read() -> None:
    assert wire.parse(b'{"a\\u0000": ["x\\ud800y", "line\\nfeed\\ttab\\u001b[31m"]}') == {
        "a ": ["x\ufffdy", "line\nfeed\ttab [31m"]
    }
    assert wire.line("a\n b\x00\u2028c\r\nd" + "e" * 300, 8) == "a b c de"
    assert wire.line(7) == ""


def test_a_pair_of_halves_is_a_character() -> None:
    assert wire.parse(b'"\\ud83d\\ude00"') == "\U0001f600"


def test_no_answer_says_infinity() -> None:
    with pytest.raises(ValueError):
        wire.dumps({"rate": 1 / 1e-320})


@given(st.binary(max_size=200))
def test_any_bytes_are_understood_or_refused(data: bytes) -> None:
    try:
        found = wire.parse(data)
    except ValueError:
        return
    wire.dumps(found).encode()


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner)))
def test_what_is_understood_can_be_said_again(value: object) -> None:
    try:
        found = wire.parse(json.dumps(value).encode())
    except ValueError:
        return
    wire.dumps(found).encode()
