"""What scapy builds and reads for us."""

from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from cloned.netboot import frames, raw_packets

MAC = "52:54:00:00:00:01"


def test_arp_probe_claims_nothing():
    frame = raw_packets.arp_probe(MAC, "10.77.1.5")
    assert len(frame) == 60
    assert raw_packets.read_arp(frame) is None  # sender 0.0.0.0
    answer = bytearray(frame)
    answer[28:32] = IPv4Address("10.77.1.5").packed
    assert raw_packets.read_arp(bytes(answer)) == raw_packets.Arp(MAC, "10.77.1.5")


def test_dhcp_broadcast_is_a_good_frame():
    read = frames.read_udp(raw_packets.dhcp_broadcast(MAC, b"hello"))
    assert read == frames.Datagram(MAC, IPv4Address(0), 68, b"hello")
    assert frames.checksum(raw_packets.dhcp_broadcast(MAC, b"hello")[14:34]) == 0


def test_other_hardware_and_other_protocols_claim_nothing():
    claim = bytearray(raw_packets.arp_probe(MAC, "10.77.1.5"))
    claim[28:32] = IPv4Address("10.77.1.5").packed
    for place, value in ((15, 6), (16, 9), (18, 8), (19, 16), (12, 0x86)):
        changed = bytearray(claim)
        changed[place] = value
        assert raw_packets.read_arp(bytes(changed)) is None, place


@given(st.binary(max_size=200))
def test_any_bytes(data):
    raw_packets.read_arp(data)
    raw_packets.sender(data)
