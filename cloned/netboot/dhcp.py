"""What to answer a DHCP request: pure decisions, no sockets (those are in listener.py).

Two ways (what firmware accepts was measured on OVMF, SeaBIOS with iPXE, and iPXE itself):

- **leasing** (RFC 2131): siaddr, the BOOTP `file` field and option 67, options 54, 51, 1. No option 60 for
  `PXEClient`, else OVMF goes on to port 4011; `HTTPClient` must get its own back.
- **proxyDHCP** (PXE 2.1 §2.2): an OFFER without address to a DISCOVER that names a boot client: siaddr is us,
  `file`, options 53, 54, 60, 67, 97 echoed, 43 = "use the file you were given" so that nobody has to ask port
  4011. Those who ask there all the same get their ACK.

A request that came through a relay is not answered: our pools belong to the wire we are on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network

from cloned.netboot.firmware import BootClient, BootPath, boot_file, classify
from cloned.netboot.leases import Pool
from cloned.netboot.packet import BROADCAST_FLAG, ZERO, MessageType, Option, Packet, address_in, address_of, is_host
from cloned.saying import Phrase

SERVER_PORT, CLIENT_PORT, PXE_PORT = 67, 68, 4011
EVERYBODY = address_of(b"\xff\xff\xff\xff")
_USE_FILE = bytes((6, 1, 8, 255))
"""PXE_DISCOVERY_CONTROL = 8 (PXE 2.1 table 2-1, bit 3): no discovery, start the file of this offer."""
_NO_PROXY_WAIT = bytes((0xB0, 1, 1))
"""iPXE's option 175.176: don't wait for proxyDHCP offers, there is nobody else."""


_NAMES = {kind: kind.name for kind in MessageType}


class Mode(StrEnum):
    """What we do on an interface."""

    AUTO = "auto"
    """proxyDHCP as soon as another DHCP server was seen."""
    PROXY = "proxy"
    LEASE = "lease"
    OFF = "off"


@dataclass(frozen=True)
class Segment:
    """One interface as answers need it."""

    interface: str
    address: IPv4Address
    network: IPv4Network
    boot_port: int
    router: IPv4Address | None = None
    dns: tuple[IPv4Address, ...] = ()

    def url(self, name: str) -> str:
        """Where a client finds `name` by HTTP."""
        return f"http://{self.address}:{self.boot_port}/{name}"


@dataclass(slots=True)
class Decision:
    """What to do with a request. No `reply`: stay silent. Nobody changes one (see `Packet`)."""

    client: BootClient
    reply: Packet | None = None
    to: IPv4Address = EVERYBODY
    got: str = ""
    """For the history: what it gets."""
    why: str = ""
    """For the history, in words: why it gets nothing, or not what it wanted."""
    address: str = ""
    """The address put aside for it or given to it."""
    no_address: bool = False
    """It wanted an address and none was ready: check some and ask again, or say that the pool is exhausted."""
    other_server: IPv4Address | None = None
    """It took this server's offer."""

    @property
    def outcome(self) -> str:
        """One word, for the counters."""
        if self.other_server is not None:
            return "elsewhere"
        if self.reply is None:
            return "no-address" if self.no_address else "taken" if self.got else "silent"
        if self.reply.kind is MessageType.OFFER:
            return "offered" if self.reply.yiaddr is not ZERO else "proxied"
        return "refused" if self.reply.kind is MessageType.NAK else "acknowledged"


def asked(packet: Packet, client: BootClient) -> str:
    """A request in words, for the history."""
    kind = packet.kind.name if packet.kind else "BOOTP"
    return Phrase("DHCP {kind} from {client}", kind=kind, client=client)


@dataclass
class Answers:
    """Decides for one interface. `leasing` and `proxy` change as other servers come and go (watch.py)."""

    place: Segment
    pool: Pool | None = None
    choose: Callable[[str], str] = lambda mac: "auto"
    """MAC → the `uefi` setting of its model."""
    leasing: bool = False
    proxy: bool = False
    why_silent: str = ""
    """In words, while neither is on."""

    def answer(self, packet: Packet, now: float, port: int = SERVER_PORT, source: IPv4Address = ZERO) -> Decision:
        """Decide on one request that came to `port` from `source`."""
        client = classify(packet)
        if packet.op != 1 or packet.giaddr is not ZERO or packet.kind is None:
            why = (
                Phrase("it came through a relay; our addresses belong to this wire")
                if packet.giaddr is not ZERO
                else Phrase("no DHCP request")
            )
            return Decision(client, why=why)
        if port == PXE_PORT:
            return self._boot_server(packet, client, source)
        server = packet.address(Option.SERVER)
        if packet.kind is MessageType.REQUEST and server is not None and server != self.place.address:
            return self._elsewhere(packet, client, server)
        if self.pool is not None and packet.kind in (MessageType.RELEASE, MessageType.DECLINE):
            return self._given_back(packet, client, self.pool, now)
        if self.pool is not None and (self.leasing or self._renews(packet, now)):
            return self._lease(packet, client, self.pool, now)
        if self.proxy:
            return self._proxy(packet, client)
        return Decision(client, why=self.why_silent or Phrase("no DHCP here"))

    def _elsewhere(self, packet: Packet, client: BootClient, server: IPv4Address) -> Decision:
        """It takes another server's offer (RFC 2131 §4.3.2).

        That is the one proof there is of a server that answers known MACs only, and sends its offers to them alone.
        """
        if self.pool is not None:
            self.pool.withdraw(packet.mac)
        why = Phrase("it took the offer of {server}", server=server)
        return Decision(client, why=why, other_server=server if is_host(server) else None)

    def _renews(self, packet: Packet, now: float) -> bool:
        """Whether it only prolongs what it has: that goes on when leasing is stopped, nothing new is given."""
        lease = self.pool.lease_of(packet.mac) if self.pool else None
        return (
            packet.kind is MessageType.REQUEST
            and lease is not None
            and lease.bound
            and lease.until > now
            and packet.ciaddr is not ZERO
            and str(packet.ciaddr) == lease.address
        )

    def _proxy(self, packet: Packet, client: BootClient) -> Decision:
        if packet.kind is not MessageType.DISCOVER or client.way is BootPath.NONE:
            return Decision(client)
        if client.refusal:
            return Decision(client, why=client.refusal)
        reply = self._reply(packet, MessageType.OFFER, self._boot_options(packet, client, proxy=True))
        return Decision(client, self._with_file(reply, client), got=f"proxyDHCP: {self._file(packet, client)}")

    def _boot_server(self, packet: Packet, client: BootClient, source: IPv4Address) -> Decision:
        """Port 4011 (PXE 2.1 §2.2.5): asked by firmware that passes over option 43."""
        if not (self.leasing or self.proxy) or packet.kind not in (
            MessageType.REQUEST,
            MessageType.INFORM,
            MessageType.DISCOVER,
        ):
            return Decision(client, why=self.why_silent)
        if not client.boots:
            return Decision(client, why=client.refusal or Phrase("not a network boot"))
        reply = self._reply(packet, MessageType.ACK, self._boot_options(packet, client, proxy=True))
        to = packet.ciaddr if packet.ciaddr is not ZERO else source
        return Decision(client, self._with_file(reply, client), to, got=f"port 4011: {self._file(packet, client)}")

    def _given_back(self, packet: Packet, client: BootClient, pool: Pool, now: float) -> Decision:
        server = packet.address(Option.SERVER)
        if server is not None and server != self.place.address:
            return Decision(client)
        if packet.kind is MessageType.RELEASE:
            pool.release(packet.mac, packet.ciaddr, now)
            return Decision(client, got="released")
        address, lease = packet.address(Option.REQUESTED), pool.lease_of(packet.mac)
        if address is None or lease is None or lease.address != str(address):
            return Decision(client, why=Phrase("it declined an address that it did not have from us"))
        if pool.seen_using(packet.mac, now):
            why = Phrase("it declined {address}, which it was seen using: that is not believed", address=address)
            return Decision(client, why=why)
        if not pool.declined(packet.mac, str(address), now):
            return Decision(
                client,
                why=Phrase(
                    "it declined {address}, as it did several before: it is not believed any more", address=address
                ),
            )
        return Decision(
            client,
            why=Phrase(
                "it declined {address}: somebody else uses that address; it is left alone for an hour", address=address
            ),
        )

    def _lease(self, packet: Packet, client: BootClient, pool: Pool, now: float) -> Decision:
        if packet.kind is MessageType.DISCOVER:
            address = pool.offer(packet.mac, packet.address(Option.REQUESTED), now)
            if not address:
                return Decision(client, no_address=True, why=Phrase("no address is free"))
            return self._give(packet, client, MessageType.OFFER, address_in(address))
        if packet.kind is MessageType.REQUEST:
            return self._request(packet, client, pool, now)
        if packet.kind is MessageType.INFORM and packet.ciaddr in self.place.network:
            return self._give(packet, client, MessageType.ACK, ZERO, packet.ciaddr)
        return Decision(client)

    def _request(self, packet: Packet, client: BootClient, pool: Pool, now: float) -> Decision:
        """RFC 2131 §4.3.2: selecting (it names us), rebooting, renewing, rebinding."""
        wanted = packet.ciaddr if packet.ciaddr is not ZERO else packet.address(Option.REQUESTED)
        if wanted is None:
            return Decision(client, why=Phrase("it asks for no address"))
        if pool.bind(packet.mac, wanted, now):
            return self._give(packet, client, MessageType.ACK, wanted, packet.ciaddr)
        why = (
            Phrase("{wanted} is not free", wanted=wanted)
            if pool.covers(wanted)
            else Phrase("{wanted} is not ours to give", wanted=wanted)
        )
        reply = self._reply(
            packet, MessageType.NAK, {Option.MESSAGE: why.encode()}, flags=packet.flags | BROADCAST_FLAG
        )
        return Decision(client, reply, got="NAK", why=why)

    def _give(
        self, packet: Packet, client: BootClient, kind: MessageType, address: IPv4Address, to: IPv4Address = ZERO
    ) -> Decision:
        """OFFER or ACK, with the boot file if there is one."""
        options = self._without_time if address is ZERO else self._with_time
        text = "" if address is ZERO else str(address)
        got = f"{_NAMES[kind]} {text}" if text else _NAMES[kind]
        if client.boots:
            options = options | self._boot_options(packet, client, proxy=False)
            got += f", {self._file(packet, client)}"
        reply = self._reply(packet, kind, options, yiaddr=address)
        if client.boots:
            reply = self._with_file(reply, client)
        where = EVERYBODY if to is ZERO else to
        return Decision(client, reply, where, got, client.refusal, text)

    @cached_property
    def _own(self) -> bytes:
        return self.place.address.packed

    @cached_property
    def _with_time(self) -> dict[int, bytes]:
        return self._lease_options(infinite=False)

    @cached_property
    def _without_time(self) -> dict[int, bytes]:
        return self._lease_options(infinite=True)

    def _lease_options(self, *, infinite: bool) -> dict[int, bytes]:
        options: dict[int, bytes] = {Option.MASK: self.place.network.netmask.packed}
        if not infinite and self.pool is not None:  # an INFORM gets no lease time (RFC 2131 §4.3.5)
            seconds = self.pool.seconds
            options[Option.LEASE] = seconds.to_bytes(4, "big")
            options[Option.RENEW] = (seconds // 2).to_bytes(4, "big")
            options[Option.REBIND] = (seconds * 7 // 8).to_bytes(4, "big")
        if self.place.router is not None:
            options[Option.ROUTER] = self.place.router.packed
        if self.place.dns:
            options[Option.DNS] = b"".join(server.packed for server in self.place.dns)
        return options

    def _boot_options(self, packet: Packet, client: BootClient, *, proxy: bool) -> dict[int, bytes]:
        options: dict[int, bytes] = {}
        if client.way is BootPath.HTTP:
            options[Option.CLASS] = b"HTTPClient"
        elif proxy:
            options[Option.CLASS] = b"PXEClient"
            options[Option.VENDOR] = _USE_FILE
        # ended by NUL, though RFC 2132 §9.5 does not ask for it: some firmware reads on to the next one
        options[Option.BOOT_FILE] = self._file(packet, client).encode() + b"\0"
        if client.way is BootPath.IPXE and not proxy:
            options[Option.IPXE] = _NO_PROXY_WAIT
        return options

    def _file(self, packet: Packet, client: BootClient) -> str:
        if client.way is BootPath.IPXE:
            return self.place.url("boot.ipxe")
        name = boot_file(client, self.choose(packet.mac))
        return self.place.url(name) if client.way is BootPath.HTTP else name

    def _reply(
        self,
        packet: Packet,
        kind: MessageType,
        options: dict[int, bytes],
        *,
        yiaddr: IPv4Address = ZERO,
        flags: int | None = None,
    ) -> Packet:
        """A reply with what every reply carries; options 61 (RFC 6842) and 97 go back as they came."""
        head: dict[int, bytes] = {Option.TYPE: bytes((kind,)), Option.SERVER: self._own}
        same = {code: packet.options[code] for code in (Option.MACHINE_ID, Option.CLIENT_ID) if code in packet.options}
        ciaddr = packet.ciaddr if kind is MessageType.ACK else ZERO
        return Packet(
            op=2,
            xid=packet.xid,
            mac=packet.mac,
            secs=0,
            flags=packet.flags if flags is None else flags,
            ciaddr=ciaddr,
            yiaddr=yiaddr,
            options=head | options | same,
        )

    def _with_file(self, reply: Packet, client: BootClient) -> Packet:
        """The BOOTP fields too: shim takes the server and its own directory from them, not from the options."""
        file = reply.options[Option.BOOT_FILE].rstrip(b"\0")
        return Packet(
            op=reply.op,
            xid=reply.xid,
            mac=reply.mac,
            secs=reply.secs,
            flags=reply.flags,
            ciaddr=reply.ciaddr,
            yiaddr=reply.yiaddr,
            siaddr=self.place.address,
            file=file if len(file) < 128 else b"",
            options=reply.options,
        )
