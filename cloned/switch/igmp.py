"""IGMP queries as bytes, and who asks them on a network: the election of RFC 2236 §3 and RFC 3376 §6.6.2. Pure.

A snooping switch forwards a group only to ports from which it heard a report, and hosts report when
they are asked: without a querier the switch forgets every group after a few minutes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import Literal

ALL_HOSTS = IPv4Address("224.0.0.1")
MEMBERSHIP_QUERY = 0x11
"""Both versions; a query of 8 octets is version 2, of 12 and more version 3 (RFC 3376 §7.1)."""
ROUTER_ALERT = b"\x94\x04\x00\x00"
"""The IP option every IGMP message carries (RFC 2113)."""
Version = Literal[2, 3]


@dataclass(frozen=True)
class Timing:
    """The timers of RFC 2236 §8, in seconds; a workshop asks more often than the 125 s of the RFC."""

    query_interval: float = 30.0
    response: float = 5.0
    """How long hosts may take to answer."""
    robustness: int = 2

    @property
    def startup_interval(self) -> float:
        """Between the first queries (§8.6)."""
        return self.query_interval / 4

    @property
    def other_present(self) -> float:
        """How long another querier is believed in after its last query (§8.5), were its timers ours."""
        return self.robustness * self.query_interval + self.response / 2


RFC_TIMING = Timing(query_interval=125.0, response=10.0)
"""What other queriers use unless told otherwise: we wait so long for them before we take over."""


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    padded = data + b"\0" if len(data) % 2 else data
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def code_of(tenths: int) -> int:
    """A Max Resp Code or QQIC: the number itself below 128, else 4 bits mantissa, 3 bits exponent (RFC 3376 §4.1.1)."""
    if tenths < 128:
        return max(0, tenths)
    exponent = min(7, max(0, tenths.bit_length() - 8))
    mantissa = min(0xF, max(0, (tenths >> (exponent + 3)) - 0x10))
    return 0x80 | exponent << 4 | mantissa


def general_query(version: Version, timing: Timing) -> bytes:
    """A general query: 8 octets for version 2 (RFC 2236 §2), 12 for version 3 (RFC 3376 §4.1)."""
    tenths = round(timing.response * 10)
    if version == 2:
        body = struct.pack("!BBH4s", MEMBERSHIP_QUERY, min(255, tenths), 0, b"\0" * 4)
    else:
        body = struct.pack(
            "!BBH4sBBH", MEMBERSHIP_QUERY, code_of(tenths), 0, b"\0" * 4,
            timing.robustness & 7, code_of(round(timing.query_interval)), 0)
    return body[:2] + struct.pack("!H", checksum(body)) + body[4:]


@dataclass(frozen=True)
class Query:
    """A membership query heard: who asked, in which version; `group` 0.0.0.0 is a general one."""

    source: IPv4Address
    version: int
    group: IPv4Address


def parse_query(packet: bytes) -> Query | None:
    """The query in an IP packet as a raw socket gives it; None for anything else, or a wrong checksum."""
    if len(packet) < 28 or packet[0] >> 4 != 4:
        return None
    start = (packet[0] & 0xF) * 4
    body = packet[start:]
    if start < 20 or len(body) < 8 or body[0] != MEMBERSHIP_QUERY or checksum(body) != 0:
        return None
    version = 3 if len(body) >= 12 else 2 if body[1] else 1
    return Query(IPv4Address(packet[12:16]), version, IPv4Address(body[4:8]))


@dataclass(frozen=True)
class Election:
    """Where we stand: `other` is the querier we gave way to. Times are monotonic seconds."""

    address: IPv4Address
    timing: Timing = Timing()
    patience: float = RFC_TIMING.other_present
    """How long the other one may be silent before we take over: its timers are not known to us."""
    other: IPv4Address | None = None
    other_until: float = 0.0
    next_query: float = 0.0
    startup_left: int = 0

    @property
    def asking(self) -> bool:
        """Whether we are the querier."""
        return self.other is None


def start(address: IPv4Address, now: float, timing: Timing, patience: float = RFC_TIMING.other_present) -> Election:
    """Begin as every router does: as querier, with a few queries in quick succession (RFC 2236 §3, §7)."""
    return Election(address, timing, patience, None, 0.0, now, timing.robustness)


def heard(election: Election, query: Query, now: float) -> Election:
    """A query was heard: whoever has the lower address asks.

    0.0.0.0 is a snooping switch asking for itself: it takes no part (RFC 4541 §2.1.1).
    """
    if int(query.source) == 0 or query.source >= election.address:
        return election
    return replace(election, other=query.source, other_until=now + election.patience)


def tick(election: Election, now: float) -> tuple[Election, bool]:
    """The election at `now`, and whether a general query is due."""
    if election.other is not None:
        if now < election.other_until:
            return election, False
        election = replace(election, other=None, next_query=now, startup_left=election.timing.robustness)
    if now < election.next_query:
        return election, False
    left = max(0, election.startup_left - 1)
    pause = election.timing.startup_interval if left else election.timing.query_interval
    return replace(election, next_query=now + pause, startup_left=left), True


def due(election: Election) -> float:
    """When `tick` has something to do again."""
    return election.next_query if election.other is None else election.other_until
