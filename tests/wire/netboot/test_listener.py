"""The DHCP server's handlers with real sockets on a pair of cards: what a server that knows MACs only looks like."""

import asyncio
import contextlib
import secrets
import socket
import subprocess
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from cloned.netboot.counters import RequestCounter
from cloned.netboot.dhcp import Mode, Segment
from cloned.netboot.frames import ETH_IP, attach, packet_socket, read_udp
from cloned.netboot.history import History
from cloned.netboot.inbox import DhcpDatagram, Inbox
from cloned.netboot.interfaces import describe
from cloned.netboot.leases import Pool
from cloned.netboot.listener import DhcpServer
from cloned.netboot.packet import BROADCAST_FLAG, MessageType, Option, Packet, decode, encode
from cloned.netboot.shedding import lets_pass
from tests.waiting import until

pytestmark = pytest.mark.wire

GOLDEN, FIELD = Path(__file__).parents[1] / "golden", Path(__file__).parents[2] / "data" / "field"
OURS, THEIRS = (f"bw{secrets.token_hex(3)}{end}" for end in "ab")
US, OTHER = IPv4Address("10.91.0.1"), IPv4Address("10.91.0.9")


class Nowhere:
    problem = ""

    def load(self):
        return []

    def save(self, lease):
        pass

    def flush(self):
        pass


@pytest.fixture
def cable():
    """A card of ours and the other end of its cable; made and removed by root."""
    made = subprocess.run(["ip", "link", "add", OURS, "type", "veth", "peer", "name", THEIRS], capture_output=True)
    if made.returncode:
        pytest.skip("needs root")
    for words in (f"addr add {US}/24 dev {OURS}", f"link set {OURS} up", f"link set {THEIRS} up"):
        subprocess.run(["ip", *words.split()], check=True)
    yield packet_socket(THEIRS, ETH_IP)
    subprocess.run(["ip", "link", "del", OURS], check=True)


@pytest.fixture
async def serve(cable):
    started = []

    def start(mode, pool=None):
        nic = describe(OURS)
        place = Segment(OURS, US, IPv4Network("10.91.0.0/24"), 8069)
        server = DhcpServer(place, nic.mac, mode, History(), pool=pool, counter=RequestCounter())
        server.start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.close()
    cable.close()


async def heard(cable, wanted, seconds=5):
    """The next DHCP message on the cable for which `wanted(packet)`."""
    loop, end = asyncio.get_running_loop(), asyncio.get_running_loop().time() + seconds
    while (left := end - loop.time()) > 0:
        frame = await asyncio.wait_for(loop.sock_recv(cable, 4096), left)
        datagram = read_udp(frame)
        if datagram is None:
            continue
        packet = decode(datagram.data)
        if wanted(packet):
            return packet
    raise TimeoutError


async def came(cable, wanted):
    """Whether one comes within a second."""
    try:
        return await heard(cable, wanted, 1)
    except TimeoutError:
        return None


def offer_of_a_school(question):
    """What a server that knows this MAC answers."""
    options = {
        Option.TYPE: bytes((MessageType.OFFER,)),
        Option.SERVER: OTHER.packed,
        Option.LEASE: b"\0\0\x0e\x10",
        Option.MASK: bytes((255, 255, 255, 0)),
    }
    return Packet(2, question.xid, question.mac, 0, question.flags, yiaddr=IPv4Address("10.91.0.77"), options=options)


def frame(packet, port=67):
    """From the other server's card to everybody."""
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether
    from scapy.packet import Raw

    head = Ether(dst="ff:ff:ff:ff:ff:ff", src="52:54:00:fe:00:09") / IP(src=str(OTHER), dst="255.255.255.255")
    return bytes(head / UDP(sport=port, dport=68) / Raw(encode(packet)))


async def test_the_first_boot_beside_a_server_that_knows_this_mac_only(serve, cable):
    server = serve(Mode.AUTO)
    discover = replace(decode(bytes.fromhex((GOLDEN / "ovmf-pxe-discover.hex").read_text())), flags=0)
    server.handle(encode(discover), "0.0.0.0", 68, 67)
    question = await heard(cable, lambda packet: packet.op == 1 and packet.mac == discover.mac)
    assert (question.xid != discover.xid, question.flags) == (True, BROADCAST_FLAG)
    assert question.options[Option.MACHINE_ID] == discover.options[Option.MACHINE_ID]
    cable.send(frame(offer_of_a_school(question)))
    offer = await heard(cable, lambda packet: packet.op == 2 and packet.xid == discover.xid)
    assert (offer.kind, offer.text(Option.BOOT_FILE), offer.text(Option.CLASS)) == (
        MessageType.OFFER, "shimx64.efi", "PXEClient",
    )  # fmt: skip
    assert server._counter.figures() == {("discover", "silent"): 1}, "one came, and was not answered at first"


async def test_nobody_is_asked_for_in_a_laptops_name_without_need(serve, cable):
    server = serve(Mode.AUTO)
    server.handle(encode(Packet(1, 7, "52:54:00:00:00:0a", options={53: b"\1"})), "0.0.0.0", 68, 67)  # no boot
    for number in range(100):
        boots = {53: b"\1", Option.CLASS: b"PXEClient:Arch:00007:UNDI:003016"}
        server.handle(encode(Packet(1, number, f"52:54:00:00:01:{number:02x}", options=boots)), "0.0.0.0", 68, 67)
    asked = 0
    while await came(cable, lambda packet: packet.op == 1):
        asked += 1
    assert 16 <= asked <= 24


@pytest.mark.parametrize("mode", [Mode.AUTO, Mode.PROXY, Mode.LEASE])
async def test_a_request_that_names_another_server_is_proof_of_it(serve, mode):
    pool = Pool(IPv4Address("10.91.0.100"), IPv4Address("10.91.0.110"), 600, Nowhere())
    server = serve(mode, pool if mode is Mode.LEASE else None)
    server.handle(bytes.fromhex((FIELD / "dhcp-request-to-other-server.hex").read_text()), "0.0.0.0", 68, 67)
    assert [str(each.address) for each in server.watch.leasing(server.watch._proven)] == ["10.9.0.254"]
    assert (server.answers.proxy, server.answers.leasing) == (True, False)
    assert server._counter.figures() == {("request", "elsewhere"): 1}


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0, 0), (0.5, 350, 650), (1.0, 1000, 1000)])
def test_the_kernel_draws_the_lot_over_what_is_begun_and_nothing_else(share, least, most):
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as theirs,
    ):
        ours.setblocking(False)
        ours.bind(("127.0.0.1", 0))
        attach(ours, lets_pass(share))
        begun = going = 0
        for number in range(1000):
            theirs.sendto(datagram_of(MessageType.DISCOVER, number).data, ours.getsockname())
            theirs.sendto(datagram_of(MessageType.REQUEST, number).data, ours.getsockname())
            with contextlib.suppress(BlockingIOError):
                while True:
                    if ours.recv(1000)[242] == MessageType.DISCOVER:
                        begun += 1
                    else:
                        going += 1
        assert going == 1000
        assert least <= begun <= most
        attach(ours, ())
        theirs.sendto(b"short", ours.getsockname())
        assert ours.recv(1000) == b"short"


async def test_far_too_many_are_left_out_by_the_kernel_until_it_is_over(serve):
    server = serve(Mode.LEASE, Pool(IPv4Address("10.91.0.100"), IPv4Address("10.91.0.110"), 600, Nowhere()))
    await until(lambda: server._lot.came(100_000) or server._lot._shedding.share < 1)
    await until(lambda: server._lot._shedding.share == 1)


async def test_a_flood_is_answered_in_slices_and_what_is_begun_is_finished(serve):
    server = serve(Mode.LEASE, Pool(IPv4Address("10.91.0.100"), IPv4Address("10.91.0.110"), 600, Nowhere()))
    handled = []
    server._inbox = Inbox(lambda mac: int(mac[-2:], 16) % 10 == 0)
    server._handle = lambda datagram: handled.append(datagram.data[242])
    for number in range(250):
        kind = MessageType.REQUEST if number % 10 == 0 else MessageType.DISCOVER
        server._inbox.put(datagram_of(kind, number))
    server._work()
    while len(server._inbox):
        await asyncio.sleep(0)
    assert handled.count(MessageType.REQUEST) == 25
    assert handled[:7] == [MessageType.REQUEST] * 7


def datagram_of(kind, number):
    packet = Packet(1, number, f"52:54:00:01:{number >> 8:02x}:{number & 255:02x}", options={53: bytes((kind,))})
    return DhcpDatagram(encode(packet), "0.0.0.0", 68, 67)
