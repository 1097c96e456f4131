"""IGMP membership queries as IP packets, built and read with scapy (RFC 2236 §2, RFC 3376 §4.1).

Importing scapy takes most of a second: only the daemon's querier imports this module.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any, ClassVar

from cloned.bare_scapy import bare
from cloned.multicast.igmp import ALL_HOSTS, Query, Timing, Version

with bare():
    from scapy.fields import BitField, ByteField, FieldLenField, FieldListField, IPField, XShortField
    from scapy.layers.inet import IP, IPOption_Router_Alert
    from scapy.packet import Packet
    from scapy.utils import checksum

MEMBERSHIP_QUERY = 0x11
DSCP_CS6 = 0xC0
"""Internetwork control: what routers mark IGMP with (RFC 4594 §3.2)."""
SHORTEST_BYTES = 8
"""Octets of an IGMP message of version 1 or 2; a query of 12 or more is version 3 (RFC 3376 §7.1)."""


IGMP = 2
"""Its protocol number."""


class IgmpQuery(Packet):
    """A query of version 1 or 2. Our own classes: scapy moved and renamed its between 2.5 (Debian 12) and 2.8."""

    name = "IGMP query"
    fields_desc: ClassVar[list[Any]] = [
        ByteField("type", MEMBERSHIP_QUERY),
        ByteField("mrcode", 100),
        XShortField("chksum", None),
        IPField("gaddr", "0.0.0.0"),  # noqa: S104 - the group asked for: all of them
    ]

    def post_build(self, packet: bytes, payload: bytes) -> bytes:
        """Put the checksum in."""
        body = packet + payload
        return body[:2] + checksum(body).to_bytes(2, "big") + body[4:] if self.chksum is None else body


class IgmpQuery3(IgmpQuery):
    """A query of version 3."""

    name = "IGMPv3 query"
    fields_desc: ClassVar[list[Any]] = [
        *IgmpQuery.fields_desc,
        BitField("resv", 0, 4),
        BitField("s", 0, 1),
        BitField("qrv", 2, 3),
        ByteField("qqic", 125),
        FieldLenField("numsrc", None, count_of="srcaddrs"),
        FieldListField("srcaddrs", [], IPField("source", "0.0.0.0"), count_from=lambda query: query.numsrc),  # noqa: S104
    ]


def general_query(source: IPv4Address, version: Version, timing: Timing) -> bytes:
    """An IP packet with a general query from `source` to all hosts, one hop far, with the Router Alert (RFC 2113)."""
    tenths = round(timing.response * 10)
    if version == 2:
        query: Packet = IgmpQuery(mrcode=min(255, tenths))
    else:
        interval = min(127, round(timing.query_interval))
        query = IgmpQuery3(mrcode=_floating(tenths), qrv=timing.robustness & 7, qqic=interval)
    alert = [IPOption_Router_Alert()]
    return bytes(IP(src=str(source), dst=ALL_HOSTS, ttl=1, tos=DSCP_CS6, proto=IGMP, options=alert) / query)


def _floating(tenths: int) -> int:
    """The Max Resp Code for so many tenths of a second: above 127 a float of one octet (RFC 3376 §4.1.1)."""
    if tenths < 128:
        return tenths
    exponent = max(0, tenths.bit_length() - 8)
    return 0x80 | exponent << 4 | (tenths >> exponent + 3) & 0xF


def parse_query(packet: bytes) -> Query | None:
    """The query in an IP packet as a raw socket gives it; None for anything else, or a wrong checksum."""
    body = packet[(packet[0] & 0xF) * 4 :] if packet else b""
    if len(body) < SHORTEST_BYTES or body[0] != MEMBERSHIP_QUERY or checksum(body) != 0:
        return None  # looked at by hand first: scapy takes a quarter of a millisecond for each report on the network
    try:
        head, longer = IP(packet), len(body) >= 12
        query = (IgmpQuery3 if longer else IgmpQuery)(body)
        version = 3 if longer else 2 if query.mrcode else 1
        return Query(IPv4Address(head.src), version, IPv4Address(query.gaddr))
    except Exception:  # scapy raises whatever its fields meet in a malformed packet
        return None
