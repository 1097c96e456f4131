"""Our IGMP queries as scapy reads them."""

from __future__ import annotations

import pytest

from cloned.switch.igmp import RFC_TIMING, checksum, general_query

pytestmark = pytest.mark.interop


def test_version_2() -> None:
    from scapy.layers.igmp import IGMP

    query = IGMP(general_query(2, RFC_TIMING))
    assert (query.type, query.mrcode, query.gaddr) == (0x11, 100, "0.0.0.0")
    assert query.chksum == checksum(bytes(IGMP(type=0x11, mrcode=100, gaddr="0.0.0.0", chksum=0)))


def test_version_3() -> None:
    from scapy.layers.igmp import IGMPv3_MQ

    query = IGMPv3_MQ(general_query(3, RFC_TIMING))
    assert (query.type, query.gaddr, query.s, query.qrv, query.qqic, query.numsrc) == (0x11, "0.0.0.0", 0, 2, 125, 0)
    assert bytes(query) == general_query(3, RFC_TIMING)
    assert checksum(bytes(query)) == 0
