"""Other servers on the wire: who answers DHCP or offers boot files besides us. Pure.

What is heard comes from probes of our own (listener.py sends a DISCOVER again and again), from whatever servers
broadcast to laptops, and from laptops: their REQUEST names the server whose offer they took.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

from cloned.netboot.firmware import BootPath, classify
from cloned.netboot.packet import BROADCAST_FLAG, ZERO, MessageType, Option, Packet
from cloned.saying import Phrase

FORGET_SECONDS = 90
"""A server not heard for so long is gone; probes go out at least every 30 s."""
PROVEN_SECONDS = 12 * 3600
"""How long a server that leases counts as proof that there is one. One that answers known MACs only is heard of when a
laptop takes its offer, and not again before the next laptop does."""
_MOST = 32
"""Servers kept in mind: a forger of offers can't fill the memory."""


@dataclass
class ForeignServer:
    """A server that is not us."""

    address: IPv4Address
    mac: str
    last: float
    leases: bool = False
    """It gives out addresses."""
    boots: str = ""
    """The boot file it names, or `PXE` where it only says that it has some."""
    fills_file: bool = False
    """It fills the BOOTP field `file` while leasing, which shim under proxyDHCP takes for ours."""
    network: IPv4Network | None = None
    """Where it gives addresses."""

    def __str__(self) -> str:
        return f"{self.address} ({self.mac})"


@dataclass
class ServerState:
    """What the page says of an interface."""

    exhausted: bool = False
    conflicts: dict[str, tuple[str, float]] = field(default_factory=dict)
    """Address of ours → MAC that uses it unasked, and when that was noticed."""
    probe_failed: str = ""


class ServerWatch:
    """The other servers of one interface."""

    def __init__(self, own: IPv4Address) -> None:
        self._own = own
        self._servers: dict[IPv4Address, ForeignServer] = {}
        self._proven = float("-inf")

    def proven(self, now: float) -> bool:
        """Whether a server that gives out addresses was seen in the last hours, though it may be silent to us."""
        return self._proven <= now < self._proven + PROVEN_SECONDS

    def heard(self, packet: Packet, source: IPv4Address, mac: str, now: float) -> ForeignServer | None:
        """Take note of what a server sent; returns it if it is not us."""
        if packet.op != 2 or packet.kind not in (MessageType.OFFER, MessageType.ACK, MessageType.NAK):
            return None
        address = packet.address(Option.SERVER) or source
        if self._own in (address, source) or address == ZERO:
            return None
        server = self._servers.get(address)
        if server is None:
            if len(self._servers) >= _MOST:
                return None
            server = self._servers[address] = ForeignServer(address, mac, now)
        server.last, server.mac = now, mac
        self._learn(server, packet)
        if server.leases:
            self._proven = now
        return server

    def took(self, address: IPv4Address, now: float) -> None:
        """A laptop's REQUEST names this server: it exists, even if its offer passed us by."""
        if address != self._own and (address in self._servers or len(self._servers) < _MOST):
            server = self._servers.setdefault(address, ForeignServer(address, Phrase("MAC not seen"), now))
            server.last, server.leases = now, True
            self._proven = now

    def leasing(self, now: float) -> list[ForeignServer]:
        """Those that give out addresses."""
        return [server for server in self._alive(now) if server.leases]

    def booting(self, now: float) -> list[ForeignServer]:
        """Those that offer boot files."""
        return [server for server in self._alive(now) if server.boots]

    def _alive(self, now: float) -> list[ForeignServer]:
        for address in [one for one, server in self._servers.items() if server.last + FORGET_SECONDS < now]:
            del self._servers[address]
        return list(self._servers.values())

    @staticmethod
    def _learn(server: ForeignServer, packet: Packet) -> None:
        if packet.yiaddr != ZERO or packet.kind is MessageType.NAK:
            server.leases = True
            server.fills_file = bool(packet.file)
            mask = packet.address(Option.MASK)
            if mask is not None and packet.yiaddr != ZERO:
                server.network = _network(packet.yiaddr, mask)
        name = packet.text(Option.BOOT_FILE) or packet.file.decode("ascii", "replace")
        if name or classify(packet).way is not BootPath.NONE:
            server.boots = name or "PXE"


def probe(mac: str, xid: int, arch: int) -> Packet:
    """A DISCOVER that makes DHCP servers and PXE servers for `arch` show themselves. It is never followed up."""
    options: dict[int, bytes] = {
        Option.TYPE: bytes((MessageType.DISCOVER,)),
        Option.PARAMETERS: bytes((Option.MASK, Option.ROUTER, Option.CLASS, Option.TFTP_SERVER, Option.BOOT_FILE)),
        Option.CLASS: f"PXEClient:Arch:{arch:05d}:UNDI:003000".encode(),
        Option.ARCHITECTURE: struct.pack("!H", arch),
        94: bytes((1, 3, 0)),
        Option.MACHINE_ID: bytes(17),
    }
    return Packet(1, xid, mac, flags=BROADCAST_FLAG, options=options)


def in_its_place(packet: Packet, xid: int) -> Packet:
    """A laptop's own DISCOVER as a probe: a server that answers known MACs only answers this one, for all to hear."""
    return Packet(1, xid, packet.mac, packet.secs, packet.flags | BROADCAST_FLAG, options=packet.options)


def _network(address: IPv4Address, mask: IPv4Address) -> IPv4Network | None:
    try:
        return IPv4Network(f"{address}/{mask}", strict=False)
    except ValueError:
        return None
