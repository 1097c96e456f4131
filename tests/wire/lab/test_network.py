"""The lab's network: built in namespaces, throttled, lossy where asked, and gone without a trace."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest

from cloned.errors import ClonedError
from cloned.lab import kernel
from cloned.lab.network import NETNS, NIC, SERVER, LabNetwork, inside, ip, laptop_mac, losses

SO_RCVBUFFORCE = 33
pytestmark = [pytest.mark.wire, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]


def traces(run: str) -> list[str]:
    """What of a run can be seen on this machine."""
    links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
    spaces = [path.name for path in NETNS.glob(f"{run}-*")]
    return spaces + [line for line in links.splitlines() if "port" in line or run in line]


@pytest.fixture
def network() -> Iterator[LabNetwork]:
    """Two thin laptops, one tap, 100 Mbit/s."""
    made = LabNetwork(f"cl{secrets.token_hex(2)}", 3, 100_000_000)
    try:
        made.build()
        for number in (1, 2):
            made.plug_thin(number, laptop_mac(made.run, number))
        made.plug_vm(3)
        made.plug_server()
        for number in (1, 2):
            made.link(number, up=True)
            ip(made.laptop(number), f"addr add 10.77.0.{10 + number}/22 brd + dev {NIC}")
        yield made
    finally:
        made.close()
    assert traces(made.run) == []


def sender(network: LabNetwork) -> socket.socket:
    return kernel.in_namespace(network.path(network.server), lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))


def receiver(network: LabNetwork, number: int) -> socket.socket:
    def make() -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        made.bind(("", 5000))
        made.settimeout(2)
        return made

    return kernel.in_namespace(network.path(network.laptop(number)), make)


def test_the_machines_own_interfaces_are_what_they_were(network: LabNetwork) -> None:
    assert not [line for line in traces(network.run) if "port" in line]
    ports = inside(network.switch, ["ip", "-o", "link", "show", "master", "br0"]).decode()
    assert [f"port{number}" in ports for number in (1, 2, 3, 4)] == [True] * 4


def test_addresses_have_their_broadcast_and_groups_a_route(network: LabNetwork) -> None:
    shown = inside(network.server, ["ip", "addr", "show", NIC]).decode()
    assert f"{SERVER} brd 10.77.3.255" in shown
    assert "224.0.0.0/4" in inside(network.server, ["ip", "route"]).decode()


def test_cables_are_as_fast_as_they_were_asked_to_be(network: LabNetwork) -> None:
    with sender(network) as source, receiver(network, 1) as sink:
        source.connect(("10.77.0.11", 5000))
        began = time.monotonic()
        for _ in range(1500):  # 1.8 MB: 0.15 s at 100 Mbit/s, of which the bucket and the queue hold some
            source.send(bytes(1200))
        count = sum(1 for _ in drained(sink))
        seconds = time.monotonic() - began
    assert count * 1200 * 8 / seconds < 130e6


def drained(sink: socket.socket) -> Iterator[bytes]:
    """What comes until nothing does for a while."""
    sink.settimeout(1)
    try:
        while True:
            yield sink.recv(2048)
    except TimeoutError:
        return


def test_loss_hits_single_packets_of_an_offloaded_burst(network: LabNetwork) -> None:
    with sender(network) as source, receiver(network, 1) as whole, receiver(network, 2) as lossy:
        for address, sink in (("10.77.0.11", whole), ("10.77.0.12", lossy)):  # ARP is not what this is about
            source.sendto(b"hello", (address, 5000))
            assert sink.recv(10) == b"hello"
        network.lossy(2, 20, thin=True)
        source.setsockopt(socket.IPPROTO_UDP, 103, 1000)  # UDP_SEGMENT
        for address in ("10.77.0.11", "10.77.0.12"):
            for _ in range(10):
                source.sendto(bytes(40_000), (address, 5000))
                time.sleep(0.01)
        complete, some = len(list(drained(whole))), len(list(drained(lossy)))
    assert complete == 400
    assert 250 < some < 390
    assert losses(network.laptop(2)) >= 400 - some  # ARP counts too


def test_a_laptop_that_is_off_has_no_link(network: LabNetwork) -> None:
    def state() -> str:
        return inside(network.switch, ["cat", "/sys/class/net/port1/operstate"]).decode().strip()

    assert state() == "up"
    network.link(1, up=False)
    assert state() == "lowerlayerdown" or state() == "down"


def test_one_that_could_not_be_finished_leaves_nothing_either() -> None:
    network = LabNetwork(f"cl{secrets.token_hex(2)}", 1)
    try:
        network.build()
        with pytest.raises(ClonedError):
            network.plug_thin(1, "not a mac")
    finally:
        network.close()
    assert traces(network.run) == []
