"""A bare switch with a server and laptops on it, for benches: namespaces, a bridge, tbf for the speed of links."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Interface

from cloned.lab import wiring
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
        for space in self.spaces():
            wiring.create(space, quiet=False)
        wiring.work(f"{self.name}b", _bridge)
        self._cable(self.server, "s0", "p0", SERVER, self.rate)
        for number in range(self.laptops):
            rate = self.slow_ports.get(number, self.rate)
            self._cable(self.laptop(number), "l0", f"p{number + 1}", f"10.99.1.{number + 1}", rate)

    def _cable(self, space: str, here: str, there: str, address: str, rate: str) -> None:
        """A link at a rate, between a namespace and the switch."""
        switch = f"{self.name}b"

        def plug(route: wiring.Route) -> None:
            route.link("set", index=wiring.index(route, there), master=wiring.index(route, "br0"), state="up")
            _shape(route, there, rate)

        def settle(route: wiring.Route) -> None:
            wiring.give(route, here, IPv4Interface(f"{address}/16"))
            route.route("add", dst=wiring.MULTICAST, oif=wiring.index(route, here))
            _shape(route, here, rate)

        wiring.pair((switch, there), (space, here))
        if not self.offload:
            off = [word for name in ("gso", "tso", "gro", "tx-udp-segmentation") for word in (name, "off")]
            for where, card in ((space, here), (switch, there)):
                run(["ip", "netns", "exec", where, "ethtool", "-K", card, *off])
        wiring.work(switch, plug)
        wiring.work(space, settle)

    def lose(self, number: int, port: int, per_thousand: int) -> None:
        """Have a laptop lose so many of a thousand packets to a UDP port, each by itself."""
        rule = f"udp dport {port} numgen random mod 1000 < {per_thousand} drop"
        rules = f"table ip l {{ chain i {{ type filter hook input priority 0; {rule}; }}; }}"
        run(["ip", "netns", "exec", self.laptop(number), "nft", "-f", "-"], stdin=rules.encode())


def _bridge(route: wiring.Route) -> None:
    """One that snoops, queries and forwards at once."""
    snoops = {"br_mcast_snooping": 1, "br_mcast_querier": 1, "br_mcast_igmp_version": 3}
    route.link("add", ifname="br0", kind="bridge", br_forward_delay=0, **snoops)
    route.link("set", index=wiring.index(route, "br0"), state="up")


def _shape(route: wiring.Route, name: str, rate: str) -> None:
    """A token bucket that holds more than the lab's: what is measured here is the sender, not the switch."""
    route.tc("add", "tbf", wiring.index(route, name), handle="1:0", rate=rate, burst=256 * 1024, latency="50ms")


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
            wiring.remove(space)
