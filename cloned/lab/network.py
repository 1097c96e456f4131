"""The lab's cables and switch: network namespaces, a Linux bridge with snooping, one port each.

A run has an id; its namespaces are `ID-server`, `ID-switch` and `ID-N` for thin laptop N. The
switch is a bridge in a namespace of its own. Its sockets are interfaces called port1 … portN,
in the order of the laptops; the server sits on the one after the last laptop. All are created
inside their namespaces: not one interface of the machine itself is ever seen or touched.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import IPv4Interface, IPv4Network
from pathlib import Path

from cloned import processes
from cloned.errors import ClonedError, UsageError
from cloned.lab import wiring
from cloned.lab.wiring import NETNS

NETWORK = IPv4Network("10.77.0.0/22")
SERVER = IPv4Interface("10.77.0.1/22")
SWITCH = IPv4Interface("10.77.0.2/22")
BRIDGE = "br0"
NIC = "eth0"
"""What every laptop's and the server's own card is called inside its namespace."""

_UNITS = {"kbit": 10**3, "mbit": 10**6, "gbit": 10**9}


def parse_rate(text: str) -> int:
    """Bits a second from `1gbit`, `100mbit`, `512kbit`; UsageError on anything else."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(kbit|mbit|gbit)", text.strip().lower())
    bits = int(float(match[1]) * _UNITS[match[2]]) if match else 0
    if bits < 1_000_000:
        raise UsageError(f"--rate {text} is not a rate of at least 1mbit", "write it like 1gbit or 100mbit")
    return bits


@dataclass
class LabNetwork:
    """One lab's network: `build()` it, plug in laptops, then the server; `close()` removes every trace."""

    run: str
    laptops: int
    rate: int | None = None
    """Bits a second of every port, both ways; None: as fast as the machine."""
    _made: list[str] = field(default_factory=list)

    @property
    def server(self) -> str:
        """Name of the server's namespace."""
        return f"{self.run}-server"

    @property
    def switch(self) -> str:
        """Name of the switch's namespace."""
        return f"{self.run}-switch"

    def laptop(self, number: int) -> str:
        """Name of the namespace of thin laptop `number`."""
        return f"{self.run}-{number}"

    def hostile(self, role: str) -> str:
        """Name of the namespace of a hostile actor."""
        return f"{self.run}-hostile-{role}"

    @staticmethod
    def path(namespace: str) -> Path:
        """Where a namespace is bound."""
        return NETNS / namespace

    @staticmethod
    def port(number: int) -> str:
        """Name of socket `number` of the switch."""
        return f"port{number}"

    @property
    def server_port(self) -> int:
        """The server's own socket: the one after the last laptop's."""
        return self.laptops + 1

    def build(self) -> None:
        """Make the switch and a server that is not plugged in yet."""
        for namespace in (self.switch, self.server):
            self._namespace(namespace)
        wiring.work(self.switch, lambda route: wiring.bridge(route, BRIDGE, SWITCH))

    def plug_server(self) -> None:
        """Plug in the server, in the socket after the laptops'."""
        self._cable(self.server, self.server_port, _mac(self.run, 0xFFFE))

        def address(route: wiring.Route) -> None:
            wiring.give(route, NIC, SERVER)
            route.route("add", dst=wiring.MULTICAST, oif=wiring.index(route, NIC), scope="link")

        wiring.work(self.server, address)

    def plug_thin(self, number: int, mac: str) -> None:
        """Give thin laptop `number` a namespace and a cable; its card is down until it is powered on."""
        self._namespace(self.laptop(number))
        self._cable(self.laptop(number), number, mac)

    def plug_hostile(self, role: str, number: int) -> str:
        """Give a hostile actor a namespace and a cable, behind the server's socket; returns its MAC."""
        self._namespace(self.hostile(role))
        mac = _mac(self.run, 0xFF00 + number)
        self._cable(self.hostile(role), self.server_port + 1 + number, mac)
        ip(self.hostile(role), f"link set {NIC} up")
        return mac

    def address_hostile(self, role: str, address: str) -> None:
        """Give it an address that it did not ask for."""
        ip(self.hostile(role), f"addr add {address} brd + dev {NIC}", f"route add 224.0.0.0/4 dev {NIC}")

    def plug_vm(self, number: int) -> str:
        """Make the tap that virtual laptop `number` attaches to; its name, in the switch's namespace."""
        port = self.port(number)
        ip(self.switch, f"tuntap add {port} mode tap", f"link set {port} master {BRIDGE} up")
        wiring.work(self.switch, lambda route: wiring.shape(route, port, self.rate))
        return port

    def lossy(self, number: int, percent: float, *, thin: bool) -> None:
        """Drop `percent` of the packets towards a laptop, at random, each packet for itself.

        Segments that were put together for speed would be lost 44 at a time, so they are taken
        apart before: at the laptop's port for a thin one, at the server's card for a virtual one.
        """
        if thin:
            _segment(self.switch, self.port(number))
            _nft_drop(self.laptop(number), f"ingress device {NIC}", percent)
        else:
            _segment(self.server, NIC)
            _nft_drop(self.switch, f"egress device {self.port(number)}", percent)

    def link(self, number: int, *, up: bool) -> None:
        """Set a thin laptop's card up or down: the switch sees the link come and go."""
        state = "up" if up else "down"
        wiring.work(self.laptop(number), lambda route: route.link("set", index=wiring.index(route, NIC), state=state))

    def close(self) -> None:
        """Remove every namespace, and with them all that is in them."""
        while self._made:
            wiring.remove(self._made.pop())

    def _namespace(self, name: str) -> None:
        wiring.create(name, quiet=name != self.server)
        self._made.append(name)

    def _cable(self, namespace: str, number: int, mac: str) -> None:
        """A veth pair from `namespace` to socket `number` of the switch."""
        wiring.cable(self.switch, BRIDGE, self.port(number), (namespace, NIC, mac), self.rate)


def ip(namespace: str, *commands: str) -> None:
    """Run ip(8) commands inside a namespace, in order; ClonedError with ip's own words if one fails."""
    processes.run(["ip", "-n", namespace, "-batch", "-"], stdin="\n".join(commands).encode() + b"\n")


def inside(namespace: str, command: list[str], stdin: bytes = b"") -> bytes:
    """Run a program inside a namespace and return what it printed."""
    return processes.run(["ip", "netns", "exec", namespace, *command], stdin=stdin).stdout


def _mac(run: str, number: int) -> str:
    """A locally administered MAC: the run's id and the laptop's number."""
    seed = int(run[2:], 16) & 0xFFFF
    return "52:54:" + ":".join(f"{byte:02x}" for byte in (*seed.to_bytes(2, "big"), *number.to_bytes(2, "big")))


def laptop_mac(run: str, number: int) -> str:
    """The MAC of laptop `number` of a run: 52:54, two bytes of the run's id, the number."""
    return _mac(run, number)


def _segment(namespace: str, device: str) -> None:
    """Make the kernel cut offloaded packets to size before they leave `device`."""
    features = ["tx-udp-segmentation", "off", "tso", "off", "gso", "off"]
    inside(namespace, ["ethtool", "-K", device, *features])


def _nft_drop(namespace: str, hook: str, percent: float) -> None:
    per_million = round(percent * 10_000)
    rules = (
        "table netdev lab {\n chain loss {\n"
        f"  type filter hook {hook} priority 0;\n"
        f"  numgen random mod 1000000 < {per_million} counter drop;\n }}\n}}\n"
    )
    inside(namespace, ["nft", "-f", "-"], stdin=rules.encode())


def losses(namespace: str) -> int:
    """Packets that `lossy` has dropped in this namespace so far."""
    text = inside(namespace, ["nft", "list", "table", "netdev", "lab"]).decode()
    match = re.search(r"counter packets (\d+)", text)
    if match is None:
        raise ClonedError("the packet loss asked for is not in place", f"nft in {namespace} shows no counter")
    return int(match[1])
