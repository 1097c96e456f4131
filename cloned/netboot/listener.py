"""DHCP on one interface: sockets around the decisions of dhcp.py, and the look-out for other servers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address

from cloned.buckets import Bucket
from cloned.errors import MissingError
from cloned.netboot.arp import ANSWER_SECONDS, ArpChecker
from cloned.netboot.counters import RequestCounter
from cloned.netboot.dhcp import CLIENT_PORT, PXE_PORT, SERVER_PORT, Answers, Decision, Mode, Segment, asked
from cloned.netboot.firmware import BootPath, is_ipxe
from cloned.netboot.frames import DHCP_SERVERS, ETH_IP, packet_socket, read_udp
from cloned.netboot.history import History
from cloned.netboot.inbox import DhcpDatagram, Inbox, begins
from cloned.netboot.leases import Pool
from cloned.netboot.packet import MAXIMUM_BYTES, ZERO, BadPacket, MessageType, Packet, decode, encode
from cloned.netboot.shedding import KernelLot
from cloned.netboot.solicit import NoRouter, StartingIpxe
from cloned.netboot.watch import ServerState, ServerWatch, in_its_place, probe
from cloned.saying import Phrase, spoken

log = logging.getLogger(__name__)

_LEASE_PROBE, _SEARCH_PROBE, _IDLE_PROBE = 1.5, 2.0, 20.0
_DRAIN = 256
_SLICE_SECONDS = 0.005
"""Seconds for which requests are answered before the loop is given back."""
_REVEALS = 16, 4
"""Probes in a laptop's name at once, and a second."""
_LATE_SECONDS, _MOST_UNANSWERED = 8, 256
"""How long after its DISCOVER a laptop is answered yet: firmware collects offers for about 4 s, and asks again."""
_RETRY_SECONDS = ANSWER_SECONDS + 0.1
_MOST_WAITING, _MOST_CONFLICTS = 256, 64


_WORDS: Mapping[MessageType | None, str] = {None: "bootp", **{kind: kind.name.lower() for kind in MessageType}}


class DhcpServer:
    """Listens on the DHCP ports of one interface until it is closed."""

    def __init__(
        self,
        place: Segment,
        mac: str,
        mode: Mode,
        history: History,
        *,
        pool: Pool | None = None,
        choose: Callable[[str], str] = lambda mac: "auto",
        counter: RequestCounter | None = None,
    ) -> None:
        self.place, self.mac, self.mode = place, mac, mode
        self.watch, self.state = ServerWatch(place.address), ServerState()
        self.answers = Answers(place, pool, choose)
        self._history, self._pool, self._counter = history, pool, counter or RequestCounter()
        self._ipxe = StartingIpxe()
        self._sockets: list[socket.socket] = []
        self._raw: socket.socket | None = None
        self._arp: ArpChecker | None = None
        self._router: NoRouter | None = None
        self._waiting: set[asyncio.TimerHandle] = set()
        self._inbox = Inbox(None if pool is None else pool.knows)
        self._lot: KernelLot | None = None
        self._answered: list[tuple[Packet, tuple[str, int], int]] = []
        """Replies that are not sent yet, to which address and port, and at which port of ours they were asked for."""
        self._working: asyncio.Handle | None = None
        self._unanswered: dict[str, tuple[float, Packet, DhcpDatagram]] = {}
        """DISCOVERs of laptops that would boot, if only a server gave them an address."""
        self._reveals = Bucket(*_REVEALS)

    @property
    def exhausted(self) -> bool:
        """Whether somebody went away empty-handed and there is still nothing to give."""
        return self.state.exhausted and self._pool is not None and self._pool.exhausted(time.time())

    @property
    def leases_problem(self) -> str:
        """Why leases cannot be saved, while they cannot."""
        return self._pool.problem if self._pool is not None else ""

    def start(self) -> None:
        """Open the sockets; MissingError if a port is in use or not allowed."""
        if self.mode is Mode.OFF:
            return
        try:
            self._lot = KernelLot(self._listen(SERVER_PORT), self.place.interface)
            self._listen(PXE_PORT)
            self._raw = packet_socket(self.place.interface, ETH_IP, DHCP_SERVERS)
            asyncio.get_running_loop().add_reader(self._raw, self._overheard)
            self._router = NoRouter(self.place.interface, self.mac, self._ipxe.starts)
            if self._pool is not None:
                self._arp = ArpChecker(self.place.interface, self.mac, self._pool, self._conflict)
        except OSError as error:
            self.close()
            raise MissingError(
                Phrase("listening on {interface}: {error}", interface=self.place.interface, error=error),
                "run it as root",
            ) from error
        except MissingError:
            self.close()
            raise
        self._judge(time.time())

    def close(self) -> None:
        """Close every socket; no task is left behind."""
        loop = asyncio.get_running_loop()
        for sock in [*self._sockets, *([self._raw] if self._raw else [])]:
            loop.remove_reader(sock)
            sock.close()
        self._sockets, self._raw = [], None
        for part in (self._arp, self._router, self._lot):
            if part is not None:
                part.close()
        self._arp = self._router = self._lot = None
        for timer in self._waiting:
            timer.cancel()
        self._waiting.clear()
        if self._working is not None:
            self._working.cancel()
            self._working = None

    async def run(self) -> None:
        """Look out for other servers, and keep checked addresses in stock, for ever."""
        if self.mode is Mode.OFF:
            await asyncio.Event().wait()
        if self._arp is None:
            await self._look_out()
            return
        async with asyncio.TaskGroup() as group:
            group.create_task(self._look_out(), name=f"dhcp.watch.{self.place.interface}")
            group.create_task(self._arp.run(), name=f"dhcp.arp.{self.place.interface}")

    def handle(self, data: bytes, source: str, port: int, arrived: int) -> None:
        """Answer one datagram that came to port `arrived`; never raises, whatever it holds."""
        self._handle(DhcpDatagram(data, source, port, arrived))
        self._answer()

    def _handle(self, datagram: DhcpDatagram) -> None:
        try:
            packet = decode(datagram.data)
        except BadPacket:
            self._counter.add("malformed", "silent")
            return
        if packet.op == 1 and packet.mac != self.mac:
            self._decide(packet, datagram, again=True)

    def _decide(self, packet: Packet, datagram: DhcpDatagram, *, again: bool, counted: bool = False) -> None:
        now, arrived = time.time(), datagram.arrived
        source = ZERO if arrived == SERVER_PORT else IPv4Address(datagram.source)
        decision = self.answers.answer(packet, now, arrived, source)
        if decision.client.way is not BootPath.NONE and is_ipxe(packet):
            self._ipxe.asked(packet.mac, now)
        if decision.other_server is not None:
            self.watch.took(decision.other_server, now)
            self._judge(now)
        if decision.no_address and self._arp is not None:
            self.state.exhausted = self._pool is not None and self._pool.exhausted(now)
            self._arp.hurry()
            if again and not self.state.exhausted and self._again(packet, datagram):
                return
        if decision.reply is None and again and self.mode is Mode.AUTO:
            self._reveal(packet, datagram, decision, now)
        if not counted:
            self._counter.add(_WORDS[packet.kind], decision.outcome)
        self._tell(packet, decision)
        if decision.reply is not None:
            to = str(decision.to), datagram.port if arrived == PXE_PORT else CLIENT_PORT
            self._answered.append((decision.reply, to, arrived))

    def _again(self, packet: Packet, datagram: DhcpDatagram) -> bool:
        """Decide once more when an ARP check has had its time; False where a flood waits: it asks again by itself.

        What came before anything could be checked is decided again until it can be.
        """
        if len(self._waiting) >= _MOST_WAITING:
            return False
        early = self._arp is not None and not self._arp.asking

        def fire() -> None:
            self._waiting.discard(timer)
            self._decide(packet, datagram, again=early)
            self._answer()

        timer = asyncio.get_running_loop().call_later(_RETRY_SECONDS, fire)
        self._waiting.add(timer)
        return True

    def _reveal(self, packet: Packet, datagram: DhcpDatagram, decision: Decision, now: float) -> None:
        """A laptop would boot, and we know of no server beside which it could: ask in its name.

        A server that answers known MACs only shows itself by that, while the laptop still collects offers. Later, when
        it takes the server's offer, would be too late for this boot.
        """
        if packet.kind is not MessageType.DISCOVER or not decision.client.boots or self._raw is None:
            return
        self._unanswered[packet.mac] = now, packet, datagram
        if len(self._unanswered) > _MOST_UNANSWERED:
            self._unanswered.pop(next(iter(self._unanswered)))
        if not self._reveals.take():
            with contextlib.suppress(OSError):  # the link is down, which the next probe of our own finds out
                self._raw.send(_frame(self.mac, in_its_place(packet, secrets.randbits(32))))

    def _answer_late(self, now: float) -> None:
        """There is a server after all: laptops that asked a moment ago still collect offers."""
        waiting, self._unanswered = self._unanswered, {}
        for at, packet, datagram in waiting.values():
            if at + _LATE_SECONDS > now:
                self._decide(packet, datagram, again=False, counted=True)
        self._answer()

    def _tell(self, packet: Packet, decision: Decision) -> None:
        """Into the history: laptops that boot, and what becomes of them afterwards; nobody else."""
        if decision.address:
            self.state.exhausted = False
            self._history.place(packet.mac, decision.address)
            if self._arp is not None:
                self._arp.ask(decision.address)
        if decision.client.way is BootPath.NONE and not self._history.knows(packet.mac):
            return
        if decision.got or decision.why:
            self._history.add(
                packet.mac,
                asked(packet, decision.client),
                decision.got,
                decision.why,
                address=decision.address,
                interface=self.place.interface,
            )

    def _answer(self) -> None:
        """Send what was decided, once the leases in it are written down: many at once, where many came at once."""
        if self._pool is not None:
            self._pool.flush()
        answered, self._answered = self._answered, []
        for reply, to, arrived in answered if len(self._sockets) == 2 else ():
            try:
                self._sockets[0 if arrived == SERVER_PORT else 1].sendto(encode(reply), to)
            except OSError as error:  # the link is down, or the address can't be reached: the client asks again
                log.debug("DHCP answer to %s on %s: %s", reply.mac, self.place.interface, error)

    def _listen(self, port: int) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._sockets.append(sock)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self.place.interface.encode() + b"\0")
            sock.bind(("0.0.0.0", port))  # noqa: S104 - bound to its device above; broadcasts come to no address
        except OSError as error:
            hint = Phrase(
                "stop the other DHCP server (ss -lunp 'sport = :{port}' names it), or set dhcp.mode = \"off\"",
                port=port,
            )
            if isinstance(error, PermissionError):
                hint = Phrase("run it as root, or through the service")
            raise MissingError(
                Phrase(
                    "DHCP port {port} on {interface}: {error}",
                    port=port,
                    interface=self.place.interface,
                    error=error,
                ),
                hint,
            ) from error
        asyncio.get_running_loop().add_reader(sock, self._readable, sock, port)
        return sock

    def _readable(self, sock: socket.socket, port: int) -> None:
        begun = left_out = 0
        for _ in range(_DRAIN):
            try:
                data, source = sock.recvfrom(MAXIMUM_BYTES + 1)
            except OSError:
                break
            begins_now = begins(data)
            begun += begins_now
            if not self._inbox.put(DhcpDatagram(data, source[0], source[1], port)):
                self._counter.add("discover" if begins_now else "other", "dropped")
                left_out += begins_now
        if self._lot is not None and port == SERVER_PORT:
            self._lot.came(begun, left_out)
        if self._working is None and self._inbox:
            self._work()

    def _work(self) -> None:
        """Answer what waits, but give the loop back now and then: a flood must not hold the rest up."""
        self._working = None
        until = time.monotonic() + _SLICE_SECONDS
        while self._inbox and time.monotonic() < until:
            self._handle(self._inbox.take())
        self._answer()
        if self._inbox:
            self._working = asyncio.get_running_loop().call_soon(self._work)

    def _overheard(self) -> None:
        """What servers send on this wire."""
        assert self._raw is not None
        for _ in range(_DRAIN):
            try:
                frame = self._raw.recv(MAXIMUM_BYTES)
            except OSError:
                return
            self.overheard(frame)

    def overheard(self, frame: bytes) -> None:
        """Look at one frame of a DHCP server; never raises."""
        datagram = read_udp(frame)
        if datagram is None or datagram.mac == self.mac:
            return
        try:
            packet = decode(datagram.data)
        except BadPacket:
            return
        now = time.time()
        if self.watch.heard(packet, datagram.source, datagram.mac, now) is None:
            return
        if packet.yiaddr != ZERO and packet.mac != self.mac:
            self._history.place(packet.mac, str(packet.yiaddr))
        self._judge(now)

    async def _look_out(self) -> None:
        """Send a DISCOVER again and again: for a BIOS and a UEFI client in turn, since PXE servers tell them apart."""
        arch = 0
        while True:
            frame = await asyncio.to_thread(_probe_frame, self.mac, arch)
            arch = 7 - arch
            try:
                if self._raw is not None:
                    self._raw.send(frame)
                self.state.probe_failed = ""
            except OSError as error:
                self.state.probe_failed = spoken(error)
            self._judge(time.time())
            await asyncio.sleep(self._pause(time.time()))

    def _pause(self, now: float) -> float:
        """Seconds to the next probe: short while a server that shows up must be noticed at once."""
        if self.watch.leasing(now):
            return _IDLE_PROBE
        return _LEASE_PROBE if self.mode is Mode.LEASE else _SEARCH_PROBE

    def _judge(self, now: float) -> None:
        """Settle what we answer, from the mode and the servers seen.

        Where leasing stopped, laptops can still be booted beside the other server, if it gives addresses that reach us.
        """
        others = self.watch.leasing(now)
        answers, where = self.answers, self.place.interface
        if self.mode is Mode.LEASE:
            near = [server for server in others if server.network is None or self.place.address in server.network]
            answers.leasing, answers.proxy = not others, bool(near)
            names = ", ".join(str(server.address) for server in others)
            answers.why_silent = (
                Phrase(
                    "another DHCP server ({names}) is on {where}; no addresses are given out beside it",
                    names=names,
                    where=where,
                )
                if others
                else ""
            )
            return
        before, answers.proxy = answers.proxy, self.mode is Mode.PROXY or bool(others) or self.watch.proven(now)
        answers.why_silent = (
            ""
            if answers.proxy
            else Phrase("no DHCP server was seen on {where}, and it is not named for leasing", where=where)
        )
        if answers.proxy and not before:
            self._answer_late(now)

    def _conflict(self, address: str, mac: str) -> None:
        log.warning("%s on %s is used by %s, to which it was not given", address, self.place.interface, mac)
        self.state.conflicts[address] = (mac, time.time())
        if len(self.state.conflicts) > _MOST_CONFLICTS:
            self.state.conflicts.pop(next(iter(self.state.conflicts)))


def _probe_frame(mac: str, arch: int) -> bytes:
    """A DISCOVER of our own as a frame; in a thread, for the import's sake."""
    return _frame(mac, probe(mac, secrets.randbits(32), arch))


def _frame(mac: str, packet: Packet) -> bytes:
    """A request as a frame from our card."""
    from cloned.netboot.raw_packets import dhcp_broadcast

    return dhcp_broadcast(mac, encode(packet))
