"""A bare switch with a server and laptops on it, for benches: namespaces, a bridge, tbf for the speed of links."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cloned.processes import run

SERVER = "10.99.0.1"


@dataclass
class Net:
    """A switch that snoops and queries, a server and laptops, each in a namespace of its own."""

    name: str
    laptops: int
    rate: str = "1gbit"
    offload: bool = True
    slow_ports: Mapping[int, str] = field(default_factory=dict)
    """Laptops whose link has another rate."""

    @property
    def server(self) -> str:
        """The server's namespace."""
        return f"{self.name}s"

    def laptop(self, number: int) -> str:
        """The namespace of laptop 0 …"""
        return f"{self.name}l{number}"

    def spaces(self) -> list[str]:
        """All namespaces."""
        return [f"{self.name}b", self.server, *(self.laptop(number) for number in range(self.laptops))]

    def build(self) -> None:
        """Make all of it."""
        switch = f"{self.name}b"
        for space in self.spaces():
            run(["ip", "netns", "add", space])
        kind = [
            "type",
            "bridge",
            "mcast_snooping",
            "1",
            "mcast_querier",
            "1",
            "mcast_igmp_version",
            "3",
            "forward_delay",
            "0",
        ]
        inside(switch, "ip", "link", "add", "br0", *kind)
        inside(switch, "ip", "link", "set", "br0", "up")
        self._cable(self.server, "s0", "p0", SERVER, self.rate)
        for number in range(self.laptops):
            rate = self.slow_ports.get(number, self.rate)
            self._cable(self.laptop(number), "l0", f"p{number + 1}", f"10.99.1.{number + 1}", rate)

    def _cable(self, space: str, here: str, there: str, address: str, rate: str) -> None:
        """A link at a rate, between a namespace and the switch."""
        switch = f"{self.name}b"
        run(["ip", "link", "add", here, "netns", space, "type", "veth", "peer", "name", there, "netns", switch])
        inside(space, "ip", "addr", "add", f"{address}/16", "brd", "+", "dev", here)
        inside(switch, "ip", "link", "set", there, "master", "br0")
        for where, card in ((space, here), (switch, there)):
            if not self.offload:
                off = [word for name in ("gso", "tso", "gro", "tx-udp-segmentation") for word in (name, "off")]
                inside(where, "ethtool", "-K", card, *off)
            inside(where, "ip", "link", "set", card, "up")
            shape = ["tbf", "rate", rate, "burst", "256k", "latency", "50ms"]
            inside(where, "tc", "qdisc", "add", "dev", card, "root", *shape)
        inside(space, "ip", "link", "set", "lo", "up")
        inside(space, "ip", "route", "add", "224.0.0.0/4", "dev", here)

    def lose(self, number: int, port: int, per_thousand: int) -> None:
        """Have a laptop lose so many of a thousand packets to a UDP port, each by itself."""
        rule = f"udp dport {port} numgen random mod 1000 < {per_thousand} drop"
        rules = f"table ip l {{ chain i {{ type filter hook input priority 0; {rule}; }}; }}"
        run(["ip", "netns", "exec", self.laptop(number), "nft", "-f", "-"], stdin=rules.encode())


def inside(space: str, *command: str) -> None:
    """Run a command in a namespace."""
    run(["ip", "netns", "exec", space, *command])


@contextlib.contextmanager
def network(
    laptops: int, rate: str = "1gbit", *, offload: bool = True, slow_ports: Mapping[int, str] | None = None
) -> Iterator[Net]:
    """A network that is gone afterwards."""
    net = Net(f"cl{secrets.token_hex(2)}", laptops, rate, offload, slow_ports or {})
    try:
        net.build()
        yield net
    finally:
        for space in net.spaces():
            run(["ip", "netns", "delete", space], check=False)
