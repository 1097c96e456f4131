"""Scapy as a second opinion on the codec; its import alone takes a second."""

from ipaddress import IPv4Address

import pytest

from cloned.netboot.packet import MessageType, Option, Packet, decode, encode

pytestmark = pytest.mark.wire


def test_scapy_reads_what_we_write():
    from scapy.layers.dhcp import BOOTP, DHCP  # half a second to import, so only here

    packet = Packet(
        2,
        7,
        "52:54:00:00:00:01",
        yiaddr=IPv4Address("10.0.0.9"),
        siaddr=IPv4Address("10.0.0.1"),
        file=b"shimx64.efi",
        options={Option.TYPE: b"\2", Option.SERVER: bytes((10, 0, 0, 1)), Option.BOOT_FILE: b"shimx64.efi"},
    )
    read = BOOTP(encode(packet))
    assert (read.yiaddr, read.siaddr, read.file.rstrip(b"\0")) == ("10.0.0.9", "10.0.0.1", b"shimx64.efi")
    assert read[DHCP].options[:3] == [
        ("message-type", 2),
        ("server_id", "10.0.0.1"),
        ("boot-file-name", b"shimx64.efi"),
    ]


def test_we_read_what_scapy_writes():
    from scapy.layers.dhcp import BOOTP, DHCP

    raw = bytes(BOOTP(chaddr=bytes.fromhex("525400000001"), xid=9) / DHCP(options=[("message-type", "request"), "end"]))
    packet = decode(raw)
    assert (packet.mac, packet.xid, packet.kind) == ("52:54:00:00:00:01", 9, MessageType.REQUEST)
