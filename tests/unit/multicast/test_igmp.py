"""IGMP queries to the byte, and the election as a transcript."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.utils import checksum

from cloned.multicast.igmp import (
    RFC_TIMING,
    Election,
    Query,
    Timing,
    due,
    heard,
    start,
    tick,
)
from cloned.multicast.igmp_packets import general_query, parse_query

LOW, OURS, HIGH = IPv4Address("10.0.0.2"), IPv4Address("10.0.0.10"), IPv4Address("10.0.0.99")
TIMING = Timing(query_interval=40, response=10, robustness=2)


def ip(source: IPv4Address, body: bytes, options: bytes = b"\x94\x04\0\0") -> bytes:
    head = bytes([0x40 | (20 + len(options)) // 4]) + bytes(8) + b"\x02" + bytes(2) + source.packed + b"\xe0\0\0\1"
    return head + options + body


def test_a_version_2_query_is_eight_octets() -> None:
    packet = general_query(OURS, 2, RFC_TIMING)
    assert (packet[-8:].hex(), packet[20:24].hex(), packet[8]) == ("1164ee9b00000000", "94040000", 1)


def test_a_version_3_query_is_twelve_octets() -> None:
    assert general_query(OURS, 3, RFC_TIMING)[-12:].hex() == "1164ec1e00000000027d0000"


@pytest.mark.parametrize(("response", "code"), [(12.7, 127), (12.8, 0x80), (125.0, 0xB3), (3174.4, 0xFF)])
def test_response_times_above_12_seconds_are_floating_point(response: float, code: int) -> None:
    assert general_query(OURS, 3, Timing(response=response))[-11] == code


@pytest.mark.parametrize("version", [2, 3])
def test_queries_are_understood_again(version: int) -> None:
    packet = general_query(LOW, version, TIMING)  # type: ignore[arg-type]
    assert parse_query(packet) == Query(LOW, version, IPv4Address(0))


def test_other_packets_are_no_queries() -> None:
    report = struct.pack("!BBH4s", 0x16, 0, 0, bytes(4))
    damaged = general_query(LOW, 2, TIMING)[24:-1] + b"\1"
    for packet in (b"", b"\x45" + bytes(40), ip(LOW, report), ip(LOW, damaged), ip(LOW, b"\x11"), b"\x60" + bytes(60)):
        assert parse_query(packet) is None


@given(st.binary(max_size=80))
def test_no_packet_upsets_it(packet: bytes) -> None:
    parse_query(packet)
    parse_query(ip(LOW, packet))
    query = b"\x11" + packet
    sum_of = checksum(query[:2] + b"\0\0" + query[4:])
    parse_query(ip(LOW, query[:2] + struct.pack("!H", sum_of) + query[4:]))


def asked(election: Election, times: list[float]) -> tuple[Election, list[float]]:
    sent = []
    for now in times:
        election, ask = tick(election, now)
        if ask:
            sent.append(now)
    return election, sent


def test_first_queries_come_quickly_then_at_the_interval() -> None:
    _, sent = asked(start(OURS, 0, TIMING), [float(now) for now in range(0, 131)])
    assert sent == [0, 10, 50, 90, 130]


def test_a_lower_address_asks_and_we_wait_for_its_silence() -> None:
    election, _ = tick(start(OURS, 0, TIMING, patience=255), 0)
    election = heard(election, Query(LOW, 2, IPv4Address(0)), 5)
    assert (election.asking, election.other, due(election)) == (False, LOW, 260)
    election = heard(election, Query(LOW, 2, IPv4Address(0)), 130)
    election, sent = asked(election, [200.0, 384.0, 385.0, 395.0])
    assert sent == [385, 395]
    assert election.asking


def test_a_higher_address_and_an_address_of_nought_change_nothing() -> None:
    election = start(OURS, 0, TIMING)
    for source in (HIGH, OURS, IPv4Address(0)):
        assert heard(election, Query(source, 3, IPv4Address(0)), 1) == election


def test_the_lowest_of_three_asks() -> None:
    election = heard(start(OURS, 0, TIMING, patience=100), Query(IPv4Address("10.0.0.5"), 2, IPv4Address(0)), 1)
    election = heard(election, Query(LOW, 2, IPv4Address(0)), 2)
    assert (election.other, election.other_until) == (LOW, 102)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 60), st.one_of(st.none(), st.integers(0, 2**32 - 1))), max_size=40))
def test_exactly_one_of_us_and_them_asks(steps: list[tuple[float, int | None]]) -> None:
    election, now = start(OURS, 0, TIMING, patience=90), 0.0
    lowest_heard: float | None = None
    for pause, source in steps:
        now += pause
        election, ask = tick(election, now)
        assert not (ask and not election.asking)
        if source is not None:
            election = heard(election, Query(IPv4Address(source), 2, IPv4Address(0)), now)
            if 0 < source < int(OURS):
                lowest_heard = now
        assert election.asking == (lowest_heard is None or now - lowest_heard >= 90 or election.other is None)
        assert due(election) >= now or election.asking
