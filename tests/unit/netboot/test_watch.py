from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest

from cloned.netboot.firmware import classify
from cloned.netboot.frames import read_udp
from cloned.netboot.packet import MessageType, Option, Packet, decode, encode
from cloned.netboot.watch import FORGET_SECONDS, ServerWatch, probe

US, OTHER = IPv4Address("10.77.0.1"), IPv4Address("10.77.0.3")


@pytest.fixture
def watch():
    return ServerWatch(US)


def heard(watch, datagram, packet=None, now=0.0):
    return watch.heard(packet or decode(datagram.data), datagram.source, datagram.mac, now)


@pytest.mark.parametrize("name", ["dnsmasq-offer", "dnsmasq-ack"])
def test_a_real_dhcp_server(watch, golden, name):
    server = heard(watch, read_udp(golden(name)))
    assert (server.address, server.leases, server.boots, server.fills_file) == (OTHER, True, "", False)
    assert server.network == IPv4Network("10.77.0.0/22")
    assert watch.leasing(1) == [server]
    assert watch.booting(1) == []


def test_it_is_forgotten(watch, golden):
    heard(watch, read_udp(golden("dnsmasq-offer")))
    assert watch.leasing(FORGET_SECONDS)
    assert not watch.leasing(FORGET_SECONDS + 1)


def test_another_pxe_server(watch):
    offer = Packet(
        2, 1, "52:54:00:00:00:01", options={Option.TYPE: b"\2", Option.CLASS: b"PXEClient", Option.SERVER: OTHER.packed}
    )
    watch.heard(offer, OTHER, "52:54:00:fe:00:03", 0)
    (server,) = watch.booting(1)
    assert (str(server), server.boots, server.leases) == ("10.77.0.3 (52:54:00:fe:00:03)", "PXE", False)


def test_a_server_that_fills_in_the_file(watch, golden):
    datagram = read_udp(golden("dnsmasq-ack"))
    server = heard(watch, datagram, replace(decode(datagram.data), file=b"pxelinux.0"))
    assert (server.fills_file, server.boots) == (True, "pxelinux.0")


def test_we_are_not_another_server(watch, golden):
    datagram = read_udp(golden("dnsmasq-offer"))
    ours = replace(decode(datagram.data), options={Option.TYPE: b"\2", Option.SERVER: US.packed})
    assert heard(watch, datagram, ours) is None
    assert watch.heard(decode(golden("ovmf-pxe-discover")), OTHER, "x", 0) is None


def test_a_request_names_a_server_whose_offer_we_did_not_see(watch):
    watch.took(OTHER, 0)
    watch.took(US, 0)
    assert [server.address for server in watch.leasing(1)] == [OTHER]


def test_forged_offers_do_not_fill_the_memory(watch):
    for number in range(1000):
        offer = Packet(
            2,
            1,
            "52:54:00:00:00:01",
            options={Option.TYPE: b"\2", Option.SERVER: bytes((10, 9, number >> 8, number & 255))},
        )
        watch.heard(offer, OTHER, "x", 0)
    assert len(watch._servers) == 32


@pytest.mark.parametrize("arch", [0, 7])
def test_probe(arch):
    packet = decode(encode(probe("52:54:00:00:00:01", 99, arch)))
    assert (packet.kind, packet.xid, packet.flags) == (MessageType.DISCOVER, 99, 0x8000)
    assert classify(packet).arch == arch
