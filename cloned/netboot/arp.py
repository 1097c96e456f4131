"""Keeps a stock of addresses that ARP found nobody at, and notices who uses one of ours unasked.

Checks run ahead of the offers, so that an answer never waits for one; each address is asked for again at the
moment it is offered, and if somebody answers before the laptop takes it, the laptop gets a NAK and another one.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Callable

from cloned.netboot.frames import ETH_ARP, packet_socket
from cloned.netboot.leases import Pool

STOCK = 256
"""Addresses kept checked: more laptops than are ever switched on in one second."""
ANSWER_SECONDS = 0.3
"""How long an answer may take: RFC 5227 waits 1 to 2 s, on a wire of one switch it comes within milliseconds."""
_BURST = 64
_PROBES = 1024
"""Probes kept ready: building one takes scapy a third of a millisecond."""
_ROUND_SECONDS = 1.0


class ArpChecker:
    """Checks the addresses of `pool` on `interface`; `conflict(address, mac)` is told of a foreign user."""

    def __init__(self, interface: str, mac: str, pool: Pool, conflict: Callable[[str, str], None]) -> None:
        self._mac, self._pool, self._conflict = mac, pool, conflict
        self._waiting: dict[str, float] = {}
        self._probes: OrderedDict[str, bytes] = OrderedDict()
        self._sock = packet_socket(interface, ETH_ARP)
        self._more = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._sock, self._readable)

    def close(self) -> None:
        """Stop listening."""
        asyncio.get_running_loop().remove_reader(self._sock)
        self._sock.close()

    def ask(self, address: str) -> None:
        """Ask who has `address`, one that was checked before, without waiting for the answer."""
        probe = self._probes.get(address)
        if probe is not None:
            with contextlib.suppress(OSError):  # the link is down: nobody to ask
                self._sock.send(probe)

    def hurry(self) -> None:
        """The stock is used up: check more now."""
        self._more.set()

    async def run(self) -> None:
        """Keep the stock filled, for ever."""
        while True:
            wanted = self._pool.to_check(STOCK, time.time())
            for at in range(0, len(wanted), _BURST):
                await self._check(wanted[at : at + _BURST])
            self._more.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._more.wait(), _ROUND_SECONDS)

    async def _check(self, addresses: list[str]) -> None:
        """Ask for several addresses at once; those that nobody claims are ready to be offered."""
        await asyncio.to_thread(self._build, addresses)
        self._waiting = dict.fromkeys(addresses, time.time())
        for address in addresses:
            self.ask(address)
        await asyncio.sleep(ANSWER_SECONDS)
        for address in self._waiting:
            self._pool.checked(address, time.time())
        self._waiting = {}

    def _build(self, addresses: list[str]) -> None:
        """Have probes ready for these; in a thread, also for the import."""
        from cloned.netboot.raw_packets import arp_probes

        self._probes |= arp_probes(self._mac, [one for one in addresses if one not in self._probes])
        while len(self._probes) > _PROBES:
            self._probes.popitem(last=False)

    def _readable(self) -> None:
        from cloned.netboot.raw_packets import read_arp, sender  # it was imported when the first probe was built

        for _ in range(64):
            try:
                frame = self._sock.recv(128)
            except OSError:
                return
            address = sender(frame)
            if address is None or not self._pool.covers(address):
                continue
            said = read_arp(frame)
            if said is not None and said.mac != self._mac:
                self._claimed(said.address, said.mac)

    def _claimed(self, address: str, mac: str) -> None:
        """Somebody says it is at `address`: fine if we gave it to that MAC."""
        self._waiting.pop(address, None)
        lease = self._pool.lease_of(mac)
        if lease is not None and lease.address == address:
            return
        if self._pool.taken(address, time.time()):
            self._conflict(address, mac)
