"""Multicast made to work, and shown to: our own IGMP querier, and the sender of the probe."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import time
from collections.abc import Callable
from importlib import import_module
from ipaddress import IPv4Address
from types import ModuleType

from cloned.errors import MissingError
from cloned.multicast import igmp
from cloned.multicast.igmp import ALL_HOSTS, RFC_TIMING, Election, Timing, Version
from cloned.saying import Phrase
from cloned.stream.probe import GROUP, INTERVAL_SECONDS, PORT, Probe, encode

log = logging.getLogger(__name__)

OnChange = Callable[[Election], None]
SO_BINDTODEVICE = 25


class IgmpQuerier:
    """Asks on one interface which groups are wanted, unless another querier with a lower address does.

    `on_change` is called with the Election when we begin or cease to ask.
    """

    def __init__(
        self,
        interface: str,
        address: IPv4Address,
        on_change: OnChange | None = None,
        *,
        version: Version = 2,
        timing: Timing | None = None,
        patience: float = RFC_TIMING.other_present,
    ) -> None:
        self.interface, self.version = interface, version
        self._on_change = on_change
        self._timing = timing or Timing()
        self._patience = patience
        self.election = igmp.start(address, time.monotonic(), self._timing, patience)
        self.sent = 0
        self._woken = asyncio.Event()
        self._scapy: ModuleType | None = None
        """`igmp_packets`: scapy takes half a second, which nobody who waits for the start should pay."""

    async def run(self) -> None:
        """Ask until cancelled. MissingError if raw sockets are not allowed or the interface is not there."""
        loop = asyncio.get_running_loop()
        self._scapy = await asyncio.to_thread(import_module, "cloned.multicast.igmp_packets")
        with igmp_socket(self.interface, self.election.address) as sock:
            loop.add_reader(sock, self._receive, sock)
            self.election = igmp.start(self.election.address, time.monotonic(), self._timing, self._patience)
            try:
                while True:
                    self._turn(sock)
                    await self._sleep()
            finally:
                loop.remove_reader(sock)

    def _turn(self, sock: socket.socket) -> None:
        """Send what is due, and say so if we took over."""
        was_asking = self.election.asking
        self.election, ask = igmp.tick(self.election, time.monotonic())
        if ask:
            self._send(sock)
        if self.election.asking and not was_asking:
            log.info("%s: the other querier fell silent; asking for groups ourselves", self.interface)
            self._changed()

    @property
    def _packets(self) -> ModuleType:
        assert self._scapy is not None, "`run` comes first"
        return self._scapy

    def _send(self, sock: socket.socket) -> None:
        try:
            query = self._packets.general_query(self.election.address, self.version, self._timing)
            sock.sendto(query, (ALL_HOSTS, 0))
            self.sent += 1
        except OSError as error:
            log.warning("%s: an IGMP query could not be sent: %s", self.interface, error.strerror)

    async def _sleep(self) -> None:
        self._woken.clear()
        try:
            async with asyncio.timeout(max(0.01, igmp.due(self.election) - time.monotonic())):
                await self._woken.wait()
        except TimeoutError:
            pass

    def _receive(self, sock: socket.socket) -> None:
        try:
            packet = sock.recv(2048)
        except OSError:
            return
        query = self._packets.parse_query(packet)
        if query is None or query.source == self.election.address:
            return
        was_asking = self.election.asking
        self.election = igmp.heard(self.election, query, time.monotonic())
        if was_asking and not self.election.asking:
            log.info("%s: %s asks for groups here; giving way", self.interface, self.election.other)
            self._changed()
        self._woken.set()

    def _changed(self) -> None:
        if self._on_change is not None:
            self._on_change(self.election)


def igmp_socket(interface: str, address: IPv4Address) -> socket.socket:
    """A raw IGMP socket on one interface: whole IP packets out, whole IP packets in."""
    try:
        sock = socket.socket(socket.AF_INET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.IPPROTO_IGMP)
    except PermissionError as error:
        hint = Phrase("run as root, or give CAP_NET_RAW")
        raise MissingError("asking for multicast groups needs raw sockets", hint) from error
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, interface.encode() + b"\0")
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_HDRINCL, 1)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, address.packed)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
    except OSError as error:
        sock.close()
        hint = Phrase("name an interface that has an address")
        raise MissingError(Phrase("no IGMP on {interface}: {error}", interface=interface, error=error), hint) from error
    return sock


class ProbeSender:
    """Sends a numbered packet four times a second to the probe's group, on one interface, until cancelled."""

    def __init__(self, address: IPv4Address, run: int, *, group: str = GROUP, port: int = PORT) -> None:
        self._address, self._run, self._where = address, run, (group, port)
        self.sent = 0

    async def run(self, interval: float = INTERVAL_SECONDS) -> None:
        """Send until cancelled."""
        with probe_socket(self._address) as sock:
            while True:
                try:
                    sock.sendto(encode(Probe(self._run, self.sent)), self._where)
                except OSError as error:
                    log.debug("a probe could not be sent: %s", error.strerror)
                self.sent += 1
                await asyncio.sleep(interval)


def probe_socket(address: IPv4Address) -> socket.socket:
    """A UDP socket that sends multicast from the interface with `address`, one hop far."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, address.packed)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, struct.pack("B", 1))
    return sock
