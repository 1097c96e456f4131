"""Our IGMP queries as tcpdump reads them."""

from __future__ import annotations

import struct
import subprocess
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from cloned.multicast.igmp import RFC_TIMING, Version
from cloned.multicast.igmp_packets import general_query

pytestmark = pytest.mark.interop

PCAP = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
"""A capture file's head (pcap-savefile(5)); link type 101 is bare IP."""


@pytest.mark.parametrize(
    ("version", "words"),
    [(2, "igmp query v2"), (3, "igmp query v3")],
)
def test_a_query_is_read_as_one(version: Version, words: str, tmp_path: Path) -> None:
    packet = general_query(IPv4Address("10.77.0.1"), version, RFC_TIMING)
    capture = tmp_path / "query.pcap"
    capture.write_bytes(PCAP + struct.pack("<IIII", 0, 0, len(packet), len(packet)) + packet)
    told = subprocess.run(["tcpdump", "-nvvr", capture], capture_output=True, check=True, text=True).stdout
    assert words in told
    assert "10.77.0.1 > 224.0.0.1" in told
    assert "options (RA)" in told
    assert "tos 0xc0, ttl 1" in told
    assert "bad" not in told, "a wrong checksum"
