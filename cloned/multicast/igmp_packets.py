"""IGMP membership queries as IP packets, built and read with scapy (RFC 2236 §2, RFC 3376 §4.1).

Importing scapy takes most of a second: only the daemon's querier imports this module.
"""

from __future__ import annotations

from ipaddress import IPv4Address

from scapy.layers.igmp import IGMP, IGMP_MQ, IGMPv3_MQ
from scapy.layers.inet import IP
from scapy.packet import Packet
from scapy.utils import checksum

from cloned.multicast.igmp import Query, Timing, Version

ALL_HOSTS = "224.0.0.1"
MEMBERSHIP_QUERY = 0x11
DSCP_CS6 = 0xC0
"""Internetwork control: what routers mark IGMP with (RFC 4594 §3.2)."""
SHORTEST = 8
"""Octets of an IGMP message of version 1 or 2; a query of 12 or more is version 3 (RFC 3376 §7.1)."""


def general_query(source: IPv4Address, version: Version, timing: Timing) -> bytes:
    """An IP packet with a general query from `source` to all hosts, one hop far; scapy adds the Router Alert."""
    tenths = round(timing.response * 10)
    if version == 2:
        query: Packet = IGMP_MQ(mrcode=min(255, tenths))
    else:
        query = IGMPv3_MQ(mrcode=tenths, qrv=timing.robustness & 7, qqic=min(127, round(timing.query_interval)))
    return bytes(IP(src=str(source), dst=ALL_HOSTS, ttl=1, tos=DSCP_CS6) / query)


def parse_query(packet: bytes) -> Query | None:
    """The query in an IP packet as a raw socket gives it; None for anything else, or a wrong checksum."""
    body = packet[(packet[0] & 0xF) * 4 :] if packet else b""
    if len(body) < SHORTEST or body[0] != MEMBERSHIP_QUERY or checksum(body) != 0:
        return None  # looked at by hand first: scapy takes a quarter of a millisecond for each report on the network
    try:
        head, query = IP(packet), IGMP(body)
        version = 3 if isinstance(query, IGMPv3_MQ) else 2 if query.mrcode else 1
        return Query(IPv4Address(head.src), version, IPv4Address(query.gaddr))
    except Exception:  # scapy raises whatever its fields meet in a malformed packet
        return None
