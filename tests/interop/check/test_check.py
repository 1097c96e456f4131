"""`cloned check` in a namespace of its own: each look once well and once wrong, with real programs in the way."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cloned import processes
from cloned.check.firewall import FirstPacket, Passage
from tests.interop.check.wires import OTHER, RUN, SERVER, Wire, states

pytestmark = [pytest.mark.interop, pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")]


@contextmanager
def dnsmasq(space: str, folder: Path, *more: str) -> Iterator[None]:
    """A DHCP server in `space`, once it has said that it serves."""
    process = processes.spawn(
        ["ip", "netns", "exec", space, "dnsmasq", "--keep-in-foreground", "--log-facility=-", "--port=0", *(more or ("--no-ping",)),
         "--conf-file=/dev/null", "--interface=eth0", "--bind-interfaces", "--dhcp-range=10.98.0.50,10.98.0.60,1h",
         f"--dhcp-leasefile={folder / 'leases'}", "--user=root"],
        stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        while b"sockets bound" not in (line := process.stderr.readline()):
            assert line, "dnsmasq ended"
        yield
    finally:
        process.terminate()
        process.wait(10)
        process.stderr.close() if process.stderr else None


LEASE = '[[dhcp.lease]]\ninterface = "eth0"\nfirst = "10.98.0.100"\nlast = "10.98.0.200"\n'


def test_another_dhcp_server_is_seen_and_judged_by_what_we_would_do(wire: Wire) -> None:
    alone = wire.check()
    assert states(alone["dhcp"]) == ["warning"], alone["dhcp"]
    assert states(wire.check(LEASE)["dhcp"]) == ["ok"]
    with dnsmasq(wire.there, wire.folder):
        beside = wire.check()["dhcp"]
        assert states(beside) == ["ok"]
        assert OTHER in beside[0]["said"]
        against = wire.check(LEASE)["dhcp"]
        assert states(against) == ["wrong"]
        assert "[[dhcp.lease]]" in against[0]["next"]


def test_a_dhcp_server_that_first_pings_the_address_it_offers(wire: Wire) -> None:
    """As dnsmasq does by itself, for three seconds: it was taken for nobody, and a second server advised."""
    with dnsmasq(wire.there, wire.folder, "--log-dhcp"):
        beside = wire.check()["dhcp"]
    assert states(beside) == ["ok"], beside


def test_a_packet_filter_that_drops_laptops_is_named_with_what_lets_them_in(wire: Wire) -> None:
    assert states(wire.check()["firewall"]) == ["ok"]
    wire.nft(
        "table inet filter { chain input { type filter hook input priority 0; policy drop; ct state established accept; tcp dport { 8080, 8069 } accept; } }"
    )
    closed = wire.check()["firewall"]
    dropped = {each["said"].partition("drops ")[2].partition(" (")[0] for each in closed}
    assert dropped == {"DHCP", "TFTP", "proxyDHCP", "IGMP", "laptops asking for an image"}, closed
    assert all("nft insert rule" in each["next"] for each in closed)


def test_a_port_that_is_taken_and_a_cable_that_is_out(wire: Wire) -> None:
    assert states(wire.check()["ports"]) == ["ok"]
    holder = processes.spawn(
        ["ip", "netns", "exec", wire.here, sys.executable, "-c",
         "import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.bind(('', 69)); print(flush=True); input()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert holder.stdout is not None
        assert holder.stdin is not None
        holder.stdout.readline()
        wire.ip("-n", wire.there, "link", "set", "eth0", "down")
        found = wire.check(status=3)
        assert ["TFTP" in each["said"] for each in found["ports"]] == [True]
        assert "no link" in found["network"][1]["said"]
    finally:
        holder.communicate(b"\n", 10)


def test_what_is_not_there_yet_and_what_was_damaged(wire: Wire) -> None:
    found = wire.check(status=3)
    assert states(found["journal"]) == states(found["ledger"]) == ["skipped"]
    assert {states(found[name])[0] for name in ("live system", "boot files", "images")} == {"wrong"}
    (wire.folder / "state" / "journal.sqlite").write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 16)
    damaged = wire.check(status=3)["journal"][0]
    assert damaged["state"] == "wrong"
    assert "restore" in damaged["next"]


def test_a_configuration_that_cannot_be_read_is_exit_2(wire: Wire) -> None:
    config = wire.folder / "broken.toml"
    config.write_text("[page]\nport = 99999\n")
    done = subprocess.run(
        [sys.executable, "-c", RUN, "check", "--json", "--config", config],
        capture_output=True, timeout=60, check=False, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )  # fmt: skip
    assert done.returncode == 2


RULES = [
    "chain input { type filter hook input priority 0; policy drop; udp dport 6767 accept; }",
    "chain input { type filter hook input priority 0; policy drop; udp dport { 67-69, 6700-6800 } accept; }",
    "chain input { type filter hook input priority 0; policy drop; iifname \"lo\" accept; }",
    "chain input { type filter hook input priority 0; iifname != \"lo\" udp dport 6767 counter drop; }",
    "chain mine { udp dport 6767 return; drop; }\n chain input { type filter hook input priority 0; jump mine; }",
    "chain mine { tcp dport 6767 drop; }\n chain input { type filter hook input priority 0; policy drop; jump mine; ip daddr 10.98.0.0/24 accept; }",
    "chain input { type filter hook input priority 0; udp dport vmap { 6767 : drop, 69 : accept }; }",
    "chain mine { drop; }\n chain input { type filter hook input priority 0; policy drop; udp dport vmap { 69 : jump mine }; udp dport 6767 accept; }",
    "chain input { type filter hook input priority 0; policy drop; ct state vmap { established : accept, invalid : drop }; fib daddr type local accept; }",
    "chain input { type filter hook input priority 0; policy drop; ip saddr 10.98.0.0/16 accept; }",
    "chain input { type filter hook input priority 0; policy drop; meta l4proto . th dport { tcp . 6767, udp . 69 } accept; }",
    "chain input { type filter hook input priority 0; meta pkttype host drop; }",
    "chain early { type filter hook prerouting priority -200; udp dport 6767 drop; }\n chain input { type filter hook input priority 0; accept; }",
]  # fmt: skip


@pytest.mark.parametrize("rules", RULES)
def test_the_kernel_does_with_a_packet_what_we_read(rules: str, wire: Wire) -> None:
    read = wire.nft(f"table inet filter {{ {rules} }}").passage(
        FirstPacket("eth0", "udp", 6767, SERVER, "10.98.0.0/24")
    )
    assert read is not Passage.UNKNOWN
    listen = (
        "import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.bind(('', 6767)); s.settimeout(1.5); print(flush=True)\n"
        "try: s.recv(9); print('open')\nexcept TimeoutError: print('closed')"
    )
    ear = processes.spawn(["ip", "netns", "exec", wire.here, sys.executable, "-c", listen], stdout=subprocess.PIPE)
    assert ear.stdout is not None
    ear.stdout.readline()
    say = f"import socket; s = socket.socket(type=socket.SOCK_DGRAM); [s.sendto(b'x', ('{SERVER}', 6767)) for _ in range(3)]"
    processes.run(["ip", "netns", "exec", wire.there, sys.executable, "-c", say])
    said = ear.communicate(timeout=20)[0].decode().strip()
    assert said == read.value
