"""Debian's snmpd answers for the bridge, BRIDGE-MIB included, with what is true at that moment."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloned import processes
from cloned.lab import kernel, switchbox
from cloned.lab.network import BRIDGE, NIC, SWITCH, LabNetwork, inside, ip, laptop_mac
from tests.waiting import block_until

pytestmark = [pytest.mark.wire, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]


@pytest.fixture
def network(tmp_path: Path) -> Iterator[LabNetwork]:
    """One laptop and the server, 1 Gbit/s, snmpd listening."""
    made = LabNetwork(f"cl{secrets.token_hex(2)}", 1, 10**9)
    child: subprocess.Popen[bytes] | None = None
    try:
        made.build()
        made.plug_thin(1, laptop_mac(made.run, 1))
        made.plug_server()
        config = tmp_path / "snmpd.conf"
        speeds = {index(made, "port1"): 10**9}
        config.write_text(switchbox.configuration(str(SWITCH.ip), BRIDGE, speeds, sys.executable))
        command = ["ip", "netns", "exec", made.switch, "snmpd", "-f", "-C", "-c", config, "-Lf", tmp_path / "log"]
        child = processes.spawn(command, env={**os.environ, "MIBS": "", "SNMP_PERSISTENT_DIR": str(tmp_path / "snmp")})
        block_until(lambda: walk(made, switchbox.BASE_PORT_IFINDEX), "an answer of snmpd")
        yield made
    finally:
        if child is not None:
            child.kill()
            child.wait()
        made.close()


def index(network: LabNetwork, port: str) -> int:
    return int(inside(network.switch, ["cat", f"/sys/class/net/{port}/ifindex"]))


def walk(network: LabNetwork, oid: tuple[int, ...]) -> dict[tuple[int, ...], str]:
    """Last parts of the names to values, asked from the server's side by net-snmp's own client."""
    root = "." + ".".join(map(str, oid))
    asked = ["-v2c", "-c", switchbox.COMMUNITY, "-t", "1", "-r", "0", "-On", "-Oq", str(SWITCH.ip), root]
    command = ["snmpbulkwalk", *asked]
    done = processes.run(["ip", "netns", "exec", network.server, *command], check=False)
    rows = {}
    for line in done.stdout.decode().splitlines():
        name, _, value = line.partition(" ")
        if name.startswith(f"{root}."):
            rows[tuple(int(part) for part in name[len(root) + 1 :].split("."))] = value.strip('" ')
    return rows


def test_ports_and_neighbours_are_those_of_the_kernel(network: LabNetwork) -> None:
    network.link(1, up=True)
    ip(network.laptop(1), f"addr add 10.77.0.9/22 brd + dev {NIC}")
    with kernel.in_namespace(network.path(network.laptop(1)), lambda: socket.socket(type=socket.SOCK_DGRAM)) as channel:
        channel.sendto(b"here I am", ("10.77.0.1", 9))
    ports = walk(network, switchbox.BASE_PORT_IFINDEX)
    assert ports == {(1,): str(index(network, "port1")), (2,): str(index(network, "port2"))}
    mac = tuple(bytes.fromhex(laptop_mac(network.run, 1).replace(":", "")))
    # A bridge forwards, and learns, only once it has seen the carrier; ARP asks every second.
    block_until(lambda: mac in walk(network, switchbox.FDB_PORT), "the laptop's address in the table")
    assert walk(network, switchbox.FDB_PORT)[mac] == "1"
    assert walk(network, switchbox.FDB_STATUS)[mac] == str(switchbox.LEARNED)


def test_the_speed_is_what_the_cable_was_throttled_to(network: LabNetwork) -> None:
    assert walk(network, switchbox.IF_HIGH_SPEED)[(index(network, "port1"),)] == "1000"


def test_a_link_that_comes_is_seen(network: LabNetwork) -> None:
    oper = (1, 3, 6, 1, 2, 1, 2, 2, 1, 8)
    port = (index(network, "port1"),)
    assert walk(network, oper)[port] == "2"
    network.link(1, up=True)
    block_until(lambda: walk(network, oper)[port] == "1", "the link")
