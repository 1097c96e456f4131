"""The multicast probe: packets and counting."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cloned.stream.probe import INTERVAL_SECONDS, SIZE_BYTES, Heard, Probe, decode, encode, judged


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1))
def test_packets_are_understood_again(run: int, number: int) -> None:
    packet = encode(Probe(run, number))
    assert len(packet) == SIZE_BYTES
    assert decode(packet) == Probe(run, number)
    assert decode(packet[:-1]) is None
    assert decode(b"x" + packet[1:]) is None


@given(st.binary(max_size=64))
def test_other_packets_are_none(packet: bytes) -> None:
    assert decode(packet) is None
    assert decode(packet.ljust(SIZE_BYTES, b"\0")) is None


def arrivals(*numbers: int) -> list[tuple[float, int]]:
    return [(number * INTERVAL_SECONDS, number) for number in numbers]


def test_all_of_a_window() -> None:
    assert judged(arrivals(*range(20)), 0, 20 * INTERVAL_SECONDS) == Heard(20, 20)


def test_gaps_between_are_counted_by_number_and_twice_is_once() -> None:
    assert judged(arrivals(0, 1, 1, 5, 9), 0, 10 * INTERVAL_SECONDS) == Heard(4, 10)


def test_silence_before_and_after_is_counted_by_time() -> None:
    assert judged(arrivals(10, 11), 0, 20 * INTERVAL_SECONDS) == Heard(2, 2 + 9 + 8)


def test_nothing_at_all() -> None:
    assert judged([], 0, 5) == Heard(0, 20)
    assert Heard(0, 0).share == 0.0
    assert Heard(21, 20).share == 1.0
