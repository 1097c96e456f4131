"""Answers decoded: known octets, every type, and anything else is a ValueError."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloned.switch.snmp.ber import Response, response

ANSWER = bytes.fromhex(
    "302c020101040470756273a22102023039020100020100301530130608 2b06010201010500 0407 73776974636831".replace(" ", "")
)


def element(tag: int, content: bytes) -> bytes:
    if len(content) < 128:
        return bytes([tag, len(content)]) + content
    size = (len(content).bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + len(content).to_bytes(size, "big") + content


def answer(value: bytes, oid: bytes = b"\x2b\x06\x01") -> bytes:
    variable = element(0x30, element(0x06, oid) + value)
    numbers = element(2, b"\x30\x39") + element(2, b"\0") + element(2, b"\0")
    return element(0x30, element(2, b"\1") + element(4, b"word") + element(0xA2, numbers + element(0x30, variable)))


def test_an_answer_to_the_octet() -> None:
    assert response(ANSWER) == Response(12345, 0, 0, [((1, 3, 6, 1, 2, 1, 1, 5, 0), b"switch1")])


@pytest.mark.parametrize(
    ("encoded", "value"),
    [
        ("020101", 1),
        ("0201ff", -1),
        ("02020080", 128),
        ("0400", b""),
        ("0403616263", b"abc"),
        ("0500", None),
        ("06052b060104 01", (1, 3, 6, 1, 4, 1)),
        ("40040a000002", b"\x0a\0\0\2"),
        ("410500ffffffff", 2**32 - 1),
        ("4104ffffffff", 2**32 - 1),
        ("42013c", 60),
        ("43020100", 256),
        ("460900ffffffffffffffff", 2**64 - 1),
        ("8000", None),
        ("8100", None),
        ("8200", None),
        ("4402beef", b"\xbe\xef"),
        ("0481017a", b"z"),
    ],
)
def test_every_type(encoded: str, value: object) -> None:
    assert response(answer(bytes.fromhex(encoded.replace(" ", "")))).variables == [((1, 3, 6, 1), value)]


def test_large_numbers_in_object_identifiers() -> None:
    assert response(answer(b"\5\0", b"\x28\xc4\x62\x01")).variables[0][0] == (1, 0, 8802, 1)
    assert response(answer(b"\5\0", b"\x88\x37\x03")).variables[0][0] == (2, 999, 3)


def test_long_answers() -> None:
    text = b"x" * 70_000
    assert response(answer(element(4, text))).variables[0][1] == text


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30",
        b"\x30\x80\0\0",
        ANSWER[:-1],
        ANSWER[:20],
        b"\x30\x84\xff\xff\xff\xff",
        ANSWER.replace(b"\xa2", b"\xa0"),
        ANSWER.replace(b"\2\1\1", b"\2\1\3", 1),
        answer(b"\5\0", b""),
        answer(b"\5\0", b"\x2b\x86"),
        answer(b"\5\0", b"\x2b" + b"\xff" * 9 + b"\1"),
        answer(b""),
    ],
)
def test_what_is_no_answer(data: bytes) -> None:
    with pytest.raises(ValueError):
        response(data)


@settings(max_examples=30, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=80),
        st.tuples(st.integers(0, len(ANSWER) - 1), st.integers(0, 255)).map(
            lambda change: ANSWER[: change[0]] + bytes([change[1]]) + ANSWER[change[0] + 1 :]
        ),
    )
)
def test_damaged_answers_are_value_errors_or_answers(data: bytes) -> None:
    try:
        found = response(data)
    except ValueError:
        return
    assert all(isinstance(oid, tuple) and len(oid) >= 2 for oid, _ in found.variables)
